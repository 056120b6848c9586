#pragma once

/// A usage record as bytes, for the drafts that stand with open calls: a third of its JSON, and quicker. What
/// is published is always the JSON (record/record.h).

#include "record/record.h"
#include "store/varint.h"

namespace ciyuan::clerk::internal {

void write_draft(store::ByteWriter& out, const record::UsageRecord& draft);
/// Of an open call's bytes, the draft's among them. Before 3 charges named no price lines and records no
/// service class, before 4 there were no tags, before 5 nobody said for whom a call was made.
constexpr std::uint64_t kCallVersion = 5;

/// Where the bytes are not what write_draft made, `in` is no longer ok(), or the record is another one.
record::UsageRecord read_draft(store::ByteReader& in, std::uint64_t version = kCallVersion);

}  // namespace ciyuan::clerk::internal
