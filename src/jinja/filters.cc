/// Filters on one value; those that walk over sequences are in sequence_filters.cc.

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

Filter filter_of(std::string_view name) {
  static const std::unordered_map<std::string_view, Filter> kFilters = {
      {"abs", Filter::kAbs},
      {"attr", Filter::kAttr},
      {"capitalize", Filter::kCapitalize},
      {"count", Filter::kLength},
      {"d", Filter::kDefault},
      {"default", Filter::kDefault},
      {"dictsort", Filter::kDictsort},
      {"e", Filter::kEscape},
      {"escape", Filter::kEscape},
      {"first", Filter::kFirst},
      {"float", Filter::kFloat},
      {"format", Filter::kFormat},
      {"indent", Filter::kIndent},
      {"int", Filter::kInt},
      {"items", Filter::kItems},
      {"join", Filter::kJoin},
      {"last", Filter::kLast},
      {"length", Filter::kLength},
      {"list", Filter::kList},
      {"lower", Filter::kLower},
      {"map", Filter::kMap},
      {"max", Filter::kMax},
      {"min", Filter::kMin},
      {"reject", Filter::kReject},
      {"rejectattr", Filter::kRejectattr},
      {"replace", Filter::kReplace},
      {"reverse", Filter::kReverse},
      {"round", Filter::kRound},
      {"safe", Filter::kSafe},
      {"select", Filter::kSelect},
      {"selectattr", Filter::kSelectattr},
      {"sort", Filter::kSort},
      {"string", Filter::kString},
      {"sum", Filter::kSum},
      {"title", Filter::kTitle},
      {"tojson", Filter::kTojson},
      {"trim", Filter::kTrim},
      {"unique", Filter::kUnique},
      {"upper", Filter::kUpper},
      {"wordcount", Filter::kWordcount},
  };
  const auto found = kFilters.find(name);
  return found == kFilters.end() ? Filter::kUnknown : found->second;
}

namespace {

/// Jinja's title filter: each run between blanks, hyphens and opening brackets gets one capital.
std::string title_words(std::string_view text) {
  std::string out;
  std::size_t start = 0;
  auto flush = [&](std::size_t end) {
    const std::string_view word = text.substr(start, end - start);
    if (word.empty()) return;
    const std::size_t size = first_code_point(word).size;
    out += upper(word.substr(0, size));
    out += lower(word.substr(size));
  };
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint point = first_code_point(text.substr(i));
    const char32_t c = point.value;
    if (c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || is_space(c)) {
      flush(i);
      out += text.substr(i, point.size);
      start = i + point.size;
    }
    i += point.size;
  }
  flush(text.size());
  return out;
}

std::string indent_lines(std::string_view text, const std::string& indention, bool first, bool blank) {
  const std::string whole = std::string(text) + "\n";
  std::string out = first ? indention : "";
  bool is_first = true;
  for (std::string_view line : split_lines(whole, false)) {
    if (!is_first) {
      out += '\n';
      if (blank || !line.empty()) out += indention;
    }
    is_first = false;
    out += line;
  }
  return out;
}

/// Python's int(text, base): false if it is none. Beyond 64 bits `digits` says what it is, and `out` nothing.
bool parse_integer(std::string_view text, int base, std::int64_t& out, std::string& digits);

/// Python's float() of text: blanks around it, underscores between digits.
std::string number_text(std::string_view text) {
  std::string out(strip_space(text, true, true));
  for (std::size_t i = 1; i + 1 < out.size(); ++i) {
    if (out[i] == '_' && out[i - 1] >= '0' && out[i - 1] <= '9' && out[i + 1] >= '0' && out[i + 1] <= '9')
      out.erase(i--, 1);
  }
  if (out.starts_with('+') && out.size() > 1 && out[1] != '-') out.erase(0, 1);
  return out;
}

template <class Number, class... Options>
bool parse_number(const std::string& text, Number& out, Options... options) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out, options...);
  return !text.empty() && text.back() != ')' && parsed.ec == std::errc() &&
         parsed.ptr == text.data() + text.size();
}

bool to_real(const Value& value, double& out) {
  switch (value.kind()) {
    case Kind::kReal:
      out = value.as_real();
      return true;
    case Kind::kInteger:
    case Kind::kBoolean:
      out = static_cast<double>(value.as_integer());
      return true;
    case Kind::kBigInteger:
    case Kind::kString:
      return parse_number(number_text(value.text()), out);
    default:
      return false;
  }
}

