#include "jinja/internal/parser.h"

#include <charconv>
#include <cstdlib>
#include <initializer_list>

#include "jinja/internal/lexer.h"
#include "jinja/template.h"

namespace ciyuan::jinja {

namespace {

using Kind_ = ExpressionKind;

class Parser {
 public:
  Parser(std::vector<Token> tokens, Syntax& syntax) : tokens_(std::move(tokens)), syntax_(syntax) {}

  Status run() {
    CIYUAN_TRY(syntax_.body, body({}));
    return {};
  }

 private:
  const Token& token() const { return tokens_[next_]; }
  bool at(TokenKind kind) const { return token().kind == kind; }
  bool at_operator(std::string_view text) const { return at(TokenKind::kOperator) && token().text == text; }
  bool at_name(std::string_view text) const { return at(TokenKind::kName) && token().text == text; }
  bool skip_operator(std::string_view text) { return at_operator(text) && (++next_, true); }
  bool skip_name(std::string_view text) { return at_name(text) && (++next_, true); }
  Error unexpected(std::string_view wanted) const {
    static constexpr const char* kKinds[] = {
        "text", "{{", "}}", "{%", "%}", "name", "string", "integer", "float", "operator", "end of template"};
    std::string found = kKinds[static_cast<int>(token().kind)];
    if (!token().text.empty() && !at(TokenKind::kText)) found += " '" + token().text.substr(0, 40) + "'";
    return error_at(token().line, "expected " + std::string(wanted) + ", found " + found);
  }
  Status expect_operator(std::string_view text) {
    if (!skip_operator(text)) return unexpected(std::string("'").append(text).append("'"));
    return {};
  }
  Status expect(TokenKind kind, std::string_view wanted) {
    if (!at(kind)) return unexpected(wanted);
    ++next_;
    return {};
  }
  Result<std::string> name() {
    if (!at(TokenKind::kName)) return unexpected("a name");
    return tokens_[next_++].text;
  }

  /// Counts nesting for as long as it lives.
  struct Nested {
    explicit Nested(int& depth_counter) : depth(depth_counter) { ++depth; }
    ~Nested() { --depth; }
    int& depth;
  };
#define CIYUAN_NEST()    \
  Nested nested(depth_); \
  if (depth_ > kSyntaxDepthMax) return error_at(token().line, "nested deeper than 200")

  // ---- statements

  /// Statements up to a block whose name is one of `ends` (left for the caller, at the name), or to the end.
  Result<Body> body(std::initializer_list<std::string_view> ends) {
    CIYUAN_NEST();
    Body out;
    for (;;) {
      switch (token().kind) {
        case TokenKind::kText:
          out.push_back(statement(StatementKind::kText));
          out.back()->text = std::move(tokens_[next_].text);
          ++next_;
          break;
        case TokenKind::kOutputBegin: {
          out.push_back(statement(StatementKind::kOutput));
          ++next_;
          CIYUAN_TRY(out.back()->expression, tuple(true));
          CIYUAN_TRY_STATUS(expect(TokenKind::kOutputEnd, "'}}'"));
          break;
        }
        case TokenKind::kBlockBegin: {
          ++next_;
          for (std::string_view end : ends) {
            if (at_name(end)) return out;
          }
          CIYUAN_TRY_STATUS(block(out));
          break;
        }
        default:
          if (ends.size() > 0)
            return error_at(token().line, "the template ends before '" + std::string(*ends.begin()) + "'");
          return out;
      }
    }
  }

  std::unique_ptr<Statement> statement(StatementKind kind) const {
    auto out = std::make_unique<Statement>();
    out->kind = kind;
    out->line = token().line;
    return out;
  }

  Status block_end() { return expect(TokenKind::kBlockEnd, "'%}'"); }

  /// A body and the tag that ends it.
  Result<Body> closed_body(std::string_view end) {
    CIYUAN_TRY_STATUS(block_end());
    CIYUAN_TRY(Body out, body({end}));
    ++next_;
    CIYUAN_TRY_STATUS(block_end());
    return out;
  }

