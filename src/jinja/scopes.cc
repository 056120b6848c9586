#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "jinja/internal/syntax.h"

/// Which names a scope takes for its own from the start (jinja2/idtracking.py): those it sets before it reads
/// them and that no scope around it knows. Until it has set one, the name is undefined there and in the
/// scopes within, whatever was given to the render. The branches of an if are part of the scope around them;
/// what only some of them set may come from outside.
///
/// Each name is looked up in constant time, and moves up once for each if around it: linear in the template
/// for a nesting that is bounded.

namespace ciyuan::jinja {

namespace {

class Names {
 public:
  explicit Names(Syntax& syntax) : syntax_(syntax), holders_(syntax.names.size()) {}

  void run() { syntax_.own_names = scope({}, syntax_.body, nullptr, {}); }

 private:
  /// A scope, or a branch within one.
  struct Level {
    std::unordered_map<Symbol, bool> known;  // false: its own, not set before
    std::unordered_set<Symbol> stored;
  };

  // ---- the names

  void push() { levels_.emplace_back(); }
  Level pop() {
    Level out = std::move(levels_.back());
    levels_.pop_back();
    for (const auto& [symbol, is_known] : out.known) holders_[symbol].pop_back();
    return out;
  }
  void define(Symbol symbol, bool is_known) {
    if (levels_.back().known.insert_or_assign(symbol, is_known).second)
      holders_[symbol].push_back(levels_.size() - 1);
  }
  bool stored_in_this_scope(Symbol symbol) const {
    for (std::size_t i = scope_start_; i < levels_.size(); ++i) {
      if (levels_[i].stored.contains(symbol)) return true;
    }
    return false;
  }
  void parameter(Symbol symbol) {
    levels_.back().stored.insert(symbol);
    define(symbol, true);
  }
  void load(Symbol symbol) {
    if (holders_[symbol].empty()) define(symbol, true);
  }
  void store(Symbol symbol) {
    levels_.back().stored.insert(symbol);
    const auto& holders = holders_[symbol];
    if (holders.empty() || holders.back() < scope_start_) define(symbol, !holders.empty());
  }
  void store(const Target& target, bool as_parameter = false) {
    for (const Target& part : target.several) store(part, as_parameter);
    if (!target.several.empty()) return;
    if (!target.attribute.empty()) return load(target.symbol);
    if (as_parameter) return parameter(target.symbol);
    store(target.symbol);
  }

  // ---- the tree

  /// Walks a body as a scope of its own; the names it starts with.
  std::vector<Symbol> scope(const std::vector<Symbol>& parameters, const Body& body, const Statement* owner,
                            const std::vector<const Target*>& targets) {
    push();
    const std::size_t outer_start = std::exchange(scope_start_, levels_.size() - 1);
    std::vector<Statement*> outer_inner = std::exchange(inner_, {});
    for (Symbol symbol : parameters) parameter(symbol);
    for (const Target* target : targets) store(*target, true);
    if (owner != nullptr) {
      for (const Parameter& one : owner->parameters) read(one.fallback.get());
      if (owner->kind == StatementKind::kFilterBlock) read(owner->expression.get());
    }
    walk(body);
    // What lies within knows all names of this scope, also those that come later.
    for (Statement* statement : std::exchange(inner_, {})) walk_inner(*statement);
    scope_start_ = outer_start;
    inner_ = std::move(outer_inner);
    std::vector<Symbol> own;
    for (const auto& [symbol, is_known] : pop().known) {
      if (!is_known) own.push_back(symbol);
    }
    return own;
  }

  void walk_inner(Statement& statement) {
    std::vector<Symbol> parameters;
    std::vector<const Target*> targets;
    if (statement.kind == StatementKind::kFor) {
      if (const auto loop = syntax_.symbols.find("loop"); loop != syntax_.symbols.end())
        parameters.push_back(loop->second);
      targets.push_back(&statement.target);
      statement.otherwise_own_names = scope({}, statement.otherwise, nullptr, {});
    }
    for (const Parameter& one : statement.parameters) parameters.push_back(one.symbol);
    for (const auto& [takes, name] :
         {std::pair(statement.takes_caller, kCaller), std::pair(statement.takes_varargs, kVarargs),
          std::pair(statement.takes_kwargs, kKwargs)}) {
      if (takes) parameters.push_back(syntax_.symbols.at(std::string(name)));
    }
    for (const auto& [target, value] : statement.bindings) targets.push_back(&target);
    statement.own_names = scope(parameters, statement.body, &statement, targets);
  }

  void walk(const Body& body) {
    for (const auto& statement : body) walk(*statement);
  }

  void walk(Statement& statement) {
    switch (statement.kind) {
      case StatementKind::kOutput:
        return read(statement.expression.get());
      case StatementKind::kSet:
        read(statement.expression.get());
        return store(statement.target);
      case StatementKind::kIf:
        return walk_if(statement);
      case StatementKind::kSetBlock:
        store(statement.target);
        break;
      case StatementKind::kMacro:
        store(statement.symbol);
        break;
      case StatementKind::kFor:
      case StatementKind::kCallBlock:
      case StatementKind::kFilterBlock:
        read(statement.expression.get());
        break;
      case StatementKind::kScope:
        for (const auto& [target, value] : statement.bindings) read(value.get());
        break;
      case StatementKind::kText:
      case StatementKind::kBreak:
      case StatementKind::kContinue:
        return;
    }
    inner_.push_back(&statement);
  }

  /// Jinja sees three branches: the first, all of elif, and else. An elif is an if within its branch.
  void walk_if(const Statement& statement) {
    std::array<Level, 3> branches;
    read(statement.branches.front().condition.get());
    branches[0] = branch([&] { walk(statement.branches.front().body); });
    branches[1] = branch([&] {
      for (std::size_t i = 1; i < statement.branches.size(); ++i) {
        if (!statement.branches[i].condition) continue;
        read(statement.branches[i].condition.get());
        merge({branch([&] { walk(statement.branches[i].body); }), Level(), Level()});
      }
    });
    branches[2] = branch([&] {
      if (!statement.branches.back().condition) walk(statement.branches.back().body);
    });
    merge(std::move(branches));
  }

  template <class Walk>
  Level branch(Walk walk_it) {
    push();
    walk_it();
    return pop();
  }

  void merge(std::array<Level, 3> branches) {
    std::unordered_map<Symbol, std::size_t> stores;
    for (const Level& level : branches) {
      for (Symbol symbol : level.stored) {
        if (!stored_in_this_scope(symbol)) ++stores[symbol];
      }
    }
    for (const Level& level : branches) {
      for (const auto& [symbol, is_known] : level.known) define(symbol, is_known);
      levels_.back().stored.insert(level.stored.begin(), level.stored.end());
    }
    for (const auto& [symbol, count] : stores) {
      if (count < branches.size()) define(symbol, true);
    }
  }

  void read(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) load(expression->symbol);
    for (const auto& child : expression->children) read(child.get());
    for (const NamedArgument& argument : expression->named) read(argument.value.get());
  }

  Syntax& syntax_;
  std::vector<Level> levels_;
  std::size_t scope_start_ = 0;                    // the first level of the scope being walked
  std::vector<std::vector<std::size_t>> holders_;  // by symbol: the levels that know it, innermost last
  std::vector<Statement*> inner_;                  // with scopes of their own, within the scope being walked
};

}  // namespace

void find_own_names(Syntax& syntax) { Names(syntax).run(); }

}  // namespace ciyuan::jinja
