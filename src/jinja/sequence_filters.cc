/// Filters that walk over sequences and mappings.

#include <algorithm>

#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

namespace {

/// sort, unique, min, max and dictsort look at text without its case unless told otherwise.
Value sort_key(Interpreter& interpreter, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  return interpreter.string(lower(value.text()));
}

}  // namespace

Value Interpreter::sequence_filter(Filter which, const Value& subject, const Arguments& arguments) {
  switch (which) {
    case Filter::kFirst:
    case Filter::kLast: {
      if (which == Filter::kLast && subject.is(Kind::kIterator))
        return fail("last: an iterator cannot be reversed");
      if (subject.is(Kind::kIterator)) {
        // Takes one item and leaves the rest, as next() does.
        Iterator& state = *subject.as_iterator();
        if (state.consumed || state.items.empty()) return {};
        const Value item = state.items.front();
        state.items = state.items.subspan(1);
        return item;
      }
      const auto items = iterate(subject);
      if (failed_ || items.empty()) return {};
      return which == Filter::kFirst ? items.front() : items.back();
    }
    case Filter::kList: {
      const auto items = iterate(subject);
      return failed_ ? Value() : Value::sequence(Kind::kList, items);
    }
    case Filter::kReverse: {
      std::vector<Value> items;
      const auto source = iterate(subject);
      items.assign(source.rbegin(), source.rend());
      if (!subject.is_string()) return iterator(items);
      std::string out;
      for (const Value& character : items) out += character.text();
      return string(out);
    }
    case Filter::kJoin: {
      const std::string_view between = text_of(arguments.get(0, "d", Value::string("")));
      const Value attribute = arguments.get(1, "attribute", Value::none());
      std::string out;
      bool is_first = true;
      for (const Value& item : iterate(subject)) {
        if (failed_) return {};
        const std::string_view text = text_of(attribute.is(Kind::kNone) ? item : path(item, attribute));
        if (!may_build(out.size() + between.size() + text.size())) return {};
        if (!is_first) out += between;
        is_first = false;
        out += text;
      }
      return string(out);
    }
    case Filter::kItems:
      if (subject.is_undefined()) return iterator({});
      if (!subject.is_dict()) return fail("can only get item pairs from a mapping");
      return iterator(call_method(subject, Method::kItems, {}).items());
    case Filter::kDictsort: {
      if (!subject.is_dict()) return fail("dictsort needs a mapping");
      const bool case_sensitive = truth(arguments.get(0, "case_sensitive", Value::boolean(false)));
      const std::string_view by = text_of(arguments.get(1, "by", Value::string("key")));
      const bool by_value = by == "value";
      if (!by_value && by != "key") return fail("dictsort: you can only sort by either key or value");
      const bool reversed = truth(arguments.get(2, "reverse", Value::boolean(false)));
      const auto pairs = call_method(subject, Method::kItems, {}).items();
      std::vector<Value> items(pairs.begin(), pairs.end());
      std::stable_sort(items.begin(), items.end(), [&](const Value& a, const Value& b) {
        const Value x = sort_key(*this, a.items()[by_value], case_sensitive);
        const Value y = sort_key(*this, b.items()[by_value], case_sensitive);
        return reversed ? order(y, x) < 0 : order(x, y) < 0;
      });
      return sequence(Kind::kList, items);
    }
    case Filter::kSort:
    case Filter::kUnique:
    case Filter::kMin:
    case Filter::kMax: {
      const bool is_sort = which == Filter::kSort;
      const bool reversed = is_sort && truth(arguments.get(0, "reverse", Value::boolean(false)));
      const bool case_sensitive =
          truth(arguments.get(is_sort ? 1 : 0, "case_sensitive", Value::boolean(false)));
      const Value attribute = arguments.get(is_sort ? 2 : 1, "attribute", Value::none());
      std::vector<Entry> keyed;
      for (const Value& item : iterate(subject)) {
        Value key;
        if (is_sort && attribute.is_string() && attribute.text().find(',') != std::string_view::npos) {
          std::vector<Value> keys;
          for (std::string_view part : split(attribute.text(), ",", -1)) {
            keys.push_back(sort_key(*this, path(item, Value::string(part)), case_sensitive));
          }
          key = sequence(Kind::kTuple, keys);
        } else {
          key = sort_key(*this, attribute.is(Kind::kNone) ? item : path(item, attribute), case_sensitive);
        }
        if (failed_) return {};
        keyed.push_back({key, item});
      }
      if (failed_) return {};
      auto less = [&](const Entry& a, const Entry& b) {
        // Jinja sorts by lists of keys, and Python looks for an order only where lists differ.
        if (is_sort && equal(a.key, b.key)) return false;
        return reversed ? order(b.key, a.key) < 0 : order(a.key, b.key) < 0;
      };
      if (which == Filter::kMin || which == Filter::kMax) {
        if (keyed.empty()) return {};
        return which == Filter::kMin ? std::min_element(keyed.begin(), keyed.end(), less)->value
                                     : std::max_element(keyed.begin(), keyed.end(), less)->value;
      }
      if (is_sort) std::stable_sort(keyed.begin(), keyed.end(), less);
      std::vector<Value> items;
      std::vector<Value> seen;
      for (const Entry& entry : keyed) {
        if (!is_sort) {
          if (entry.key.is(Kind::kList) || entry.key.is_dict()) return fail("unique: unhashable type");
          if (std::any_of(seen.begin(), seen.end(), [&](const Value& key) { return equal(key, entry.key); }))
            continue;
          seen.push_back(entry.key);
        }
        items.push_back(entry.value);
      }
      return is_sort ? sequence(Kind::kList, items) : iterator(items);
    }
    case Filter::kSum: {
      const Value attribute = arguments.get(0, "attribute", Value::none());
      Value sum = arguments.get(1, "start", Value::integer(0));
      for (const Value& item : iterate(subject)) {
        if (failed_) return {};
        sum = add(sum, attribute.is(Kind::kNone) ? item : path(item, attribute));
      }
      return sum;
    }
    case Filter::kMap:
      return truth(subject) ? mapped(subject, arguments) : iterator({});
    // Jinja does not walk over what is false, be it iterable or not.
    case Filter::kSelect:
    case Filter::kReject:
    case Filter::kSelectattr:
    case Filter::kRejectattr:
      return truth(subject) ? selected(which, subject, arguments) : iterator({});
    default:
      return fail("no such filter");
  }
}

