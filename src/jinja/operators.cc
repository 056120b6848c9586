/// Python's operators on values: str(), truth, ==, <, in, +, arithmetic, indexing, slicing, iteration.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

namespace {

bool is_integral(const Value& v) { return v.is(Kind::kInteger) || v.is(Kind::kBoolean); }
bool is_number(const Value& v) { return is_integral(v) || v.is(Kind::kReal); }
std::int64_t integral(const Value& v) {
  return v.is(Kind::kBoolean) ? (v.as_boolean() ? 1 : 0) : v.as_integer();
}
double real_of(const Value& v) { return v.is(Kind::kReal) ? v.as_real() : static_cast<double>(integral(v)); }

}  // namespace

std::string_view Interpreter::text_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kBigInteger:
      return value.text();
    case Kind::kUndefined:
      return "";
    case Kind::kNone:
      return "None";
    case Kind::kBoolean:
      return value.as_boolean() ? "True" : "False";
    default:
      break;
  }
  std::string out;
  append_text(out, value, false);
  return failed_ ? std::string_view() : string(out).text();
}

void Interpreter::append_text(std::string& out, const Value& value, bool quoted, int depth) {
  if (!descend(depth) || !may_build(out.size() + (value.is_string() ? value.text().size() : 0))) return;
  switch (value.kind()) {
    case Kind::kUndefined:
      if (quoted) out += "Undefined";
      return;
    case Kind::kNone:
      out += "None";
      return;
    case Kind::kBoolean:
      out += value.as_boolean() ? "True" : "False";
      return;
    case Kind::kInteger:
      out += std::to_string(value.as_integer());
      return;
    case Kind::kBigInteger:
      out += value.text();
      return;
    case Kind::kReal:
      out += real_text(value.as_real());
      return;
    case Kind::kString:
      if (quoted) {
        if (value.is_safe()) out += "Markup(";
        append_repr(out, value.text());
        if (value.is_safe()) out += ')';
      } else {
        out += value.text();
      }
      return;
    case Kind::kList:
    case Kind::kTuple: {
      const bool is_list = value.is(Kind::kList);
      out += is_list ? '[' : '(';
      bool first = true;
      for (const Value& item : value.items()) {
        if (!first) out += ", ";
        first = false;
        append_text(out, item, true, depth + 1);
        if (failed_) return;
      }
      if (!is_list && value.items().size() == 1) out += ',';
      out += is_list ? ']' : ')';
      return;
    }
    case Kind::kRange: {
      const auto [start, stop, step] = value.range_bounds();
      out += "range(" + std::to_string(start) + ", " + std::to_string(stop);
      if (step != 1) out += ", " + std::to_string(step);
      out += ')';
      return;
    }
    case Kind::kDict: {
      out += '{';
      bool first = true;
      for (const Entry& entry : value.entries()) {
        if (!first) out += ", ";
        first = false;
        append_text(out, entry.key, true, depth + 1);
        out += ": ";
        append_text(out, entry.value, true, depth + 1);
        if (failed_) return;
      }
      out += '}';
      return;
    }
    default:
      // Python prints an address here, which no prompt can depend on.
      fail("a value that has no text (an iterator, view, function or namespace)");
  }
}

bool Interpreter::truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBoolean:
    case Kind::kInteger:
      return value.as_integer() != 0;
    case Kind::kReal:
      return value.as_real() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kView:
      return !value.items().empty();
    case Kind::kDict:
      return !value.entries().empty();
    default:
      return true;
  }
}

bool Interpreter::equal(const Value& a, const Value& b, int depth) {
  if (!descend(depth)) return false;
  if (is_number(a) && is_number(b)) {
    return is_integral(a) && is_integral(b) ? integral(a) == integral(b) : real_of(a) == real_of(b);
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return a.text().size() == b.text().size() && spend_bytes(a.text().size()) && a.text() == b.text();
    case Kind::kBigInteger:
      return a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
      return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(),
                        [&](const Value& x, const Value& y) { return equal(x, y, depth + 1); });
    case Kind::kDict: {
      if (a.entries().size() != b.entries().size()) return false;
      for (const Entry& entry : a.entries()) {
        const Value* other = nullptr;
        for (const Entry& candidate : b.entries()) {
          if (equal(entry.key, candidate.key, depth + 1)) other = &candidate.value;
        }
        if (other == nullptr || !equal(entry.value, *other, depth + 1)) return false;
      }
      return true;
    }
    case Kind::kFunction:
      return a.as_function() == b.as_function();
    default:
      return a.as_iterator() == b.as_iterator();  // the same object
  }
}

