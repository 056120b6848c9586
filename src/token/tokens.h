#pragma once

/// Tokens: a number of tokens as its own type, so that it is never mixed up with bytes, characters or money.
///
///   Tokens used = vocabulary->count(text);
///   if (used + reserve > limit) …

#include <compare>
#include <cstdint>

namespace ciyuan::token {

/// Aggregate: Tokens{3}. Sums of counts of real texts stay far below 2^63; there is no overflow check.
struct Tokens {
  std::int64_t value = 0;

  constexpr auto operator<=>(const Tokens&) const = default;
  constexpr Tokens& operator+=(Tokens other) { return value += other.value, *this; }
  constexpr Tokens& operator-=(Tokens other) { return value -= other.value, *this; }
};

constexpr Tokens operator+(Tokens a, Tokens b) { return Tokens{a.value + b.value}; }
constexpr Tokens operator-(Tokens a, Tokens b) { return Tokens{a.value - b.value}; }

}  // namespace ciyuan::token
