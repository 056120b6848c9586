#pragma once

/// Python's format language for one value: the specification behind the colon of str.format (PEP 3101), which
/// the older
/// `%` operator's conversions are turned into.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::jinja {

struct FormatSpec {
  std::string fill = " ";  ///< one character
  char align = 0;          ///< one of < > = ^, 0 if not given
  char sign = '-';         ///< one of + - blank
  bool alternate = false;
  std::int64_t width = -1;
  char grouping = 0;  ///< one of , _
  std::int64_t precision = -1;
  char type = 0;
};

/// `is_text`: whether it is for a text; a leading zero then says nothing of the alignment.
Result<FormatSpec> parse_format_spec(std::string_view text, bool is_text);

/// The bytes that the specification can make of a value of `bytes`, at most.
std::size_t format_bytes_max(const FormatSpec& spec, std::size_t bytes);

Result<std::string> format_text(const FormatSpec& spec, std::string_view value);
/// `type` is one of b c d n o x X, or 0 for d.
Result<std::string> format_integer(const FormatSpec& spec, std::int64_t value);
/// `type` is one of e E f F g G n %, or 0 for the shortest text that reads back as the same number.
Result<std::string> format_real(const FormatSpec& spec, double value);

}  // namespace ciyuan::jinja
