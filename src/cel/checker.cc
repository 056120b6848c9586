#include "cel/internal/checker.h"

#include <algorithm>
#include <iterator>

#include "cel/internal/source.h"

namespace ciyuan::cel {

namespace {

constexpr Kind kNamedTypes[] = {Kind::kNull,     Kind::kBool,   Kind::kInt,   Kind::kUint,
                                Kind::kDouble,   Kind::kString, Kind::kBytes, Kind::kTimestamp,
                                Kind::kDuration, Kind::kList,   Kind::kMap,   Kind::kType};

/// The type that a name such as `int` or `google.protobuf.Duration` stands for.
std::optional<Kind> type_named(std::string_view name) {
  for (const Kind kind : kNamedTypes) {
    if (name_of(kind) == name) return kind;
  }
  return {};
}

Type type_of_type(Kind kind) {
  if (kind == Kind::kType) return Type::type(Type::of(Kind::kType));
  if (kind == Kind::kList) return Type::type(Type::list(Type::dyn()));
  if (kind == Kind::kMap) return Type::type(Type::map(Type::dyn(), Type::dyn()));
  return Type::type(Type::of(kind));
}

bool may_be_key(const Type& type) {
  constexpr Kind kKeys[] = {Kind::kInt,    Kind::kUint, Kind::kBool,
                            Kind::kString, Kind::kDyn,  Kind::kParameter};
  return std::find(std::begin(kKeys), std::end(kKeys), type.kind) != std::end(kKeys);
}

}  // namespace

Result<Type> Checker::check(std::string_view source, Tree& tree, const Environment& environment,
                            const Options& options) {
  Checker checker(source, tree, environment, options);
  const Result<Type> visited = checker.visit(tree.root);
  const std::uint32_t offset = tree[tree.root].offset;
  if (checker.inference_.exhausted()) {
    return error_at(source, offset, "the types of the expression grow too large to check",
                    ErrorCode::kTooLarge);
  }
  CIYUAN_TRY(const Type found, visited);
  const Type type = checker.inference_.finish(found);
  if (options.result && !checker.inference_.assign(found, *options.result)) {
    return checker.error(offset,
                         "the expression gives " + type.text() + "; it must give " + options.result->text());
  }
  return type;
}

Error Checker::error(std::uint32_t offset, const std::string& sentence) const {
  return error_at(source_, offset, sentence);
}

Result<Type> Checker::refuse(Index index, Fault fault, const std::string& sentence) {
  if (options_.checked) return error(tree_[index].offset, sentence);
  tree_[index].meaning = Meaning::kFault;
  tree_[index].fault = fault;
  return Type::dyn();
}

Result<Type> Checker::visit(Index index) {
  CIYUAN_TRY(Type found, visit_form(index));
  if (!options_.checked) found = Type::dyn();
  tree_[index].type = found;
  return found;
}

Result<Type> Checker::visit_form(Index index) {
  switch (tree_[index].form) {
    case Form::kLiteral:
      return Type::of(tree_[index].literal.kind());
    case Form::kIdentifier:
      return identifier(index);
    case Form::kSelect:
    case Form::kHas:
      return selection(index);
    case Form::kCall:
      return call(index);
    case Form::kAnd:
    case Form::kOr:
      return logic(index);
    case Form::kConditional:
      return conditional(index);
    case Form::kList:
      return list(index);
    case Form::kMap:
      return map(index);
    case Form::kLoop:
      return loop(index);
    case Form::kBind:
      return bind(index);
  }
  return Type::dyn();
}

const Checker::Local* Checker::local(std::string_view name) const {
  const auto found =
      std::find_if(locals_.rbegin(), locals_.rend(), [&](const Local& one) { return one.name == name; });
  return found == locals_.rend() ? nullptr : &*found;
}

std::optional<std::string> Checker::qualified_name(Index index) const {
  const Syntax& node = tree_[index];
  if (node.form == Form::kIdentifier) {
    return node.rooted || !local(node.name) ? std::optional(node.name) : std::nullopt;
  }
  if (node.form != Form::kSelect && node.form != Form::kHas) return {};
  std::optional<std::string> made = qualified_name(node.target);
  if (made) *made += "." + node.name;
  return made;
}

Result<Type> Checker::identifier(Index index) {
  Syntax& node = tree_[index];
  const Local* found = node.rooted ? nullptr : local(node.name);
  if (found) {
    node.meaning = Meaning::kLocal;
    node.number = static_cast<std::uint32_t>(found - locals_.data());
    return inference_.resolve(found->type);
  }
  if (const std::optional<Slot> slot = environment_.slot(node.name)) {
    node.meaning = Meaning::kVariable;
    node.number = *slot;
    return environment_.type(*slot);
  }
  if (const std::optional<Kind> kind = type_named(node.name)) {
    node.meaning = Meaning::kType;
    node.number = static_cast<std::uint32_t>(*kind);
    return type_of_type(*kind);
  }
  if (const std::optional<std::string> fields = environment_.fields_of(node.name)) {
    return refuse(index, Fault::kUnknown,
                  "'" + node.name + "' is an object, not a value; name one of its fields: " + *fields);
  }
  return refuse(index, Fault::kUnknown, "found '" + node.name + "', which is not declared here");
}

Result<Type> Checker::selection(Index index) {
  Syntax& node = tree_[index];
  const bool has = node.form == Form::kHas;
  // The longest name that is declared wins: a.b.c before (a.b).c before ((a).b).c.
  if (const std::optional<std::string> name = qualified_name(index)) {
    if (const std::optional<Slot> slot = environment_.slot(*name)) {
      node.meaning = Meaning::kVariable;
      node.number = *slot;
      return has ? Type::boolean() : environment_.type(*slot);
    }
    const std::optional<Kind> kind = has ? std::nullopt : type_named(*name);
    if (kind) {
      node.meaning = Meaning::kType;
      node.number = static_cast<std::uint32_t>(*kind);
      return type_of_type(*kind);
    }
    if (const std::optional<std::string> fields = environment_.fields_of(*name)) {
      return refuse(index, Fault::kUnknown,
                    "'" + *name + "' is an object, not a value; name one of its fields: " + *fields);
    }
    const std::optional<std::string> target = qualified_name(node.target);
    if (const std::optional<std::string> fields = target ? environment_.fields_of(*target) : std::nullopt) {
      return refuse(index, Fault::kUnknown,
                    "'" + *target + "' has no field '" + node.name + "'; it has " + *fields);
    }
  }
  CIYUAN_TRY(const Type target, visit(node.target));
  CIYUAN_TRY(const Type found, field_of(index, inference_.resolve(target)));
  return has ? Type::boolean() : found;
}

Result<Type> Checker::field_of(Index index, const Type& target) {
  Syntax& node = tree_[index];
  node.meaning = Meaning::kKey;
  switch (target.kind) {
    case Kind::kObject: {
      const std::size_t field = target.field(node.name);
      if (field == target.fields.size()) {
        return refuse(index, Fault::kUnknown, "'" + target.name + "' has no field '" + node.name + "'");
      }
      node.meaning = Meaning::kField;
      node.number = static_cast<std::uint32_t>(field);
      return target.parts[field];
    }
    case Kind::kMap:
      if (!inference_.assign(Type::string(), target.parts[0])) {
        return refuse(index, Fault::kNoOverload,
                      "found '." + node.name + "' of a " + target.text() + ", whose keys are not strings");
      }
      return target.parts[1];
    case Kind::kParameter:
      inference_.assign(target, Type::dyn());
      return Type::dyn();
    case Kind::kDyn:
      return Type::dyn();
    default:
      return refuse(
          index, Fault::kNoOverload,
          "found '." + node.name + "' of a value of type " + target.text() + ", which has no fields");
  }
}

Status Checker::expect_bool(Index index, const Type& type, std::string_view what) {
  if (inference_.assign(type, Type::boolean())) return {};
  return error(tree_[index].offset, std::string(what) + " is bool; found " + inference_.finish(type).text());
}

Result<Type> Checker::logic(Index index) {
  const std::vector<Index> operands = tree_[index].arguments;
  for (const Index operand : operands) {
    CIYUAN_TRY(const Type type, visit(operand));
    CIYUAN_TRY_STATUS(
        expect_bool(operand, type, tree_[index].form == Form::kAnd ? "each side of &&" : "each side of ||"));
  }
  return Type::boolean();
}

Result<Type> Checker::conditional(Index index) {
  const std::vector<Index> parts = tree_[index].arguments;
  CIYUAN_TRY(const Type condition, visit(parts[0]));
  CIYUAN_TRY_STATUS(expect_bool(parts[0], condition, "what stands before ?"));
  CIYUAN_TRY(const Type yes, visit(parts[1]));
  CIYUAN_TRY(const Type no, visit(parts[2]));
  const Type either = inference_.fresh();
  if (!inference_.assign(yes, either) || !inference_.assign(no, either)) {
    return error(tree_[index].offset, "both values of ? and : are of one type; found " +
                                          inference_.finish(yes).text() + " and " +
                                          inference_.finish(no).text() + " (dyn() takes the type away)");
  }
  return inference_.resolve(either);
}

Result<Type> Checker::list(Index index) {
  const std::vector<Index> items = tree_[index].arguments;
  std::optional<Type> element;
  for (const Index item : items) {
    CIYUAN_TRY(const Type type, visit(item));
    element = element ? inference_.join(*element, type) : type;
  }
  return Type::list(element ? *element : inference_.fresh());
}

Result<Type> Checker::map(Index index) {
  const std::vector<Index> parts = tree_[index].arguments;
  std::optional<Type> key, value;
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    CIYUAN_TRY(const Type found, visit(parts[i]));
    const Type type = inference_.resolve(found);
    if (!may_be_key(type)) {
      return error(tree_[parts[i]].offset,
                   "found a key of type " + type.text() + "; a key is int, uint, bool or string");
    }
    key = key ? inference_.join(*key, type) : type;
    CIYUAN_TRY(const Type held, visit(parts[i + 1]));
    value = value ? inference_.join(*value, held) : held;
  }
  return Type::map(key ? *key : inference_.fresh(), value ? *value : inference_.fresh());
}