  Status block(Body& out) {
    const std::uint32_t line = token().line;
    CIYUAN_TRY(std::string word, name());
    if (word == "if") return if_block(out);
    if (word == "for") return for_block(out);
    if (word == "set") return set_block(out);
    if (word == "macro") return macro_block(out);
    if (word == "break" || word == "continue") {
      if (loops_ == 0) return error_at(line, word + " outside of a loop");
      out.push_back(statement(word == "break" ? StatementKind::kBreak : StatementKind::kContinue));
      return block_end();
    }
    if (word == "generation" || word == "with") {
      auto scope = statement(StatementKind::kScope);
      if (word == "with") CIYUAN_TRY_STATUS(with_bindings(*scope));
      CIYUAN_TRY(scope->body, closed_body("end" + word));
      out.push_back(std::move(scope));
      return {};
    }
    if (word == "filter") {
      auto filtered = statement(StatementKind::kFilterBlock);
      CIYUAN_TRY(filtered->expression, filter_chain());
      CIYUAN_TRY(filtered->body, closed_body("endfilter"));
      out.push_back(std::move(filtered));
      return {};
    }
    return error_at(line, "unknown or unsupported block '" + word + "'");
  }

  Status if_block(Body& out) {
    auto made = statement(StatementKind::kIf);
    CIYUAN_TRY(ExpressionPtr condition, tuple(false));
    CIYUAN_TRY_STATUS(block_end());
    for (;;) {
      CIYUAN_TRY(Body then, body({"endif", "elif", "else"}));
      made->branches.push_back({std::move(condition), std::move(then)});
      if (skip_name("endif")) break;
      if (skip_name("elif")) {
        CIYUAN_TRY(condition, tuple(false));
        CIYUAN_TRY_STATUS(block_end());
        continue;
      }
      ++next_;
      CIYUAN_TRY_STATUS(block_end());
      CIYUAN_TRY(Body otherwise, body({"endif"}));
      ++next_;
      made->branches.push_back({nullptr, std::move(otherwise)});
      break;
    }
    out.push_back(std::move(made));
    return block_end();
  }

  Status for_block(Body& out) {
    auto made = statement(StatementKind::kFor);
    CIYUAN_TRY(made->target, target(false));
    if (!skip_name("in")) return unexpected("'in'");
    CIYUAN_TRY(made->expression, tuple(false));
    if (skip_name("if")) {
      CIYUAN_TRY(made->condition, expression());
    }
    if (at_name("recursive")) return error_at(token().line, "recursive loops are not supported");
    CIYUAN_TRY_STATUS(block_end());
    ++loops_;
    auto loop_body = body({"endfor", "else"});
    --loops_;
    if (!loop_body.ok()) return std::move(loop_body).error();
    made->body = std::move(loop_body).value();
    if (skip_name("else")) {
      CIYUAN_TRY(made->otherwise, closed_body("endfor"));
    } else {
      ++next_;
      CIYUAN_TRY_STATUS(block_end());
    }
    out.push_back(std::move(made));
    return {};
  }

  Status set_block(Body& out) {
    auto made = statement(StatementKind::kSet);
    CIYUAN_TRY(made->target, target(true));
    if (skip_operator("=")) {
      CIYUAN_TRY(made->expression, tuple(true));
      out.push_back(std::move(made));
      return block_end();
    }
    made->kind = StatementKind::kSetBlock;
    if (at_operator("|")) {
      CIYUAN_TRY(made->expression, filter_chain());
    }
    CIYUAN_TRY(made->body, closed_body("endset"));
    out.push_back(std::move(made));
    return {};
  }

  Status macro_block(Body& out) {
    auto made = statement(StatementKind::kMacro);
    CIYUAN_TRY(made->name, name());
    made->symbol = syntax_.symbol_of(made->name);
    CIYUAN_TRY_STATUS(expect_operator("("));
    while (!skip_operator(")")) {
      if (!made->parameters.empty()) {
        CIYUAN_TRY_STATUS(expect_operator(","));
        if (skip_operator(")")) break;
      }
      Parameter parameter;
      CIYUAN_TRY(parameter.name, name());
      parameter.symbol = syntax_.symbol_of(parameter.name);
      if (skip_operator("=")) {
        CIYUAN_TRY(parameter.fallback, expression());
      } else if (!made->parameters.empty() && made->parameters.back().fallback) {
        return error_at(token().line, "a parameter without a default follows one with a default");
      }
      made->parameters.push_back(std::move(parameter));
    }
    const int outer_loops = std::exchange(loops_, 0);
    auto macro_body = closed_body("endmacro");
    loops_ = outer_loops;
    if (!macro_body.ok()) return std::move(macro_body).error();
    made->body = std::move(macro_body).value();
    out.push_back(std::move(made));
    return {};
  }

