// What makes texts of texts: replace, split, join, quote.

#include <algorithm>

#include "cel/internal/library.h"
#include "cel/internal/text_costs.h"
#include "cel/internal/utf8.h"

namespace ciyuan::cel {

namespace {

/// Where `old` begins next, from `at` on; an empty one is at each character.
std::size_t next_place(std::string_view text, std::string_view old, std::size_t at, bool first) {
  if (!old.empty()) return text.find(old, at);
  if (first) return 0;
  return at < text.size() ? next_character(text, at) : std::string_view::npos;
}

/// How often `old` would be replaced, at most `limit` times.
std::size_t places(std::string_view text, std::string_view old, std::size_t limit) {
  std::size_t found = 0;
  std::size_t at = next_place(text, old, 0, true);
  while (found < limit && at != std::string_view::npos) {
    ++found;
    at = next_place(text, old, at + old.size(), false);
  }
  return found;
}

/// The limit of replace() and split(): negative is none.
std::size_t limit_of(const Value* arguments, std::size_t count, std::size_t at) {
  return count > at && arguments[at].integer() >= 0 ? static_cast<std::size_t>(arguments[at].integer())
                                                    : SIZE_MAX;
}

}  // namespace

Value replace(Frame& frame, const Value* arguments, std::size_t count) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (!arguments[i].is(Kind::kString)) return frame.no_overload(arguments, count);
  }
  if (count == 4 && !arguments[3].is(Kind::kInt)) return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text(), old = arguments[1].text(), fresh = arguments[2].text();
  if (!frame.spend(2 * steps_of_search(text.size(), old.size()))) return frame.exhausted();
  const std::size_t number = places(text, old, limit_of(arguments, count, 3));
  const std::size_t size = text.size() - number * old.size() + number * fresh.size();
  char* const made = frame.make_room(size);
  if (!made) return frame.exhausted();
  char* out = made;
  const auto put = [&out](std::string_view part) { out = std::copy(part.begin(), part.end(), out); };
  std::size_t kept = 0, at = 0;
  for (std::size_t i = 0; i < number; ++i) {
    at = next_place(text, old, i == 0 ? 0 : at + old.size(), i == 0);
    put(text.substr(kept, at - kept));
    put(fresh);
    kept = at + old.size();
  }
  put(text.substr(kept));
  return Value::string({made, size});
}

Value split(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString) || !arguments[1].is(Kind::kString) ||
      (count == 3 && !arguments[2].is(Kind::kInt))) {
    return frame.no_overload(arguments, count);
  }
  const std::string_view text = arguments[0].text(), separator = arguments[1].text();
  const std::size_t limit = limit_of(arguments, count, 2);
  if (limit == 0) return Value::list({});
  if (!frame.spend(2 * steps_of_search(text.size(), separator.size()))) return frame.exhausted();
  const std::size_t pieces = separator.empty() ? characters(text) : places(text, separator, SIZE_MAX) + 1;
  const std::size_t number = std::min(pieces, limit);
  if (!frame.spend(number)) return frame.exhausted();
  Value* made = frame.arena.allocate_array<Value>(number);
  if (!made) return frame.exhausted();
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < number; ++i) {
    const std::size_t end = separator.empty() ? next_character(text, begin) : text.find(separator, begin);
    made[i] = Value::string(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  if (number > 0) made[number - 1] = Value::string(text.substr(begin));
  return Value::list({made, number});
}

Value join(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kList) || (count == 2 && !arguments[1].is(Kind::kString)))
    return frame.no_overload(arguments, count);
  const std::span<const Value> items = arguments[0].items();
  const std::string_view separator = count == 2 ? arguments[1].text() : std::string_view();
  if (!frame.spend(items.size())) return frame.exhausted();
  std::size_t size = items.empty() ? 0 : (items.size() - 1) * separator.size();
  for (const Value& item : items) {
    if (!item.is(Kind::kString)) return frame.no_overload(&item, 1);
    size += item.text().size();
  }
  char* const made = frame.make_room(size);
  if (!made) return frame.exhausted();
  char* out = made;
  for (const Value& item : items) {
    if (&item != items.data()) out = std::copy(separator.begin(), separator.end(), out);
    out = std::copy(item.text().begin(), item.text().end(), out);
  }
  return Value::string({made, size});
}

Value quote(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString)) return frame.no_overload(arguments, count);
  constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\\\"", kLetters = "abfnrtv\\\"";
  const std::string_view text = arguments[0].text();
  if (!frame.spend(steps_of_bytes(text.size()))) return frame.exhausted();
  const auto escaped = std::count_if(text.begin(), text.end(),
                                     [&](char c) { return kEscaped.find(c) != std::string_view::npos; });
  const std::size_t size = text.size() + static_cast<std::size_t>(escaped) + 2;
  char* const made = frame.make_room(size);
  if (!made) return frame.exhausted();
  char* out = made;
  *out++ = '"';
  for (const char c : text) {
    const std::size_t found = kEscaped.find(c);
    if (found != std::string_view::npos) *out++ = '\\';
    *out++ = found == std::string_view::npos ? c : kLetters[found];
  }
  *out = '"';
  return Value::string({made, size});
}

}  // namespace ciyuan::cel
