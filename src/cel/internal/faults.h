#pragma once

#include <string>
#include <string_view>

#include "cel/value.h"

namespace ciyuan::cel {

/// Why there is no value, as a sentence: what was found and what the rule is. It quotes no values of texts:
/// they may be what the condition protects. `variable` is the one that was read, if one was.
std::string fault_text(const Value& fault, std::string_view variable);

}  // namespace ciyuan::cel
