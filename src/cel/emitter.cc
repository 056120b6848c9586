#include "cel/internal/emitter.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>

#include "cel/internal/evaluation.h"
#include "cel/internal/functions.h"
#include "cel/internal/source.h"
#include "cel/internal/text_costs.h"
#include "cel/internal/time_zone.h"

namespace ciyuan::cel {

namespace {

/// What compilation computes ahead: an expression of 2,000 such parts still compiles in some milliseconds.
constexpr std::uint64_t kFoldStepsMax = 1000;
constexpr std::int64_t kPatternMemory = 1 << 20;

}  // namespace

Codes::Codes(std::size_t literal_bytes_max, std::size_t computed_bytes_max)
    : literals(literal_bytes_max), computed(computed_bytes_max) {}
Codes::~Codes() = default;

Result<std::uint64_t> Emitter::emit() {
  CIYUAN_TRY(const Emitted root, emit(tree_.root));
  codes_.root = root.code;
  return root.steps;
}

Result<Emitter::Emitted> Emitter::emit(Index index) {
  const Syntax& node = tree_[index];
  Code code;
  code.offset = node.offset;
  if (node.meaning == Meaning::kFault) {
    code.op = Op::kFault;
    code.constant = Value::error(node.fault);
    return add(code, {}, {});
  }
  return emit_form(index, code);
}

Result<Emitter::Emitted> Emitter::emit_form(Index index, Code code) {
  switch (tree_[index].form) {
    case Form::kLiteral:
      return literal(index, code);
    case Form::kIdentifier:
    case Form::kSelect:
    case Form::kHas:
      return name(index, code);
    case Form::kCall:
      return call(index, code);
    case Form::kAnd:
    case Form::kOr:
    case Form::kConditional:
      return logic(index, code);
    case Form::kList:
      return list(index, code);
    case Form::kMap:
      return map(index, code);
    case Form::kLoop:
      return loop(index, code);
    case Form::kBind:
      return bind(index, code);
  }
  return error_at(source_, code.offset, "a form of expression that nothing runs", ErrorCode::kInternal);
}

Value Emitter::kept(std::string_view text, Kind kind) {
  char* made = codes_.literals.allocate(text.size());
  CIYUAN_CHECK(made, "the memory for literals holds all of the longest source");
  std::memcpy(made, text.data(), text.size());
  return kind == Kind::kString ? Value::string({made, text.size()}) : Value::bytes({made, text.size()});
}

Emitter::Emitted Emitter::constant(Code code, const Value& value) {
  code.op = Op::kConstant;
  code.constant = value;
  codes_.nodes.push_back(code);
  return {static_cast<std::uint32_t>(codes_.nodes.size() - 1), 1, sizes_.of_value(value)};
}

Result<Emitter::Emitted> Emitter::literal(Index index, Code code) {
  const Syntax& node = tree_[index];
  const Kind kind = node.literal.kind();
  return constant(code, kind == Kind::kString || kind == Kind::kBytes ? kept(node.name, kind) : node.literal);
}

Result<std::vector<Emitter::Emitted>> Emitter::emit_all(const std::vector<Index>& indices) {
  std::vector<Emitted> made;
  for (const Index index : indices) {
    CIYUAN_TRY(Emitted one, emit(index));
    made.push_back(one);
  }
  return made;
}

Emitter::Emitted Emitter::add(Code code, const std::vector<Emitted>& arguments, Estimate estimate) {
  code.first = static_cast<std::uint32_t>(codes_.arguments.size());
  code.count = static_cast<std::uint32_t>(arguments.size());
  std::uint64_t steps = plus(1, estimate.steps);
  for (const Emitted& argument : arguments) {
    codes_.arguments.push_back(argument.code);
    steps = plus(steps, argument.steps);
  }
  const bool constants = std::all_of(arguments.begin(), arguments.end(), [&](const Emitted& argument) {
    return codes_.nodes[argument.code].op == Op::kConstant;
  });
  const bool foldable = code.op != Op::kFault && code.op != Op::kVariable && code.op != Op::kHasVariable &&
                        code.op != Op::kLocal && code.op != Op::kLoop && code.op != Op::kBind;
  if (constants && foldable && steps <= kFoldStepsMax && fold(code)) return constant(code, code.constant);
  codes_.nodes.push_back(code);
  return {static_cast<std::uint32_t>(codes_.nodes.size() - 1), steps, estimate.size};
}

bool Emitter::fold(Code& code) {
  codes_.nodes.push_back(code);
  Evaluation evaluation(codes_, nullptr, codes_.computed, kFoldStepsMax);
  const Value found = evaluation.run(static_cast<std::uint32_t>(codes_.nodes.size() - 1));
  codes_.nodes.pop_back();
  if (found.is_error()) return false;
  codes_.arguments.resize(code.first);
  code.constant = found;
  return true;
}

Result<Emitter::Emitted> Emitter::name(Index index, Code code) {
  const Syntax& node = tree_[index];
  const bool has = node.form == Form::kHas;
  code.number = node.number;
  switch (node.meaning) {
    case Meaning::kVariable: {
      code.op = has ? Op::kHasVariable : Op::kVariable;
      const Size size = sizes_.of_variable(environment_.type(node.number), environment_.bound(node.number));
      return add(code, {}, {0, has ? Size() : size});
    }
    case Meaning::kLocal:
      code.op = Op::kLocal;
      return add(code, {}, {0, locals_[node.number]});
    case Meaning::kType:
      return constant(code, Value::type(static_cast<Kind>(node.number)));
    default:
      break;
  }
  CIYUAN_TRY(const Emitted target, emit(node.target));
  const Size part = has ? Size() : sizes_.part(target.size);
  if (node.meaning == Meaning::kField) {
    code.op = has ? Op::kHasField : Op::kField;
    return add(code, {target}, {0, part});
  }
  code.op = has ? Op::kHasKey : Op::kSelect;
  code.constant = kept(node.name, Kind::kString);
  return add(code, {target}, {steps_of_find(target.size.own, node.name.size()), part});
}

Result<Emitter::Emitted> Emitter::call(Index index, Code code) {
  const Syntax& node = tree_[index];
  std::vector<Index> operands = node.arguments;
  if (node.receiver) operands.insert(operands.begin(), node.target);
  CIYUAN_TRY(const std::vector<Emitted> arguments, emit_all(operands));
  code.op = node.function->op;
  code.run = node.function->run;
  CIYUAN_TRY_STATUS(prepare(index, code, arguments));
  std::vector<Size> sizes;
  for (const Emitted& argument : arguments) sizes.push_back(argument.size);
  return add(code, arguments, node.function->cost(sizes_, sizes));
}

Status Emitter::prepare(Index index, Code& code, const std::vector<Emitted>& arguments) {
  const Syntax& node = tree_[index];
  const Prepare how = node.function->prepare;
  if (how == Prepare::kNothing || arguments.size() < 2) return {};
  const Code& given = codes_.nodes[arguments[1].code];
  const bool pattern = how == Prepare::kPattern;
  if (given.op != Op::kConstant || !given.constant.is(Kind::kString)) {
    return error_at(source_, given.offset,
                    std::string(pattern ? "a pattern" : "a time zone") +
                        " is a constant text, so that it is known before the expression runs");
  }
  const std::string_view text = given.constant.text();
  if (!pattern) {
    Result<TimeZone> zone = TimeZone::named(text);
    if (!zone.ok()) return error_at(source_, given.offset, zone.error().message);
    codes_.zones.push_back(std::make_unique<TimeZone>(*std::move(zone)));
    code.prepared = codes_.zones.back().get();
    return {};
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kPatternMemory);
  auto made = std::make_unique<RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!made->ok())
    return error_at(source_, given.offset, "found a pattern that is no RE2 expression: " + made->error());
  if (made->ProgramSize() > kPatternSizeMax) {
    return error_at(source_, given.offset,
                    "the pattern compiles to " + std::to_string(made->ProgramSize()) +
                        " instructions; at most " + std::to_string(kPatternSizeMax) + " are allowed",
                    ErrorCode::kTooLarge);
  }
  code.prepared = made.get();
  codes_.patterns.push_back(std::move(made));
  return {};
}

