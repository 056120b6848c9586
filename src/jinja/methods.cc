/// Methods of str, dict, list and loop that a template may call.

#include <algorithm>

#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

Method method_of(std::string_view name) {
  static const std::unordered_map<std::string_view, Method> kMethods = {
      {"append", Method::kForbidden},
      {"clear", Method::kForbidden},
      {"extend", Method::kForbidden},
      {"insert", Method::kForbidden},
      {"pop", Method::kForbidden},
      {"popitem", Method::kForbidden},
      {"remove", Method::kForbidden},
      {"reverse", Method::kForbidden},
      {"setdefault", Method::kForbidden},
      {"sort", Method::kForbidden},
      {"update", Method::kForbidden},
      {"copy", Method::kCopy},
      {"get", Method::kGet},
      {"items", Method::kItems},
      {"keys", Method::kKeys},
      {"values", Method::kValues},
      {"count", Method::kCount},
      {"index", Method::kIndex},
      {"capitalize", Method::kCapitalize},
      {"casefold", Method::kCasefold},
      {"endswith", Method::kEndswith},
      {"find", Method::kFind},
      {"format", Method::kFormat},
      {"format_map", Method::kFormatMap},
      {"isalnum", Method::kIsalnum},
      {"isalpha", Method::kIsalpha},
      {"isdigit", Method::kIsdigit},
      {"isdecimal", Method::kIsdigit},
      {"islower", Method::kIslower},
      {"isspace", Method::kIsspace},
      {"isupper", Method::kIsupper},
      {"join", Method::kJoin},
      {"lower", Method::kLower},
      {"lstrip", Method::kLstrip},
      {"partition", Method::kPartition},
      {"removeprefix", Method::kRemoveprefix},
      {"removesuffix", Method::kRemovesuffix},
      {"replace", Method::kReplace},
      {"rfind", Method::kRfind},
      {"rpartition", Method::kRpartition},
      {"rsplit", Method::kRsplit},
      {"rstrip", Method::kRstrip},
      {"split", Method::kSplit},
      {"splitlines", Method::kSplitlines},
      {"startswith", Method::kStartswith},
      {"strip", Method::kStrip},
      {"title", Method::kTitle},
      {"upper", Method::kUpper},
      {"zfill", Method::kZfill},
      {"cycle", Method::kCycle},
      {"changed", Method::kChanged},
  };
  const auto found = kMethods.find(name);
  return found == kMethods.end() ? Method::kUnknown : found->second;
}

bool has_method(const Value& receiver, Method method) {
  const bool is_shared = method == Method::kCount || method == Method::kIndex;
  switch (receiver.kind()) {
    // What would change a dictionary is found by name in attribute(): its keys may be called append or sort.
    case Kind::kDict:
      return method >= Method::kCopy && method <= Method::kValues;
    case Kind::kList:
      return method == Method::kForbidden || method == Method::kCopy || is_shared;
    case Kind::kTuple:
    case Kind::kRange:
      return is_shared;
    case Kind::kString:
      return is_shared || (method >= Method::kCapitalize && method <= Method::kZfill);
    case Kind::kLoop:
      return method == Method::kCycle || method == Method::kChanged;
    default:
      return false;
  }
}

Value Interpreter::call_method(const Value& receiver, Method method, const Arguments& arguments) {
  if (method == Method::kForbidden) return fail("the sandbox allows no change of a list or dictionary");
  if (receiver.is_string()) {
    const Value out = call_text_method(receiver, method, arguments);
    return receiver.is_safe() && out.is_string() ? out.marked_safe() : out;
  }
  switch (method) {
    case Method::kCopy:
      return receiver;
    case Method::kGet: {
      const Value key = arguments.get(0, "key");
      for (const Entry& entry : receiver.entries()) {
        if (equal(entry.key, key)) return entry.value;
      }
      return arguments.get(1, "default", Value::none());
    }
    case Method::kItems:
    case Method::kKeys:
    case Method::kValues: {
      std::vector<Value> items;
      for (const Entry& entry : receiver.entries()) {
        const Value pair[2] = {entry.key, entry.value};
        items.push_back(method == Method::kKeys     ? entry.key
                        : method == Method::kValues ? entry.value
                                                    : sequence(Kind::kTuple, pair));
      }
      return sequence(Kind::kView, items);
    }
    case Method::kCount:
    case Method::kIndex: {
      const Value wanted = arguments.get(0, "value");
      std::int64_t count = 0;
      for (std::size_t i = 0; i < receiver.items().size(); ++i) {
        if (!equal(receiver.items()[i], wanted)) continue;
        if (method == Method::kIndex) return Value::integer(static_cast<std::int64_t>(i));
        ++count;
      }
      return method == Method::kCount ? Value::integer(count) : fail("the value is not in the list");
    }
    case Method::kCycle:
    case Method::kChanged:
      return call_loop_method(*receiver.as_loop(), method, arguments);
    default:
      return fail("no such method");
  }
}

