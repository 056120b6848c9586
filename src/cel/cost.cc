#include "cel/internal/cost.h"

#include <algorithm>

#include "cel/internal/frame.h"
#include "cel/internal/text_costs.h"

namespace ciyuan::cel {

namespace {

/// What a number, a time or a truth takes as text, with room.
constexpr std::uint64_t kScalarTextBytes = 48;

}  // namespace

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

int Sizes::keep(const Size& part) {
  parts_.push_back(part);
  return static_cast<int>(parts_.size() - 1);
}

Size Sizes::of_text(std::uint64_t bytes) const { return {bytes, plus(1, steps_of_bytes(bytes)), -1}; }

Size Sizes::of_list(std::uint64_t items, const Size& part) {
  return {items, plus(1, times(items, part.volume)), keep(part)};
}

Size Sizes::of_variable(const Type& type, const Bound& bound) {
  Size made;
  switch (type.kind) {
    case Kind::kString:
    case Kind::kBytes:
      made = of_text(bound.bytes_max);
      break;
    case Kind::kList:
      made = of_list(bound.items_max, of_variable(type.parts[0], bound));
      break;
    case Kind::kMap: {
      const Size key = of_variable(type.parts[0], bound), value = of_variable(type.parts[1], bound);
      made = of_list(bound.items_max, merge(key, value));
      made.volume = plus(made.volume, times(bound.items_max, std::min(key.volume, value.volume)));
      break;
    }
    case Kind::kObject: {
      Size field;
      for (const Type& part : type.parts) field = merge(field, of_variable(part, bound));
      made = of_list(type.parts.size(), field);
      break;
    }
    case Kind::kDyn:
    case Kind::kParameter:
      made = {std::max(bound.bytes_max, bound.items_max), bound.total_max, -1};
      break;
    default:
      break;
  }
  made.volume = std::min<std::uint64_t>(made.volume, std::max<std::uint32_t>(bound.total_max, 1));
  return made;
}

Size Sizes::of_value(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      return of_text(value.text().size());
    case Kind::kList: {
      Size part;
      std::uint64_t volume = 1;
      for (const Value& item : value.items()) {
        const Size size = of_value(item);
        volume = plus(volume, size.volume);
        part = merge(part, size);
      }
      return {value.items().size(), volume, keep(part)};
    }
    case Kind::kMap: {
      Size part;
      std::uint64_t volume = 1;
      for (const Entry& entry : value.entries()) {
        const Size key = of_value(entry.key), held = of_value(entry.value);
        volume = plus(volume, plus(key.volume, held.volume));
        part = merge(part, merge(key, held));
      }
      return {value.entries().size(), volume, keep(part)};
    }
    default:
      return {};
  }
}

Size Sizes::merge(const Size& a, const Size& b) {
  Size made{std::max(a.own, b.own), std::max(a.volume, b.volume), -1};
  if (a.part >= 0 || b.part >= 0) {
    const Size inner = merge(part(a), part(b));
    made.part = keep(inner);
  }
  return made;
}

Estimate cost_nothing(Sizes&, std::span<const Size>) { return {}; }

Estimate cost_same(Sizes&, std::span<const Size> arguments) {
  return {times(2, steps_of_bytes(arguments[0].own)), arguments[0]};
}

Estimate cost_add(Sizes& sizes, std::span<const Size> arguments) {
  const Size merged = sizes.merge(arguments[0], arguments[1]);
  const std::uint64_t own = plus(arguments[0].own, arguments[1].own);
  // Two texts of no whole step each may make one; so may the two of each length above.
  return {own, {own, plus(1, plus(arguments[0].volume, arguments[1].volume)), merged.part}};
}

Estimate cost_order(Sizes&, std::span<const Size> arguments) {
  return {steps_of_bytes(std::min(arguments[0].own, arguments[1].own)), {}};
}

Estimate cost_equal(Sizes&, std::span<const Size> arguments) {
  return {std::min(arguments[0].volume, arguments[1].volume), {}};
}

Estimate cost_contained(Sizes&, std::span<const Size> arguments) {
  const std::uint64_t list = std::min(arguments[1].volume, times(arguments[1].own, arguments[0].volume));
  return {plus(list, steps_of_find(arguments[1].own, arguments[0].own)), {}};
}

Estimate cost_index(Sizes& sizes, std::span<const Size> arguments) {
  return {steps_of_find(arguments[0].own, arguments[1].own), sizes.part(arguments[0])};
}

Estimate cost_read(Sizes&, std::span<const Size> arguments) { return {steps_of_bytes(arguments[0].own), {}}; }
Estimate cost_read_last(Sizes&, std::span<const Size> arguments) {
  return {steps_of_bytes(arguments.back().own), {}};
}

Estimate cost_to_text(Sizes& sizes, std::span<const Size> arguments) {
  const std::uint64_t bytes = std::max(arguments[0].own, kScalarTextBytes);
  return {steps_of_bytes(bytes), sizes.of_text(bytes)};
}

Estimate cost_copy(Sizes& sizes, std::span<const Size> arguments) {
  const std::uint64_t bytes = plus(times(2, arguments[0].own), 4);
  return {plus(steps_of_bytes(arguments[0].own), steps_of_bytes(bytes)), sizes.of_text(bytes)};
}

Estimate cost_search(Sizes&, std::span<const Size> arguments) {
  return {steps_of_search(arguments[0].own, arguments[1].own), {}};
}

Estimate cost_match(Sizes&, std::span<const Size> arguments) {
  return {steps_of_match(arguments[0].own), {}};
}

Estimate cost_replace(Sizes& sizes, std::span<const Size> arguments) {
  const std::uint64_t bytes = plus(arguments[0].own, times(plus(arguments[0].own, 1), arguments[2].own));
  const std::uint64_t searches = times(2, steps_of_search(arguments[0].own, arguments[1].own));
  return {plus(searches, steps_of_bytes(bytes)), sizes.of_text(bytes)};
}

Estimate cost_split(Sizes& sizes, std::span<const Size> arguments) {
  const std::uint64_t pieces = plus(arguments[0].own, 1);
  Size made = sizes.of_list(pieces, sizes.of_text(arguments[0].own));
  made.volume = plus(1, plus(pieces, steps_of_bytes(arguments[0].own)));  // the pieces together are the text
  return {plus(times(2, steps_of_search(arguments[0].own, arguments[1].own)), pieces), made};
}

Estimate cost_join(Sizes& sizes, std::span<const Size> arguments) {
  const std::uint64_t separator = arguments.size() > 1 ? arguments[1].own : 0;
  const std::uint64_t texts = std::min(times(arguments[0].own, sizes.part(arguments[0]).own),
                                       times(arguments[0].volume, kBytesOfStep));
  const std::uint64_t bytes = plus(texts, times(arguments[0].own, separator));
  return {plus(arguments[0].own, steps_of_bytes(bytes)), sizes.of_text(bytes)};
}

Estimate cost_extreme(Sizes& sizes, std::span<const Size> arguments) {
  return {arguments[0].own, sizes.part(arguments[0])};
}

}  // namespace ciyuan::cel