int Interpreter::order(const Value& a, const Value& b, int depth) {
  if (!descend(depth)) return 0;
  if (is_number(a) && is_number(b)) {
    if (is_integral(a) && is_integral(b)) return integral(a) < integral(b) ? -1 : integral(a) > integral(b);
    return real_of(a) < real_of(b) ? -1 : real_of(a) > real_of(b);
  }
  // UTF-8 sorts as code points do.
  if (a.is_string() && b.is_string()) {
    return spend_bytes(std::min(a.text().size(), b.text().size())) ? a.text().compare(b.text()) : 0;
  }
  if (a.kind() == b.kind() && (a.is(Kind::kList) || a.is(Kind::kTuple))) {
    const std::size_t shorter = std::min(a.items().size(), b.items().size());
    for (std::size_t i = 0; i < shorter; ++i) {
      if (!equal(a.items()[i], b.items()[i], depth + 1)) return order(a.items()[i], b.items()[i], depth + 1);
    }
    return a.items().size() < b.items().size() ? -1 : a.items().size() > b.items().size();
  }
  fail("values of these types have no order");
  return 0;
}

bool Interpreter::compare(Comparison kind, const Value& a, const Value& b) {
  const bool has_nan =
      (a.is(Kind::kReal) && std::isnan(a.as_real())) || (b.is(Kind::kReal) && std::isnan(b.as_real()));
  switch (kind) {
    case Comparison::kEqual:
      return equal(a, b);
    case Comparison::kNotEqual:
      return !equal(a, b);
    case Comparison::kIn:
      return contains(b, a);
    case Comparison::kNotIn:
      return !contains(b, a);
    case Comparison::kLess:
      return order(a, b) < 0 && !has_nan;
    case Comparison::kLessEqual:
      return order(a, b) <= 0 && !has_nan;
    case Comparison::kGreater:
      return order(a, b) > 0 && !has_nan;
    case Comparison::kGreaterEqual:
      return order(a, b) >= 0 && !has_nan;
  }
  return false;
}

bool Interpreter::contains(const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kString:
      if (!item.is_string()) {
        fail("'in <string>' requires string as left operand");
        return false;
      }
      return spend_bytes(container.text().size()) &&
             container.text().find(item.text()) != std::string_view::npos;
    case Kind::kDict:
      if (item.is(Kind::kList) || item.is_dict()) {
        fail("unhashable type");
        return false;
      }
      return std::any_of(container.entries().begin(), container.entries().end(),
                         [&](const Entry& entry) { return equal(entry.key, item); });
    case Kind::kUndefined:
      return false;
    default: {
      const auto items = iterate(container);
      return std::any_of(items.begin(), items.end(),
                         [&](const Value& candidate) { return equal(candidate, item); });
    }
  }
}

Value Interpreter::add(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) {
    if (a.is_safe() != b.is_safe()) {
      const std::string left = a.is_safe() ? std::string(a.text()) : escape_html(a.text());
      return string(left + (b.is_safe() ? std::string(b.text()) : escape_html(b.text()))).marked_safe();
    }
    const std::size_t size = a.text().size() + b.text().size();
    if (!spend_bytes(size)) return {};
    char* room = static_cast<char*>(heap_.allocate(size));
    if (room == nullptr) return fail_limit("out of heap");
    std::copy(a.text().begin(), a.text().end(), room);
    std::copy(b.text().begin(), b.text().end(), room + a.text().size());
    const Value joined = Value::string({room, size});
    return a.is_safe() ? joined.marked_safe() : joined;
  }
  if (a.kind() == b.kind() && (a.is(Kind::kList) || a.is(Kind::kTuple))) {
    std::vector<Value> items(a.items().begin(), a.items().end());
    items.insert(items.end(), b.items().begin(), b.items().end());
    return sequence(a.kind(), items);
  }
  return arithmetic(ExpressionKind::kAdd, a, b);
}

