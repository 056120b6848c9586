/// str.format, and the % operator on text with the filter `format`.

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/internal/format.h"
#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

namespace {

/// As CPython: the text, the specifications of its fields, and those of the fields within them.
constexpr int kFormatDepthMax = 3;

bool is_index(std::string_view text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
}
std::int64_t index_of(std::string_view text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// One replacement field: {name!conversion:specification}.
struct Field {
  std::string_view name;
  char conversion = 0;
  std::string_view specification;
};

/// Cuts the field off the front of `text`, which begins after its brace; false if it does not end.
bool take_field(std::string_view& text, Field& out) {
  std::size_t at = 0;
  bool in_brackets = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '[') in_brackets = true;
    if (c == ']') in_brackets = false;
    if (c == '{') return false;
    if (!in_brackets && (c == '}' || c == '!' || c == ':')) break;
  }
  if (at == text.size()) return false;
  out.name = text.substr(0, at);
  if (text[at] == '!') {
    if (at + 2 >= text.size() || (text[at + 2] != ':' && text[at + 2] != '}')) return false;
    out.conversion = text[at + 1];
    at += 2;
  }
  if (text[at] == ':') {
    const std::size_t start = ++at;
    int nesting = 0;
    for (; at < text.size() && (nesting > 0 || text[at] != '}'); ++at) {
      nesting += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
    }
    if (at >= text.size()) return false;
    out.specification = text.substr(start, at - start);
  }
  text.remove_prefix(at + 1);
  return true;
}

}  // namespace

void Interpreter::append_formatted(std::string& out, const Value& value, std::string_view specification) {
  const bool is_number = value.is(Kind::kInteger) || value.is(Kind::kBoolean) || value.is(Kind::kReal);
  if (specification.empty()) return append_text(out, value, false);
  if (!is_number && !value.is_string()) return static_cast<void>(fail("a value that takes no format"));
  const Result<FormatSpec> spec = parse_format_spec(specification, value.is_string());
  if (!spec.ok()) return static_cast<void>(fail(spec.error().message));
  append_formatted(out, value, *spec);
}

void Interpreter::append_formatted(std::string& out, const Value& value, const FormatSpec& spec) {
  const std::size_t bytes = value.is_string() ? value.text().size() : 0;
  if (!may_build(out.size() + format_bytes_max(spec, bytes))) return;
  const bool as_real =
      value.is(Kind::kReal) ||
      (spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos);
  const auto real = value.is(Kind::kReal) ? value.as_real() : static_cast<double>(value.as_integer());
  const Result<std::string> text = value.is_string() ? format_text(spec, value.text())
                                   : as_real         ? format_real(spec, real)
                                                     : format_integer(spec, value.as_integer());
  if (!text.ok()) return static_cast<void>(fail(text.error().message));
  out += *text;
}

// ---- str.format

Value Interpreter::format_field(std::string_view name, const Arguments& arguments, FormatCursor& cursor) {
  const std::size_t end = std::min(name.find_first_of(".["), name.size());
  std::string_view first = name.substr(0, end), rest = name.substr(end);
  Value value;
  if (name.empty() || is_index(first)) {
    const bool is_automatic = name.empty();
    if (cursor.numbering != 0 && cursor.numbering != (is_automatic ? 'a' : 'm'))
      return fail("format: numbered and unnumbered fields in one text");
    cursor.numbering = is_automatic ? 'a' : 'm';
    const auto index = is_automatic ? cursor.next++ : static_cast<std::size_t>(index_of(first));
    if (index >= arguments.positional.size()) return fail("format: there are not as many values as fields");
    value = arguments.positional[index];
  } else {
    const Value* found = arguments.find(SIZE_MAX, first);
    if (found == nullptr) return fail("format: no value named '" + std::string(first) + "'");
    value = *found;
  }
  while (!rest.empty() && !failed_) {
    const bool is_attribute = rest[0] == '.';
    const std::size_t stop =
        is_attribute ? std::min(rest.find_first_of(".[", 1), rest.size()) : rest.find(']');
    if (stop == std::string_view::npos || stop == 1) return fail("format: a field's name is cut off");
    const std::string_view key = rest.substr(1, stop - 1);
    if (value.is_undefined()) return fail("format: '" + std::string(key) + "' of an undefined value");
    value = is_attribute    ? attribute(value, Value::string(key), method_of(key))
            : is_index(key) ? item(value, Value::integer(index_of(key)))
                            : item(value, Value::string(key));
    rest.remove_prefix(is_attribute ? stop : stop + 1);
    if (!rest.empty() && rest[0] != '.' && rest[0] != '[')
      return fail("format: only '.' or '[' may follow ']'");
  }
  return value;
}

