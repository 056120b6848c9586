#pragma once

/// Makes what runs out of a checked tree: slots instead of names, constants computed, patterns and time zones
/// ready; and finds the worst cost on the way.

#include <string_view>
#include <vector>

#include "base/result.h"
#include "cel/environment.h"
#include "cel/internal/checker.h"
#include "cel/internal/code.h"
#include "cel/internal/cost.h"
#include "cel/internal/syntax.h"

namespace ciyuan::cel {

class Emitter {
 public:
  Emitter(std::string_view source, const Tree& tree, const Environment& environment, Codes& codes)
      : source_(source), tree_(tree), environment_(environment), codes_(codes) {}

  /// The steps of the worst evaluation.
  Result<std::uint64_t> emit();

 private:
  struct Emitted {
    std::uint32_t code = 0;
    std::uint64_t steps = 1;
    Size size;
  };

  Result<Emitted> emit(Index index);
  Result<Emitted> emit_form(Index index, Code code);
  Result<Emitted> literal(Index index, Code code);
  Result<Emitted> name(Index index, Code code);
  Result<Emitted> call(Index index, Code code);
  Result<Emitted> logic(Index index, Code code);
  Result<Emitted> list(Index index, Code code);
  Result<Emitted> map(Index index, Code code);
  Result<Emitted> loop(Index index, Code code);
  Result<Emitted> bind(Index index, Code code);

  Result<std::vector<Emitted>> emit_all(const std::vector<Index>& indices);
  /// Appends the code with these arguments. A code of constants is run, and a constant itself.
  Emitted add(Code code, const std::vector<Emitted>& arguments, Estimate estimate);
  bool fold(Code& code);
  Emitted constant(Code code, const Value& value);
  Value kept(std::string_view text, Kind kind);
  Status prepare(Index index, Code& code, const std::vector<Emitted>& arguments);

  std::string_view source_;
  const Tree& tree_;
  const Environment& environment_;
  Codes& codes_;
  Sizes sizes_;
  Size locals_[kLocalsMax];
};

}  // namespace ciyuan::cel
