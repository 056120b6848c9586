#pragma once

#include "licence/meter.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::licence;

extern std::string voucher_note;
extern tlog::VerifierKey server;
extern tlog::NoteSigner device_key;
extern KindCounts counts;
}  // namespace reader