bool parse_integer(std::string_view text, int base, std::int64_t& out, std::string& digits) {
  text = strip_space(text, true, true);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked != 0 && (base == 0 || base == marked)) {
      base = marked;
      text.remove_prefix(2);
      if (text.starts_with('_')) text.remove_prefix(1);
    }
  }
  if (base == 0) base = 10;
  digits = negative ? "-" : "";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
    } else if (i == 0 || i + 1 == text.size() || text[i - 1] == '_') {
      return false;
    }
  }
  if (text.empty() || text[0] == '-') return false;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  if (parsed.ptr != digits.data() + digits.size() || parsed.ec == std::errc::invalid_argument) return false;
  if (parsed.ec == std::errc()) {
    digits.clear();
  } else {
    const std::size_t sign = negative ? 1 : 0;
    digits.erase(sign, digits.find_first_not_of('0', sign) - sign);
  }
  return true;
}

/// Python's round(): to even at exact halves, on the decimal that is nearest.
double rounded(double value, std::int64_t precision, std::string_view method) {
  if (method == "common") {
    if (precision <= 0 && precision > -15) {
      const double scale = std::pow(10.0, static_cast<double>(-precision));
      return std::nearbyint(value / scale) * scale;
    }
    char buffer[512];
    const int places = static_cast<int>(std::min<std::int64_t>(precision, 30));
    if (std::fabs(value) > 1e22) return value;
    std::snprintf(buffer, sizeof buffer, "%.*f", places, value);
    return std::strtod(buffer, nullptr);
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  return (method == "ceil" ? std::ceil(value * scale) : std::floor(value * scale)) / scale;
}

}  // namespace

Value Interpreter::text_filter(Filter which, const Value& subject, const Arguments& arguments) {
  const std::string_view text = text_of(subject);
  if (!spend_bytes(text.size())) return {};
  const auto same_safety = [&](Value out) { return subject.is_safe() ? out.marked_safe() : out; };
  switch (which) {
    case Filter::kTrim: {
      const Value characters = arguments.get(0, "chars", Value::none());
      const std::string_view stripped = characters.is_string()
                                            ? strip_any(text, characters.text(), true, true)
                                            : strip_space(text, true, true);
      return same_safety(Value::string(stripped));
    }
    case Filter::kUpper:
      return same_safety(string(upper(text)));
    case Filter::kLower:
      return same_safety(string(lower(text)));
    case Filter::kCapitalize:
      return same_safety(string(capitalize(text)));
    case Filter::kTitle:
      return string(title_words(text));
    case Filter::kString:
      return subject.is_string() ? subject : Value::string(text);
    case Filter::kSafe:
      return Value::string(text).marked_safe();
    case Filter::kEscape:
      return subject.is_safe() ? subject : string(escape_html(text)).marked_safe();
    case Filter::kReplace: {
      const Value *from = arguments.find(0, "old"), *to = arguments.find(1, "new");
      if (from == nullptr || to == nullptr) return fail("replace takes two texts");
      return replaced(text, text_of(*from), text_of(*to), arguments.get(2, "count", Value::none()));
    }
    case Filter::kIndent: {
      if (!subject.is_string()) return fail("indent needs a string");
      const Value width = arguments.get(0, "width", Value::integer(4));
      const bool first = truth(arguments.get(1, "first", Value::boolean(false)));
      const bool blank = truth(arguments.get(2, "blank", Value::boolean(false)));
      std::string indention;
      if (width.is_string()) {
        indention = width.text();
      } else if (width.is(Kind::kInteger)) {
        const auto spaces = static_cast<std::size_t>(std::max<std::int64_t>(width.as_integer(), 0));
        if (!may_build(spaces)) return {};
        indention.assign(spaces, ' ');
      } else {
        return fail("indent: the width must be an integer or a string");
      }
      const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 2;
      if (!spend(1 + text.size() / 8) || !may_build(text.size() + lines * indention.size())) return {};
      return string(indent_lines(text, indention, first, blank));
    }
    case Filter::kFormat: {
      if (!arguments.positional.empty() && !arguments.named.empty())
        return fail("format takes named values or unnamed ones, not both");
      if (arguments.named.empty())
        return format_percent(Value::string(text), sequence(Kind::kTuple, arguments.positional));
      std::vector<Entry> entries;
      for (const Named& named : arguments.named)
        entries.push_back({Value::string(named.first), named.second});
      return format_percent(Value::string(text), Value::dict(entries));
    }
    case Filter::kWordcount: {
      std::int64_t words = 0;
      bool inside = false;
      for (std::string_view rest = text; !rest.empty();) {
        const CodePoint point = first_code_point(rest);
        const bool is_word = is_alpha(point.value) || is_decimal(point.value) || point.value == '_';
        words += is_word && !inside ? 1 : 0;
        inside = is_word;
        rest.remove_prefix(point.size);
      }
      return Value::integer(words);
    }
    default:
      return {};
  }
}

