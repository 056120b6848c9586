#pragma once

/// A usage record as bytes, for the drafts that stand with open calls: a third of its JSON, and quicker. What
/// is published is always the JSON (record/record.h).

#include "record/record.h"
#include "store/varint.h"

namespace ciyuan::clerk::internal {

void write_draft(store::ByteWriter& out, const record::UsageRecord& draft);
/// Where the bytes are not what write_draft made, `in` is no longer ok(), or the record is another one.
/// `of_lines` false: bytes of before charges named their price lines, and records their service class;
/// `of_tags` false: of before records had tags.
record::UsageRecord read_draft(store::ByteReader& in, bool of_lines = true, bool of_tags = true);

}  // namespace ciyuan::clerk::internal
