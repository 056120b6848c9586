#pragma once

/// Unicode normalization form C (UAX #15), with the tables of the reference implementation (HF tokenizers),
/// whose Unicode version is older than any library's at hand.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ciyuan::token::internal {

/// True if the character may change, move or be joined under NFC. A text of other characters is normalised
/// already, and normalization never crosses the place before such a character.
bool nfc_touches(std::uint32_t code_point);

/// The end of the longest prefix of `text` (well-formed) whose characters are all untouched, by a quick scan.
std::size_t nfc_untouched_prefix(std::string_view text);

/// Appends the normalised `text` (well-formed UTF-8) to `out`.
void append_nfc(std::string_view text, std::string& out);

/// The start of the last normalization segment: the text before it normalises by itself, whatever follows.
/// `known`: so many bytes are known to hold no start but their first byte.
std::size_t nfc_last_segment(std::string_view text, std::size_t known = 0);

/// The reference's canonical combining class.
std::uint8_t combining_class(std::uint32_t code_point);
/// The character that the two make together, or 0.
std::uint32_t compose(std::uint32_t first, std::uint32_t second);
/// Appends the full canonical decomposition: the character itself, if it has none.
void append_canonical(std::uint32_t code_point, std::u32string& out);

}  // namespace ciyuan::token::internal
