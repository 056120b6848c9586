#pragma once

/// Compact bytes for the journal's lines and for open calls: variable-length integers (7 bits a byte, low
/// first; signed ones zigzag).

#include <string>
#include <string_view>
#include <vector>

#include "store/rows.h"

namespace ciyuan::store::internal {

std::string encode_lines(EntryNumber entry, const std::vector<EntryLine>& lines);
/// kCorrupt where the bytes are not what encode_lines made.
Result<std::vector<EntryLine>> decode_lines(EntryNumber entry, std::string_view bytes);

/// The calls that one batch opened, at least one, in the order of their numbers.
std::string encode_calls(const std::vector<OpenCallRow>& calls);
/// kCorrupt where the bytes are not what encode_calls made.
Result<std::vector<OpenCallRow>> decode_calls(std::uint64_t first, std::string_view bytes);

}  // namespace ciyuan::store::internal