Result<Emitter::Emitted> Emitter::logic(Index index, Code code) {
  const Syntax& node = tree_[index];
  CIYUAN_TRY(const std::vector<Emitted> arguments, emit_all(node.arguments));
  code.op = node.form == Form::kAnd ? Op::kAnd : node.form == Form::kOr ? Op::kOr : Op::kConditional;
  Estimate estimate;
  if (node.form == Form::kConditional) estimate.size = sizes_.merge(arguments[1].size, arguments[2].size);
  Emitted made = add(code, arguments, estimate);
  // Only one of the two is evaluated.
  if (node.form == Form::kConditional && codes_.nodes[made.code].op == Op::kConditional &&
      made.steps != UINT64_MAX) {
    made.steps -= std::min(arguments[1].steps, arguments[2].steps);
  }
  return made;
}

Result<Emitter::Emitted> Emitter::list(Index index, Code code) {
  CIYUAN_TRY(const std::vector<Emitted> arguments, emit_all(tree_[index].arguments));
  code.op = Op::kList;
  Size part;
  std::uint64_t volume = 1;
  for (const Emitted& argument : arguments) {
    part = sizes_.merge(part, argument.size);
    volume = plus(volume, argument.size.volume);
  }
  Size size = sizes_.of_list(arguments.size(), part);
  size.volume = volume;
  return add(code, arguments, {arguments.size(), size});
}

