#include "token/parts.h"

#include "token/internal/engine.h"
#include "token/internal/unicode.h"

namespace ciyuan::token {
namespace {

bool is_ascii_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }

/// Of ASCII, or from U+5000 to U+8FFF: no family sees anything else in those.
bool is_letter_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  return is_ascii_letter(text[at]) ||
         (lead >= 0xE5 && lead <= 0xE8 && internal::continues_character(text[at + 1]) &&
          internal::continues_character(text[at + 2]));
}

/// Whether the character that ends before `at` is white space, of which none has more than three bytes. Bytes
/// that are no UTF-8 become U+FFFD, which is none.
bool is_white_before(std::string_view text, std::size_t at) {
  std::size_t begin = at - 1;
  while (at - begin < 3 && internal::continues_character(text[begin])) --begin;
  if (internal::character_length(text[begin]) != at - begin) return false;
  std::uint32_t c = 0;
  internal::decode(text.data() + begin, c);
  return (internal::classes()[c] & internal::kSpace) != 0;
}

}  // namespace

bool has_borders(const Vocabulary& vocabulary) { return vocabulary.engine().has_borders; }

bool is_border(const Vocabulary& vocabulary, std::string_view text, std::size_t at) {
  if (!has_borders(vocabulary) || at < kBorderReach || at + kBorderReach > text.size()) return false;
  const bool is_before = text[at] == '\n' && is_ascii_letter(text[at - 1]);
  const bool is_behind = text[at - 1] == '\n' && is_letter_at(text, at) && !is_white_before(text, at - 1);
  if (!is_before && !is_behind) return false;
  const auto& words = vocabulary.engine().words;
  return !words || !words->is_crossed(text[at - 1], text[at]);
}

Tokens count_part(const Vocabulary& vocabulary, std::string_view part, bool is_first) {
  if (is_first) return vocabulary.count(part);
  std::string buffer;
  std::uint64_t total = 0;
  const internal::Engine& engine = vocabulary.engine();
  engine.split_at_literals(
      part, [&](std::string_view text, bool) { total += engine.count_inside(engine.prepare(text, buffer)); },
      [&](const AddedToken&) { ++total; });
  return Tokens{static_cast<std::int64_t>(total)};
}

}  // namespace ciyuan::token
