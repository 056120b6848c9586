#include "jinja/internal/interpreter.h"

#include <algorithm>

#include "jinja/internal/lexer.h"

namespace ciyuan::jinja {

namespace {
/// What parse_value allows, and a little more for what a template wraps around it.
constexpr int kValueDepthMax = 1050;
}  // namespace

Interpreter::Interpreter(const Syntax& syntax, Heap& heap, std::string& out, const RenderOptions& options)
    : syntax_(syntax),
      heap_(heap),
      out_(out),
      options_(options),
      out_start_(out.size()),
      steps_left_(options.limits.steps_max) {
  variables_.reserve(64);
  stack_.reserve(64);
  scopes_.push_back({0, 0});
  if (auto loop = syntax.symbols.find("loop"); loop != syntax.symbols.end()) {
    uses_loop_ = true;
    loop_symbol_ = loop->second;
  }
}

void Interpreter::define(std::string_view name, Value value) {
  auto symbol = syntax_.symbols.find(std::string(name));
  if (symbol != syntax_.symbols.end()) assign(symbol->second, value);
}

Status Interpreter::run() {
  for (Symbol symbol : syntax_.own_names) assign(symbol, Value());
  execute(syntax_.body);
  if (!failed_ && heap_.exhausted()) fail_limit("the values need more memory than the heap may take");
  if (failed_) return error_;
  return {};
}

Value Interpreter::fail(std::string message) {
  if (!failed_) {
    failed_ = true;
    error_ = error_at(line_, std::move(message));
    steps_left_ = 0;
  }
  return {};
}

Value Interpreter::fail_limit(std::string message) {
  if (!failed_) {
    fail(std::move(message));
    error_.code = ErrorCode::kTooLarge;
  }
  return {};
}

bool Interpreter::spend(std::uint64_t steps) {
  if (steps <= steps_left_) {
    steps_left_ -= steps;
    return true;
  }
  fail_limit("more than steps_max = " + std::to_string(options_.limits.steps_max) + " steps");
  return false;
}

bool Interpreter::may_build(std::size_t bytes) {
  if (bytes > options_.limits.output_bytes_max) {
    fail_limit("a text of more than output_bytes_max = " + std::to_string(options_.limits.output_bytes_max));
  }
  return spend_bytes(bytes) && !failed_;
}

bool Interpreter::descend(int depth) {
  if (depth > kValueDepthMax) fail_limit("values nested deeper than " + std::to_string(kValueDepthMax));
  return spend(1) && !failed_;
}

Value Interpreter::string(std::string_view text) {
  if (!spend_bytes(text.size())) return {};
  return Value::string(heap_.copy(text));
}
Value Interpreter::sequence(Kind kind, std::span<const Value> items) {
  if (!spend(1 + items.size())) return {};
  return Value::sequence(kind, heap_.copy(items));
}
Value Interpreter::iterator(std::span<const Value> items) {
  if (!spend(1 + items.size())) return {};
  Iterator* state = heap_.make<Iterator>(heap_.copy(items), false);
  if (state == nullptr) return fail_limit("out of heap");
  return Value::iterator(state);
}
Value Interpreter::strings(Kind kind, std::span<const std::string_view> parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (std::string_view part : parts) items.push_back(Value::string(part));
  return sequence(kind, items);
}

// ---- variables

void Interpreter::push_scope(std::size_t parent, std::span<const Symbol> own_names) {
  scopes_.push_back({variables_.size(), parent});
  for (Symbol symbol : own_names) assign(symbol, Value());
}
void Interpreter::pop_scope() {
  variables_.resize(scopes_.back().start);
  scopes_.pop_back();
}

const Value* Interpreter::find(Symbol symbol) const {
  std::size_t scope = scopes_.size() - 1;
  std::size_t end = variables_.size();
  for (;;) {
    const std::size_t start = scopes_[scope].start;
    for (std::size_t i = end; i-- > start;) {
      if (variables_[i].symbol == symbol) return &variables_[i].value;
    }
    if (scope == 0) return nullptr;
    const std::size_t parent = std::min(scopes_[scope].parent, scope - 1);
    end = scopes_[parent + 1].start;
    scope = parent;
  }
}

void Interpreter::assign(Symbol symbol, Value value) {
  for (std::size_t i = variables_.size(); i-- > scopes_.back().start;) {
    if (variables_[i].symbol != symbol) continue;
    variables_[i].value = value;
    return;
  }
  variables_.push_back({symbol, value});
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.several.empty()) {
    const std::span<const Value> items = iterate(value);
    if (failed_) return;
    if (items.size() != target.several.size()) {
      fail("cannot unpack " + std::to_string(items.size()) + " values into " +
           std::to_string(target.several.size()));
      return;
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.several[i], items[i]);
    return;
  }
  if (target.attribute.empty()) return assign(target.symbol, value);
  const Value* found = find(target.symbol);
  if (found == nullptr || !found->is(Kind::kNamespace)) {
    fail("cannot assign attribute on non-namespace object");
    return;
  }
  Namespace& space = *found->as_namespace();
  for (std::size_t i = 0; i < space.size; ++i) {
    if (space.room[i].key.text() != target.attribute) continue;
    space.room[i].value = value;
    return;
  }
  if (space.size == space.room.size()) {
    const std::size_t capacity = std::max<std::size_t>(8, space.room.size() * 2);
    auto* room = static_cast<Entry*>(heap_.allocate(capacity * sizeof(Entry)));
    if (room == nullptr) return static_cast<void>(fail_limit("out of heap"));
    std::copy_n(space.room.begin(), space.size, room);
    space.room = {room, capacity};
  }
  space.room[space.size++] = {Value::string(target.attribute), value};
}

