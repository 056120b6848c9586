// Calls and operators: which overloads fit, and what they give.

#include <algorithm>

#include "cel/internal/checker.h"
#include "cel/internal/functions.h"

namespace ciyuan::cel {

namespace {

/// "'+'" for "_+_", "'size'" for itself, "index" for "_[_]".
std::string shown(std::string_view name) {
  if (name == "_[_]") return "an index";
  std::string made;
  std::copy_if(name.begin(), name.end(), std::back_inserter(made), [](char c) { return c != '_'; });
  return "'" + made + "'";
}

std::string listed(const std::vector<Type>& types) {
  std::string made = "(";
  for (const Type& type : types) made += (made.size() > 1 ? ", " : "") + type.text();
  return made + ")";
}

}  // namespace

Result<Type> Checker::call(Index index) {
  std::vector<Index> operands = tree_[index].arguments;
  std::string name = tree_[index].name;
  const Index target = tree_[index].target;
  if (target != kNoIndex) {
    // math.ceil(x) is a function of a longer name, unless there is something called math.
    const std::optional<std::string> space = qualified_name(target);
    const std::string longer = space ? *space + "." + name : "";
    if (space && !environment_.slot(*space) && find_function(longer)) {
      name = longer;
    } else {
      tree_[index].receiver = true;
      operands.insert(operands.begin(), target);
    }
  }
  std::vector<Type> arguments;
  for (const Index operand : operands) {
    CIYUAN_TRY(Type type, visit(operand));
    arguments.push_back(std::move(type));
  }
  const Function* function = find_function(name);
  if (!function) return refuse(index, Fault::kUnknown, "found '" + name + "()', which is no function here");
  Syntax& node = tree_[index];
  node.function = function;
  node.meaning = Meaning::kFunction;
  if (operands.size() > kArgumentsMax) {
    return error(node.offset, shown(name) + " has over " + std::to_string(kArgumentsMax) + " arguments");
  }
  if ((name == "math.greatest" || name == "math.least") && arguments.size() > 1)
    return variadic(index, arguments);
  return choose(index, arguments);
}

/// Numbers of any kinds; of the kind that all have, or dyn.
Result<Type> Checker::variadic(Index index, const std::vector<Type>& arguments) {
  std::optional<Type> joined;
  for (const Type& argument : arguments) {
    const Type type = inference_.resolve(argument);
    const bool number = type.kind == Kind::kInt || type.kind == Kind::kUint || type.kind == Kind::kDouble ||
                        type.kind == Kind::kDyn || type.kind == Kind::kParameter;
    if (!number) {
      return error(tree_[index].offset,
                   "'" + tree_[index].name + "' takes numbers; found " + listed(arguments));
    }
    joined = joined ? inference_.join(*joined, type) : type;
  }
  return *joined;
}

std::optional<Type> Checker::try_overload(const Overload& overload, const std::vector<Type>& arguments) {
  std::vector<Type> types = overload.parameters;
  types.push_back(overload.result);
  types = inference_.instantiate(types);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!inference_.assign(arguments[i], types[i])) return {};
  }
  return inference_.resolve(types.back());
}

Result<Type> Checker::choose(Index index, const std::vector<Type>& arguments) {
  const Syntax& node = tree_[index];
  std::optional<Type> result;
  bool known_count = false;
  for (const Overload& overload : node.function->overloads) {
    if (overload.receiver != node.receiver || overload.parameters.size() != arguments.size()) continue;
    known_count = true;
    const Inference::Mark before = inference_.mark();
    const std::optional<Type> found = try_overload(overload, arguments);
    if (!found) {
      inference_.take_back(before);
    } else if (!result) {
      result = found;
    } else if (!(*result == *found)) {
      result = Type::dyn();
    }
  }
  if (result) return *result;
  std::string takes;
  for (const Overload& overload : node.function->overloads) {
    if (overload.receiver == node.receiver)
      takes += (takes.empty() ? "" : ", ") + listed(overload.parameters);
  }
  std::vector<Type> finished;
  for (const Type& argument : arguments) finished.push_back(inference_.finish(argument));
  const std::string rule =
      takes.empty() ? std::string(node.receiver ? "it is not called of a value" : "it is called of a value")
                    : "it takes " + takes;
  return refuse(index, Fault::kNoOverload,
                shown(node.function->name) + " is not defined for " + listed(finished) + "; " + rule +
                    (known_count ? "" : " (another number of arguments)"));
}

}  // namespace ciyuan::cel
