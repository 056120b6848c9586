#include "contract/internal/settling.h"

#include <map>

#include "contract/internal/fields.h"
#include "contract/internal/plan.h"
#include "contract/internal/tag_faults.h"
#include "price/book.h"
#include "tlog/note.h"

namespace ciyuan::contract {
namespace {

constexpr int kRateScale = 12;  // as the schema's decimals
constexpr int kPercentDecimalsMax = 4;

// The other direction of a pair, multiplied with it, is one: within a hundredth, which any spread is.
bool contradict(Amount rate, Amount back) {
  constexpr Int128 kOne = 1'000'000'000'000;
  if (rate.units() / kOne >= 1'000'000 || back.units() / kOne >= 1'000'000) return false;
  Int128 product = rate.units() / 1'000 * (back.units() / 1'000);  // 10^-18
  constexpr Int128 kUnit = kOne * 1'000'000;
  return product < kUnit / 100 * 99 || product > kUnit / 100 * 101;
}

}  // namespace

std::vector<Fault> party_faults(const Json& party) {
  std::string key = text_at(party, "settlement_key");
  if (key.empty()) return {};
  Result<tlog::VerifierKey> parsed = tlog::VerifierKey::parse(key);
  if (parsed.ok()) return {};
  return {{"/settlement_key", "\"" + key + "\" is no verifier key: " + parsed.error().message}};
}

std::vector<Fault> exchange_rates_faults(const Json& document) {
  std::vector<Fault> faults;
  if (Result<TimePoint> date = price::parse_moment(text_at(document, "date")); !date.ok())
    faults.push_back({"/date", date.error().message});
  std::map<std::pair<std::string, std::string>, Amount> pairs;
  const Json& rates = document.at("rates");
  for (std::size_t i = 0; i < rates.size(); ++i) {
    std::string pointer = "/rates/" + std::to_string(i);
    std::string from = text_at(rates[i], "from"), to = text_at(rates[i], "to");
    if (from == to) faults.push_back({pointer + "/to", "\"" + to + "\" is the currency itself"});
    Result<Amount> rate = price::decimal_of(rates[i]["rate"], kRateScale);
    if (!rate.ok() || rate->is_zero()) {
      faults.push_back({pointer + "/rate", rate.ok() ? "0 is no rate" : rate.error().message});
      continue;
    }
    if (!pairs.emplace(std::pair(from, to), *rate).second)
      faults.push_back({pointer, "the pair " + from + " to " + to + " stands twice"});
    if (auto back = pairs.find({to, from}); back != pairs.end() && contradict(*rate, back->second))
      faults.push_back({pointer + "/rate", format_decimal(*rate, kRateScale) + " for " + from + " to " + to +
                                               " and " + format_decimal(back->second, kRateScale) + " for " +
                                               to + " to " + from + " contradict each other"});
  }
  return faults;
}

std::vector<Fault> settlement_faults(const Json& clause, const std::string& currency,
                                     const std::vector<Document>& sorted) {
  std::vector<Fault> faults;
  if (currency.empty()) faults.push_back({"", "is there, but the contract has no price book to settle by"});
  std::string wanted = text_at(clause, "currency"), rates = text_at(clause, "exchange_rates");
  const Document* document = rates.empty() ? nullptr : find_in(sorted, "ExchangeRates", rates);
  if (!rates.empty() && document == nullptr)
    faults.push_back({"/exchange_rates", "\"" + rates + "\" names no ExchangeRates"});
  if (!wanted.empty() && !currency.empty() && wanted != currency) {
    bool known = false;
    if (document != nullptr)
      for (const Json& rate : document->value.at("rates"))
        known |= text_at(rate, "from") == currency && text_at(rate, "to") == wanted;
    if (rates.empty())
      faults.push_back({"/currency", "\"" + wanted + "\" is not the price book's " + currency +
                                         ", and exchange_rates names no document"});
    else if (document != nullptr && !known)
      faults.push_back(
          {"/exchange_rates", "\"" + rates + "\" has no rate from " + currency + " to " + wanted});
  }
  const Json taxes = clause.value("tax", Json::array());
  for (std::size_t i = 0; i < taxes.size(); ++i) {
    std::string pointer = "/tax/" + std::to_string(i) + "/percent";
    Result<Amount> percent = price::decimal_of(taxes[i]["percent"], kPercentDecimalsMax);
    Result<Amount> hundred = parse_decimal("100", kPercentDecimalsMax);
    if (!percent.ok())
      faults.push_back({pointer, percent.error().message});
    else if (*percent > *hundred)
      faults.push_back(
          {pointer, "\"" + format_decimal(*percent, kPercentDecimalsMax) + "\" is more than 100"});
  }
  return faults;
}

std::vector<Fault> budget_faults(const Json& budget, const std::vector<Document>& sorted) {
  std::vector<Fault> faults;
  std::string contract = text_at(budget, "contract"), key = text_at(budget, "key"),
              model = text_at(budget, "model"), unit = text_at(budget, "unit");
  const Document* named = find_in(sorted, "Contract", contract);
  if (named == nullptr) faults.push_back({"/contract", "\"" + contract + "\" names no Contract"});
  if (!key.empty()) {
    const Document* found = find_in(sorted, "Key", key);
    if (found == nullptr)
      faults.push_back({"/key", "\"" + key + "\" names no Key"});
    else if (text_at(found->value, "contract") != contract)
      faults.push_back({"/key", "\"" + key + "\" is a key of the contract " +
                                    text_at(found->value, "contract") + ", not of " + contract});
  }
  if (!model.empty() && find_in(sorted, "Model", model) == nullptr)
    faults.push_back({"/model", "\"" + model + "\" names no Model"});
  std::string channel = text_at(budget, "channel");
  if (!channel.empty() && find_in(sorted, "AlertChannel", channel) == nullptr)
    faults.push_back({"/channel", "\"" + channel + "\" names no AlertChannel"});
  if (channel.empty() && budget.contains("forecast_alert"))
    faults.push_back({"/forecast_alert", "is set, but no channel is named that could be told"});
  for (Fault& found : tag_faults(budget)) faults.push_back(std::move(found));
  Result<Amount> amount =
      price::decimal_of(budget.at("amount"), scale_of_unit(unit == "ciyuan" ? "CIYUAN" : unit));
  if (!amount.ok())
    faults.push_back({"/amount", amount.error().message});
  else if (amount->is_zero())
    faults.push_back({"/amount", "0 is no budget"});
  return faults;
}

}  // namespace ciyuan::contract
