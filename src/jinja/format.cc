#include "jinja/internal/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

namespace {

/// Wider than a text may be in any case; CPython's own limit is the size of its index type.
constexpr std::int64_t kWidthMax = INT32_MAX;
/// The longest integer part of a double, sign, point and exponent.
constexpr std::size_t kRealBytesMax = 340;

Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message), ""}; }

bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

Status take_number(std::string_view& text, std::int64_t& out) {
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
    out = std::max<std::int64_t>(out, 0) * 10 + (text[0] - '0');
    if (out > kWidthMax) return invalid("too many decimal digits in a format");
  }
  return {};
}

/// `padding` columns around the value: where a sign stands apart (align =), between the two.
std::string padded(const FormatSpec& spec, char default_align, std::string_view sign,
                   std::string_view value) {
  const auto size = static_cast<std::int64_t>(length_of(sign) + length_of(value));
  const std::int64_t missing = std::max<std::int64_t>(spec.width - size, 0);
  const char align = spec.align != 0 ? spec.align : default_align;
  const std::int64_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  const std::int64_t inside = align == '=' ? missing : 0;
  std::string out;
  const auto fill = [&](std::int64_t columns) {
    for (std::int64_t i = 0; i < columns; ++i) out += spec.fill;
  };
  fill(left);
  out += sign;
  fill(inside);
  out += value;
  fill(missing - left - inside);
  return out;
}

/// Separators between groups of digits, and zeros before them up to a width (CPython's
/// InsertThousandsGrouping).
std::string grouped(std::string_view digits, std::string_view separator, std::size_t group,
                    std::int64_t width) {
  std::vector<std::string> parts;
  auto remaining = static_cast<std::int64_t>(digits.size());
  for (;;) {
    const auto wanted =
        std::min(static_cast<std::int64_t>(group), std::max({remaining, width, std::int64_t{1}}));
    const std::int64_t taken = std::min(remaining, wanted);
    parts.push_back(std::string(static_cast<std::size_t>(wanted - taken), '0'));
    parts.back() +=
        digits.substr(static_cast<std::size_t>(remaining - taken), static_cast<std::size_t>(taken));
    remaining -= taken;
    width -= wanted;
    if (remaining <= 0 && width <= 0) break;
    width -= static_cast<std::int64_t>(separator.size());
  }
  std::string out;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part != parts.rbegin()) out += separator;
    out += *part;
  }
  return out;
}

std::string sign_of(const FormatSpec& spec, bool negative) {
  return negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
}

/// Digits with their grouping, and what follows them.
std::string finished(const FormatSpec& spec, const std::string& sign, std::string digits,
                     std::string_view rest, std::size_t group) {
  if (spec.grouping != 0 && !digits.empty()) {
    const bool fills_with_zeros = spec.fill == "0" && (spec.align == '=');
    const auto others = static_cast<std::int64_t>(sign.size() + rest.size());
    digits = grouped(digits, std::string_view(&spec.grouping, 1), group,
                     fills_with_zeros ? spec.width - others : 0);
  }
  return padded(spec, '>', sign, digits.append(rest));
}

std::string print(const char* pattern, std::int64_t precision, double value) {
  std::string out(static_cast<std::size_t>(precision) + kRealBytesMax, '\0');
  const int size = std::snprintf(out.data(), out.size(), pattern, static_cast<int>(precision), value);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

/// Like %g, but with a digit behind the point where there is no exponent: a precision without a type.
std::string general_with_point(double value, std::int64_t precision, bool alternate) {
  precision = std::max<std::int64_t>(precision, 1);
  const std::string scientific = print("%.*e", precision - 1, value);
  const std::size_t e = scientific.find('e');
  const int exponent = std::atoi(scientific.c_str() + e + 1);
  if (exponent < -4 || exponent >= precision - 1) {
    std::string digits = scientific.substr(0, e);
    if (!alternate && digits.find('.') != std::string::npos) {
      digits.erase(digits.find_last_not_of('0') + 1);
      if (digits.ends_with('.')) digits.pop_back();
    }
    return digits + scientific.substr(e);
  }
  std::string out = print(alternate ? "%#.*g" : "%.*g", precision, value);
  if (out.find('.') == std::string::npos) out += ".0";
  if (out.ends_with('.')) out += '0';
  return out;
}

}  // namespace

