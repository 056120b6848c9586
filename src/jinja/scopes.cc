#include <unordered_set>

#include "jinja/internal/syntax.h"

/// Which names of a template's outermost scope Jinja takes for its own from the start (jinja2/idtracking.py).

namespace ciyuan::jinja {

namespace {

class OutermostScope {
 public:
  explicit OutermostScope(std::vector<Symbol>& own) : own_(own) {}

  void walk(const Body& body, bool always) {
    for (const auto& statement : body) walk(*statement, always);
  }

 private:
  void walk(const Statement& statement, bool always) {
    switch (statement.kind) {
      case StatementKind::kOutput:
      case StatementKind::kFor:
        return read(statement.expression.get());
      case StatementKind::kSet:
        read(statement.expression.get());
        return store(statement.target, always);
      case StatementKind::kSetBlock:
        return store(statement.target, always);
      case StatementKind::kMacro:
        return store(statement.symbol, always);
      case StatementKind::kScope:
        for (const auto& [target, value] : statement.bindings) read(value.get());
        return;
      case StatementKind::kFilterBlock:
        return read(statement.expression.get());
      case StatementKind::kIf:
        // What only a branch sets may also come from outside.
        for (const Branch& branch : statement.branches) {
          read(branch.condition.get());
          walk(branch.body, false);
        }
        return;
      case StatementKind::kText:
      case StatementKind::kBreak:
      case StatementKind::kContinue:
        return;
    }
  }

  void read(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) seen_.insert(expression->symbol);
    for (const auto& child : expression->children) read(child.get());
    for (const NamedArgument& argument : expression->named) read(argument.value.get());
  }

  void store(Symbol symbol, bool always) {
    if (seen_.insert(symbol).second && always) own_.push_back(symbol);
  }
  void store(const Target& target, bool always) {
    for (const Target& part : target.several) store(part, always);
    if (!target.several.empty()) return;
    if (target.attribute.empty()) {
      store(target.symbol, always);
    } else {
      seen_.insert(target.symbol);
    }
  }

  std::vector<Symbol>& own_;
  std::unordered_set<Symbol> seen_;
};

}  // namespace

void find_own_names(Syntax& syntax) { OutermostScope(syntax.own_names).walk(syntax.body, true); }

}  // namespace ciyuan::jinja