Result<Type> Checker::loop(Index index) {
  const std::vector<Index> arguments = tree_[index].arguments;
  const std::vector<std::string> variables = tree_[index].variables;
  CIYUAN_TRY(const Type found, visit(arguments[0]));
  const Type range = inference_.resolve(found);
  Type key = Type::integer(), value = Type::dyn();
  switch (range.kind) {
    case Kind::kList:
      value = range.parts[0];
      break;
    case Kind::kMap:
      key = range.parts[0], value = range.parts[1];
      break;
    case Kind::kParameter:
      inference_.assign(range, Type::dyn());
      [[fallthrough]];
    case Kind::kDyn:
      key = Type::dyn();
      break;
    default:
      return error(tree_[arguments[0]].offset, "a loop goes over a list or a map; found " + range.text());
  }
  if (locals_.size() + variables.size() > kLocalsMax) {
    return error(tree_[index].offset,
                 "loops have over " + std::to_string(kLocalsMax) + " variables in sight");
  }
  tree_[index].number = static_cast<std::uint32_t>(locals_.size());
  if (variables.size() == 2) {
    locals_.push_back({variables[0], key});
    locals_.push_back({variables[1], value});
  } else {
    locals_.push_back({variables[0], range.kind == Kind::kMap ? key : value});
  }
  Result<Type> made = loop_result(index, key);
  locals_.resize(locals_.size() - variables.size());
  return made;
}