Result<FormatSpec> parse_format_spec(std::string_view text, bool is_text) {
  FormatSpec out;
  const std::size_t first = text.empty() ? 0 : first_code_point(text).size;
  const bool has_fill = text.size() > first && is_align(text[first]);
  if (has_fill) {
    out.fill = text.substr(0, first);
    out.align = text[first];
    text.remove_prefix(first + 1);
  } else if (!text.empty() && is_align(text[0])) {
    out.align = text[0];
    text.remove_prefix(1);
  }
  const auto skip = [&](char c) { return text.starts_with(c) && (text.remove_prefix(1), true); };
  for (char sign : {'+', '-', ' '}) {
    if (!skip(sign)) continue;
    if (is_text) return invalid("a sign in the format of a text");
    out.sign = sign;
    break;
  }
  if (skip('z')) return invalid("the format option z is not supported");
  out.alternate = skip('#');
  if (!has_fill && skip('0')) {
    out.fill = "0";
    if (out.align == 0 && !is_text) out.align = '=';
  }
  CIYUAN_TRY_STATUS(take_number(text, out.width));
  if (skip(',')) out.grouping = ',';
  if (skip('_')) {
    if (out.grouping != 0) return invalid("a format cannot have both ',' and '_'");
    out.grouping = '_';
  }
  if (text.starts_with(',')) return invalid("a format cannot have two separators");
  if (skip('.')) {
    CIYUAN_TRY_STATUS(take_number(text, out.precision));
    if (out.precision < 0) return invalid("a format lacks its precision");
  }
  if (text.size() > 1) return invalid("invalid format specifier");
  if (!text.empty()) out.type = text[0];
  const std::string_view takes_groups = out.grouping == '_' ? "deEfFgG%boxX" : "deEfFgG%";
  if (out.grouping != 0 && out.type != 0 && takes_groups.find(out.type) == std::string_view::npos)
    return invalid("a format of this type takes no separator");
  return out;
}

std::size_t format_bytes_max(const FormatSpec& spec, std::size_t bytes) {
  const auto columns = static_cast<std::size_t>(std::max<std::int64_t>(spec.width, 0));
  return bytes + columns * spec.fill.size() + kRealBytesMax * 2 +
         static_cast<std::size_t>(std::max<std::int64_t>(spec.precision, 0));
}

Result<std::string> format_text(const FormatSpec& spec, std::string_view value) {
  if (spec.type != 0 && spec.type != 's') return invalid("this format is not for texts");
  if (spec.alternate || spec.align == '=' || spec.grouping != 0)
    return invalid("this format is for numbers, not for texts");
  if (spec.precision >= 0) {
    const std::string_view rest = from_code_point(value, static_cast<std::size_t>(spec.precision));
    value.remove_suffix(rest.size());
  }
  return padded(spec, '<', "", value);
}

Result<std::string> format_integer(const FormatSpec& spec, std::int64_t value) {
  if (spec.precision >= 0) return invalid("the format of an integer has no precision");
  if (spec.type == 'c') {
    if (spec.sign != '-' || spec.alternate) return invalid("the format c takes no sign");
    if (value < 0 || value > 0x10FFFF) return invalid("the format c needs a character's number");
    std::string character;
    append_code_point(character, static_cast<std::uint32_t>(value));
    return padded(spec, '>', "", character);
  }
  unsigned base = 10;
  std::string prefix;
  switch (spec.type) {
    case 'b':
      base = 2, prefix = "0b";
      break;
    case 'o':
      base = 8, prefix = "0o";
      break;
    case 'x':
    case 'X':
      base = 16, prefix = spec.type == 'x' ? "0x" : "0X";
      break;
    case 0:
    case 'd':
    case 'n':
      break;
    default:
      return invalid("this format is not for integers");
  }
  std::uint64_t magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits;
  do {
    digits += (spec.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
    magnitude /= base;
  } while (magnitude != 0);
  std::reverse(digits.begin(), digits.end());
  const std::string sign = sign_of(spec, value < 0) + (spec.alternate ? prefix : "");
  return finished(spec, sign, digits, "", base == 10 ? 3 : 4);
}

Result<std::string> format_real(const FormatSpec& spec, double value) {
  const bool is_percent = spec.type == '%';
  if (is_percent) value *= 100;
  const double magnitude = std::fabs(value);
  const std::int64_t precision = spec.precision < 0 ? 6 : spec.precision;
  std::string text;
  switch (spec.type) {
    case 'e':
    case 'E':
      text = print(spec.alternate ? "%#.*e" : "%.*e", precision, magnitude);
      break;
    case 'f':
    case 'F':
    case '%':
      text = print(spec.alternate ? "%#.*f" : "%.*f", precision, magnitude);
      break;
    case 'g':
    case 'G':
    case 'n':
      text = print(spec.alternate ? "%#.*g" : "%.*g", precision, magnitude);
      break;
    case 0:
      text = !std::isfinite(value) || spec.precision < 0
                 ? real_text(magnitude)
                 : general_with_point(magnitude, precision, spec.alternate);
      break;
    default:
      return invalid("this format is not for numbers with a fraction");
  }
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  }
  if (is_percent) text += '%';
  const std::size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  return finished(spec, sign_of(spec, std::signbit(value) && !std::isnan(value)), text.substr(0, whole),
                  text.substr(whole), 3);
}

}  // namespace ciyuan::jinja
