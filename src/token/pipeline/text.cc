#include "token/pipeline/text.h"

#include <algorithm>

#include "token/pipeline/characters.h"

namespace ciyuan::token::pipeline {

Text Text::of(std::string_view original, std::size_t offset, bool is_traced) {
  Text text{std::string(original), {}, is_traced};
  if (!is_traced) return text;
  text.spans.reserve(original.size());
  for_each_character(original, [&](std::uint32_t, std::size_t at, unsigned length) {
    text.spans.insert(text.spans.end(), length, Span{offset + at, offset + at + length});
  });
  return text;
}

Cuts Cuts::of(std::string_view text) {
  Cuts cuts;
  cuts.places_.reserve(text.size());
  for_each_character(text, [&](std::uint32_t, std::size_t at, unsigned length) {
    cuts.places_.push_back({at + length, at + length});
  });
  return cuts;
}

void Rewrite::put(std::uint32_t c, std::ptrdiff_t change) {
  const std::string& from = text_.bytes;
  const std::size_t size = bytes_.size();
  internal::append_utf8(c, bytes_);
  if (text_.is_traced) {
    Span span;
    if (change <= 0)
      span = at_ < text_.spans.size() ? text_.spans[at_] : Span{};
    else if (at_ > 0)
      span = text_.spans[at_ - 1];
    else if (!text_.spans.empty())
      span = {text_.spans[0].begin, text_.spans[0].begin};
    spans_.insert(spans_.end(), bytes_.size() - size, span);
  }
  for (std::ptrdiff_t passed = change > 0 ? 1 : change; passed <= 0 && at_ < from.size(); ++passed)
    at_ += internal::character_length(from[at_]);
}

void Rewrite::copy(std::size_t size) {
  bytes_.append(text_.bytes, at_, size);
  if (text_.is_traced)
    spans_.insert(spans_.end(), text_.spans.begin() + static_cast<std::ptrdiff_t>(at_),
                  text_.spans.begin() + static_cast<std::ptrdiff_t>(at_ + size));
  at_ += size;
}

void Rewrite::replace(std::size_t size, std::string_view content) {
  at_ += size;
  bytes_ += content;
  // All of the content is said to be added behind what it replaces.
  if (text_.is_traced) spans_.insert(spans_.end(), content.size(), text_.spans[at_ - 1]);
}

void Rewrite::finish() {
  text_.bytes = std::move(bytes_);
  text_.spans = std::move(spans_);
}

std::uint32_t character_at(std::string_view text, std::size_t at) {
  std::uint32_t c = 0;
  internal::decode(text.data() + at, c);
  return c;
}

std::uint32_t character_before(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && internal::continues_character(text[at]));
  return character_at(text, at);
}

}  // namespace ciyuan::token::pipeline