namespace {

/// split(None, limit) from the right.
std::vector<std::string_view> split_space_right(std::string_view text, std::int64_t limit) {
  std::vector<std::string_view> parts;
  for (text = strip_space(text, false, true); !text.empty(); text = strip_space(text, false, true), --limit) {
    if (limit == 0) {
      parts.push_back(text);
      break;
    }
    std::size_t start = text.size();
    while (start > 0) {
      const std::size_t size = last_code_point_size(text.substr(0, start));
      if (is_space(first_code_point(text.substr(start - size)).value)) break;
      start -= size;
    }
    parts.push_back(text.substr(start));
    text = text.substr(0, start);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <class Predicate>
bool all_characters(std::string_view text, Predicate predicate) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (!predicate(point.value)) return false;
    text.remove_prefix(point.size);
  }
  return true;
}

std::int64_t count_in(std::string_view text, std::string_view wanted) {
  if (wanted.empty()) return static_cast<std::int64_t>(length_of(text)) + 1;
  std::int64_t count = 0;
  for (std::size_t at = text.find(wanted); at != std::string_view::npos;
       at = text.find(wanted, at + wanted.size())) {
    ++count;
  }
  return count;
}

}  // namespace

Value Interpreter::replaced(std::string_view text, std::string_view from, std::string_view to,
                            const Value& limit) {
  if (!limit.is(Kind::kInteger) && !limit.is(Kind::kNone))
    return fail("replace takes an integer as its count");
  std::int64_t count = count_in(text, from);
  if (limit.is(Kind::kInteger) && limit.as_integer() >= 0) count = std::min(count, limit.as_integer());
  std::size_t size = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(count), to.size(), &size)) size = text.max_size() / 2;
  if (!may_build(size + text.size())) return {};
  return string(replace(text, from, to, count));
}

Value Interpreter::search(std::string_view text, Method method, const Arguments& arguments) {
  const Value wanted = arguments.get(0, "");
  if (!wanted.is_string()) return fail("what is looked for in a text must be a text");
  const auto size = static_cast<std::int64_t>(length_of(text));
  const auto bound = [&](std::size_t index, std::int64_t absent) {
    const Value given = arguments.get(index, "", Value::none());
    if (!given.is(Kind::kInteger)) return absent;
    return std::max<std::int64_t>(given.as_integer() < 0 ? given.as_integer() + size : given.as_integer(), 0);
  };
  const std::int64_t start = bound(1, 0);
  const std::int64_t end = std::min(bound(2, size), size);
  if (start <= end) {
    std::string_view part = from_code_point(text, static_cast<std::size_t>(start));
    part.remove_suffix(from_code_point(text, static_cast<std::size_t>(end)).size());
    if (method == Method::kCount) return Value::integer(count_in(part, wanted.text()));
    const std::size_t at = method == Method::kRfind ? part.rfind(wanted.text()) : part.find(wanted.text());
    if (at != std::string_view::npos)
      return Value::integer(start + static_cast<std::int64_t>(length_of(part.substr(0, at))));
  }
  if (method == Method::kCount) return Value::integer(0);
  return method == Method::kIndex ? fail("substring not found") : Value::integer(-1);
}

