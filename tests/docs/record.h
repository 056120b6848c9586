#pragma once

#include "record/key_pool.h"
#include "record/receipt.h"
#include "tlog/tile.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::record;

extern std::string chunk, checkpoint;
extern UsageRecord record;
extern KeysFile keys;
extern KeyPool pool;
extern tlog::TreeWriter writer;
extern std::vector<tlog::Hash> hashes;
extern tlog::VerifierKey log_key;
}  // namespace reader
