#pragma once

/// The members of a JSON object by position, so that one value can be replaced and every other byte kept.

#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::dialect {

struct Member {
  std::string_view key;    ///< between the quotes, escapes as written
  std::string_view value;  ///< the value's own bytes, no white space around
};

/// Members of the object that `text` is, in order. `text` must be valid JSON (checked by the caller: this
/// only walks). Two members of one key are kInvalid: the service might read the other one. Keys must be
/// written without escapes, for the same reason.
Result<std::vector<Member>> top_level_members(std::string_view text);

}  // namespace ciyuan::dialect
