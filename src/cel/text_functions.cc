// What looks into one text: contains, matches, indexOf, substring and their like. Places are counted in
// characters (Unicode code points).

#include <re2/re2.h>

#include <algorithm>

#include "cel/internal/library.h"
#include "cel/internal/text_costs.h"
#include "cel/internal/utf8.h"

namespace ciyuan::cel {

namespace {

bool both_strings(const Value* arguments) {
  return arguments[0].is(Kind::kString) && arguments[1].is(Kind::kString);
}

/// The byte at which the `wanted`-th character begins, the end of the text for as many as it has.
std::optional<std::size_t> byte_of(std::string_view text, std::int64_t wanted) {
  if (wanted < 0) return {};
  std::size_t at = 0;
  for (; wanted > 0 && at < text.size(); --wanted) at = next_character(text, at);
  return wanted == 0 ? std::optional(at) : std::nullopt;
}

Value place_of(std::string_view text, std::size_t byte) {
  if (byte == std::string_view::npos) return Value::integer(-1);
  return Value::integer(static_cast<std::int64_t>(characters(text.substr(0, byte))));
}

/// The search of indexOf and lastIndexOf, once their arguments are known to be right.
template <class Find>
Value search(Frame& frame, const Value* arguments, std::size_t count, std::size_t from, Find find) {
  if (!both_strings(arguments) || (count == 3 && !arguments[2].is(Kind::kInt)))
    return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text(), wanted = arguments[1].text();
  if (!frame.spend(steps_of_search(text.size(), wanted.size()))) return frame.exhausted();
  if (count == 3) {
    const std::optional<std::size_t> given = byte_of(text, arguments[2].integer());
    if (!given) return frame.fail(Fault::kIndex, arguments[2].integer());
    from = *given;
  }
  return place_of(text, find(text, wanted, from));
}

template <class Change>
Value change_letters(Frame& frame, const Value* arguments, std::size_t count, Change change) {
  if (!arguments[0].is(Kind::kString)) return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text();
  char* made = frame.make_room(text.size());
  if (!made) return frame.exhausted();
  std::transform(text.begin(), text.end(), made, change);
  return Value::string({made, text.size()});
}

/// The White_Space property of Unicode.
bool is_white(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace

Value contains(Frame& frame, const Value* arguments, std::size_t count) {
  if (!both_strings(arguments)) return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text(), wanted = arguments[1].text();
  if (!frame.spend(steps_of_search(text.size(), wanted.size()))) return frame.exhausted();
  return Value::boolean(text.find(wanted) != std::string_view::npos);
}

Value starts_with(Frame& frame, const Value* arguments, std::size_t count) {
  if (!both_strings(arguments)) return frame.no_overload(arguments, count);
  if (!frame.spend(steps_of_bytes(arguments[1].text().size()))) return frame.exhausted();
  return Value::boolean(arguments[0].text().starts_with(arguments[1].text()));
}

Value ends_with(Frame& frame, const Value* arguments, std::size_t count) {
  if (!both_strings(arguments)) return frame.no_overload(arguments, count);
  if (!frame.spend(steps_of_bytes(arguments[1].text().size()))) return frame.exhausted();
  return Value::boolean(arguments[0].text().ends_with(arguments[1].text()));
}

Value matches(Frame& frame, const Value* arguments, std::size_t count) {
  if (!both_strings(arguments) || !frame.code->prepared) return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text();
  if (!frame.spend(steps_of_match(text.size()))) return frame.exhausted();
  return Value::boolean(RE2::PartialMatch(re2::StringPiece(text.data(), text.size()),
                                          *static_cast<const RE2*>(frame.code->prepared)));
}

Value char_at(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString) || !arguments[1].is(Kind::kInt))
    return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text();
  if (!frame.spend(steps_of_bytes(text.size()))) return frame.exhausted();
  const std::optional<std::size_t> at = byte_of(text, arguments[1].integer());
  if (!at) return frame.fail(Fault::kIndex, arguments[1].integer());
  return Value::string(*at == text.size() ? std::string_view()
                                          : text.substr(*at, next_character(text, *at) - *at));
}

Value index_of(Frame& frame, const Value* arguments, std::size_t count) {
  return search(frame, arguments, count, 0,
                [](std::string_view text, std::string_view wanted, std::size_t from) {
                  return text.find(wanted, from);
                });
}

Value last_index_of(Frame& frame, const Value* arguments, std::size_t count) {
  return search(frame, arguments, count, std::string_view::npos,
                [](std::string_view text, std::string_view wanted, std::size_t from) {
                  return text.rfind(wanted, from);
                });
}

Value substring(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString) || !arguments[1].is(Kind::kInt) ||
      (count == 3 && !arguments[2].is(Kind::kInt))) {
    return frame.no_overload(arguments, count);
  }
  const std::string_view text = arguments[0].text();
  if (!frame.spend(2 * steps_of_bytes(text.size()))) return frame.exhausted();
  const std::optional<std::size_t> begin = byte_of(text, arguments[1].integer());
  if (!begin) return frame.fail(Fault::kIndex, arguments[1].integer());
  const std::optional<std::size_t> end = count == 3 ? byte_of(text, arguments[2].integer()) : text.size();
  if (!end || *end < *begin) return frame.fail(Fault::kIndex, arguments[2].integer());
  return Value::string(text.substr(*begin, *end - *begin));
}

Value lower_ascii(Frame& frame, const Value* arguments, std::size_t count) {
  return change_letters(frame, arguments, count,
                        [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
}
Value upper_ascii(Frame& frame, const Value* arguments, std::size_t count) {
  return change_letters(frame, arguments, count,
                        [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
}

Value trim(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString)) return frame.no_overload(arguments, count);
  std::string_view text = arguments[0].text();
  if (!frame.spend(2 * steps_of_bytes(text.size()))) return frame.exhausted();
  std::size_t begin = 0, end = text.size();
  while (begin < end && is_white(character_at(text, begin))) begin = next_character(text, begin);
  while (end > begin) {
    std::size_t last = end - 1;
    while (continues(text[last])) --last;
    if (!is_white(character_at(text, last))) break;
    end = last;
  }
  return Value::string(text.substr(begin, end - begin));
}

Value reverse(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString)) return frame.no_overload(arguments, count);
  const std::string_view text = arguments[0].text();
  char* made = frame.make_room(text.size());
  if (!made) return frame.exhausted();
  char* out = made + text.size();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = next_character(text, at);
    out -= next - at;
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(at),
              text.begin() + static_cast<std::ptrdiff_t>(next), out);
    at = next;
  }
  return Value::string({made, text.size()});
}

}  // namespace ciyuan::cel