void Interpreter::append_format(std::string& out, std::string_view text, const Arguments& arguments,
                                FormatCursor& cursor, int depth) {
  if (depth > kFormatDepthMax) return static_cast<void>(fail("format: fields nested too deeply"));
  while (!text.empty() && !failed_) {
    const std::size_t plain = std::min(text.find_first_of("{}"), text.size());
    if (!may_build(out.size() + plain)) return;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    if (text.size() > 1 && text[1] == text[0]) {
      out += text[0];
      text.remove_prefix(2);
      continue;
    }
    Field field;
    const bool opens = text[0] == '{';
    text.remove_prefix(1);
    if (!opens || !take_field(text, field)) return static_cast<void>(fail("format: a single brace"));
    Value value = format_field(field.name, arguments, cursor);
    if (failed_) return;
    if (field.conversion == 'r') {
      std::string quoted;
      append_text(quoted, value, true);
      value = string(quoted);
    } else if (field.conversion == 's') {
      value = Value::string(text_of(value));
    } else if (field.conversion != 0) {
      return static_cast<void>(fail("format: this conversion is not supported"));
    }
    std::string specification;
    append_format(specification, field.specification, arguments, cursor, depth + 1);
    if (!failed_) append_formatted(out, value, specification);
  }
}

Value Interpreter::format_braces(const Value& receiver, const Arguments& arguments) {
  if (receiver.is_safe()) return fail("format of a text marked safe is not supported");
  FormatCursor cursor;
  std::string out;
  append_format(out, receiver.text(), arguments, cursor, 1);
  return failed_ ? Value() : string(out);
}

// ---- the % operator

namespace {

/// %[(key)][flags][width][.precision][length]type
struct Conversion {
  bool has_key = false;
  std::string_view key;
  std::string_view flags;
  bool width_is_given = false, precision_is_given = false;  // by the next value: *
  std::int64_t width = -1, precision = -1;
  char type = 0;
};

bool take_digits(std::string_view& text, std::int64_t& out) {
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
    out = std::max<std::int64_t>(out, 0) * 10 + (text[0] - '0');
    if (out > INT32_MAX) return false;
  }
  return true;
}

/// `text` begins after the percent sign.
bool take_conversion(std::string_view& text, Conversion& out) {
  if (text.starts_with('(')) {
    int nesting = 0;
    std::size_t at = 0;
    do {
      nesting += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    } while (++at < text.size() && nesting > 0);
    if (nesting > 0) return false;
    out.has_key = true;
    out.key = text.substr(1, at - 2);
    text.remove_prefix(at);
  }
  const std::size_t flags = std::min(text.find_first_not_of("-+ #0"), text.size());
  out.flags = text.substr(0, flags);
  text.remove_prefix(flags);
  out.width_is_given = text.starts_with('*');
  if (out.width_is_given) text.remove_prefix(1);
  if (!out.width_is_given && !take_digits(text, out.width)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    out.precision = 0;
    out.precision_is_given = text.starts_with('*');
    if (out.precision_is_given) text.remove_prefix(1);
    if (!out.precision_is_given && !take_digits(text, out.precision)) return false;
  }
  if (!text.empty() && (text[0] == 'h' || text[0] == 'l' || text[0] == 'L')) text.remove_prefix(1);
  if (text.empty()) return false;
  out.type = text[0];
  text.remove_prefix(1);
  return true;
}

}  // namespace

/// The next of the values on the right, as Python hands them out; fails when there is none.
Value Interpreter::next_operand(PercentOperands& operands) {
  if (operands.next < operands.values.size()) return operands.values[operands.next++];
  return fail("not enough arguments for format string");
}

