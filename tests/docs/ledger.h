#pragma once

#include "ledger/ledger.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::ledger;

extern Id id1, id2, id3, id4;
}  // namespace reader
