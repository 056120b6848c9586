#pragma once

/// What stands behind a ciyuan_vocabulary of the C interface (c_api.h).

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/result.h"
#include "token/vocabulary.h"

struct ciyuan_vocabulary {
  std::shared_ptr<const ciyuan::token::Vocabulary> shared;
};

namespace ciyuan::token::internal {

/// Owned by the caller; null where the result is an error, whose text `why` gets, cut to its room.
inline ciyuan_vocabulary* to_c(const Result<std::shared_ptr<const Vocabulary>>& found, char* why,
                               std::size_t why_size) {
  if (found.ok()) return new ciyuan_vocabulary{*found};
  if (why != nullptr && why_size > 0) {
    const std::string text = found.error().text();
    const std::size_t size = std::min(text.size(), why_size - 1);
    std::memcpy(why, text.data(), size);
    why[size] = '\0';
  }
  return nullptr;
}

}  // namespace ciyuan::token::internal
