/// The for statement, and `loop`.

#include "jinja/internal/interpreter.h"

namespace ciyuan::jinja {

std::span<const Value> Interpreter::filtered(const Statement& loop, std::span<const Value> items,
                                             std::size_t scope) {
  std::vector<Value> kept;
  for (const Value& item : items) {
    push_scope(scope);
    assign(loop.target, item);
    const bool keep = truth(evaluate(*loop.condition));
    pop_scope();
    if (failed_) return {};
    if (keep) kept.push_back(item);
  }
  return heap_.copy(std::span<const Value>(kept));
}

Interpreter::Flow Interpreter::execute_for(const Statement& statement) {
  const Value subject = evaluate(*statement.expression);
  return failed_ ? Flow::kNext : run_loop(statement, subject, scopes_.size() - 1, 0);
}

Interpreter::Flow Interpreter::run_loop(const Statement& statement, const Value& subject, std::size_t scope,
                                        int depth) {
  std::span<const Value> items = iterate(subject);
  if (failed_) return Flow::kNext;
  if (statement.condition) items = filtered(statement, items, scope);
  if (failed_) return Flow::kNext;
  if (items.empty()) {
    push_scope(scope, statement.otherwise_own_names);
    const Flow flow = execute(statement.otherwise);
    pop_scope();
    return flow;
  }
  Loop* loop = heap_.make<Loop>(items, std::size_t{0}, &statement, scope, depth);
  for (std::size_t i = 0; i < items.size() && !failed_ && loop != nullptr; ++i) {
    push_scope(scope, statement.own_names);
    loop->index = i;
    assign(statement.target, items[i]);
    if (uses_loop_) assign(loop_symbol_, Value::loop(loop));
    const Flow flow = execute(statement.body);
    pop_scope();
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

Value Interpreter::call_loop(const Loop& loop, const Arguments& arguments) {
  if (!loop.statement->is_recursive) return fail("a loop must be 'recursive' to be called");
  if (arguments.positional.size() + arguments.named.size() != 1)
    return fail("a loop is called with one iterable");
  const std::size_t start = out_.size();
  run_loop(*loop.statement, arguments.get(0, "iterable"), loop.scope, loop.depth + 1);
  const Value text = string(std::string_view(out_).substr(start));
  out_.resize(start);
  return text;
}

Value Interpreter::call_loop_method(Loop& loop, Method method, const Arguments& arguments) {
  if (method == Method::kCycle) {
    if (arguments.positional.empty()) return fail("no items for cycling given");
    return arguments.positional[loop.index % arguments.positional.size()];
  }
  const Value now = sequence(Kind::kTuple, arguments.positional);
  if (!loop.changed_to.is_undefined() && equal(loop.changed_to, now)) return Value::boolean(false);
  loop.changed_to = now;
  return Value::boolean(true);
}

Value loop_attribute(const Loop& loop, std::string_view name) {
  const auto size = static_cast<std::int64_t>(loop.items.size());
  const auto index = static_cast<std::int64_t>(loop.index);
  if (name == "index0") return Value::integer(index);
  if (name == "index") return Value::integer(index + 1);
  if (name == "first") return Value::boolean(index == 0);
  if (name == "last") return Value::boolean(index + 1 == size);
  if (name == "length") return Value::integer(size);
  if (name == "revindex") return Value::integer(size - index);
  if (name == "revindex0") return Value::integer(size - index - 1);
  if (name == "previtem") return index == 0 ? Value() : loop.items[loop.index - 1];
  if (name == "nextitem") return index + 1 == size ? Value() : loop.items[loop.index + 1];
  if (name == "depth") return Value::integer(loop.depth + 1);
  if (name == "depth0") return Value::integer(loop.depth);
  return {};
}

}  // namespace ciyuan::jinja
