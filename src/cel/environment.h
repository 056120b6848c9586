#pragma once

/// What an expression may speak of: variables with types and bounds, each with a slot; and the values that
/// one evaluation gives them.
///
///   Environment environment;
///   CIYUAN_TRY_STATUS(environment.declare("call", Type::object("Call", {{"output", Type::integer()}})));
///   Activation activation(environment);
///   activation.set(*environment.slot("call.output"), Value::integer(42));

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cel/type.h"
#include "cel/value.h"

namespace ciyuan::cel {

/// The largest value of a variable; the static cost of expressions rests on it. A larger one is an error
/// where it is read.
struct Bound {
  std::uint32_t bytes_max = 256;      ///< of each text in it
  std::uint32_t items_max = 64;       ///< of each list or map in it
  std::uint32_t total_max = 1 << 16;  ///< values and 16-byte pieces of text in it, all together
};

using Slot = std::uint32_t;

class Environment {
 public:
  static constexpr std::size_t kVariablesMax = 4096;

  /// `name` is one or more names with dots between them. A variable of an object type is declared as its
  /// fields, "call.tokens.output" and so on, a slot each; lists of objects are values. kInvalid for a name
  /// that is no name or is there, kTooLarge for too many.
  Status declare(std::string_view name, const Type& type, const Bound& bound = {});

  /// Of a variable; nothing when there is none of this name.
  std::optional<Slot> slot(std::string_view name) const;
  const std::string& name(Slot slot) const { return variables_[slot].name; }
  const Type& type(Slot slot) const { return variables_[slot].type; }
  const Bound& bound(Slot slot) const { return variables_[slot].bound; }
  std::size_t size() const { return variables_.size(); }

  /// "input, output, reasoning" for the name of an object, nothing for another.
  std::optional<std::string> fields_of(std::string_view object) const;

  /// Whether `value` may stand in `slot`: of the declared type, all through, and within the bound.
  bool accepts(Slot slot, const Value& value) const;

 private:
  struct Variable {
    std::string name;
    Type type;
    Bound bound;
  };
  Status add(std::string_view name, const Type& type, const Bound& bound);

  std::vector<Variable> variables_;
  std::map<std::string, Slot, std::less<>> slots_;
  std::map<std::string, std::string, std::less<>> objects_;
};

/// The values of an environment's variables. One thread at a time; refers to the environment, which must
/// stay.
class Activation {
 public:
  explicit Activation(const Environment& environment)
      : environment_(&environment), values_(environment.size(), Value::unset()) {}

  /// A value that the environment does not accept becomes an error where an expression reads it.
  void set(Slot slot, const Value& value) {
    values_[slot] = environment_->accepts(slot, value) ? value : Value::error(Fault::kInput);
  }
  void clear() { values_.assign(values_.size(), Value::unset()); }

  const std::vector<Value>& values() const { return values_; }

 private:
  const Environment* environment_;
  std::vector<Value> values_;
};

}  // namespace ciyuan::cel
