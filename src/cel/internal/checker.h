#pragma once

/// Finds what each name of an expression means and that each operation is defined for the types that come to
/// it; writes both into the tree.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cel/environment.h"
#include "cel/internal/inference.h"
#include "cel/internal/syntax.h"
#include "cel/program.h"

namespace ciyuan::cel {

/// Loops' and bindings' variables that are in sight at once.
constexpr std::uint32_t kLocalsMax = 16;

class Checker {
 public:
  /// The type of the whole.
  static Result<Type> check(std::string_view source, Tree& tree, const Environment& environment,
                            const Options& options);

 private:
  struct Local {
    std::string name;
    Type type;
  };

  Checker(std::string_view source, Tree& tree, const Environment& environment, const Options& options)
      : source_(source), tree_(tree), environment_(environment), options_(options) {}

  Result<Type> visit(Index index);
  Result<Type> visit_form(Index index);
  Result<Type> identifier(Index index);
  Result<Type> selection(Index index);
  Result<Type> field_of(Index index, const Type& target);
  Result<Type> logic(Index index);
  Result<Type> conditional(Index index);
  Result<Type> list(Index index);
  Result<Type> map(Index index);
  Result<Type> loop(Index index);
  Result<Type> loop_result(Index index, const Type& key);
  Result<Type> bind(Index index);

  // checker_calls.cc
  Result<Type> call(Index index);
  Result<Type> variadic(Index index, const std::vector<Type>& arguments);
  Result<Type> choose(Index index, const std::vector<Type>& arguments);
  std::optional<Type> try_overload(const struct Overload& overload, const std::vector<Type>& arguments);

  /// "call.tokens" for a selection from a name that is no loop's variable.
  std::optional<std::string> qualified_name(Index index) const;
  const Local* local(std::string_view name) const;
  Status expect_bool(Index index, const Type& type, std::string_view what);

  Error error(std::uint32_t offset, const std::string& sentence) const;
  /// The error; in an unchecked program the node fails when it runs instead, and has any type.
  Result<Type> refuse(Index index, Fault fault, const std::string& sentence);

  std::string_view source_;
  Tree& tree_;
  const Environment& environment_;
  const Options& options_;
  Inference inference_;
  std::vector<Local> locals_;
};

}  // namespace ciyuan::cel