  Status with_bindings(Statement& scope) {
    while (!at(TokenKind::kBlockEnd)) {
      if (!scope.bindings.empty()) CIYUAN_TRY_STATUS(expect_operator(","));
      CIYUAN_TRY(Target bound, target(false));
      CIYUAN_TRY_STATUS(expect_operator("="));
      CIYUAN_TRY(ExpressionPtr value, expression());
      scope.bindings.emplace_back(std::move(bound), std::move(value));
    }
    return {};
  }

  /// {% filter a|b %} and {% set x | a %}: the chain, applied to the variable that holds the block's text.
  Result<ExpressionPtr> filter_chain() {
    ExpressionPtr chain = make(Kind_::kName);
    chain->symbol = syntax_.symbol_of(kFilterBlockVariable);
    bool first = !at_operator("|");
    while (first || skip_operator("|")) {
      first = false;
      CIYUAN_TRY(chain, filter(std::move(chain)));
    }
    return chain;
  }

  Result<Target> target(bool with_namespace) {
    Target first;
    bool is_tuple = false;
    if (skip_operator("(")) {
      CIYUAN_TRY(first, target(false));
      CIYUAN_TRY_STATUS(expect_operator(")"));
      return first;
    }
    CIYUAN_TRY(first, one_target(with_namespace));
    Target several;
    while (skip_operator(",")) {
      is_tuple = true;
      if (several.several.empty()) several.several.push_back(std::move(first));
      if (!at(TokenKind::kName) && !at_operator("(")) break;
      if (skip_operator("(")) {
        CIYUAN_NEST();
        CIYUAN_TRY(Target inner, target(false));
        CIYUAN_TRY_STATUS(expect_operator(")"));
        several.several.push_back(std::move(inner));
      } else {
        if (at_name("in")) break;
        CIYUAN_TRY(Target next, one_target(with_namespace));
        several.several.push_back(std::move(next));
      }
    }
    return is_tuple ? std::move(several) : std::move(first);
  }

  Result<Target> one_target(bool with_namespace) {
    Target out;
    const std::uint32_t line = token().line;
    CIYUAN_TRY(std::string variable, name());
    for (std::string_view reserved : {"true", "false", "none", "True", "False", "None"}) {
      if (variable == reserved) return error_at(line, "cannot assign to '" + variable + "'");
    }
    out.symbol = syntax_.symbol_of(variable);
    if (with_namespace && skip_operator(".")) {
      CIYUAN_TRY(out.attribute, name());
    }
    return out;
  }

  // ---- expressions, loosest binding first

  ExpressionPtr make(ExpressionKind kind) const {
    auto out = std::make_unique<Expression>();
    out->kind = kind;
    out->line = token().line;
    return out;
  }
  template <class... Children>
  ExpressionPtr make(ExpressionKind kind, Children... children) const {
    ExpressionPtr out = make(kind);
    (out->children.push_back(std::move(children)), ...);
    return out;
  }

