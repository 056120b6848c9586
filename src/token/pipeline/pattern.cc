#include "token/pipeline/pattern.h"

#include <algorithm>

#include "token/pipeline/settings.h"

namespace ciyuan::token::pipeline {

Result<Pattern> Pattern::read(const Json& pattern, const std::string& path) {
  if (!pattern.is_object() || pattern.size() != 1) return not_supported(path, pattern);
  const std::string kind = pattern.begin().key();
  if ((kind != "String" && kind != "Regex") || !pattern.begin()->is_string())
    return not_supported(path, pattern);
  const auto& text = pattern.begin()->get_ref<const std::string&>();
  if (text.empty()) return not_supported(path, pattern);
  if (kind == "String") return of_text(text);
  Pattern made;
  auto expression = internal::RegexPretokenizer::compile({text});
  if (!expression) return Error{expression.error().code, expression.error().message, path + ".Regex"};
  made.expression_ = std::move(*expression);
  made.looks_ahead_ = text.find("(?=") != text.npos || text.find("(?!") != text.npos;
  return made;
}

Pattern Pattern::of_text(std::string text) {
  Pattern made;
  made.text_ = std::move(text);
  return made;
}

Pattern::Match Pattern::find(std::string_view text, std::size_t at, bool may_grow) const {
  if (expression_) {
    const auto found = expression_->first_match(text, at, may_grow);
    return {found.begin, found.end, !found.hit_end, found.settled};
  }
  const std::size_t found = std::min(text.find(text_, at), text.size());
  return {found, std::min(found + text_.size(), text.size()), found < text.size()};
}

bool Pattern::is_same_alone(std::string_view text, std::size_t end) const {
  const std::string_view alone = text.substr(0, end);
  for (std::size_t at = 0; at < end;) {
    const Match match = find(alone, at), among = find(text, at);
    // Without a match both are said to be at the end.
    if (match.begin != std::min(among.begin, end) || match.end != (among.begin >= end ? end : among.end))
      return false;
    at = match.end;
  }
  return true;
}

void Pattern::keep_closed(std::string_view text, std::vector<std::size_t>& places) const {
  constexpr std::size_t kTriesMax = 8;
  if (!looks_ahead_) return;
  const std::size_t first = places.size() - std::min(places.size(), kTriesMax);
  places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(first));
  std::erase_if(places, [&](std::size_t place) { return !is_same_alone(text, place); });
}

std::size_t Pattern::final_until(std::string_view text) const {
  if (!expression_) {
    // A match may yet begin in the last bytes.
    std::size_t until = 0;
    for (std::size_t at = 0; (at = text.find(text_, at)) != text.npos;) until = at += text_.size();
    for (std::size_t at = std::max(until, text.size() - std::min(text.size(), text_.size() - 1));; ++at)
      if (at >= text.size() || std::string_view(text_).starts_with(text.substr(at)))
        return std::min(at, text.size());
  }
  std::size_t until = 0;
  while (until < text.size()) {
    const Match match = find(text, until, true);
    if (!match.is_final) return std::max(until, match.settled);
    if (match.end == until) break;
    until = match.end;
  }
  return until;
}

}  // namespace ciyuan::token::pipeline
