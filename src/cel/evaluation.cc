#include "cel/internal/evaluation.h"

#include <algorithm>

#include "cel/internal/compare.h"

namespace ciyuan::cel {

namespace {

/// a < b and so on, for values of which it is known.
template <class T>
bool holds(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kEqual:
      return a == b;
    case Op::kNotEqual:
      return a != b;
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

}  // namespace

Value Evaluation::run(std::uint32_t index) {
  const Code& code = nodes_[index];
  if (!frame_.spend(1)) return exhausted(index);
  switch (code.op) {
    case Op::kConstant:
      return code.constant;
    case Op::kVariable:
      return variable(index, code);
    case Op::kHasVariable:
      return Value::boolean(!variables_[code.number].is_unset());
    case Op::kLocal:
      return locals_[code.number];
    case Op::kField:
    case Op::kHasField:
      return field(index, code);
    case Op::kSelect:
    case Op::kHasKey:
      return key(index, code);
    case Op::kAnd:
    case Op::kOr:
      return logic(index, code);
    case Op::kConditional:
      return conditional(index, code);
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return compare(index, code);
    case Op::kCall:
      return call(index, code);
    case Op::kList:
      return list(index, code);
    case Op::kMap:
      return map(index, code);
    case Op::kLoop:
      return loop(index, code);
    case Op::kBind:
      return bind(code);
    case Op::kFault:
      return fail(index, code.constant.fault());
  }
  return fail(index, Fault::kUnknown);
}

Value Evaluation::variable(std::uint32_t index, const Code& code) {
  const Value& value = variables_[code.number];
  return value.is_error() ? fail(index, value.fault()) : value;
}

/// An error counts only when no other side decides: so the order of the sides does not matter.
Value Evaluation::logic(std::uint32_t index, const Code& code) {
  const bool deciding = code.op == Op::kOr;
  Value error = Value::boolean(!deciding);
  for (std::uint32_t i = 0; i < code.count; ++i) {
    const Value side = argument(code, i);
    if (frame_.spent) return side;
    if (side.is(Kind::kBool)) {
      if (side.boolean() == deciding) return side;
    } else if (!error.is_error()) {
      frame_.where = index;
      error = side.is_error() ? side : frame_.no_overload(&side, 1);
    }
  }
  return error;
}

Value Evaluation::conditional(std::uint32_t index, const Code& code) {
  const Value condition = argument(code, 0);
  if (condition.is(Kind::kBool)) return argument(code, condition.boolean() ? 1 : 2);
  frame_.where = index;
  return condition.is_error() ? condition : frame_.no_overload(&condition, 1);
}

Value Evaluation::compare(std::uint32_t index, const Code& code) {
  const Value sides[2] = {argument(code, 0), argument(code, 1)};
  if (sides[0].is(Kind::kInt) && sides[1].is(Kind::kInt)) {
    return Value::boolean(holds(code.op, sides[0].integer(), sides[1].integer()));
  }
  for (const Value& side : sides) {
    if (side.is_error()) return side;
  }
  if (sides[0].is(Kind::kString) && sides[1].is(Kind::kString)) {
    const std::size_t read = std::min(sides[0].text().size(), sides[1].text().size());
    if (!frame_.spend(steps_of_bytes(read))) return exhausted(index);
    return Value::boolean(holds(code.op, sides[0].text(), sides[1].text()));
  }
  frame_.code = &code;
  frame_.where = index;
  return code.run(frame_, sides, 2);
}

Value Evaluation::call(std::uint32_t index, const Code& code) {
  Value given[kArgumentsMax];
  for (std::uint32_t i = 0; i < code.count; ++i) {
    given[i] = argument(code, i);
    if (given[i].is_error()) return given[i];
  }
  frame_.code = &code;
  frame_.where = index;
  return code.run(frame_, given, code.count);
}

Value Evaluation::field(std::uint32_t index, const Code& code) {
  const Value target = argument(code, 0);
  if (target.is_error()) return target;
  frame_.where = index;
  if (!target.is(Kind::kObject) || code.number >= target.items().size())
    return frame_.no_overload(&target, 1);
  const Value& value = target.items()[code.number];
  if (code.op == Op::kHasField) return Value::boolean(!value.is_unset());
  return value.is_error() ? frame_.fail(value.fault()) : value;
}

Value Evaluation::key(std::uint32_t index, const Code& code) {
  const Value target = argument(code, 0);
  if (target.is_error()) return target;
  frame_.where = index;
  if (!target.is(Kind::kMap)) return frame_.no_overload(&target, 1);
  if (!frame_.spend(steps_of_find(target.entries().size(), code.constant.text().size())))
    return frame_.exhausted();
  const Value* found = find_key(target.entries(), code.constant);
  if (code.op == Op::kHasKey) return Value::boolean(found != nullptr);
  return found ? *found : frame_.fail(Fault::kNoSuchKey);
}

Value Evaluation::list(std::uint32_t index, const Code& code) {
  if (!frame_.spend(code.count)) return exhausted(index);
  Value* made = frame_.arena.allocate_array<Value>(code.count);
  if (!made) return exhausted(index);
  for (std::uint32_t i = 0; i < code.count; ++i) {
    made[i] = argument(code, i);
    if (made[i].is_error()) return made[i];
  }
  return Value::list({made, code.count});
}

Value Evaluation::map(std::uint32_t index, const Code& code) {
  const std::uint32_t count = code.count / 2;
  if (!frame_.spend(count)) return exhausted(index);
  Entry* made = frame_.arena.allocate_array<Entry>(count);
  if (!made) return exhausted(index);
  std::size_t key_bytes = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    made[i].key = argument(code, 2 * i);
    if (made[i].key.is_error()) return made[i].key;
    made[i].value = argument(code, 2 * i + 1);
    if (made[i].value.is_error()) return made[i].value;
    if (made[i].key.is(Kind::kString)) key_bytes = std::max(key_bytes, made[i].key.text().size());
  }
  if (!frame_.spend(steps_of_sort(count, key_bytes))) return exhausted(index);
  const std::optional<Value> sorted = Value::map({made, count});
  if (sorted) return *sorted;
  const bool keys = std::all_of(made, made + count, [](const Entry& entry) {
    return entry.key.is(Kind::kBool) || entry.key.is(Kind::kInt) || entry.key.is(Kind::kUint) ||
           entry.key.is(Kind::kString);
  });
  return fail(index, keys ? Fault::kDuplicateKey : Fault::kKey);
}

Value Evaluation::bind(const Code& code) {
  const Value value = argument(code, 0);
  if (frame_.spent) return value;
  locals_[code.number] = value;  // an error too: it counts where the variable is read
  return argument(code, 1);
}

}  // namespace ciyuan::cel
