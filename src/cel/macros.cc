// The macros of CEL: langdef.md "Macros", the two-variable loops of its comprehension extension, and
// cel.bind.

#include "cel/internal/parser.h"
#include "cel/internal/source.h"

namespace ciyuan::cel {

namespace {

struct Macro {
  std::string_view name;
  std::size_t arguments;  ///< with the variables
  std::size_t variables;
  Loop loop;
  bool filtered;
  bool transformed;
};
constexpr Macro kMacros[] = {
    {"all", 2, 1, Loop::kAll, false, false},
    {"all", 3, 2, Loop::kAll, false, false},
    {"exists", 2, 1, Loop::kExists, false, false},
    {"exists", 3, 2, Loop::kExists, false, false},
    {"exists_one", 2, 1, Loop::kExistsOne, false, false},
    {"existsOne", 2, 1, Loop::kExistsOne, false, false},
    {"existsOne", 3, 2, Loop::kExistsOne, false, false},
    {"filter", 2, 1, Loop::kList, true, false},
    {"map", 2, 1, Loop::kList, false, true},
    {"map", 3, 1, Loop::kList, true, true},
    {"transformList", 3, 2, Loop::kList, false, true},
    {"transformList", 4, 2, Loop::kList, true, true},
    {"transformMap", 3, 2, Loop::kMap, false, true},
    {"transformMap", 4, 2, Loop::kMap, true, true},
};

}  // namespace

Result<Index> Parser::expand_global(std::uint32_t offset, std::string_view name,
                                    const std::vector<Index>& arguments) {
  if (name != "has") return kNoIndex;
  if (arguments.size() != 1 || tree_[arguments[0]].form != Form::kSelect) {
    return error(offset, "has() takes one selection, such as has(call.session)");
  }
  tree_[arguments[0]].form = Form::kHas;
  return arguments[0];
}

Result<Index> Parser::expand_receiver(std::uint32_t offset, std::string_view name, Index target,
                                      const std::vector<Index>& arguments) {
  const Syntax& receiver = tree_[target];
  if (name == "bind" && arguments.size() == 3 && receiver.form == Form::kIdentifier &&
      receiver.name == "cel") {
    CIYUAN_TRY(std::string variable, variable_name("cel.bind", arguments[0]));
    Syntax node;
    node.form = Form::kBind;
    node.offset = offset;
    node.variables = {std::move(variable)};
    node.arguments = {arguments[1], arguments[2]};
    return add(std::move(node));
  }
  for (const Macro& macro : kMacros) {
    if (macro.name != name || macro.arguments != arguments.size()) continue;
    Syntax node;
    node.form = Form::kLoop;
    node.offset = offset;
    node.arguments = {target};
    node.loop = macro.loop;
    node.filtered = macro.filtered;
    node.transformed = macro.transformed;
    return loop(offset, name, std::move(node), macro.variables, arguments);
  }
  return kNoIndex;
}

Result<Index> Parser::loop(std::uint32_t offset, std::string_view name, Syntax node, std::size_t variables,
                           const std::vector<Index>& arguments) {
  for (std::size_t i = 0; i < variables; ++i) {
    CIYUAN_TRY(std::string variable, variable_name(name, arguments[i]));
    node.variables.push_back(std::move(variable));
  }
  if (variables == 2 && node.variables[0] == node.variables[1]) {
    return error(offset, "both variables of " + std::string(name) + "() are called '" + node.variables[0] +
                             "'; use two names");
  }
  node.arguments.insert(node.arguments.end(), arguments.begin() + static_cast<std::ptrdiff_t>(variables),
                        arguments.end());
  return add(std::move(node));
}

Result<std::string> Parser::variable_name(std::string_view macro, Index argument) const {
  const Syntax& node = tree_[argument];
  if (node.form == Form::kIdentifier && !node.rooted) return node.name;
  return error(node.offset, "the variable of " + std::string(macro) + "() is a simple name, such as x in " +
                                (macro == "cel.bind" ? "cel.bind(x, 1 + 2, x * x)" : "list.all(x, x > 0)"));
}

}  // namespace ciyuan::cel
