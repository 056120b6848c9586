#include "token/internal/borders.h"

#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

/// The known characters that end (`is_end`) or begin with the bytes that a token has of one.
std::vector<std::uint32_t> characters_with(std::string_view part, bool is_end) {
  // Each byte is the part's own, or any that may stand there.
  const std::size_t first = is_end ? 3 - part.size() : 0;
  struct Range {
    unsigned low, high;
  };
  const auto range = [&](std::size_t at) -> Range {
    if (at < first || at >= first + part.size()) return at == 0 ? Range{0xE3, 0xEF} : Range{0x80, 0xBF};
    const auto byte = static_cast<unsigned char>(part[at - first]);
    return {byte, byte};
  };
  const Range leads = range(0), seconds = range(1), thirds = range(2);
  std::vector<std::uint32_t> found;
  for (unsigned lead = leads.low; lead <= leads.high; ++lead) {
    if (!Borders::is_known(static_cast<unsigned char>(lead))) continue;
    for (unsigned second = seconds.low; second <= seconds.high; ++second)
      for (unsigned third = thirds.low; third <= thirds.high; ++third) {
        const char bytes[3] = {static_cast<char>(lead), static_cast<char>(second), static_cast<char>(third)};
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
