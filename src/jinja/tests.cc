/// What may stand behind `is`.

#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

Test test_of(std::string_view name) {
  static const std::unordered_map<std::string_view, Test> kTests = {
      {"boolean", Test::kBoolean},
      {"callable", Test::kCallable},
      {"defined", Test::kDefined},
      {"divisibleby", Test::kDivisibleby},
      {"eq", Test::kEqual},
      {"equalto", Test::kEqual},
      {"==", Test::kEqual},
      {"even", Test::kEven},
      {"false", Test::kFalse},
      {"float", Test::kFloat},
      {"gt", Test::kGreater},
      {"greaterthan", Test::kGreater},
      {">", Test::kGreater},
      {"ge", Test::kGreaterEqual},
      {">=", Test::kGreaterEqual},
      {"in", Test::kIn},
      {"integer", Test::kInteger},
      {"iterable", Test::kIterable},
      {"lt", Test::kLess},
      {"lessthan", Test::kLess},
      {"<", Test::kLess},
      {"le", Test::kLessEqual},
      {"<=", Test::kLessEqual},
      {"lower", Test::kLower},
      {"mapping", Test::kMapping},
      {"none", Test::kNone},
      {"ne", Test::kNotEqual},
      {"!=", Test::kNotEqual},
      {"number", Test::kNumber},
      {"odd", Test::kOdd},
      {"sameas", Test::kSameas},
      {"sequence", Test::kSequence},
      {"string", Test::kString},
      {"true", Test::kTrue},
      {"undefined", Test::kUndefined},
      {"upper", Test::kUpper},
  };
  const auto found = kTests.find(name);
  return found == kTests.end() ? Test::kUnknown : found->second;
}

bool Interpreter::test(Test which, std::string_view name, const Value& v, const Arguments& arguments) {
  const bool has_argument = !arguments.positional.empty() || !arguments.named.empty();
  const bool takes_one = which == Test::kDivisibleby || which == Test::kIn || which == Test::kSameas ||
                         which == Test::kEqual || which == Test::kNotEqual || which == Test::kLess ||
                         which == Test::kLessEqual || which == Test::kGreater || which == Test::kGreaterEqual;
  if (which != Test::kUnknown && takes_one != has_argument) {
    fail("test '" + std::string(name) + "' takes " + (takes_one ? "an argument" : "no argument"));
    return false;
  }
  const Value other = !takes_one                     ? Value()
                      : arguments.positional.empty() ? arguments.named[0].second
                                                     : arguments.positional[0];
  switch (which) {
    case Test::kUnknown:
      fail("no test named '" + std::string(name) + "'");
      return false;
    case Test::kDefined:
      return !v.is_undefined();
    case Test::kUndefined:
      return v.is_undefined();
    case Test::kNone:
      return v.is(Kind::kNone);
    case Test::kBoolean:
      return v.is(Kind::kBoolean);
    case Test::kTrue:
      return v.is(Kind::kBoolean) && v.as_boolean();
    case Test::kFalse:
      return v.is(Kind::kBoolean) && !v.as_boolean();
    case Test::kString:
      return v.is_string();
    case Test::kMapping:
      return v.is_dict();
    case Test::kInteger:
      return v.is(Kind::kInteger) || v.is(Kind::kBigInteger);
    case Test::kFloat:
      return v.is(Kind::kReal);
    case Test::kNumber:
      return v.is(Kind::kInteger) || v.is(Kind::kBigInteger) || v.is(Kind::kReal) || v.is(Kind::kBoolean);
    case Test::kSequence:
      return v.is_undefined() || v.is_string() || v.is(Kind::kList) || v.is(Kind::kTuple) ||
             v.is(Kind::kRange) || v.is_dict();
    case Test::kIterable:
      return v.is_undefined() || v.is_string() || v.has_items() || v.is_dict() || v.is(Kind::kIterator) ||
             v.is(Kind::kLoop);
    case Test::kCallable:
      return v.is_undefined() || v.is(Kind::kMacro) || v.is(Kind::kMethod) || v.is(Kind::kFunction) ||
             v.is_undefined();
    case Test::kEqual:
      return equal(v, other);
    case Test::kNotEqual:
      return !equal(v, other);
    case Test::kLess:
      return compare(Comparison::kLess, v, other);
    case Test::kLessEqual:
      return compare(Comparison::kLessEqual, v, other);
    case Test::kGreater:
      return compare(Comparison::kGreater, v, other);
    case Test::kGreaterEqual:
      return compare(Comparison::kGreaterEqual, v, other);
    case Test::kIn:
      return contains(other, v);
    case Test::kSameas:
      return v.kind() == other.kind() && equal(v, other);
    case Test::kLower:
      return is_lower(text_of(v));
    case Test::kUpper:
      return is_upper(text_of(v));
    case Test::kEven:
    case Test::kOdd: {
      const Value rest = arithmetic(ExpressionKind::kModulo, v, Value::integer(2));
      return !failed_ && equal(rest, Value::integer(which == Test::kOdd ? 1 : 0));
    }
    case Test::kDivisibleby: {
      const Value rest = arithmetic(ExpressionKind::kModulo, v, other);
      return !failed_ && equal(rest, Value::integer(0));
    }
  }
  return false;
}

}  // namespace ciyuan::jinja