Value Interpreter::call_text_method(const Value& receiver, Method method, const Arguments& arguments) {
  const std::string_view text = receiver.text();
  if (!spend_bytes(text.size())) return {};
  const Value first = arguments.get(0, "");
  auto wanted_text = [&]() -> std::string_view {
    if (first.is_string()) return first.text();
    fail("a string method needs a string");
    return {};
  };
  switch (method) {
    case Method::kStrip:
    case Method::kLstrip:
    case Method::kRstrip: {
      const bool left = method != Method::kRstrip, right = method != Method::kLstrip;
      if (first.is_undefined() || first.is(Kind::kNone)) return Value::string(strip_space(text, left, right));
      if (!spend(1 + text.size() / 8 * (1 + wanted_text().size() / 8))) return {};
      return Value::string(strip_any(text, wanted_text(), left, right));
    }
    case Method::kSplit:
    case Method::kRsplit: {
      const Value separator = arguments.get(0, "sep", Value::none());
      const Value limit = arguments.get(1, "maxsplit", Value::integer(-1));
      if (!limit.is(Kind::kInteger)) return fail("split: maxsplit must be an integer");
      if (!spend(1 + text.size() / 4)) return {};
      if (separator.is(Kind::kNone)) {
        return strings(Kind::kList, method == Method::kSplit ? split_space(text, limit.as_integer())
                                                             : split_space_right(text, limit.as_integer()));
      }
      if (!separator.is_string() || separator.text().empty()) return fail("split: empty separator");
      return strings(Kind::kList, method == Method::kSplit
                                      ? split(text, separator.text(), limit.as_integer())
                                      : split_right(text, separator.text(), limit.as_integer()));
    }
    case Method::kSplitlines:
      if (!spend(1 + text.size() / 4)) return {};
      return strings(Kind::kList,
                     split_lines(text, truth(arguments.get(0, "keepends", Value::boolean(false)))));
    case Method::kPartition:
    case Method::kRpartition: {
      const std::string_view separator = wanted_text();
      if (separator.empty()) return fail("empty separator");
      const std::size_t at = method == Method::kPartition ? text.find(separator) : text.rfind(separator);
      std::string_view parts[3] = {text, "", ""};
      if (at != std::string_view::npos) {
        parts[0] = text.substr(0, at), parts[1] = separator, parts[2] = text.substr(at + separator.size());
      } else if (method == Method::kRpartition) {
        std::swap(parts[0], parts[2]);
      }
      return strings(Kind::kTuple, parts);
    }
    case Method::kStartswith:
    case Method::kEndswith: {
      auto matches = [&](std::string_view part) {
        return method == Method::kStartswith ? text.starts_with(part) : text.ends_with(part);
      };
      if (arguments.positional.size() != 1)
        return fail("startswith and endswith within bounds are not supported");
      if (!first.is(Kind::kTuple)) return Value::boolean(matches(wanted_text()));
      return Value::boolean(std::any_of(first.items().begin(), first.items().end(), [&](const Value& part) {
        return part.is_string() && matches(part.text());
      }));
    }
    case Method::kRemoveprefix: {
      const std::string_view prefix = wanted_text();
      return Value::string(text.starts_with(prefix) ? text.substr(prefix.size()) : text);
    }
    case Method::kRemovesuffix: {
      const std::string_view suffix = wanted_text();
      return Value::string(text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text);
    }
    case Method::kReplace: {
      const Value from = arguments.get(0, "old"), to = arguments.get(1, "new");
      if (!from.is_string() || !to.is_string()) return fail("replace needs two strings");
      return replaced(text, from.text(), to.text(), arguments.get(2, "count", Value::integer(-1)));
    }
    case Method::kFind:
    case Method::kRfind:
    case Method::kIndex:
    case Method::kCount:
      return search(text, method, arguments);
    case Method::kJoin: {
      std::string out;
      bool is_first = true;
      for (const Value& item : iterate(first)) {
        if (!item.is_string()) return fail("join: every item must be a string");
        if (!may_build(out.size() + text.size() + item.text().size())) return {};
        if (!is_first) out += text;
        is_first = false;
        out += item.text();
      }
      return string(out);
    }
    case Method::kUpper:
      return string(upper(text));
    case Method::kLower:
      return string(lower(text));
    case Method::kCasefold:
      return string(replace(replace(lower(text), "ß", "ss", -1), "ς", "σ", -1));
    case Method::kCapitalize:
      return string(capitalize(text));
    case Method::kTitle:
      return string(title(text));
    case Method::kIsspace:
      return Value::boolean(all_characters(text, is_space));
    case Method::kIsdigit:
      return Value::boolean(all_characters(text, is_decimal));
    case Method::kIsalpha:
      return Value::boolean(all_characters(text, is_alpha));
    case Method::kIsalnum:
      return Value::boolean(all_characters(text, [](char32_t c) { return is_alpha(c) || is_decimal(c); }));
    case Method::kIslower:
      return Value::boolean(is_lower(text));
    case Method::kIsupper:
      return Value::boolean(is_upper(text));
    case Method::kZfill: {
      if (!first.is(Kind::kInteger)) return fail("zfill needs an integer");
      const std::int64_t width = first.as_integer();
      const auto size = static_cast<std::int64_t>(length_of(text));
      if (width <= size) return receiver;
      if (!may_build(static_cast<std::size_t>(width))) return {};
      const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
      std::string out(text.substr(0, sign));
      out.append(static_cast<std::size_t>(width - size), '0');
      return string(out += text.substr(sign));
    }
    case Method::kFormat:
      return format_braces(receiver, arguments);
    case Method::kFormatMap: {
      if (!first.is_dict()) return fail("format_map needs a mapping");
      std::vector<Named> named;
      for (const Entry& entry : first.entries()) {
        if (entry.key.is_string()) named.emplace_back(entry.key.text(), entry.value);
      }
      return format_braces(receiver, {{}, named});
    }
    default:
      return fail("no such method");
  }
}

}  // namespace ciyuan::jinja
