#include "jinja/internal/expression_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "jinja/template.h"

namespace ciyuan::jinja {

using Kind_ = ExpressionKind;

Error ExpressionParser::unexpected(std::string_view wanted) const {
  static constexpr const char* kKinds[] = {
      "text", "{{", "}}", "{%", "%}", "name", "string", "integer", "float", "operator", "end of template"};
  std::string found = kKinds[static_cast<int>(token().kind)];
  if (!token().text.empty() && !at(TokenKind::kText)) found += " '" + token().text.substr(0, 40) + "'";
  return error_at(token().line, "expected " + std::string(wanted) + ", found " + found);
}

Result<ExpressionPtr> ExpressionParser::tuple(bool with_conditional) {
  CIYUAN_TRY(ExpressionPtr first, with_conditional ? expression() : or_expression());
  if (!at_operator(",")) return first;
  ExpressionPtr out = make(Kind_::kTuple, std::move(first));
  while (skip_operator(",")) {
    if (at(TokenKind::kOutputEnd) || at(TokenKind::kBlockEnd) || at_operator(")")) break;
    CIYUAN_TRY(ExpressionPtr item, with_conditional ? expression() : or_expression());
    out->children.push_back(std::move(item));
  }
  return out;
}

Result<ExpressionPtr> ExpressionParser::expression() {
  CIYUAN_NEST();
  CIYUAN_TRY(ExpressionPtr value, or_expression());
  while (skip_name("if")) {
    CIYUAN_TRY(ExpressionPtr condition, or_expression());
    ExpressionPtr otherwise;
    if (skip_name("else")) {
      CIYUAN_TRY(otherwise, expression());
    }
    value = make(Kind_::kConditional, std::move(value), std::move(condition), std::move(otherwise));
  }
  return value;
}

Result<ExpressionPtr> ExpressionParser::or_expression() {
  CIYUAN_TRY(ExpressionPtr left, and_expression());
  while (skip_name("or")) {
    CIYUAN_TRY(ExpressionPtr right, and_expression());
    left = make(Kind_::kOr, std::move(left), std::move(right));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::and_expression() {
  CIYUAN_TRY(ExpressionPtr left, not_expression());
  while (skip_name("and")) {
    CIYUAN_TRY(ExpressionPtr right, not_expression());
    left = make(Kind_::kAnd, std::move(left), std::move(right));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::not_expression() {
  CIYUAN_NEST();
  if (skip_name("not")) {
    CIYUAN_TRY(ExpressionPtr operand, not_expression());
    return make(Kind_::kNot, std::move(operand));
  }
  return comparison();
}

Result<ExpressionPtr> ExpressionParser::comparison() {
  CIYUAN_TRY(ExpressionPtr first, sum());
  ExpressionPtr out;
  for (;;) {
    Comparison kind;
    if (skip_operator("==")) {
      kind = Comparison::kEqual;
    } else if (skip_operator("!=")) {
      kind = Comparison::kNotEqual;
    } else if (skip_operator("<=")) {
      kind = Comparison::kLessEqual;
    } else if (skip_operator("<")) {
      kind = Comparison::kLess;
    } else if (skip_operator(">=")) {
      kind = Comparison::kGreaterEqual;
    } else if (skip_operator(">")) {
      kind = Comparison::kGreater;
    } else if (skip_name("in")) {
      kind = Comparison::kIn;
    } else if (at_name("not") && tokens_[next_ + 1].kind == TokenKind::kName &&
               tokens_[next_ + 1].text == "in") {
      next_ += 2;
      kind = Comparison::kNotIn;
    } else {
      break;
    }
    if (!out) out = make(Kind_::kCompare, std::move(first));
    CIYUAN_TRY(ExpressionPtr right, sum());
    out->comparisons.push_back(kind);
    out->children.push_back(std::move(right));
  }
  return out ? std::move(out) : std::move(first);
}

Result<ExpressionPtr> ExpressionParser::sum() {
  CIYUAN_TRY(ExpressionPtr left, concatenation());
  while (at_operator("+") || at_operator("-")) {
    const Kind_ kind = at_operator("+") ? Kind_::kAdd : Kind_::kSubtract;
    ++next_;
    CIYUAN_TRY(ExpressionPtr right, concatenation());
    // a + b + c is one node with three operands: a chain of joined strings then copies each once.
    if (kind == Kind_::kAdd && left->kind == Kind_::kAdd) {
      left->children.push_back(std::move(right));
    } else {
      left = make(kind, std::move(left), std::move(right));
    }
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::concatenation() {
  CIYUAN_TRY(ExpressionPtr first, product());
  if (!at_operator("~")) return first;
  ExpressionPtr out = make(Kind_::kConcatenate, std::move(first));
  while (skip_operator("~")) {
    CIYUAN_TRY(ExpressionPtr next, product());
    out->children.push_back(std::move(next));
  }
  return out;
}

Result<ExpressionPtr> ExpressionParser::product() {
  CIYUAN_TRY(ExpressionPtr left, power());
  for (;;) {
    Kind_ kind;
    if (skip_operator("*")) {
      kind = Kind_::kMultiply;
    } else if (skip_operator("/")) {
      kind = Kind_::kDivide;
    } else if (skip_operator("//")) {
      kind = Kind_::kFloorDivide;
    } else if (skip_operator("%")) {
      kind = Kind_::kModulo;
    } else {
      return left;
    }
    CIYUAN_TRY(ExpressionPtr right, power());
    left = make(kind, std::move(left), std::move(right));
  }
}

Result<ExpressionPtr> ExpressionParser::power() {
  CIYUAN_TRY(ExpressionPtr left, unary(true));
  while (skip_operator("**")) {
    CIYUAN_TRY(ExpressionPtr right, unary(true));
    left = make(Kind_::kPower, std::move(left), std::move(right));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::unary(bool with_filter) {
  CIYUAN_NEST();
  ExpressionPtr out;
  if (at_operator("-") || at_operator("+")) {
    const Kind_ kind = at_operator("-") ? Kind_::kNegate : Kind_::kPlus;
    ++next_;
    CIYUAN_TRY(ExpressionPtr operand, unary(false));
    out = make(kind, std::move(operand));
  } else {
    CIYUAN_TRY(out, primary());
  }
  CIYUAN_TRY(out, postfix(std::move(out)));
  return with_filter ? filters(std::move(out)) : std::move(out);
}

Result<ExpressionPtr> ExpressionParser::primary() {
  ExpressionPtr out = make(Kind_::kConstant);
  switch (token().kind) {
    case TokenKind::kName:
      return variable(std::move(out));
    case TokenKind::kString:
      while (at(TokenKind::kString)) out->text += tokens_[next_++].text;
      out->constant = Value::string(out->text);
      return out;
    case TokenKind::kInteger: {
      const std::string& text = token().text;
      std::int64_t value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec != std::errc() || (text.size() > 1 && text[0] == '0' && value != 0))
        return unexpected("an integer of 64 bits");
      out->constant = Value::integer(value);
      ++next_;
      return out;
    }
    case TokenKind::kFloat: {
      const std::string& text = token().text;
      double value = 0;
      // Beyond the range of a double Python takes infinity or zero, as strtod does.
      if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        value = std::strtod(text.c_str(), nullptr);
      out->constant = Value::real(value);
      ++next_;
      return out;
    }
    default:
      break;
  }
  if (skip_operator("(")) {
    if (skip_operator(")")) return make(Kind_::kTuple);
    CIYUAN_TRY(out, tuple(true));
    CIYUAN_TRY_STATUS(expect_operator(")"));
    return out;
  }
  if (skip_operator("[")) return list(std::move(out));
  if (skip_operator("{")) return dict(std::move(out));
  return unexpected("an expression");
}

Result<ExpressionPtr> ExpressionParser::variable(ExpressionPtr out) {
  const std::string& text = token().text;
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    out->constant = Value::boolean(text[0] == 't' || text[0] == 'T');
  } else if (text == "none" || text == "None") {
    out->constant = Value::none();
  } else {
    out->kind = Kind_::kName;
    out->text = text;
    out->symbol = syntax_.symbol_of(text);
    mentioned_.caller |= text == kCaller;
    mentioned_.varargs |= text == kVarargs;
    mentioned_.kwargs |= text == kKwargs;
  }
  ++next_;
  return out;
}

Result<ExpressionPtr> ExpressionParser::list(ExpressionPtr out) {
  out->kind = Kind_::kList;
  while (!skip_operator("]")) {
    if (!out->children.empty()) {
      CIYUAN_TRY_STATUS(expect_operator(","));
      if (skip_operator("]")) break;
    }
    CIYUAN_TRY(ExpressionPtr item, expression());
    out->children.push_back(std::move(item));
  }
  return out;
}

Result<ExpressionPtr> ExpressionParser::dict(ExpressionPtr out) {
  out->kind = Kind_::kDict;
  while (!skip_operator("}")) {
    if (!out->children.empty()) {
      CIYUAN_TRY_STATUS(expect_operator(","));
      if (skip_operator("}")) break;
    }
    CIYUAN_TRY(ExpressionPtr key, expression());
    CIYUAN_TRY_STATUS(expect_operator(":"));
    CIYUAN_TRY(ExpressionPtr value, expression());
    out->children.push_back(std::move(key));
    out->children.push_back(std::move(value));
  }
  return out;
}

Result<ExpressionPtr> ExpressionParser::postfix(ExpressionPtr out) {
  for (int links = 0;; ++links) {
    if (links > kSyntaxDepthMax) return error_at(token().line, "a chain of more than 200 links");
    if (skip_operator(".")) {
      if (at(TokenKind::kInteger)) {
        out = make(Kind_::kIndex, std::move(out));
        CIYUAN_TRY(ExpressionPtr index, primary());
        out->children.push_back(std::move(index));
      } else {
        out = make(Kind_::kAttribute, std::move(out));
        CIYUAN_TRY(out->text, name());
        out->constant = Value::string(out->text);
        out->method = method_of(out->text);
      }
    } else if (skip_operator("[")) {
      CIYUAN_TRY(out, subscript(std::move(out)));
    } else if (at_operator("(")) {
      CIYUAN_TRY(out, call(std::move(out)));
    } else {
      return out;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::subscript(ExpressionPtr subject) {
  ExpressionPtr first;
  if (!at_operator(":")) {
    CIYUAN_TRY(first, expression());
    if (skip_operator("]")) return make(Kind_::kIndex, std::move(subject), std::move(first));
  }
  CIYUAN_TRY_STATUS(expect_operator(":"));
  ExpressionPtr second, third;
  if (!at_operator(":") && !at_operator("]")) {
    CIYUAN_TRY(second, expression());
  }
  if (skip_operator(":") && !at_operator("]")) {
    CIYUAN_TRY(third, expression());
  }
  CIYUAN_TRY_STATUS(expect_operator("]"));
  return make(Kind_::kSlice, std::move(subject), std::move(first), std::move(second), std::move(third));
}

Result<ExpressionPtr> ExpressionParser::call(ExpressionPtr callee) {
  ExpressionPtr out = make(Kind_::kCall, std::move(callee));
  CIYUAN_TRY_STATUS(arguments(*out));
  return out;
}

Status ExpressionParser::arguments(Expression& out) {
  CIYUAN_TRY_STATUS(expect_operator("("));
  bool first = true;
  while (!skip_operator(")")) {
    if (!first) {
      CIYUAN_TRY_STATUS(expect_operator(","));
      if (skip_operator(")")) break;
    }
    first = false;
    const bool after_dict = !out.named.empty() && out.named.back().name == kUnpackedDict;
    if (after_dict) return error_at(token().line, "an argument follows **");
    if (at_operator("*") || at_operator("**")) {
      const bool had_list =
          std::any_of(out.named.begin(), out.named.end(),
                      [](const NamedArgument& argument) { return argument.name == kUnpackedList; });
      if (at_operator("*") && had_list) return error_at(token().line, "a second *");
      NamedArgument unpacked;
      unpacked.name = tokens_[next_++].text;
      CIYUAN_TRY(unpacked.value, expression());
      out.named.push_back(std::move(unpacked));
      continue;
    }
    const bool is_named = at(TokenKind::kName) && tokens_[next_ + 1].kind == TokenKind::kOperator &&
                          tokens_[next_ + 1].text == "=";
    if (is_named) {
      NamedArgument argument;
      CIYUAN_TRY(argument.name, name());
      ++next_;
      CIYUAN_TRY(argument.value, expression());
      out.named.push_back(std::move(argument));
    } else {
      if (!out.named.empty()) return error_at(token().line, "a positional argument follows a named one");
      CIYUAN_TRY(ExpressionPtr value, expression());
      out.children.push_back(std::move(value));
    }
  }
  return {};
}

Result<ExpressionPtr> ExpressionParser::filters(ExpressionPtr out) {
  for (int links = 0;; ++links) {
    if (links > kSyntaxDepthMax) return error_at(token().line, "a chain of more than 200 links");
    if (skip_operator("|")) {
      CIYUAN_TRY(out, filter(std::move(out)));
    } else if (skip_name("is")) {
      CIYUAN_TRY(out, test(std::move(out)));
    } else if (at_operator("(")) {
      CIYUAN_TRY(out, call(std::move(out)));
    } else {
      return out;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::filter(ExpressionPtr subject) {
  ExpressionPtr out = make(Kind_::kFilter, std::move(subject));
  CIYUAN_TRY(out->text, name());
  out->filter = filter_of(out->text);
  if (at_operator("(")) CIYUAN_TRY_STATUS(arguments(*out));
  return out;
}

Result<ExpressionPtr> ExpressionParser::test(ExpressionPtr subject) {
  const bool negated = skip_name("not");
  ExpressionPtr out = make(Kind_::kTest, std::move(subject));
  CIYUAN_TRY(out->text, name());
  out->test = test_of(out->text);
  if (at_operator("(")) {
    CIYUAN_TRY_STATUS(arguments(*out));
  } else if (at_name("is")) {
    return error_at(token().line, "tests cannot be chained with is");
  } else if (starts_test_argument()) {
    CIYUAN_TRY(ExpressionPtr argument, primary());
    CIYUAN_TRY(argument, postfix(std::move(argument)));
    out->children.push_back(std::move(argument));
  }
  return negated ? make(Kind_::kNot, std::move(out)) : std::move(out);
}

bool ExpressionParser::starts_test_argument() const {
  switch (token().kind) {
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return true;
    // As in Jinja, "if", "in" and "not" are names here: what follows then is an error there too.
    case TokenKind::kName:
      return !at_name("else") && !at_name("or") && !at_name("and");
    default:
      return at_operator("[") || at_operator("{");
  }
}

}  // namespace ciyuan::jinja
