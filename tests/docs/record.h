#pragma once

#include "record/keys_file.h"
#include "record/receipt.h"
#include "tlog/tile.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::record;

extern std::string chunk, checkpoint;
extern UsageRecord record;
extern SecretKey key;
extern KeysFile keys;
extern tlog::TreeWriter writer;
extern std::vector<tlog::Hash> hashes;
extern tlog::VerifierKey log_key;
}  // namespace reader
