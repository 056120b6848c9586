#include "token/pipeline/settings.h"

#include <array>

#include "token/internal/unicode.h"

namespace ciyuan::token::pipeline {
namespace {

constexpr char32_t kAlphabetEnd = 256 + 68;

/// By character: the byte, or -1.
std::array<int, kAlphabetEnd> inverted_alphabet() {
  std::array<int, kAlphabetEnd> table;
  table.fill(-1);
  for (int byte = 0; byte < 256; ++byte) table[alphabet_of(static_cast<unsigned char>(byte))] = byte;
  return table;
}

}  // namespace

std::string type_of(const Json& component) {
  const auto type = component.is_object() ? component.find("type") : component.end();
  return component.is_object() && type != component.end() && type->is_string() ? type->get<std::string>()
                                                                               : "";
}

Error not_supported(const std::string& path, const Json& what) {
  std::string shown = what.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (shown.size() > 200) shown = shown.substr(0, 200) + "…";
  return invalid(path, "not supported: " + shown);
}

int byte_of_token(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || !text.starts_with("<0x") || !text.ends_with('>')) return -1;
  const std::size_t high = kDigits.find(text[3]), low = kDigits.find(text[4]);
  return high == kDigits.npos || low == kDigits.npos ? -1 : static_cast<int>(high << 4 | low);
}

char32_t alphabet_of(unsigned char byte) {
  constexpr char32_t kFirst = 256;
  if (byte < 33) return kFirst + byte;
  if (byte < 127) return byte;
  if (byte < 161) return kFirst + 33 + byte - 127;
  return byte == 173 ? kFirst + 67 : byte;
}

bool bytes_of_alphabet(std::string_view text, std::string& bytes) {
  static const std::array<int, kAlphabetEnd> table = inverted_alphabet();
  bytes.clear();
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t c = 0;
    at += internal::decode(text.data() + at, c);
    if (c >= table.size() || table[c] < 0) return false;
    bytes.push_back(static_cast<char>(table[c]));
  }
  return !bytes.empty();
}

}  // namespace ciyuan::token::pipeline
