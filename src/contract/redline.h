#pragma once

/// What changed between two versions of a document: a redline. Members of lists of objects that have an id
/// (clauses, rules) are compared by it, wherever they stand; so a clause that moved is no change. Pure
/// function: any thread.

#include <string>
#include <vector>

#include "base/json.h"

namespace ciyuan::contract {

struct Change {
  std::string path;  ///< "/clauses/session-cap/limit": ids in the place of indices, where there are some
  Json before;       ///< null: it was not there
  Json after;        ///< null: it is no longer there
  bool operator==(const Change&) const = default;
};

/// In the order of `before`, then what is new in the order of `after`. Values are compared as JSON; a whole
/// clause that comes or goes is one change.
std::vector<Change> redline(const Json& before, const Json& after);

}  // namespace ciyuan::contract
