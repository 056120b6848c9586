#include "price/closing_rules.h"

#include <algorithm>
#include <array>
#include <set>

#include "price/internal/fields.h"

namespace ciyuan::price {
namespace {

constexpr int kSurchargePercentMax = 1000;
constexpr Int128 kPlausibleTax = 40 * kWholePercent;

constexpr std::array<std::string_view, 4> kModeNames = {"half_even", "half_up", "up", "down"};
constexpr std::array<std::string_view, 3> kTypeNames = {"discount", "surcharge", "fee"};

template <class Enum, std::size_t N>
Enum enum_of(const std::string& name, const std::array<std::string_view, N>& names) {
  return static_cast<Enum>(std::find(names.begin(), names.end(), name) - names.begin());
}

Selection selection_of(const Json& rule) {
  Selection selection;
  if (rule.contains("model")) selection.model = text_at(rule, "model");
  for (const Json& kind : rule.value("kinds", Json::array()))
    if (auto meter = meter_named(kind.get<std::string>())) selection.meters.push_back(*meter);
  return selection;
}

std::string id_of(const Json& rule, const char* list, std::size_t index) {
  return rule.contains("id") ? text_at(rule, "id") : std::string(list) + "/" + std::to_string(index);
}

// An amount that a document's rounding can show: more decimals would be lost.
Result<Amount> whole_money_at(const Json& rule, const std::string& pointer, const ClosingRounding& rounding) {
  CIYUAN_TRY(Amount amount, money_at(rule, "amount", pointer + "/amount"));
  Int128 smallest = 1;
  for (int i = rounding.decimals; i < kMoneyScale; ++i) smallest *= 10;
  if (amount.units() % smallest != 0)
    return invalid(pointer + "/amount", text_at(rule, "amount") +
                                            " has more decimals than the book rounds to, " +
                                            std::to_string(rounding.decimals));
  return amount;
}

Status read_free(const Json& document, ClosingRules& rules) {
  const Json list = document.value("free", Json::array());
  for (std::size_t i = 0; i < list.size(); ++i) {
    FreeGrant grant{id_of(list[i], "free", i), selection_of(list[i]), whole_at(list[i], "quantity", 0)};
    for (Meter meter : grant.of.meters)
      if (unit_of(meter) != unit_of(grant.of.meters.front()))
        return invalid("/free/" + std::to_string(i) + "/kinds",
                       "counts " + std::string(unit_of(meter)) + "s and " +
                           std::string(unit_of(grant.of.meters.front())) + "s together");
    rules.free.push_back(std::move(grant));
  }
  return {};
}

Status read_percentages(const Json& document, ClosingRules& rules) {
  const Json list = document.value("percentages", Json::array());
  for (std::size_t i = 0; i < list.size(); ++i) {
    Percentage rule;
    rule.id = id_of(list[i], "percentages", i);
    rule.type = enum_of<PercentageType>(text_at(list[i], "type"), kTypeNames);
    const bool discount = rule.type == PercentageType::kDiscount;
    CIYUAN_TRY(rule.percent, percent_at(list[i], "/percentages/" + std::to_string(i),
                                        discount ? 100 : kSurchargePercentMax));
    rule.of = selection_of(list[i]);
    rules.percentages.push_back(std::move(rule));
  }
  return {};
}

Status check_ids(const ClosingRules& rules) {
  std::set<std::string> ids;
  for (std::size_t i = 0; i < rules.free.size(); ++i)
    if (!ids.insert(rules.free[i].id).second)
      return invalid("/free/" + std::to_string(i) + "/id", "\"" + rules.free[i].id + "\" stands twice");
  for (std::size_t i = 0; i < rules.percentages.size(); ++i)
    if (!ids.insert(rules.percentages[i].id).second)
      return invalid("/percentages/" + std::to_string(i) + "/id",
                     "\"" + rules.percentages[i].id + "\" stands twice");
  return {};
}

}  // namespace

bool Selection::covers(std::string_view of_model, Meter meter) const {
  return (model == "*" || model == of_model) &&
         (meters.empty() || std::find(meters.begin(), meters.end(), meter) != meters.end());
}

Result<ClosingRules> read_closing_rules(const Json& document, std::vector<std::string>& warnings) {
  ClosingRules rules;
  if (document.contains("billing_period"))
    rules.billing_period = period_named(text_at(document, "billing_period")).value_or(Period::kMonth);
  if (auto rounding = document.find("rounding"); rounding != document.end())
    rules.rounding = {static_cast<int>(whole_at(*rounding, "decimals", kMoneyScale)),
                      enum_of<Rounding>(text_at(*rounding, "mode"), kModeNames),
                      text_at(*rounding, "at") == "line"};
  CIYUAN_TRY_STATUS(read_free(document, rules));
  CIYUAN_TRY_STATUS(read_percentages(document, rules));
  CIYUAN_TRY_STATUS(check_ids(rules));
  if (auto minimum = document.find("minimum"); minimum != document.end()) {
    CIYUAN_TRY(Amount amount, whole_money_at(*minimum, "/minimum", rules.rounding));
    rules.minimum = Minimum{amount};
  }
  if (auto commitment = document.find("commitment"); commitment != document.end()) {
    CIYUAN_TRY(Amount amount, whole_money_at(*commitment, "/commitment", rules.rounding));
    rules.commitment = Commitment{amount, text_at(*commitment, "period") == "contract"};
    if (rules.minimum && !rules.commitment->whole_term && rules.minimum->amount >= amount)
      warnings.push_back("/commitment/amount: " + text_at(*commitment, "amount") +
                         " is met by the minimum already: nothing is ever trued up");
  }
  if (auto tax = document.find("tax"); tax != document.end()) {
    CIYUAN_TRY(Amount percent, percent_at(*tax, "/tax", 100));
    rules.tax =
        Tax{percent, tax->value("inclusive", false), text_at(*tax, "name"), text_at(*tax, "jurisdiction")};
    if (percent.units() > kPlausibleTax)
      warnings.push_back("/tax/percent: " + text_at(*tax, "percent") + " percent is implausibly high");
  }
  return rules;
}

}  // namespace ciyuan::price