Result<Emitter::Emitted> Emitter::map(Index index, Code code) {
  CIYUAN_TRY(const std::vector<Emitted> arguments, emit_all(tree_[index].arguments));
  code.op = Op::kMap;
  Size part;
  std::uint64_t volume = 1, key_bytes = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    part = sizes_.merge(part, arguments[i].size);
    volume = plus(volume, arguments[i].size.volume);
    if (i % 2 == 0) key_bytes = std::max(key_bytes, arguments[i].size.own);
  }
  Size size = sizes_.of_list(arguments.size() / 2, part);
  size.volume = volume;
  return add(code, arguments,
             {plus(arguments.size() / 2, steps_of_sort(arguments.size() / 2, key_bytes)), size});
}

Result<Emitter::Emitted> Emitter::loop(Index index, Code code) {
  const Syntax& node = tree_[index];
  CIYUAN_TRY(const Emitted range, emit(node.arguments[0]));
  const Size part = sizes_.part(range.size);
  for (std::size_t i = 0; i < node.variables.size(); ++i) locals_[node.number + i] = part;
  code.op = Op::kLoop;
  code.loop = node.loop;
  code.filtered = node.filtered;
  code.transformed = node.transformed;
  code.number = node.number;
  code.variables = static_cast<std::uint8_t>(node.variables.size());
  std::vector<Emitted> arguments = {range};
  std::uint64_t round = 1;  // the steps of one round
  Size made = part;
  for (std::size_t i = 1; i < node.arguments.size(); ++i) {
    CIYUAN_TRY(const Emitted body, emit(node.arguments[i]));
    round = plus(round, body.steps);
    if (node.transformed && i + 1 == node.arguments.size()) made = body.size;
    arguments.push_back(body);
  }
  const bool makes = node.loop == Loop::kList || node.loop == Loop::kMap;
  Size size = makes ? sizes_.of_list(range.size.own, made) : Size();
  if (node.loop == Loop::kMap) {
    size = sizes_.of_list(range.size.own, sizes_.merge(part, made));
    size.volume = plus(1, times(range.size.own, plus(part.volume, made.volume)));
  }
  Emitted emitted = add(code, arguments, {0, size});
  emitted.steps = plus(range.steps, plus(1, times(range.size.own, round)));
  return emitted;
}

Result<Emitter::Emitted> Emitter::bind(Index index, Code code) {
  const Syntax& node = tree_[index];
  CIYUAN_TRY(const Emitted value, emit(node.arguments[0]));
  locals_[node.number] = value.size;
  CIYUAN_TRY(const Emitted body, emit(node.arguments[1]));
  code.op = Op::kBind;
  code.number = node.number;
  return add(code, {value, body}, {0, body.size});
}

}  // namespace ciyuan::cel
