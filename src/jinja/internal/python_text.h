#pragma once

/// What Python's str does, on UTF-8. Positions and lengths are in code points. Text that is not UTF-8 is
/// handled without harm: a stray byte counts as one character.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ciyuan::jinja {

/// The code point at the start of `text` (not empty) and its size in bytes; a stray byte is U+FFFD of size 1.
struct CodePoint {
  char32_t value;
  std::size_t size;
};
CodePoint first_code_point(std::string_view text);
/// The size in bytes of the last code point of `text` (not empty).
std::size_t last_code_point_size(std::string_view text);
void append_code_point(std::string& out, std::uint32_t code);

std::size_t length_of(std::string_view text);
/// The bytes of `text` from its code point number `index` on; empty if there are fewer.
std::string_view from_code_point(std::string_view text, std::size_t index);
bool is_ascii(std::string_view text);

/// str.isspace for one character.
bool is_space(char32_t c);
std::string_view strip_space(std::string_view text, bool left, bool right);
/// strip(characters).
std::string_view strip_any(std::string_view text, std::string_view characters, bool left, bool right);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);  ///< str.title
/// Cased characters only, and at least one.
bool is_upper(std::string_view text);
bool is_lower(std::string_view text);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);

/// `limit` splits at most, unlimited if negative.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t limit);
std::vector<std::string_view> split_right(std::string_view text, std::string_view separator,
                                          std::int64_t limit);
std::vector<std::string_view> split_space(std::string_view text, std::int64_t limit);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t limit);

/// repr(str) and repr(float).
void append_repr(std::string& out, std::string_view text);
std::string real_text(double value);
/// Jinja's escape.
std::string escape_html(std::string_view text);

}  // namespace ciyuan::jinja