Value Interpreter::mapped(const Value& subject, const Arguments& arguments) {
  std::vector<Value> out;
  const auto items = iterate(subject);
  if (arguments.positional.empty()) {
    const Value* attribute = arguments.find(0, "attribute");
    if (attribute == nullptr) return fail("map requires a filter argument");
    const Value* fallback = arguments.find(9, "default");
    for (const Value& item : items) {
      const Value value = path(item, *attribute);
      if (failed_) return {};
      out.push_back(value.is_undefined() && fallback != nullptr ? *fallback : value);
    }
    return iterator(out);
  }
  const std::string_view name = text_of(arguments.positional[0]);
  const Filter which = filter_of(name);
  for (const Value& item : items) {
    out.push_back(filter(which, name, item, arguments.from(1)));
    if (failed_) return {};
  }
  return iterator(out);
}

Value Interpreter::selected(Filter which, const Value& subject, const Arguments& arguments) {
  const bool keeps = which == Filter::kSelect || which == Filter::kSelectattr;
  const bool by_attribute = which == Filter::kSelectattr || which == Filter::kRejectattr;
  if (by_attribute && arguments.positional.empty()) return fail("missing parameter for attribute name");
  const std::size_t test_index = by_attribute ? 1 : 0;
  const bool has_test = arguments.positional.size() > test_index;
  const std::string_view name = has_test ? text_of(arguments.positional[test_index]) : std::string_view();
  const Test tested = has_test ? test_of(name) : Test::kUnknown;
  std::vector<Value> out;
  for (const Value& item : iterate(subject)) {
    const Value value = by_attribute ? path(item, arguments.positional[0]) : item;
    if (failed_) return {};
    const bool holds = has_test ? test(tested, name, value, arguments.from(test_index + 1)) : truth(value);
    if (failed_) return {};
    if (holds == keeps) out.push_back(item);
  }
  return iterator(out);
}

}  // namespace ciyuan::jinja
