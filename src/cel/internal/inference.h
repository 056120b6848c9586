#pragma once

/// Types with parameters, made equal. `dyn` agrees with everything; of two types that agree the more general
/// one is kept. A failed attempt can be taken back, so that overloads are tried one after the other.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cel/type.h"

namespace ciyuan::cel {

class Inference {
 public:
  /// A parameter that nothing is known of.
  Type fresh();
  /// The same types with fresh parameters for theirs; parameters of equal number stay equal.
  std::vector<Type> instantiate(const std::vector<Type>& types);

  /// Whether a value of type `from` may stand where `to` is wanted; binds parameters of both.
  bool assign(const Type& from, const Type& to);
  /// The type of something that is one or the other: the more general if they agree, else dyn.
  Type join(const Type& a, const Type& b);

  /// With all that is known of its parameters.
  Type resolve(const Type& type);
  /// The same, and dyn for what is not known.
  Type finish(const Type& type);

  struct Mark {
    std::size_t trail;
    std::size_t parameters;
  };
  Mark mark() const { return {trail_.size(), bindings_.size()}; }
  void take_back(const Mark& mark);

  /// Types have grown so large that all answers are void: the expression must be refused.
  bool exhausted() const { return work_ > kWorkMax; }

 private:
  /// Visited parts of types: some hundred milliseconds. 2,000 nodes with ten overloads each take less than
  /// half.
  static constexpr std::uint64_t kWorkMax = 500'000;

  bool spend() { return ++work_ <= kWorkMax; }
  enum class Substitution { kDone, kConflict, kImpossible };
  Substitution substitute(const Type& parameter, const Type& other);
  bool assign_parts(const Type& from, const Type& to);
  bool occurs(std::uint32_t parameter, const Type& in);
  /// Whether `a` says no more than `b`.
  bool is_as_general(const Type& a, const Type& b);
  void bind(std::uint32_t parameter, Type type);
  Type replaced(const Type& type, bool finishing);

  std::vector<std::optional<Type>> bindings_;
  std::vector<std::pair<std::uint32_t, std::optional<Type>>> trail_;  ///< what was bound before
  std::uint64_t work_ = 0;
};

}  // namespace ciyuan::cel
