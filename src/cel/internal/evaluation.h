#pragma once

/// One evaluation: walks the codes. The same codes and values give the same result and the same steps.

#include <cstdint>

#include "cel/arena.h"
#include "cel/internal/checker.h"
#include "cel/internal/code.h"
#include "cel/internal/frame.h"

namespace ciyuan::cel {

class Evaluation {
 public:
  /// `variables`: a value for each slot.
  Evaluation(const Codes& codes, const Value* variables, Arena& arena, std::uint64_t steps)
      : nodes_(codes.nodes.data()),
        arguments_(codes.arguments.data()),
        variables_(variables),
        frame_{arena, steps} {}

  Value run(std::uint32_t index);

  /// Steps or memory were used up: what run() gave is void.
  bool spent() const { return frame_.spent; }

 private:
  Value fail(std::uint32_t index, Fault fault, std::int64_t detail = 0) {
    frame_.where = index;
    return frame_.fail(fault, detail);
  }
  Value argument(const Code& code, std::uint32_t number) { return run(arguments_[code.first + number]); }

  Value variable(std::uint32_t index, const Code& code);
  Value logic(std::uint32_t index, const Code& code);
  Value conditional(std::uint32_t index, const Code& code);
  Value compare(std::uint32_t index, const Code& code);
  Value call(std::uint32_t index, const Code& code);
  Value field(std::uint32_t index, const Code& code);
  Value key(std::uint32_t index, const Code& code);
  Value list(std::uint32_t index, const Code& code);
  Value map(std::uint32_t index, const Code& code);
  Value bind(const Code& code);
  Value exhausted(std::uint32_t index) {
    frame_.where = index;
    return frame_.exhausted();
  }

  // loops.cc
  struct Range;
  Value loop(std::uint32_t index, const Code& code);
  Value loop_logic(std::uint32_t index, const Code& code, const Range& range);
  Value loop_values(std::uint32_t index, const Code& code, const Range& range);
  void set_variables(const Code& code, const Range& range, std::size_t round);

  const Code* nodes_;
  const std::uint32_t* arguments_;
  const Value* variables_;
  Frame frame_;
  // In a union, so that an evaluation does not begin by clearing them: each is set before it is read.
  union {
    Value locals_[kLocalsMax];
  };
};

}  // namespace ciyuan::cel