void Interpreter::append_conversion(std::string& out, const Value& value, char type, FormatSpec spec) {
  const bool is_real = value.is(Kind::kReal);
  const bool is_integral = value.is(Kind::kInteger) || value.is(Kind::kBoolean);
  std::string text;
  if (type == 's' || type == 'r') {
    append_text(text, value, type == 'r');
  } else if (type == 'c') {
    if (value.is_string() ? length_of(value.text()) != 1 : !is_integral)
      return static_cast<void>(fail("%c requires an integer or a character"));
    if (value.is_string()) text = value.text();
    if (is_integral && (value.as_integer() < 0 || value.as_integer() > 0x10FFFF))
      return static_cast<void>(fail("%c: no such character"));
    if (is_integral) append_code_point(text, static_cast<std::uint32_t>(value.as_integer()));
    spec.precision = -1;
  } else {
    if (value.is(Kind::kBigInteger)) return static_cast<void>(fail("an integer beyond 64 bits in a format"));
    const bool wants_real = std::string_view("eEfFgG").find(type) != std::string_view::npos;
    const bool is_decimal = type == 'd' || type == 'i' || type == 'u';
    if (!wants_real && !is_decimal && std::string_view("xXo").find(type) == std::string_view::npos)
      return static_cast<void>(fail("unsupported format character"));
    if (!is_integral && !(is_real && (wants_real || is_decimal)))
      return static_cast<void>(fail("a format that needs a number"));
    spec.type = is_decimal ? 'd' : type;
    if (wants_real)
      return append_formatted(
          out, Value::real(is_real ? value.as_real() : static_cast<double>(value.as_integer())), spec);
    if (is_real && !(std::fabs(value.as_real()) < 9.2e18))
      return static_cast<void>(fail("an integer beyond 64 bits in a format"));
    const std::int64_t number = is_real ? static_cast<std::int64_t>(value.as_real()) : value.as_integer();
    const auto digits_min = static_cast<std::size_t>(std::max<std::int64_t>(spec.precision, 0));
    spec.precision = -1;
    if (digits_min == 0) return append_formatted(out, Value::integer(number), spec);
    // A precision is the least number of digits; sign and prefix stand before them.
    if (!may_build(out.size() + digits_min)) return;
    FormatSpec bare = spec;
    bare.width = -1;
    append_formatted(text, Value::integer(number), bare);
    const std::size_t start = text.find_first_not_of("+- ") + (spec.alternate && !is_decimal ? 2 : 0);
    if (text.size() - start < digits_min) text.insert(start, digits_min - (text.size() - start), '0');
    // Zeros up to the width go where those of the precision went.
    const auto width = static_cast<std::size_t>(std::max<std::int64_t>(spec.width, 0));
    if (spec.align == '=' && text.size() < width) {
      if (!may_build(out.size() + width)) return;
      text.insert(start, width - text.size(), '0');
    }
  }
  FormatSpec around;
  around.width = spec.width;
  around.align = spec.align == '<' ? '<' : '>';
  around.precision = type == 's' || type == 'r' ? spec.precision : -1;
  if (!failed_) append_formatted(out, Value::string(text), around);
}

Value Interpreter::format_percent(const Value& receiver, const Value& operand) {
  if (receiver.is_safe()) return fail("the % operator on a text marked safe is not supported");
  PercentOperands operands{operand.is(Kind::kTuple) ? operand.items() : std::span<const Value>(&operand, 1),
                           0};
  // What Python takes for a mapping may be left over.
  const bool may_be_left =
      operand.is_dict() || operand.is(Kind::kList) || operand.is(Kind::kRange) || operand.is_undefined();
  std::string out;
  Value keyed;
  for (std::string_view text = receiver.text(); !text.empty() && !failed_;) {
    const std::size_t plain = std::min(text.find('%'), text.size());
    if (!may_build(out.size() + plain)) return {};
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.starts_with('%')) {
      out += '%';
      text.remove_prefix(1);
      continue;
    }
    Conversion conversion;
    if (!take_conversion(text, conversion)) return fail("incomplete format");
    if (conversion.has_key) {
      if (!operand.is_dict()) return fail("format requires a mapping");
      const Value* found = operand.find(conversion.key);
      if (found == nullptr) return fail("no value named '" + std::string(conversion.key) + "'");
      keyed = *found;
      operands = {std::span<const Value>(&keyed, 1), 0};
    }
    FormatSpec spec;
    for (char flag : conversion.flags) {
      if (flag == '#') spec.alternate = true;
      if (flag == '+' || (flag == ' ' && spec.sign == '-')) spec.sign = flag;
      if (flag == '0' && spec.align == 0) spec.align = '=', spec.fill = "0";
      if (flag == '-') spec.align = '<', spec.fill = " ";
    }
    spec.width = conversion.width;
    spec.precision = conversion.precision;
    for (const bool is_width : {true, false}) {
      if (!(is_width ? conversion.width_is_given : conversion.precision_is_given)) continue;
      const Value given = next_operand(operands);
      if (!given.is(Kind::kInteger) || std::abs(given.as_integer()) > INT32_MAX)
        return fail("* wants an integer");
      if (is_width && given.as_integer() < 0) spec.align = '<', spec.fill = " ";
      (is_width ? spec.width : spec.precision) =
          is_width ? std::abs(given.as_integer()) : std::max<std::int64_t>(given.as_integer(), 0);
    }
    const Value value = next_operand(operands);
    if (!failed_) append_conversion(out, value, conversion.type, spec);
  }
  if (!failed_ && !may_be_left && operands.next < operands.values.size())
    return fail("not all arguments converted during string formatting");
  return failed_ ? Value() : string(out);
}

}  // namespace ciyuan::jinja
