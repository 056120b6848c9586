#pragma once

/// A value against the JSON Schema (draft-7) of its kind, with errors that say the rule in words.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ciyuan::contract {

/// What is wrong with one place of a value.
struct Fault {
  std::string pointer;  ///< JSON pointer of the place
  std::string message;  ///< the value and the rule
};

/// Faults of `value` under schema/<file>, e.g. "contract.json"; empty when it is right.
std::vector<Fault> check_schema(const Json& value, std::string_view file);

/// The schema with what it refers to put in place of each "$ref", as JSON; null for a file that is not there.
const Json& whole_schema(std::string_view file);

/// A value as an error message shows it: short, on one line.
std::string shown(const Json& value);

}  // namespace ciyuan::contract