// ---- statements

Interpreter::Flow Interpreter::execute(const Body& body) {
  if (++depth_ > options_.limits.depth_max) {
    fail_limit("nested deeper than depth_max = " + std::to_string(options_.limits.depth_max));
  }
  Flow flow = Flow::kNext;
  for (const auto& statement : body) {
    if (failed_) break;
    flow = execute(*statement);
    if (flow != Flow::kNext) break;
  }
  --depth_;
  return flow;
}

Interpreter::Flow Interpreter::execute(const Statement& statement) {
  if (!spend(1)) return Flow::kNext;
  line_ = statement.line;
  switch (statement.kind) {
    case StatementKind::kText:
      write(statement.text);
      break;
    case StatementKind::kOutput:
      write(*statement.expression);
      break;
    case StatementKind::kIf:
      return execute_if(statement);
    case StatementKind::kFor:
      return execute_for(statement);
    case StatementKind::kSet:
    case StatementKind::kSetBlock:
      execute_set(statement);
      break;
    case StatementKind::kMacro: {
      const Macro* macro = heap_.make<Macro>(&statement, scopes_.size() - 1);
      if (macro != nullptr) assign(statement.symbol, Value::macro(macro));
      break;
    }
    case StatementKind::kCallBlock: {
      const Macro* caller = heap_.make<Macro>(&statement, scopes_.size() - 1);
      push_scope(scopes_.size() - 1);
      if (caller != nullptr) assign(syntax_.symbols.at(std::string(kCallerVariable)), Value::macro(caller));
      write(*statement.expression);
      pop_scope();
      break;
    }
    case StatementKind::kScope: {
      push_scope(scopes_.size() - 1, statement.own_names);
      for (const auto& [target, value] : statement.bindings) {
        const Value bound = evaluate(*value);
        if (!failed_) assign(target, bound);
      }
      const Flow flow = execute(statement.body);
      pop_scope();
      return flow;
    }
    case StatementKind::kFilterBlock: {
      push_scope(scopes_.size() - 1, statement.own_names);
      const Value text = capture(statement.body);
      assign(syntax_.symbols.at(std::string(kFilterBlockVariable)), text);
      write(*statement.expression);
      pop_scope();
      break;
    }
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute_if(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    const bool taken = !branch.condition || truth(evaluate(*branch.condition));
    if (failed_) return Flow::kNext;
    if (taken) return execute(branch.body);
  }
  return Flow::kNext;
}

void Interpreter::execute_set(const Statement& statement) {
  Value value;
  if (statement.kind == StatementKind::kSet) {
    value = evaluate(*statement.expression);
  } else {
    push_scope(scopes_.size() - 1, statement.own_names);
    value = capture(statement.body);
    if (statement.expression) {
      assign(syntax_.symbols.at(std::string(kFilterBlockVariable)), value);
      value = evaluate(*statement.expression);
    }
    pop_scope();
  }
  if (!failed_) assign(statement.target, value);
}

Value Interpreter::capture(const Body& body) {
  const std::size_t start = out_.size();
  execute(body);
  const Value text = string(std::string_view(out_).substr(start));
  out_.resize(start);
  return text;
}

void Interpreter::write(std::string_view text) {
  if (!spend_bytes(text.size())) return;
  if (out_.size() - out_start_ + text.size() > options_.limits.output_bytes_max) {
    fail_limit("more output than output_bytes_max = " + std::to_string(options_.limits.output_bytes_max));
    return;
  }
  out_ += text;
}

void Interpreter::write(const Expression& expression) {
  const bool joins =
      expression.kind == ExpressionKind::kAdd || expression.kind == ExpressionKind::kConcatenate;
  if (!joins) {
    const Value value = evaluate(expression);
    if (!failed_) write(text_of(value));
    return;
  }
  // 'a' + b + 'c' goes straight out: the joined text is never built.
  const std::size_t start = stack_.size();
  bool all_plain = true;
  for (const auto& child : expression.children) {
    const Value operand = evaluate(*child);
    all_plain = all_plain && operand.is_string() && !operand.is_safe();
    stack_.push_back(operand);
  }
  if (!failed_ && (all_plain || expression.kind == ExpressionKind::kConcatenate)) {
    for (std::size_t i = start; i < stack_.size(); ++i) write(text_of(stack_[i]));
  } else if (!failed_) {
    Value sum = stack_[start];
    for (std::size_t i = start + 1; i < stack_.size() && !failed_; ++i) sum = add(sum, stack_[i]);
    if (!failed_) write(text_of(sum));
  }
  stack_.resize(start);
}

// ---- expressions

Value Interpreter::evaluate(const Expression& e) {
  if (!spend(1)) return {};
  switch (e.kind) {
    case ExpressionKind::kConstant:
      return e.constant;
    case ExpressionKind::kName: {
      const Value* found = find(e.symbol);
      return found == nullptr ? Value() : *found;
    }
    default:
      break;
  }
  if (++depth_ > options_.limits.depth_max) {
    fail_limit("nested deeper than depth_max = " + std::to_string(options_.limits.depth_max));
  }
  const Value value = evaluate_operands(e);
  --depth_;
  return failed_ ? Value() : value;
}

Value Interpreter::evaluate_operands(const Expression& e) {
  switch (e.kind) {
    case ExpressionKind::kAttribute:
    case ExpressionKind::kIndex: {
      const Value subject = evaluate(*e.children[0]);
      if (failed_) return {};
      if (subject.is_undefined()) return fail("'" + describe(*e.children[0]) + "' is undefined");
      if (e.kind == ExpressionKind::kAttribute) return attribute(subject, e.constant, e.method);
      return item(subject, evaluate(*e.children[1]));
    }
    case ExpressionKind::kSlice: {
      Value parts[4] = {{}, Value::none(), Value::none(), Value::none()};
      for (int i = 0; i < 4; ++i) {
        if (e.children[i]) parts[i] = evaluate(*e.children[i]);
      }
      return failed_ ? Value() : slice(parts[0], parts[1], parts[2], parts[3]);
    }
    case ExpressionKind::kCall:
      return evaluate_call(e);
    case ExpressionKind::kFilter:
    case ExpressionKind::kTest: {
      const std::size_t start = stack_.size();
      const std::size_t named_start = named_stack_.size();
      const Value subject = evaluate(*e.children[0]);
      const Arguments arguments = push_arguments(e, 1);
      line_ = e.line;
      Value out;
      if (!failed_) {
        out = e.kind == ExpressionKind::kFilter ? filter(e.filter, e.text, subject, arguments)
                                                : Value::boolean(test(e.test, e.text, subject, arguments));
      }
      stack_.resize(start);
      named_stack_.resize(named_start);
      return out;
    }
    case ExpressionKind::kNot:
      return Value::boolean(!truth(evaluate(*e.children[0])));
    case ExpressionKind::kNegate:
    case ExpressionKind::kPlus: {
      const Value operand = evaluate(*e.children[0]);
      if (e.kind == ExpressionKind::kNegate && operand.is(Kind::kReal))
        return Value::real(-operand.as_real());
      const ExpressionKind kind =
          e.kind == ExpressionKind::kPlus ? ExpressionKind::kAdd : ExpressionKind::kSubtract;
      return failed_ ? Value() : arithmetic(kind, Value::integer(0), operand);
    }
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr: {
      const Value left = evaluate(*e.children[0]);
      if (failed_ || truth(left) == (e.kind == ExpressionKind::kOr)) return left;
      return evaluate(*e.children[1]);
    }
    case ExpressionKind::kAdd: {
      Value sum = evaluate(*e.children[0]);
      for (std::size_t i = 1; i < e.children.size() && !failed_; ++i) {
        const Value operand = evaluate(*e.children[i]);
        if (!failed_) sum = add(sum, operand);
      }
      return sum;
    }
    case ExpressionKind::kSubtract:
    case ExpressionKind::kMultiply:
    case ExpressionKind::kDivide:
    case ExpressionKind::kFloorDivide:
    case ExpressionKind::kModulo:
    case ExpressionKind::kPower: {
      const Value left = evaluate(*e.children[0]);
      const Value right = evaluate(*e.children[1]);
      return failed_ ? Value() : arithmetic(e.kind, left, right);
    }
    case ExpressionKind::kConcatenate: {
      std::string joined;
      for (const auto& child : e.children) {
        const Value operand = evaluate(*child);
        if (failed_) return {};
        const std::string_view text = text_of(operand);
        if (!may_build(joined.size() + text.size())) return {};
        joined += text;
      }
      return string(joined);
    }
    case ExpressionKind::kCompare:
      return evaluate_comparison(e);
    case ExpressionKind::kConditional: {
      if (truth(evaluate(*e.children[1]))) return evaluate(*e.children[0]);
      return failed_ || !e.children[2] ? Value() : evaluate(*e.children[2]);
    }
    case ExpressionKind::kList:
    case ExpressionKind::kTuple: {
      const std::size_t start = stack_.size();
      for (const auto& child : e.children) {
        const Value value = evaluate(*child);
        stack_.push_back(value);
      }
      const Value out = sequence(e.kind == ExpressionKind::kList ? Kind::kList : Kind::kTuple,
                                 std::span<const Value>(stack_).subspan(start));
      stack_.resize(start);
      return out;
    }
    case ExpressionKind::kDict:
      return evaluate_dict(e);
    case ExpressionKind::kConstant:
    case ExpressionKind::kName:
      break;
  }
  return {};
}

Value Interpreter::evaluate_comparison(const Expression& e) {
  Value left = evaluate(*e.children[0]);
  for (std::size_t i = 0; i < e.comparisons.size() && !failed_; ++i) {
    const Value right = evaluate(*e.children[i + 1]);
    if (failed_ || !compare(e.comparisons[i], left, right)) return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Value Interpreter::evaluate_dict(const Expression& e) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i + 1 < e.children.size() && !failed_; i += 2) {
    const Entry entry{evaluate(*e.children[i]), evaluate(*e.children[i + 1])};
    auto same =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& o) { return equal(o.key, entry.key); });
    if (same == entries.end()) {
      entries.push_back(entry);
    } else {
      same->value = entry.value;
    }
  }
  return Value::dict(heap_.copy(std::span<const Entry>(entries)));
}

}  // namespace ciyuan::jinja