namespace {

/// Python's floor division and modulo: the remainder has the divisor's sign.
std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}
double floor_modulo(double a, double b) {
  const double remainder = std::fmod(a, b);
  if (remainder == 0) return std::copysign(0.0, b);
  return (remainder < 0) != (b < 0) ? remainder + b : remainder;
}
/// As CPython's float_divmod: from the exact remainder, so that 1 // 0.1 is 9.
double floor_divide(double a, double b) {
  const double quotient = (a - floor_modulo(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

}  // namespace

Value Interpreter::arithmetic(ExpressionKind kind, const Value& a, const Value& b) {
  if (kind == ExpressionKind::kMultiply && is_integral(a) != is_integral(b)) {
    const Value& subject = is_integral(a) ? b : a;
    const std::int64_t count = std::max<std::int64_t>(0, integral(is_integral(a) ? a : b));
    if (subject.is_string()) {
      if (!spend(1 + subject.text().size()) || !spend(static_cast<std::uint64_t>(count))) return {};
      if (subject.text().size() * static_cast<std::uint64_t>(count) > options_.limits.output_bytes_max) {
        return fail_limit("a repeated text beyond output_bytes_max");
      }
      std::string out;
      for (std::int64_t i = 0; i < count; ++i) out += subject.text();
      return string(out);
    }
    if (subject.is(Kind::kList) || subject.is(Kind::kTuple)) {
      if (!spend(static_cast<std::uint64_t>(count)) ||
          !spend(subject.items().size() * static_cast<std::uint64_t>(count))) {
        return {};
      }
      std::vector<Value> items;
      for (std::int64_t i = 0; i < count; ++i) {
        items.insert(items.end(), subject.items().begin(), subject.items().end());
      }
      return sequence(subject.kind(), items);
    }
  }
  if (kind == ExpressionKind::kModulo && a.is_string()) return format_percent(a, b);
  if (a.is_undefined() || b.is_undefined()) return fail("arithmetic with an undefined value");
  if (!is_number(a) || !is_number(b)) return fail("unsupported operand types");
  const bool integers = is_integral(a) && is_integral(b);
  if (integers && kind != ExpressionKind::kDivide) {
    const std::int64_t x = integral(a), y = integral(b);
    std::int64_t out = 0;
    bool overflow = false;
    switch (kind) {
      case ExpressionKind::kAdd:
        overflow = __builtin_add_overflow(x, y, &out);
        break;
      case ExpressionKind::kSubtract:
        overflow = __builtin_sub_overflow(x, y, &out);
        break;
      case ExpressionKind::kMultiply:
        overflow = __builtin_mul_overflow(x, y, &out);
        break;
      case ExpressionKind::kPower: {
        if (y < 0) {
          if (x == 0) return fail("0 cannot be raised to a negative power");
          return Value::real(std::pow(static_cast<double>(x), static_cast<double>(y)));
        }
        out = 1;
        std::int64_t base = x;
        for (std::int64_t rest = y; rest > 0 && !overflow; rest >>= 1) {
          if (rest & 1) overflow = __builtin_mul_overflow(out, base, &out);
          if (rest > 1 && !overflow) overflow = __builtin_mul_overflow(base, base, &base);
        }
        break;
      }
      default:
        if (y == 0) return fail("integer division or modulo by zero");
        if (y == -1) {
          if (kind == ExpressionKind::kModulo) return Value::integer(0);
          overflow = __builtin_sub_overflow(std::int64_t{0}, x, &out);
        } else {
          out = kind == ExpressionKind::kModulo ? x - floor_divide(x, y) * y : floor_divide(x, y);
        }
    }
    return overflow ? fail("an integer beyond 64 bits") : Value::integer(out);
  }
  const double x = real_of(a), y = real_of(b);
  switch (kind) {
    case ExpressionKind::kAdd:
      return Value::real(x + y);
    case ExpressionKind::kSubtract:
      return Value::real(x - y);
    case ExpressionKind::kMultiply:
      return Value::real(x * y);
    case ExpressionKind::kPower: {
      const double power = std::pow(x, y);
      if (x < 0 && std::floor(y) != y) return fail("complex numbers are not supported");
      if (std::isfinite(x) && std::isfinite(y) && !std::isfinite(power))
        return fail("the result of ** is no finite number");
      return Value::real(power);
    }
    default:
      break;
  }
  if (y == 0) return fail("division by zero");
  if (kind == ExpressionKind::kDivide) return Value::real(x / y);
  if (kind == ExpressionKind::kModulo) return Value::real(floor_modulo(x, y));
  return Value::real(floor_divide(x, y));
}

Value Interpreter::length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return Value::integer(0);
    case Kind::kString:
      if (!spend_bytes(value.text().size())) return {};
      return Value::integer(static_cast<std::int64_t>(length_of(value.text())));
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kView:
      return Value::integer(static_cast<std::int64_t>(value.items().size()));
    case Kind::kDict:
      return Value::integer(static_cast<std::int64_t>(value.entries().size()));
    case Kind::kLoop:
      return Value::integer(static_cast<std::int64_t>(value.as_loop()->items.size()));
    default:
      return fail("a value without a length");
  }
}

