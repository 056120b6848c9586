#pragma once

#include "clerk/clerk.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::clerk;

extern ciyuan::record::KeysFile keys;
extern Id id;
extern contract::Terms terms;
extern KindCounts prompt, used, billed;
extern ciyuan::store::Store* store;
extern ciyuan::record::UsageRecord record;
}  // namespace reader
