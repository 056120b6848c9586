// all, exists, exists_one; filter, map, transformList, transformMap.

#include "cel/internal/evaluation.h"

namespace ciyuan::cel {

struct Evaluation::Range {
  std::span<const Value> items;    ///< of a list
  std::span<const Entry> entries;  ///< of a map
  std::size_t size() const { return items.size() + entries.size(); }
  /// The place in a list, or the key.
  Value key(std::size_t round) const {
    return entries.empty() ? Value::integer(static_cast<std::int64_t>(round)) : entries[round].key;
  }
  Value value(std::size_t round) const { return entries.empty() ? items[round] : entries[round].value; }
  /// What a loop with one variable walks over: elements of a list, keys of a map.
  Value element(std::size_t round) const { return entries.empty() ? items[round] : entries[round].key; }
};

void Evaluation::set_variables(const Code& code, const Range& range, std::size_t round) {
  if (code.variables == 2) {
    locals_[code.number] = range.key(round);
    locals_[code.number + 1] = range.value(round);
  } else {
    locals_[code.number] = range.element(round);
  }
}

Value Evaluation::loop(std::uint32_t index, const Code& code) {
  const Value over = argument(code, 0);
  if (over.is_error()) return over;
  Range range;
  if (over.is(Kind::kList)) {
    range.items = over.items();
  } else if (over.is(Kind::kMap)) {
    range.entries = over.entries();
  } else {
    frame_.where = index;
    return frame_.no_overload(&over, 1);
  }
  const bool makes = code.loop == Loop::kList || code.loop == Loop::kMap;
  return makes ? loop_values(index, code, range) : loop_logic(index, code, range);
}

/// all() and exists() are && and || over the rounds; exists_one() has no way past an error.
Value Evaluation::loop_logic(std::uint32_t index, const Code& code, const Range& range) {
  const bool counts = code.loop == Loop::kExistsOne;
  const bool deciding = code.loop == Loop::kExists;
  std::size_t found = 0;
  Value error = Value::boolean(!deciding);
  for (std::size_t round = 0; round < range.size(); ++round) {
    if (!frame_.spend(1)) return exhausted(index);
    set_variables(code, range, round);
    const Value side = argument(code, 1);
    if (frame_.spent) return side;
    if (side.is(Kind::kBool)) {
      if (!counts && side.boolean() == deciding) return side;
      found += side.boolean();
      continue;
    }
    if (error.is_error()) continue;
    frame_.where = index;
    error = side.is_error() ? side : frame_.no_overload(&side, 1);
    if (counts) return error;
  }
  return counts ? Value::boolean(found == 1) : error;
}

Value Evaluation::loop_values(std::uint32_t index, const Code& code, const Range& range) {
  const bool makes_map = code.loop == Loop::kMap;
  const std::size_t size = range.size();
  if (!frame_.spend(size)) return exhausted(index);  // all rounds, before their room is taken
  Value* items = makes_map ? nullptr : frame_.arena.allocate_array<Value>(size);
  Entry* entries = makes_map ? frame_.arena.allocate_array<Entry>(size) : nullptr;
  if (!items && !entries) return exhausted(index);
  std::size_t count = 0;
  for (std::size_t round = 0; round < size; ++round) {
    set_variables(code, range, round);
    if (code.filtered) {
      const Value condition = argument(code, 1);
      if (condition.is_error()) return condition;
      frame_.where = index;
      if (!condition.is(Kind::kBool)) return frame_.no_overload(&condition, 1);
      if (!condition.boolean()) continue;
    }
    const Value made = code.transformed ? argument(code, code.count - 1) : range.element(round);
    if (made.is_error()) return made;
    if (makes_map) {
      entries[count++] = {range.key(round), made};
    } else {
      items[count++] = made;
    }
  }
  if (!makes_map) return Value::list({items, count});
  const std::optional<Value> sorted = Value::map({entries, count});  // in order already: the range's own keys
  return sorted ? *sorted : fail(index, Fault::kDuplicateKey);
}

}  // namespace ciyuan::cel
