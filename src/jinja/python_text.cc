#include "jinja/internal/python_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace ciyuan::jinja {

CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (size == 1 || size > text.size()) return {0xFFFD, 1};
  char32_t value = lead & (0x7F >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0xFFFD, 1};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  return {value, size};
}

std::size_t last_code_point_size(std::string_view text) {
  std::size_t size = 1;
  while (size < 4 && size < text.size() && (text[text.size() - size] & 0xC0) == 0x80) ++size;
  return first_code_point(text.substr(text.size() - size)).size == size ? size : 1;
}

void append_code_point(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::size_t length_of(std::string_view text) {
  // In UTF-8 every byte but a continuation byte starts a code point.
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string_view from_code_point(std::string_view text, std::size_t index) {
  std::size_t i = 0;
  for (; index > 0 && i < text.size(); --index) {
    ++i;
    while (i < text.size() && (text[i] & 0xC0) == 0x80) ++i;
  }
  return text.substr(i);
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

namespace {

template <class Predicate>
std::string_view strip_if(std::string_view text, bool left, bool right, Predicate drop) {
  while (left && !text.empty()) {
    const CodePoint point = first_code_point(text);
    if (!drop(point.value)) break;
    text.remove_prefix(point.size);
  }
  while (right && !text.empty()) {
    const std::size_t size = last_code_point_size(text);
    if (!drop(first_code_point(text.substr(text.size() - size)).value)) break;
    text.remove_suffix(size);
  }
  return text;
}

bool is_cased(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

void append_upper(std::string& out, char32_t c) {
  if (c == 0xDF) {
    out += "SS";
  } else {
    append_code_point(out, static_cast<std::uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  if (c == 0xDF) {
    out += "Ss";
  } else {
    append_code_point(out, static_cast<std::uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
  }
}

constexpr char32_t kSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

/// `after_letter`: whether a cased character stands right before; `rest`: what follows.
void append_lower(std::string& out, char32_t c, bool after_letter, std::string_view rest) {
  if (c == kSigma && after_letter && (rest.empty() || !is_cased(first_code_point(rest).value))) {
    append_code_point(out, kFinalSigma);
  } else {
    append_code_point(out, static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

/// title-cases a character where `starts_word(after_letter, is_first)`, lower-cases the others.
template <class StartsWord>
std::string recase(std::string_view text, StartsWord starts_word) {
  std::string out;
  out.reserve(text.size());
  bool after_letter = false;
  bool is_first = true;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    text.remove_prefix(point.size);
    if (starts_word(after_letter, is_first)) {
      append_title(out, point.value);
    } else {
      append_lower(out, point.value, after_letter, text);
    }
    after_letter = is_cased(point.value);
    is_first = false;
  }
  return out;
}

template <class Category>
bool all_cased(std::string_view text, Category wanted) {
  bool any = false;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    text.remove_prefix(point.size);
    if (!is_cased(point.value)) continue;
    if (utf8proc_category(static_cast<utf8proc_int32_t>(point.value)) != wanted) return false;
    any = true;
  }
  return any;
}

}  // namespace

std::string_view strip_space(std::string_view text, bool left, bool right) {
  return strip_if(text, left, right, is_space);
}

std::string_view strip_any(std::string_view text, std::string_view characters, bool left, bool right) {
  return strip_if(text, left, right, [&](char32_t c) {
    for (std::string_view rest = characters; !rest.empty();) {
      const CodePoint point = first_code_point(rest);
      if (point.value == c) return true;
      rest.remove_prefix(point.size);
    }
    return false;
  });
}

std::string upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    text.remove_prefix(point.size);
    append_upper(out, point.value);
  }
  return out;
}

std::string lower(std::string_view text) {
  return recase(text, [](bool, bool) { return false; });
}
std::string capitalize(std::string_view text) {
  return recase(text, [](bool, bool is_first) { return is_first; });
}
std::string title(std::string_view text) {
  return recase(text, [](bool after_letter, bool) { return !after_letter; });
}

bool is_upper(std::string_view text) { return all_cased(text, UTF8PROC_CATEGORY_LU); }
bool is_lower(std::string_view text) { return all_cased(text, UTF8PROC_CATEGORY_LL); }

bool is_alpha(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t limit) {
  std::vector<std::string_view> parts;
  for (std::size_t found; limit != 0 && (found = text.find(separator)) != std::string_view::npos; --limit) {
    parts.push_back(text.substr(0, found));
    text.remove_prefix(found + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> split_right(std::string_view text, std::string_view separator,
                                          std::int64_t limit) {
  std::vector<std::string_view> parts;
  for (std::size_t found; limit != 0 && (found = text.rfind(separator)) != std::string_view::npos; --limit) {
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_space(std::string_view text, std::int64_t limit) {
  std::vector<std::string_view> parts;
  for (text = strip_space(text, true, false); !text.empty(); text = strip_space(text, true, false), --limit) {
    if (limit == 0) {
      parts.push_back(text);
      break;
    }
    std::size_t end = 0;
    while (end < text.size()) {
      const CodePoint point = first_code_point(text.substr(end));
      if (is_space(point.value)) break;
      end += point.size;
    }
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::size_t end = 0;
    std::size_t end_size = 0;
    while (end < text.size() && end_size == 0) {
      const CodePoint point = first_code_point(text.substr(end));
      const char32_t c = point.value;
      if (c == '\r' && end + 1 < text.size() && text[end + 1] == '\n') {
        end_size = 2;
      } else if ((c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029) {
        end_size = point.size;
      } else {
        end += point.size;
      }
    }
    lines.push_back(text.substr(0, keep_ends ? end + end_size : end));
    text.remove_prefix(end + end_size);
  }
  return lines;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t limit) {
  std::string out;
  if (from.empty()) {
    // Python puts `to` before each character and at the end.
    for (; limit != 0; --limit) {
      out += to;
      if (text.empty()) return out;
      const std::size_t size = first_code_point(text).size;
      out += text.substr(0, size);
      text.remove_prefix(size);
    }
    return out += text;
  }
  for (std::size_t found; limit != 0 && (found = text.find(from)) != std::string_view::npos; --limit) {
    out += text.substr(0, found);
    out += to;
    text.remove_prefix(found + from.size());
  }
  return out += text;
}

namespace {

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

}  // namespace

void append_repr(std::string& out, std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out += quote;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const char32_t c = point.value;
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(0, point.size);
    } else if (c < 0x100) {
      out += "\\x";
      append_hex(out, c, 2);
    } else if (c < 0x10000) {
      out += "\\u";
      append_hex(out, c, 4);
    } else {
      out += "\\U";
      append_hex(out, c, 8);
    }
    text.remove_prefix(point.size);
  }
  out += quote;
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  std::string out;
  if (text.starts_with('-')) {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out += exponent < 0 ? "e-" : "e+";
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) out += '0';
    return out += std::to_string(magnitude);
  }
  if (exponent < 0) return out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0') += digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out.append(digits).append(whole - digits.size(), '0') += ".0";
  return out.append(digits, 0, whole).append(".").append(digits, whole);
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace ciyuan::jinja