/// With the loop's variables in sight.
Result<Type> Checker::loop_result(Index index, const Type& key) {
  const std::vector<Index> arguments = tree_[index].arguments;
  const Loop kind = tree_[index].loop;
  const bool condition =
      tree_[index].filtered || kind == Loop::kAll || kind == Loop::kExists || kind == Loop::kExistsOne;
  if (condition) {
    CIYUAN_TRY(const Type type, visit(arguments[1]));
    CIYUAN_TRY_STATUS(expect_bool(arguments[1], type, "the condition of a loop"));
  }
  if (kind != Loop::kList && kind != Loop::kMap) return Type::boolean();
  if (!tree_[index].transformed) return Type::list(inference_.resolve(locals_.back().type));
  CIYUAN_TRY(const Type made, visit(arguments.back()));
  return kind == Loop::kList ? Type::list(made) : Type::map(key, made);
}

Result<Type> Checker::bind(Index index) {
  const std::vector<Index> arguments = tree_[index].arguments;
  CIYUAN_TRY(const Type value, visit(arguments[0]));
  if (locals_.size() == kLocalsMax) {
    return error(tree_[index].offset,
                 "bindings have over " + std::to_string(kLocalsMax) + " variables in sight");
  }
  tree_[index].number = static_cast<std::uint32_t>(locals_.size());
  locals_.push_back({tree_[index].variables[0], value});
  Result<Type> made = visit(arguments[1]);
  locals_.pop_back();
  return made;
}

}  // namespace ciyuan::cel
