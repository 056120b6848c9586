#pragma once

/// A condition of a contract, in the Common Expression Language (cel-spec's langdef.md, v0.25): compiled
/// once, checked against the types of what it may speak of, and evaluated as often as needed. It has no loops
/// without bound, no effects, no clock; the same activation always gives the same answer.
///
///   CIYUAN_TRY(Program over, Program::compile("call.output > 4096 && session.user != 'ops'", environment));
///   Arena arena;
///   CIYUAN_TRY(Value answer, over.evaluate(activation, arena));
///   if (answer.is_true()) …

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cel/arena.h"
#include "cel/environment.h"
#include "cel/type.h"
#include "cel/value.h"

namespace ciyuan::cel {

struct Codes;

/// What an expression may be at most.
struct Limits {
  std::size_t source_bytes_max = 16 << 10;
  std::size_t nodes_max = 2000;      ///< operators, names and literals
  std::uint32_t depth_max = 100;     ///< of nesting
  std::uint64_t cost_max = 100'000;  ///< steps of the worst evaluation: about a millisecond
};

struct Options {
  Limits limits;
  std::optional<Type> result = {};  ///< what it must give, or dyn, which may turn out to be another
  /// Without, types are looked at only when the expression runs, and an unknown name is an error of the
  /// evaluation, as the language allows. For expressions that were checked elsewhere.
  bool checked = true;
};

class Program {
 public:
  /// kInvalid or kTooLarge, with the line and column, what was found there and what the rule is.
  static Result<Program> compile(std::string_view source, const Environment& environment,
                                 const Options& options = {});
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  /// What it gives, or why there is no value: kInvalid, with the position, the fault and the rule. kTooLarge
  /// when `steps_max` or the arena is used up; with steps_max at cost() the steps always suffice. The
  /// activation is of the environment that the program was compiled with. The value may point into the
  /// activation's values, into `arena` and into this program, and lives as long as the first of them to end.
  /// Any thread.
  Result<Value> evaluate(const Activation& activation, Arena& arena, std::uint64_t steps_max) const;
  Result<Value> evaluate(const Activation& activation, Arena& arena) const {
    return evaluate(activation, arena, cost_);
  }

  const Type& type() const { return type_; }
  /// Steps that no evaluation exceeds, whatever the variables are within their bounds.
  std::uint64_t cost() const { return cost_; }
  const std::string& source() const { return source_; }

 private:
  Program();
  Error error_of(const Value& fault) const;

  std::string source_;
  std::unique_ptr<Codes> codes_;
  std::vector<std::string> variables_;  ///< names, for errors
  Type type_;
  std::uint64_t cost_ = 0;
};

}  // namespace ciyuan::cel
