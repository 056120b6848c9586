#include "base/canonical_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include "base/bytes.h"
#include "base/scan.h"

namespace ciyuan {
namespace {

constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53) - 1;

// The order of UTF-16 code units differs from the order of bytes only where one key has a character of the
// supplementary planes (surrogates, D800…DFFF) and the other one of E000…FFFF.
std::u16string utf16_of(std::string_view text) {
  std::u16string units;
  for (std::size_t i = 0; i < text.size();) {
    auto lead = static_cast<std::uint8_t>(text[i]);
    int more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    std::uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);
    for (int k = 1; k <= more; ++k)
      point = point << 6 | (static_cast<std::uint8_t>(text[i + static_cast<std::size_t>(k)]) & 0x3F);
    i += static_cast<std::size_t>(more) + 1;
    if (point < 0x10000) {
      units += static_cast<char16_t>(point);
    } else {
      units += static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10));
      units += static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  return units;
}

// ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20) from the shortest digits that read back.
void append_number(std::string& out, double value) {
  if (value == 0) {
    out += '0';
    return;
  }
  char buffer[32];
  auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  std::size_t e = text.find('e');
  int exponent = 0;
  bool negative_exponent = text[e + 1] == '-';
  std::from_chars(text.data() + e + 2, end, exponent);
  if (negative_exponent) exponent = -exponent;
  std::string digits;
  for (char c : text.substr(0, e))
    if (c != '.') digits += c;
  int count = static_cast<int>(digits.size());
  int point = exponent + 1;  // the decimal point stands behind this many digits
  if (value < 0) out += '-';
  if (count <= point && point <= 21) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." +
           digits.substr(static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    out += 'e';
    out += exponent < 0 ? '-' : '+';
    out += std::to_string(std::abs(exponent));
  }
}

Status append(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      out += "null";
      return {};
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return {};
    case Json::value_t::string:
      if (!is_utf8(value.get_ref<const std::string&>())) return invalid("", "a string is not UTF-8");
      append_json_string(out, value.get_ref<const std::string&>());
      return {};
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: {
      bool too_large = value.is_number_unsigned()
                           ? value.get<std::uint64_t>() > static_cast<std::uint64_t>(kIntegerMax)
                           : std::llabs(value.get<std::int64_t>()) > kIntegerMax;
      if (too_large) return invalid("", value.dump() + " is an integer beyond 2^53 - 1; write it as text");
      out += value.dump();
      return {};
    }
    case Json::value_t::number_float:
      if (!std::isfinite(value.get<double>())) return invalid("", "a number is not finite");
      append_number(out, value.get<double>());
      return {};
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& item : value) {
        if (!first) out += ',';
        first = false;
        CIYUAN_TRY_STATUS(append(out, item));
      }
      out += ']';
      return {};
    }
    case Json::value_t::object: {
      std::vector<std::pair<std::u16string, Json::const_iterator>> members;
      for (auto it = value.begin(); it != value.end(); ++it) {
        if (!is_utf8(it.key())) return invalid("", "a key is not UTF-8");
        members.emplace_back(utf16_of(it.key()), it);
      }
      std::sort(members.begin(), members.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      out += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i != 0) out += ',';
        append_json_string(out, members[i].second.key());
        out += ':';
        CIYUAN_TRY_STATUS(append(out, members[i].second.value()));
      }
      out += '}';
      return {};
    }
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return invalid("", "not a JSON value");
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t clean = 0;
  for (std::size_t i = skip_plain_json(text, 0); i < text.size(); i = skip_plain_json(text, i + 1)) {
    auto c = static_cast<unsigned char>(text[i]);
    out.append(text, clean, i - clean);
    clean = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, clean, text.size() - clean);
  out += '"';
}

Result<std::string> canonical_json(const Json& value) {
  std::string out;
  CIYUAN_TRY_STATUS(append(out, value));
  return out;
}

Result<Json> parse_json(std::string_view text) {
  // nlohmann's callback sees every event: it is where depth and duplicate keys can be refused before memory
  // grows.
  std::string problem;
  std::vector<std::unordered_set<std::string>> keys;
  auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (static_cast<std::size_t>(depth) > kJsonDepthMax) {
      problem = "JSON is nested deeper than " + std::to_string(kJsonDepthMax);
      throw std::length_error(problem);
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      problem = "JSON object has the key \"" + parsed.get<std::string>() + "\" twice";
      throw std::invalid_argument(problem);
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: …" without the library's own label
    std::string_view what = error.what();
    if (std::size_t end = what.find("] "); end != what.npos) what.remove_prefix(end + 2);
    return invalid("", "not JSON: " + std::string(what.substr(0, 300)));
  } catch (const std::exception&) {
    return invalid("", problem);
  }
}

}  // namespace ciyuan