std::span<const Value> Interpreter::iterate(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return {};
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kView:
      return value.items();
    case Kind::kIterator: {
      Iterator& state = *value.as_iterator();
      if (state.consumed) return {};
      state.consumed = true;
      return state.items;
    }
    case Kind::kDict: {
      std::vector<Value> keys;
      keys.reserve(value.entries().size());
      for (const Entry& entry : value.entries()) keys.push_back(entry.key);
      return sequence(Kind::kView, keys).items();
    }
    case Kind::kString: {
      if (!spend(1 + value.text().size())) return {};
      std::vector<Value> characters;
      for (std::string_view rest = value.text(); !rest.empty();) {
        const std::size_t size = first_code_point(rest).size;
        characters.push_back(Value::string(rest.substr(0, size)));
        rest.remove_prefix(size);
      }
      return sequence(Kind::kView, characters).items();
    }
    default:
      fail("a value that cannot be iterated");
      return {};
  }
}

Value Interpreter::item(const Value& subject, const Value& key) {
  if (failed_) return {};
  switch (subject.kind()) {
    case Kind::kDict:
      for (const Entry& entry : subject.entries()) {
        if (equal(entry.key, key)) return entry.value;
      }
      break;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
    case Kind::kString: {
      if (!is_integral(key)) break;
      const bool is_text = subject.is_string();
      const std::int64_t size = length(subject).as_integer();
      std::int64_t index = integral(key);
      if (index < 0) index += size;
      if (index < 0 || index >= size) return {};
      if (!is_text) return subject.items()[static_cast<std::size_t>(index)];
      if (!spend_bytes(subject.text().size())) return {};
      const std::string_view rest = from_code_point(subject.text(), static_cast<std::size_t>(index));
      return Value::string(rest.substr(0, first_code_point(rest).size));
    }
    case Kind::kUndefined:
      return fail("an item of an undefined value");
    default:
      break;
  }
  return key.is_string() ? attribute(subject, key, method_of(key.text())) : Value();
}

Value Interpreter::attribute(const Value& subject, const Value& name, Method method) {
  if (method != Method::kUnknown && method != Method::kForbidden && has_method(subject, method)) {
    const BoundMethod* bound = heap_.make<BoundMethod>(subject, method);
    return bound == nullptr ? fail_limit("out of heap") : Value::method(bound);
  }
  switch (subject.kind()) {
    case Kind::kDict: {
      // Python finds the attribute before the key, and the sandbox hides it.
      for (std::string_view hidden : {"clear", "pop", "popitem", "setdefault", "update", "fromkeys"}) {
        if (name.text() == hidden) return {};
      }
      return spend(1 + subject.entries().size() / 8) ? subject.get(name.text()) : Value();
    }
    case Kind::kLoop:
      return loop_attribute(*subject.as_loop(), name.text());
    case Kind::kNamespace: {
      const Namespace& space = *subject.as_namespace();
      for (std::size_t i = 0; i < space.size; ++i) {
        if (space.room[i].key.text() == name.text()) return space.room[i].value;
      }
      return {};
    }
    case Kind::kRange: {
      const auto [start, stop, step] = subject.range_bounds();
      if (name.text() == "start") return Value::integer(start);
      if (name.text() == "stop") return Value::integer(stop);
      return name.text() == "step" ? Value::integer(step) : Value();
    }
    case Kind::kMacro:
      return name.text() == "name" ? Value::string(subject.as_macro()->statement->name) : Value();
    default:
      return {};
  }
}

