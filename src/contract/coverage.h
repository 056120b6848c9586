#pragma once

/// What the program does about each clause of a contract, and never more than its tests show.
///
/// Pure functions: any thread.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ciyuan::contract {

enum class Coverage {
  kEnforced,   ///< a call that breaks it is refused, cut or charged as it says
  kMonitored,  ///< it is counted and told of; nothing is stopped
  kManual,     ///< people do it; the program keeps what they need
};
std::string_view name_of(Coverage coverage);

struct ClauseCoverage {
  std::string id, kind;
  Coverage coverage = Coverage::kManual;
  std::string what;   ///< in a sentence
  std::string tests;  ///< where it is tried to be broken, in the tree
};

/// Of each clause of a Contract document that has passed its schema, in order. A clause of a kind that is not
/// known here is manual.
std::vector<ClauseCoverage> coverage_of(const Json& contract);

}  // namespace ciyuan::contract
