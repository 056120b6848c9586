#include "price/internal/fields.h"

#include "price/book.h"

namespace ciyuan::price {

Status read_span(const Json& object, TimePoint& from, TimePoint& until) {
  for (auto [field, moment] : {std::pair{"effective_from", &from}, {"effective_until", &until}}) {
    if (!object.contains(field)) continue;
    Result<TimePoint> parsed = parse_moment(text_at(object, field));
    if (!parsed.ok()) return invalid(std::string("/") + field, parsed.error().message);
    *moment = *parsed;
  }
  if (object.contains("effective_until") && until <= from)
    return invalid("/effective_until", text_at(object, "effective_until") + " is not after effective_from");
  return {};
}

Result<Amount> money_at(const Json& object, const char* field, const std::string& pointer) {
  Result<Amount> amount = decimal_of(object.at(field), kMoneyScale);
  if (!amount.ok()) return invalid(pointer, amount.error().message);
  if (amount->is_negative()) return invalid(pointer, text_at(object, field) + " is negative");
  return amount;
}

Result<Amount> percent_at(const Json& object, const std::string& pointer, int most) {
  Result<Amount> percent = decimal_of(object.at("percent"), kPercentDecimals);
  if (!percent.ok()) return invalid(pointer + "/percent", percent.error().message);
  if (percent->is_negative() || percent->units() > most * kWholePercent)
    return invalid(pointer + "/percent",
                   text_at(object, "percent") + " percent is not from 0 to " + std::to_string(most));
  return percent;
}

}  // namespace ciyuan::price
