#pragma once

/// What the ledger says no with.

#include "base/amount.h"
#include "base/result.h"

namespace ciyuan::ledger::internal {

inline Error refused(std::string path, std::string message) {
  return Error{ErrorCode::kRefused, std::move(message), std::move(path)};
}
inline Error conflict(std::string path, std::string message) {
  return Error{ErrorCode::kConflict, std::move(message), std::move(path)};
}
inline Error not_found(std::string message) { return Error{ErrorCode::kNotFound, std::move(message), ""}; }
inline Error too_large(std::string path) {
  return Error{ErrorCode::kTooLarge, "the amount would leave 128 bits", std::move(path)};
}

}  // namespace ciyuan::ledger::internal
