#pragma once

/// Expressions of Jinja2's grammar, by recursive descent, and the cursor over the tokens that the statements'
/// parser (parser.cc) shares.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/internal/lexer.h"
#include "jinja/internal/syntax.h"

namespace ciyuan::jinja {

class ExpressionParser {
 protected:
  ExpressionParser(std::vector<Token> tokens, Syntax& syntax) : tokens_(std::move(tokens)), syntax_(syntax) {}

  const Token& token() const { return tokens_[next_]; }
  bool at(TokenKind kind) const { return token().kind == kind; }
  bool at_operator(std::string_view text) const { return at(TokenKind::kOperator) && token().text == text; }
  bool at_name(std::string_view text) const { return at(TokenKind::kName) && token().text == text; }
  bool skip_operator(std::string_view text) { return at_operator(text) && (++next_, true); }
  bool skip_name(std::string_view text) { return at_name(text) && (++next_, true); }
  Error unexpected(std::string_view wanted) const;
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

  // Loosest binding first.

  /// An expression, or several with commas between them (a tuple).
  Result<ExpressionPtr> tuple(bool with_conditional);
  Result<ExpressionPtr> expression();
  Result<ExpressionPtr> or_expression();
  Result<ExpressionPtr> and_expression();
  Result<ExpressionPtr> not_expression();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> sum();
  Result<ExpressionPtr> concatenation();
  Result<ExpressionPtr> product();
  Result<ExpressionPtr> power();
  Result<ExpressionPtr> unary(bool with_filter);
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> variable(ExpressionPtr out);
  Result<ExpressionPtr> list(ExpressionPtr out);
  Result<ExpressionPtr> dict(ExpressionPtr out);
  Result<ExpressionPtr> postfix(ExpressionPtr out);
  Result<ExpressionPtr> subscript(ExpressionPtr subject);
  Result<ExpressionPtr> call(ExpressionPtr callee);
  Status arguments(Expression& out);
  Result<ExpressionPtr> filters(ExpressionPtr out);
  Result<ExpressionPtr> filter(ExpressionPtr subject);
  Result<ExpressionPtr> test(ExpressionPtr subject);
  bool starts_test_argument() const;

  std::vector<Token> tokens_;
  Syntax& syntax_;
  std::size_t next_ = 0;
  int depth_ = 0;
  /// Whether these names have been read since the body of the macro around them began.
  struct Mentioned {
    bool caller = false, varargs = false, kwargs = false;
  } mentioned_;
};

/// In a function of the parser: one level deeper until it returns, refused where that is too deep.
#define CIYUAN_NEST()    \
  Nested nested(depth_); \
  if (depth_ > kSyntaxDepthMax) return error_at(token().line, "nested deeper than 200")

}  // namespace ciyuan::jinja