  /// An expression, or several with commas between them (a tuple).
  Result<ExpressionPtr> tuple(bool with_conditional) {
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

  Result<ExpressionPtr> expression() {
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

  Result<ExpressionPtr> or_expression() {
    CIYUAN_TRY(ExpressionPtr left, and_expression());
    while (skip_name("or")) {
      CIYUAN_TRY(ExpressionPtr right, and_expression());
      left = make(Kind_::kOr, std::move(left), std::move(right));
    }
    return left;
  }

  Result<ExpressionPtr> and_expression() {
    CIYUAN_TRY(ExpressionPtr left, not_expression());
    while (skip_name("and")) {
      CIYUAN_TRY(ExpressionPtr right, not_expression());
      left = make(Kind_::kAnd, std::move(left), std::move(right));
    }
    return left;
  }

  Result<ExpressionPtr> not_expression() {
    CIYUAN_NEST();
    if (skip_name("not")) {
      CIYUAN_TRY(ExpressionPtr operand, not_expression());
      return make(Kind_::kNot, std::move(operand));
    }
    return comparison();
  }

  Result<ExpressionPtr> comparison() {
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

  Result<ExpressionPtr> sum() {
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

  Result<ExpressionPtr> concatenation() {
    CIYUAN_TRY(ExpressionPtr first, product());
    if (!at_operator("~")) return first;
    ExpressionPtr out = make(Kind_::kConcatenate, std::move(first));
    while (skip_operator("~")) {
      CIYUAN_TRY(ExpressionPtr next, product());
      out->children.push_back(std::move(next));
    }
    return out;
  }

  Result<ExpressionPtr> product() {
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

  Result<ExpressionPtr> power() {
    CIYUAN_TRY(ExpressionPtr left, unary(true));
    while (skip_operator("**")) {
      CIYUAN_TRY(ExpressionPtr right, unary(true));
      left = make(Kind_::kPower, std::move(left), std::move(right));
    }
    return left;
  }

  Result<ExpressionPtr> unary(bool with_filter) {
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

  Result<ExpressionPtr> primary() {
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

  Result<ExpressionPtr> variable(ExpressionPtr out) {
    const std::string& text = token().text;
    if (text == "true" || text == "True" || text == "false" || text == "False") {
      out->constant = Value::boolean(text[0] == 't' || text[0] == 'T');
    } else if (text == "none" || text == "None") {
      out->constant = Value::none();
    } else {
      out->kind = Kind_::kName;
      out->text = text;
      out->symbol = syntax_.symbol_of(text);
    }
    ++next_;
    return out;
  }

  Result<ExpressionPtr> list(ExpressionPtr out) {
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

  Result<ExpressionPtr> dict(ExpressionPtr out) {
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

  Result<ExpressionPtr> postfix(ExpressionPtr out) {
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

  Result<ExpressionPtr> subscript(ExpressionPtr subject) {
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

  Result<ExpressionPtr> call(ExpressionPtr callee) {
    ExpressionPtr out = make(Kind_::kCall, std::move(callee));
    CIYUAN_TRY_STATUS(arguments(*out));
    return out;
  }

  Status arguments(Expression& out) {
    CIYUAN_TRY_STATUS(expect_operator("("));
    bool first = true;
    while (!skip_operator(")")) {
      if (!first) {
        CIYUAN_TRY_STATUS(expect_operator(","));
        if (skip_operator(")")) break;
      }
      first = false;
      if (at_operator("*") || at_operator("**"))
        return error_at(token().line, "unpacked arguments are not supported");
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

  Result<ExpressionPtr> filters(ExpressionPtr out) {
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

  Result<ExpressionPtr> filter(ExpressionPtr subject) {
    ExpressionPtr out = make(Kind_::kFilter, std::move(subject));
    CIYUAN_TRY(out->text, name());
    out->filter = filter_of(out->text);
    if (at_operator("(")) CIYUAN_TRY_STATUS(arguments(*out));
    return out;
  }

  Result<ExpressionPtr> test(ExpressionPtr subject) {
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

  bool starts_test_argument() const {
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

  std::vector<Token> tokens_;
  Syntax& syntax_;
  std::size_t next_ = 0;
  int depth_ = 0;
  int loops_ = 0;
};

}  // namespace

Result<std::unique_ptr<Syntax>> parse(std::string_view source) {
  if (source.size() > kTemplateBytesMax)
    return Error{ErrorCode::kTooLarge, "a template of more than 1 MiB", ""};
  CIYUAN_TRY(std::vector<Token> tokens, tokenize(source));
  auto syntax = std::make_unique<Syntax>();
  CIYUAN_TRY_STATUS(Parser(std::move(tokens), *syntax).run());
  find_own_names(*syntax);
  return syntax;
}

}  // namespace ciyuan::jinja
