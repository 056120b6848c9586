#pragma once

/// Equality and order of values, as CEL's runtime has them: numbers of all kinds stand on one line.

#include <compare>
#include <cstddef>

#include "cel/internal/frame.h"
#include "cel/value.h"

namespace ciyuan::cel {

/// Of two numbers; unordered with a NaN. Beside a double, an int or uint is rounded to one.
std::partial_ordering compare_numbers(const Value& a, const Value& b);

/// Different kinds are unequal, but for numbers. Pays for what it looks at; false once the frame is spent.
bool equal(Frame& frame, const Value& a, const Value& b);

/// The order of keys in a map: bool, then numbers, then string.
std::weak_ordering compare_keys(const Value& a, const Value& b);
/// nullptr when it is not there. Any kind may be asked for: a double finds the int it is equal to.
const Value* find_key(std::span<const Entry> entries, const Value& key);

// Functions of the language (functions.cc names them).
Value equals(Frame& frame, const Value* arguments, std::size_t count);
Value differs(Frame& frame, const Value* arguments, std::size_t count);
Value less(Frame& frame, const Value* arguments, std::size_t count);
Value less_equal(Frame& frame, const Value* arguments, std::size_t count);
Value greater(Frame& frame, const Value* arguments, std::size_t count);
Value greater_equal(Frame& frame, const Value* arguments, std::size_t count);
Value contained(Frame& frame, const Value* arguments, std::size_t count);
Value at_index(Frame& frame, const Value* arguments, std::size_t count);

}  // namespace ciyuan::cel
