#pragma once

/// The functions of the language by name: their signatures for the checker, what runs them, and what that
/// costs.

#include <string_view>
#include <vector>

#include "cel/internal/code.h"
#include "cel/internal/cost.h"
#include "cel/type.h"

namespace ciyuan::cel {

struct Overload {
  bool receiver = false;  ///< called as a.f(b); the receiver is the first parameter
  std::vector<Type> parameters;
  Type result;
};

/// What the second argument is made into when the expression is compiled: it must be a constant.
enum class Prepare : std::uint8_t { kNothing, kPattern, kTimeZone };

struct Function {
  std::string_view name;
  Run run = nullptr;
  CostRule cost = nullptr;
  std::vector<Overload> overloads;
  Op op = Op::kCall;
  Prepare prepare = Prepare::kNothing;
};

/// nullptr when there is none. Operators are "_+_", "!_", "_[_]", "_in_" and so on.
const Function* find_function(std::string_view name);

}  // namespace ciyuan::cel
