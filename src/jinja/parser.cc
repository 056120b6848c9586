#include "jinja/internal/parser.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "jinja/internal/expression_parser.h"
#include "jinja/template.h"

namespace ciyuan::jinja {

namespace {

/// Statements; what stands in them is the base's.
class Parser : ExpressionParser {
 public:
  Parser(std::vector<Token> tokens, Syntax& syntax) : ExpressionParser(std::move(tokens), syntax) {}

  Status run() {
    CIYUAN_TRY(syntax_.body, body({}));
    return {};
  }

 private:
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
    if (word == "call") return call_block(out);
    if (word == "break" || word == "continue") {
      if (loops_ == 0) return error_at(line, word + " outside of a loop");
      out.push_back(statement(word == "break" ? StatementKind::kBreak : StatementKind::kContinue));
      return block_end();
    }
    if (word == "generation" || word == "with") {
      auto scope = statement(StatementKind::kScope);
      if (word == "with") CIYUAN_TRY_STATUS(with_bindings(*scope));
      // Jinja makes a macro of a generation block: no loop can be left from within.
      const int outer_loops = word == "generation" ? std::exchange(loops_, 0) : loops_;
      auto parsed = closed_body("end" + word);
      loops_ = outer_loops;
      if (!parsed.ok()) return std::move(parsed).error();
      scope->body = std::move(parsed).value();
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
    made->is_recursive = skip_name("recursive");
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
    CIYUAN_TRY_STATUS(signature(*made));
    CIYUAN_TRY_STATUS(macro_body(*made, "endmacro"));
    out.push_back(std::move(made));
    return {};
  }

  Status call_block(Body& out) {
    auto made = statement(StatementKind::kCallBlock);
    made->name = kCaller;
    if (at_operator("(")) CIYUAN_TRY_STATUS(signature(*made));
    CIYUAN_TRY(made->expression, expression());
    if (made->expression->kind != ExpressionKind::kCall) return unexpected("a call");
    ExpressionPtr caller = make(ExpressionKind::kName);
    caller->symbol = syntax_.symbol_of(kCallerVariable);
    auto& named = made->expression->named;
    // Before what ** unpacks, as Python orders arguments.
    const bool is_unpacked = !named.empty() && named.back().name == kUnpackedDict;
    named.insert(named.end() - (is_unpacked ? 1 : 0), {std::string(kCaller), std::move(caller)});
    CIYUAN_TRY_STATUS(macro_body(*made, "endcall"));
    out.push_back(std::move(made));
    return {};
  }

  /// The parameters of a macro or a call block.
  Status signature(Statement& made) {
    CIYUAN_TRY_STATUS(expect_operator("("));
    while (!skip_operator(")")) {
      if (!made.parameters.empty()) {
        CIYUAN_TRY_STATUS(expect_operator(","));
        if (skip_operator(")")) break;
      }
      Parameter parameter;
      CIYUAN_TRY(parameter.name, name());
      parameter.symbol = syntax_.symbol_of(parameter.name);
      if (skip_operator("=")) {
        CIYUAN_TRY(parameter.fallback, expression());
      } else if (!made.parameters.empty() && made.parameters.back().fallback) {
        return error_at(token().line, "a parameter without a default follows one with a default");
      }
      made.parameters.push_back(std::move(parameter));
    }
    return {};
  }

  /// A body of its own: no loop around it can be left from within, and it may ask for more than its
  /// parameters.
  Status macro_body(Statement& made, std::string_view end) {
    const int outer_loops = std::exchange(loops_, 0);
    const auto outer = std::exchange(mentioned_, {});
    auto parsed = closed_body(end);
    loops_ = outer_loops;
    if (!parsed.ok()) return std::move(parsed).error();
    made.body = std::move(parsed).value();
    const auto is_parameter = [&](std::string_view word) {
      return std::any_of(made.parameters.begin(), made.parameters.end(),
                         [&](const Parameter& p) { return p.name == word; });
    };
    made.takes_caller = mentioned_.caller && !is_parameter(kCaller);
    made.takes_varargs = mentioned_.varargs && !is_parameter(kVarargs);
    made.takes_kwargs = mentioned_.kwargs && !is_parameter(kKwargs);
    mentioned_ = {mentioned_.caller || outer.caller, mentioned_.varargs || outer.varargs,
                  mentioned_.kwargs || outer.kwargs};
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
    ExpressionPtr chain = make(ExpressionKind::kName);
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
      CIYUAN_NEST();
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
