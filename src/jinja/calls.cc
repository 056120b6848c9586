/// Calls: their arguments, and macros.

#include <algorithm>

#include "jinja/internal/interpreter.h"

namespace ciyuan::jinja {

Arguments Interpreter::push_arguments(const Expression& e, std::size_t first) {
  const std::size_t start = stack_.size();
  const std::size_t named_start = named_stack_.size();
  for (std::size_t i = first; i < e.children.size(); ++i) {
    const Value value = evaluate(*e.children[i]);
    stack_.push_back(value);
  }
  for (const NamedArgument& argument : e.named) {
    const Value value = evaluate(*argument.value);
    if (argument.name == kUnpackedList) {
      const auto items = iterate(value);
      if (spend(items.size())) stack_.insert(stack_.end(), items.begin(), items.end());
    } else if (argument.name == kUnpackedDict) {
      push_named(value, named_start);
    } else {
      named_stack_.push_back({argument.name, value});
    }
  }
  return {std::span<const Value>(stack_).subspan(start),
          std::span<const Named>(named_stack_).subspan(named_start)};
}

void Interpreter::push_named(const Value& mapping, std::size_t start) {
  if (failed_) return;
  if (!mapping.is_dict()) return static_cast<void>(fail("what stands behind ** must be a mapping"));
  if (!spend(mapping.entries().size())) return;
  for (const Entry& entry : mapping.entries()) {
    if (!entry.key.is_string()) return static_cast<void>(fail("keywords must be strings"));
    for (std::size_t i = start; i < named_stack_.size(); ++i) {
      if (!spend(1)) return;
      if (named_stack_[i].first == entry.key.text())
        return static_cast<void>(
            fail("several values for the argument '" + std::string(entry.key.text()) + "'"));
    }
    named_stack_.push_back({entry.key.text(), entry.value});
  }
}

Value Interpreter::evaluate_call(const Expression& e) {
  const std::size_t start = stack_.size();
  const std::size_t named_start = named_stack_.size();
  const Expression& callee = *e.children[0];
  Value out;
  Value receiver;
  Method method = Method::kUnknown;
  if (callee.kind == ExpressionKind::kAttribute) {
    receiver = evaluate(*callee.children[0]);
    method = callee.method;
    if (!failed_ && receiver.is_undefined()) fail("'" + describe(*callee.children[0]) + "' is undefined");
  }
  if (!failed_ && method != Method::kUnknown && has_method(receiver, method)) {
    const Arguments arguments = push_arguments(e, 1);
    line_ = e.line;
    if (!failed_) out = call_method(receiver, method, arguments);
  } else if (!failed_) {
    const Value function = callee.kind == ExpressionKind::kAttribute
                               ? attribute(receiver, callee.constant, method)
                               : evaluate(callee);
    if (!failed_ && function.is_undefined()) fail("'" + describe(callee) + "' is undefined");
    const Arguments arguments = push_arguments(e, 1);
    line_ = e.line;
    if (!failed_) out = call(function, arguments);
  }
  stack_.resize(start);
  named_stack_.resize(named_start);
  return out;
}

std::string Interpreter::describe(const Expression& e) const {
  switch (e.kind) {
    case ExpressionKind::kName:
      return e.text;
    case ExpressionKind::kAttribute:
      return describe(*e.children[0]) + "." + e.text;
    case ExpressionKind::kIndex: {
      const Expression& key = *e.children[1];
      if (key.kind != ExpressionKind::kConstant) return describe(*e.children[0]) + "[…]";
      const bool is_integer = key.constant.is(Kind::kInteger);
      return describe(*e.children[0]) + "[" +
             (is_integer ? std::to_string(key.constant.as_integer()) : key.text) + "]";
    }
    default:
      return "value";
  }
}

Value Interpreter::call(const Value& callee, const Arguments& arguments) {
  switch (callee.kind()) {
    case Kind::kMacro:
      return call_macro(*callee.as_macro(), arguments);
    case Kind::kMethod:
      return call_method(callee.as_method()->receiver, callee.as_method()->method, arguments);
    case Kind::kLoop:
      return call_loop(*callee.as_loop(), arguments);
    case Kind::kFunction:
      return call_function(callee.as_function(), arguments);
    default:
      return fail("what is called is no function");
  }
}

Value Interpreter::call_macro(const Macro& macro, const Arguments& arguments) {
  const Statement& statement = *macro.statement;
  const auto& parameters = statement.parameters;
  const auto fault = [&](std::string_view what) {
    return fail("macro '" + statement.name + "' " + std::string(what));
  };
  if (arguments.positional.size() > parameters.size() && !statement.takes_varargs)
    return fault("takes not more than " + std::to_string(parameters.size()) + " argument(s)");
  std::vector<Entry> others;
  Value caller;
  for (const Named& named : arguments.named) {
    const auto known = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& p) { return p.name == named.first; });
    if (known != parameters.end()) {
      if (static_cast<std::size_t>(known - parameters.begin()) >= arguments.positional.size()) continue;
      if (!statement.takes_kwargs) return fault("has several values for '" + std::string(named.first) + "'");
      others.push_back({Value::string(named.first), named.second});
    } else if (named.first == kCaller && statement.takes_caller) {
      caller = named.second;
    } else if (statement.takes_kwargs) {
      others.push_back({Value::string(named.first), named.second});
    } else {
      return fault("takes no keyword argument '" + std::string(named.first) + "'");
    }
  }
  push_scope(macro.scope, statement.own_names);
  std::vector<const Parameter*> absent;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Value* given = arguments.find(i, parameters[i].name);
    assign(parameters[i].symbol, given == nullptr ? Value() : *given);
    if (given == nullptr && parameters[i].fallback) absent.push_back(&parameters[i]);
  }
  for (const Parameter* parameter : absent) {
    const Value fallback = evaluate(*parameter->fallback);
    assign(parameter->symbol, fallback);
  }
  if (statement.takes_caller) assign(syntax_.symbols.at(std::string(kCaller)), caller);
  if (statement.takes_kwargs)
    assign(syntax_.symbols.at(std::string(kKwargs)), Value::dict(heap_.copy(std::span<const Entry>(others))));
  if (statement.takes_varargs)
    assign(syntax_.symbols.at(std::string(kVarargs)),
           sequence(Kind::kTuple, arguments.from(parameters.size()).positional));
  const Value text = capture(statement.body);
  pop_scope();
  return text;
}

}  // namespace ciyuan::jinja