Value Interpreter::integer_of(const Value& subject, const Arguments& arguments) {
  if (subject.is(Kind::kInteger) || subject.is(Kind::kBoolean)) return Value::integer(subject.as_integer());
  const Value fallback = arguments.get(0, "default", Value::integer(0));
  if (subject.is_string()) {
    const Value base = arguments.get(1, "base", Value::integer(10));
    const bool base_ok = base.is(Kind::kInteger) && base.as_integer() >= 0 && base.as_integer() <= 36 &&
                         base.as_integer() != 1;
    std::int64_t value = 0;
    std::string digits;
    if (base_ok && parse_integer(subject.text(), static_cast<int>(base.as_integer()), value, digits)) {
      if (digits.empty()) return Value::integer(value);
      if (base.as_integer() != 10) return fail("an integer beyond 64 bits that is not decimal");
      return Value::big_integer(string(digits).text());
    }
  }
  double real = 0;
  if (!to_real(subject, real) || !std::isfinite(real)) return fallback;
  if (std::fabs(real) < 9.2e18) return Value::integer(static_cast<std::int64_t>(real));
  char digits[400];  // a double has 309 at most
  const int size = std::snprintf(digits, sizeof digits, "%.0f", real);
  return Value::big_integer(string({digits, static_cast<std::size_t>(size)}).text());
}

Value Interpreter::filter(Filter which, std::string_view name, const Value& subject,
                          const Arguments& arguments) {
  switch (which) {
    case Filter::kUnknown:
      return fail("no filter named '" + std::string(name) + "'");
    case Filter::kTojson:
      return json(subject, arguments);
    case Filter::kLength:
      return length(subject);
    case Filter::kDefault: {
      const bool loose = truth(arguments.get(1, "boolean", Value::boolean(false)));
      const bool absent = subject.is_undefined() || (loose && !truth(subject));
      return absent ? arguments.get(0, "default_value", Value::string("")) : subject;
    }
    case Filter::kAttr: {
      const Value key = arguments.get(0, "name");
      if (subject.is_undefined()) return fail("an attribute of an undefined value");
      // As getattr does: a dictionary's keys are no attributes.
      if (subject.is_dict() && !has_method(subject, method_of(text_of(key)))) return {};
      return attribute(subject, key, method_of(text_of(key)));
    }
    case Filter::kInt: {
      if (subject.is_undefined()) return fail("int of an undefined value");
      if (subject.is(Kind::kBigInteger)) return subject;
      if (subject.is(Kind::kReal) && std::isinf(subject.as_real()))
        return fail("cannot convert float infinity to integer");
      return integer_of(subject, arguments);
    }
    case Filter::kFloat: {
      if (subject.is_undefined()) return fail("float of an undefined value");
      double value = 0;
      return to_real(subject, value) ? Value::real(value) : arguments.get(0, "default", Value::real(0));
    }
    case Filter::kAbs: {
      if (subject.is(Kind::kReal)) return Value::real(std::fabs(subject.as_real()));
      const Value zero = Value::integer(0);
      return compare(Comparison::kLess, subject, zero) ? arithmetic(ExpressionKind::kSubtract, zero, subject)
                                                       : arithmetic(ExpressionKind::kAdd, zero, subject);
    }
    case Filter::kRound: {
      double value = 0;
      const Value precision = arguments.get(0, "precision", Value::integer(0));
      const std::string_view method = text_of(arguments.get(1, "method", Value::string("common")));
      if (subject.is_string() || !to_real(subject, value)) return fail("round needs a number");
      if (method != "common" && method != "ceil" && method != "floor") return fail("round: unknown method");
      if (method == "common" && (subject.is(Kind::kInteger) || subject.is(Kind::kBoolean)) &&
          precision.as_integer() >= 0) {
        return Value::integer(subject.as_integer());
      }
      return Value::real(rounded(value, precision.as_integer(), method));
    }
    case Filter::kCapitalize:
    case Filter::kEscape:
    case Filter::kFormat:
    case Filter::kIndent:
    case Filter::kLower:
    case Filter::kReplace:
    case Filter::kSafe:
    case Filter::kString:
    case Filter::kTitle:
    case Filter::kTrim:
    case Filter::kUpper:
    case Filter::kWordcount:
      return text_filter(which, subject, arguments);
    default:
      return sequence_filter(which, subject, arguments);
  }
}

}  // namespace ciyuan::jinja
