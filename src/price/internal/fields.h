#pragma once

/// Members of a document that has passed its schema.

#include <cstdint>
#include <string>

#include "base/amount.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace ciyuan::price {

/// A member as text, numbers as written; "" where it is missing.
inline std::string text_at(const Json& object, const char* field) {
  auto found = object.find(field);
  if (found == object.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

inline std::int64_t whole_at(const Json& object, const char* field, std::int64_t otherwise) {
  auto found = object.find(field);
  return found == object.end() ? otherwise : found->get<std::int64_t>();
}

/// effective_from and effective_until, where they are said. The second must be after the first.
Status read_span(const Json& object, TimePoint& from, TimePoint& until);

/// A decimal that is not negative, in units of 10^-kMoneyScale.
Result<Amount> money_at(const Json& object, const char* field, const std::string& pointer);

/// A percentage in units of 10^-kPercentDecimals, from 0 to `most` percent.
constexpr int kPercentDecimals = 6;
constexpr Int128 kWholePercent = 1'000'000;  ///< one percent, in those units
Result<Amount> percent_at(const Json& object, const std::string& pointer, int most);

}  // namespace ciyuan::price
