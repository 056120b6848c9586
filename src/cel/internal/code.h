#pragma once

/// What a program runs: one Code for each node of the expression, its arguments' indices beside each other.

#include <cstdint>
#include <memory>
#include <vector>

#include "cel/arena.h"
#include "cel/value.h"

namespace re2 {
class RE2;
}

namespace ciyuan::cel {

struct Frame;
class TimeZone;

/// A strict function: its arguments are values, never errors.
using Run = Value (*)(Frame& frame, const Value* arguments, std::size_t count);
constexpr std::size_t kArgumentsMax = 8;

enum class Op : std::uint8_t {
  kConstant,
  kVariable,     ///< slot `number`
  kHasVariable,  ///< whether slot `number` is set
  kLocal,        ///< variable `number` of the loops around
  kField,        ///< field `number` of an object
  kHasField,
  kSelect,  ///< key `constant` of a map
  kHasKey,
  kAnd,
  kOr,
  kConditional,
  kEqual,  ///< these six have a short way for equal kinds of int and string, and `run` for the rest
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kCall,  ///< `run` on the arguments
  kList,
  kMap,
  kLoop,
  kBind,   ///< arguments: value of local `number`, body
  kFault,  ///< `constant`, an error
};

enum class Loop : std::uint8_t { kAll, kExists, kExistsOne, kList, kMap };

struct Code {
  Op op = Op::kConstant;
  Loop loop = Loop::kAll;      ///< kLoop: arguments are range, [condition], [result]
  bool filtered = false;       ///< kLoop kList, kMap: has a condition
  bool transformed = false;    ///< kLoop kList: has a result, else it keeps the element
  std::uint8_t variables = 0;  ///< kLoop: one or two, from local `number` on
  std::uint32_t number = 0;
  std::uint32_t first = 0;  ///< argument indices in Codes::arguments
  std::uint32_t count = 0;
  std::uint32_t offset = 0;  ///< in the source
  Run run = nullptr;
  const void* prepared = nullptr;  ///< what `run` takes from compilation: a re2::RE2 or a TimeZone
  Value constant;
};

struct Codes {
  Codes(std::size_t literal_bytes_max, std::size_t computed_bytes_max);
  ~Codes();
  Arena literals;  ///< texts of the source
  Arena computed;  ///< constants made of them; when it is full, the rest is computed in each evaluation
  std::vector<Code> nodes;
  std::vector<std::uint32_t> arguments;
  std::uint32_t root = 0;
  std::vector<std::unique_ptr<re2::RE2>> patterns;
  std::vector<std::unique_ptr<TimeZone>> zones;
};

}  // namespace ciyuan::cel
