#pragma once

/// Where something stands in the text of an expression, as people count: from 1, columns in characters.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::cel {

/// "line 2, column 7"
std::string position_text(std::string_view source, std::uint32_t offset);

inline Error error_at(std::string_view source, std::uint32_t offset, const std::string& sentence,
                      ErrorCode code = ErrorCode::kInvalid) {
  return Error{code, position_text(source, offset) + ": " + sentence, ""};
}

}  // namespace ciyuan::cel
