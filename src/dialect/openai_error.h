#pragma once

/// Error bodies of the OpenAI dialect, so that the official clients raise the class they would raise for the
/// service itself. What a contract refused stands beside it in "ciyuan".

#include <optional>
#include <string>

#include "base/amount.h"

namespace ciyuan::dialect {

struct LimitDetail {
  std::string clause;  ///< id of the clause
  std::string unit;
  std::string limit, left, held;  ///< decimal text
  std::string text_en, text_zh;   ///< the clause's own words, empty where it has none
};

struct ErrorBody {
  unsigned status = 500;
  std::string message;
  std::string type;    ///< "invalid_request_error", "authentication_error", "insufficient_quota", …
  std::string param;   ///< the member at fault; empty: null
  std::string code;    ///< empty: null
  std::string record;  ///< id of the record, where there is one
  std::optional<LimitDetail> limit;
};
std::string to_json(const ErrorBody& error);

}  // namespace ciyuan::dialect