Value Interpreter::slice(const Value& subject, const Value& start, const Value& stop, const Value& step) {
  if (subject.is_undefined()) return fail("a slice of an undefined value");
  const bool is_text = subject.is_string();
  const bool is_range = subject.is(Kind::kRange);
  if (!is_text && !subject.is(Kind::kList) && !subject.is(Kind::kTuple) && !is_range)
    return fail("a slice of what has no order");
  for (const Value* part : {&start, &stop, &step}) {
    if (!part->is(Kind::kNone) && !is_integral(*part))
      return {};  // Jinja takes Python's TypeError as "no such item"
  }
  const std::int64_t stride = step.is(Kind::kNone) ? 1 : integral(step);
  if (stride == 0) return fail("slice step cannot be zero");
  const std::int64_t size = length(subject).as_integer();
  if (failed_) return {};
  // As CPython's PySlice_AdjustIndices.
  const std::int64_t low = stride < 0 ? -1 : 0;
  const std::int64_t high = stride < 0 ? size - 1 : size;
  auto adjust = [&](const Value& part, std::int64_t absent) {
    if (part.is(Kind::kNone)) return absent;
    std::int64_t index = integral(part);
    if (index < 0) return std::max(low, std::max(index, -size - 1) + size);
    return std::min(index, high);
  };
  const std::int64_t first = adjust(start, stride < 0 ? high : low);
  const std::int64_t last = adjust(stop, stride < 0 ? low : high);
  if (is_text && stride == 1) {
    if (first >= last || !spend_bytes(subject.text().size())) return Value::string("");
    const std::string_view rest = from_code_point(subject.text(), static_cast<std::size_t>(first));
    const std::string_view after = from_code_point(rest, static_cast<std::size_t>(last - first));
    return Value::string(rest.substr(0, rest.size() - after.size()));
  }
  if (is_range) {
    const auto [from, to, by] = subject.range_bounds();
    std::int64_t begin, end, stride_of_both;
    const bool overflows =
        __builtin_mul_overflow(first, by, &begin) || __builtin_add_overflow(begin, from, &begin) ||
        __builtin_mul_overflow(last, by, &end) || __builtin_add_overflow(end, from, &end) ||
        __builtin_mul_overflow(by, stride, &stride_of_both);
    return overflows ? fail("an integer beyond 64 bits") : range(begin, end, stride_of_both);
  }
  const std::span<const Value> items = is_text ? iterate(subject) : subject.items();
  if (failed_) return {};
  std::vector<Value> taken;
  for (std::int64_t i = first; stride > 0 ? i < last : i > last;) {
    taken.push_back(items[static_cast<std::size_t>(i)]);
    if (__builtin_add_overflow(i, stride, &i)) break;
  }
  if (!is_text) return sequence(subject.kind(), taken);
  std::string out;
  for (const Value& character : taken) out += character.text();
  return string(out);
}

Value Interpreter::path(const Value& subject, const Value& path) {
  if (!path.is_string())
    return subject.is_undefined() ? fail("an item of an undefined value") : item(subject, path);
  Value value = subject;
  for (std::string_view part : split(path.text(), ".", -1)) {
    if (failed_) return {};
    if (value.is_undefined()) return fail("'" + std::string(part) + "' of an undefined value");
    const bool is_index = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    value = item(value, is_index && part.size() < 18 ? Value::integer(std::stoll(std::string(part)))
                                                     : Value::string(part));
  }
  return value;
}

}  // namespace ciyuan::jinja
