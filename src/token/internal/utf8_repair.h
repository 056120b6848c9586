#pragma once

/// Bytes to well-formed UTF-8. The rule for ill-formed input, for every vocabulary: each maximal subpart of
/// an ill-formed sequence (Unicode 16, §3.9, "U+FFFD substitution of maximal subparts"; what Rust's
/// from_utf8_lossy and Python's errors="replace" do) is read as one U+FFFD, because no provider's tokenizer
/// ever sees anything but text.

#include <cstddef>
#include <string>
#include <string_view>

namespace ciyuan::token::internal {

/// Appends the repaired text to `out`. If the input ends inside a character that may still be completed,
/// these last 1..3 bytes are not consumed. Returns the number of bytes consumed.
std::size_t repair_utf8(std::string_view bytes, std::string& out);

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// The whole text, repaired: a view of `text`, if it is well formed, or of `buffer`.
std::string_view repaired_utf8(std::string_view text, std::string& buffer);

}  // namespace ciyuan::token::internal
