#pragma once

/// Compact bytes for the journal's lines: variable-length integers (7 bits a byte, low first; signed ones
/// zigzag).

#include <string>
#include <string_view>
#include <vector>

#include "store/rows.h"

namespace ciyuan::store::internal {

std::string encode_lines(EntryNumber entry, const std::vector<EntryLine>& lines);
/// kCorrupt where the bytes are not what encode_lines made.
Result<std::vector<EntryLine>> decode_lines(EntryNumber entry, std::string_view bytes);

}  // namespace ciyuan::store::internal
