/// As the crate unicode-normalization-alignments: decompose.rs, recompose.rs.

#include "token/pipeline/normalization_form.h"

#include <algorithm>

#include "token/internal/nfc.h"
#include "token/pipeline/characters.h"
#include "token/pipeline/settings.h"

namespace ciyuan::token::pipeline {
namespace {

using internal::combining_class;

struct Part {
  std::uint32_t c;
  std::uint8_t combining;
  std::ptrdiff_t change;
};

bool is_second_of_pair(std::uint32_t c) {
  // Vowels and finals of Hangul join what stands before them; of others NFC's table of touched ones knows.
  return internal::nfc_touches(c);
}

/// The reference's recomposition: a character joins the last starter unless one between blocks it. The
/// change of what is joined is the sum of those it is made of, less one each.
std::vector<Part> recomposed(const std::vector<Part>& parts) {
  std::vector<Part> out, waiting;
  bool has_starter = false, has_last = false;
  Part starter{};
  std::uint8_t last = 0;
  const auto flush = [&] {
    out.push_back(starter);
    out.insert(out.end(), waiting.begin(), waiting.end());
    waiting.clear();
  };
  for (const Part& part : parts) {
    if (!has_starter) {
      if (part.combining != 0)
        out.push_back(part);
      else
        starter = part, has_starter = true;
      continue;
    }
    const bool is_blocked = has_last && last >= part.combining;
    const std::uint32_t whole = is_blocked ? 0 : internal::compose(starter.c, part.c);
    if (whole != 0) {
      starter = {whole, 0, starter.change + part.change - 1};
    } else if (part.combining == 0) {
      flush();
      starter = part, has_last = false;
    } else {
      waiting.push_back(part);
      last = part.combining, has_last = true;
    }
  }
  if (has_starter) flush();
  return out;
}

}  // namespace

std::u32string NormalizationForm::decomposed(std::uint32_t c) const {
  std::u32string parts;
  const std::string_view mapped = compatible_ ? compatible(c) : std::string_view();
  if (mapped.empty())
    internal::append_canonical(c, parts);
  else
    for_each_character(mapped, [&](std::uint32_t part, std::size_t, unsigned) { parts.push_back(part); });
  return parts;
}

bool NormalizationForm::begins_anew(std::uint32_t c) const {
  if (c < 0x80) return true;
  const std::u32string parts = decomposed(c);
  return combining_class(parts[0]) == 0 && !(composed_ && is_second_of_pair(parts[0]));
}

void NormalizationForm::rewrite_segment(std::string_view segment, Rewrite& rewrite) const {
  std::vector<Part> parts;
  for_each_character(segment, [&](std::uint32_t c, std::size_t, unsigned) {
    std::ptrdiff_t change = 0;
    for (const char32_t part : decomposed(c)) {
      parts.push_back({part, combining_class(part), change});
      change = 1;
    }
  });
  for (auto at = parts.begin(); at != parts.end();) {
    const auto end = std::find_if(at, parts.end(), [](const Part& part) { return part.combining == 0; });
    std::stable_sort(at, end, [](const Part& a, const Part& b) { return a.combining < b.combining; });
    at = end == parts.end() ? end : end + 1;
  }
  for (const Part& part : composed_ ? recomposed(parts) : parts) rewrite.put(part.c, part.change);
}

void NormalizationForm::apply(Text& text, Cuts* cuts, Ends) const {
  const std::string from = text.bytes;
  if (cuts) {
    const std::size_t horizon = cuts->horizon();
    cuts->filter([&](std::size_t here) { return here < horizon && begins_anew(character_at(from, here)); });
    cuts->begin();
  }
  Rewrite rewrite(text);
  for (std::size_t at = 0; at < from.size();) {
    std::size_t end = at;
    // Of ASCII all but the last, which what follows may join.
    while (end + 1 < from.size() && static_cast<signed char>(from[end]) >= 0 &&
           static_cast<signed char>(from[end + 1]) >= 0) {
      if (cuts) cuts->reach(end, rewrite.written() + end - at);
      ++end;
    }
    rewrite.copy(end - at);
    at = end;
    if (cuts) cuts->reach(at, rewrite.written());
    end += internal::character_length(from[end]);
    while (end < from.size() && !begins_anew(character_at(from, end)))
      end += internal::character_length(from[end]);
    rewrite_segment(std::string_view(from).substr(at, end - at), rewrite);
    at = end;
  }
  if (cuts) cuts->end();
  rewrite.finish();
}

void map_to_alphabet(Text& text, Cuts* cuts) {
  const std::string from = text.bytes;
  if (cuts) cuts->begin();
  Rewrite rewrite(text);
  for (std::size_t at = 0; at < from.size(); ++at) {
    const bool is_first = !internal::continues_character(from[at]);
    if (cuts && is_first) cuts->reach(at, rewrite.written());
    const auto byte = static_cast<unsigned char>(from[at]);
    rewrite.put(alphabet_of(byte), is_first ? 0 : 1);
  }
  if (cuts) cuts->reach(from.size(), rewrite.written()), cuts->end();
  rewrite.finish();
}

void prepend(Text& text, std::string_view front, Cuts* cuts) {
  const std::string from = text.bytes;
  if (cuts) cuts->begin();
  Rewrite rewrite(text);
  std::ptrdiff_t change = 0;
  for_each_character(front, [&](std::uint32_t c, std::size_t, unsigned) {
    rewrite.put(c, change);
    change = 1;
  });
  // The first character is now one that was added.
  rewrite.put(character_at(from, 0), 1);
  const std::size_t first = internal::character_length(from[0]);
  for (std::size_t at = first; cuts && at <= from.size(); ++at)
    if (at == from.size() || !internal::continues_character(from[at])) cuts->reach(at, at + front.size());
  if (cuts) cuts->end();
  rewrite.copy(from.size() - first);
  rewrite.finish();
}

}  // namespace ciyuan::token::pipeline
