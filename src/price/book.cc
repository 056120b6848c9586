#include "price/book.h"

#include <algorithm>

namespace ciyuan::price {

Result<TimePoint> parse_moment(std::string_view text) {
  if (text.size() == 10) return parse_rfc3339(std::string(text) + "T00:00:00Z");
  return parse_rfc3339(text);
}

Result<Amount> decimal_of(const Json& value, int scale) {
  if (value.is_string()) return parse_decimal(value.get_ref<const std::string&>(), scale);
  if (value.is_number_integer()) return parse_decimal(value.dump(), scale);
  return invalid("", value.dump() + " is not a decimal written as text or a whole number");
}

std::vector<std::string> Book::models() const {
  std::vector<std::string> names;
  for (const auto& [name, prices] : models_) names.push_back(name);
  return names;
}

const ModelPrices* Book::find(std::string_view model) const {
  auto found = models_.find(model);
  if (found == models_.end()) found = models_.find(std::string_view("*"));
  return found == models_.end() ? nullptr : &found->second;
}

const Line* Book::line_for(const ModelPrices& prices, Meter meter, const Bound& bound) const {
  for (std::uint32_t index : prices.candidates[index_of(meter)])
    if (lines_[index].when.hold(bound)) return &lines_[index];
  return nullptr;
}

Rates Book::rates_under(const ModelPrices& prices, const Bound& bound) const {
  Rates rates;
  for (Kind kind : kAllKinds) {
    const std::size_t index = ciyuan::index_of(kind);
    rates.lines[index] = line_for(prices, meter_of(kind), bound);
    if (rates.lines[index] == nullptr) continue;
    rates.known[index] = true;
    rates.per_token[index] = rates.lines[index]->schedule.price_at_capture();
  }
  rates.request_line = line_for(prices, Meter::kRequest, bound);
  if (rates.request_line != nullptr) rates.per_request = rates.request_line->schedule.price_at_capture();
  return rates;
}

Rates Book::rates_for(const ModelPrices& prices, const Situation& situation) const {
  return prices.conditional ? rates_under(prices, bind(situation, condition_names_)) : prices.fixed;
}

std::optional<Rates> Book::rates_for(std::string_view model, const Situation& situation) const {
  const ModelPrices* prices = find(model);
  if (prices == nullptr) return std::nullopt;
  return rates_for(*prices, situation);
}

Result<std::vector<ChargeLine>> charge(const Rates& rates, const KindCounts& counts, std::int64_t requests) {
  std::vector<ChargeLine> lines;
  auto add = [&](std::string_view kind, std::int64_t quantity, Amount unit_price,
                 std::string_view line) -> Status {
    std::optional<Amount> amount = checked_multiply(unit_price, quantity);
    if (!amount)
      return Error{ErrorCode::kTooLarge, "the charge for " + std::to_string(quantity) + " leaves 128 bits",
                   std::string(kind)};
    lines.push_back({kind, quantity, unit_price, *amount, line});
    return {};
  };
  for (Kind kind : kAllKinds) {
    if (counts[kind] == 0) continue;
    if (counts[kind] < 0)
      return invalid(std::string(name_of(kind)), std::to_string(counts[kind]) + " tokens is negative");
    if (!rates.knows(kind))
      return Error{ErrorCode::kRefused, "the price book has no price for this kind",
                   std::string(name_of(kind))};
    CIYUAN_TRY_STATUS(
        add(name_of(kind), counts[kind], rates.per_token[ciyuan::index_of(kind)], rates.line_id(kind)));
  }
  if (requests > 0 && !rates.per_request.is_zero())
    CIYUAN_TRY_STATUS(add("request", requests, rates.per_request,
                          rates.request_line == nullptr ? std::string_view() : rates.request_line->id));
  return lines;
}

Result<Amount> total(const std::vector<ChargeLine>& lines) {
  Amount sum;
  for (const ChargeLine& line : lines) {
    std::optional<Amount> next = checked_add(sum, line.amount);
    if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", std::string(line.kind)};
    sum = *next;
  }
  return sum;
}

}  // namespace ciyuan::price
