#include "token/internal/borders.h"

#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

/// The known characters that end (`is_end`) or begin with the bytes that a token has of one.
std::vector<std::uint32_t> characters_with(std::string_view part, bool is_end) {
  if (part.size() == 3) return {Borders::character(part.data())};
  std::vector<std::uint32_t> found;
  for (unsigned lead = 0xE3; lead <= 0xEF; ++lead) {
    if (!Borders::is_known(static_cast<unsigned char>(lead))) continue;
    for (unsigned second = 0x80; second < 0xC0; ++second)
      for (unsigned third = 0x80; third < 0xC0; ++third) {
        const char bytes[3] = {static_cast<char>(lead), static_cast<char>(second), static_cast<char>(third)};
        const std::string_view one(bytes, 3);
        if ((is_end ? one.substr(3 - part.size()) : one.substr(0, part.size())) == part)
          found.push_back(Borders::character(bytes));
      }
  }
  return found;
}

}  // namespace

void Borders::add(std::string_view token) {
  for (std::size_t i = 1; i < token.size(); ++i) {
    if (continues_character(token[i]) || !is_known(static_cast<unsigned char>(token[i]))) continue;
    std::size_t begin = i, end = i + 1;
    while (begin > 0 && i - begin < 3 && continues_character(token[begin - 1])) --begin;
    const bool has_lead = begin > 0 && i - begin < 3;
    if (has_lead) --begin;
    while (end < token.size() && end - i < 3 && continues_character(token[end])) ++end;
    // The left one is known if it is one of three bytes, or may be the end of one.
    const std::string_view left = token.substr(begin, i - begin), right = token.substr(i, end - i);
    if (has_lead && (left.size() != 3 || !is_known(static_cast<unsigned char>(left[0])))) continue;
    if (left.size() > 3 || (left.size() == 3 && !has_lead)) continue;
    const std::vector<std::uint32_t> rights = characters_with(right, false);
    for (std::uint32_t l : characters_with(left, true))
      for (std::uint32_t r : rights) note(l, r);
  }
}

}  // namespace ciyuan::token::internal
