#include "report/internal/difference.h"

#include <algorithm>
#include <functional>

#include "contract/limit.h"
#include "report/papers.h"

namespace ciyuan::report::internal {
namespace {

std::string money(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }

std::string provider_account(const Json& contract, const std::string& currency) {
  return "revenue/" + text_at(contract.at("parties"), "provider") + "/" + currency;
}

// The balance that pays for the contract's calls before anything else does; empty: there is none.
std::string prepaid_account(const Json& contract, const std::string& currency) {
  for (const Json& clause : contract.at("clauses")) {
    const std::string kind = text_at(clause, "kind");
    bool is_prepaid = kind == "cap" && text_at(clause, "window") == "prepaid" &&
                      text_at(clause, "unit") == currency && text_at(clause, "per") != "key";
    if (kind == "payment")
      for (const Json& source : clause.at("sources")) is_prepaid |= text_at(source, "source") == "prepaid";
    if (is_prepaid)
      return "prepaid/" + text_at(contract, "name") + "/" + text_at(clause, "id") + "/" + currency;
  }
  return "";
}

// amount × part ÷ whole, towards zero. Where that leaves 128 bits, part and whole are made smaller: it is the
// proportion that counts, and the last portion takes the rest.
Amount proportion(Amount amount, Amount part, Amount whole) {
  std::optional<Amount> product = checked_multiply(amount, part.units());
  while (!product) {
    part = Amount(part.units() >> 1), whole = Amount(whole.units() >> 1);
    product = checked_multiply(amount, part.units());
  }
  return whole.is_zero() ? Amount() : Amount(product->units() / whole.units());
}

}  // namespace

Status Difference::add(Json line, Part part) {
  if (part.amount.is_zero()) return {};
  CIYUAN_TRY_STATUS(add_to(sum, part.amount, "period"));
  lines.push_back(std::move(line));
  parts.push_back(std::move(part));
  return {};
}

Portions portions_of(const Paid& paid, const Part& part) {
  const std::function<bool(const PaidKey&)> narrower[] = {
      [&](const PaidKey& key) {
        return !part.line.empty() && key.contract == part.contract && key.line == part.line &&
               key.model == part.model && key.meter == part.meter;
      },
      [&](const PaidKey& key) {
        return !part.model.empty() && key.model == part.model && key.meter == part.meter;
      },
      [&](const PaidKey& key) { return !part.model.empty() && key.model == part.model; },
      [](const PaidKey&) { return true; }};
  Portions bases;
  Amount whole;
  for (const auto& is_of : narrower) {
    for (const auto& [key, amount] : paid)
      if (amount > Amount() && is_of(key)) {
        bases[{key.contract, key.payer}] += amount;
        whole += amount;
      }
    if (!bases.empty()) break;
  }
  if (bases.empty()) return {{{"", ""}, part.amount}};
  Amount rest = part.amount;
  for (auto& [key, amount] : bases) {
    amount = proportion(part.amount, amount, whole);
    rest -= amount;
  }
  bases.rbegin()->second += rest;
  return bases;
}

Status post_difference(store::Reader& reader, Drafted& drafted, const Json& contract,
                       const Difference& difference, const Paid& paid, bool from_balance) {
  const std::string name = text_at(drafted.paper, "name"), currency = text_at(drafted.paper, "currency");
  const std::string revenue = provider_account(contract, currency);
  const std::string receivable = "receivable/" + text_at(contract.at("parties"), "consumer") + "/" + currency;
  const std::string prepaid = prepaid_account(contract, currency);
  std::map<std::string, Amount> given_back;
  Amount owed;
  for (const Part& part : difference.parts) {
    if (!part.amount.is_negative()) {
      owed += part.amount;
      continue;
    }
    for (const auto& [key, amount] : portions_of(paid, part))
      given_back[key.second.empty() ? receivable : key.second] -= amount;
  }
  // Who gets something back pays what he owes out of it.
  for (auto& [account, amount] : given_back) {
    const Amount taken = std::min(owed, amount);
    amount -= taken;
    owed -= taken;
  }
  Amount paid_in_all;
  auto post = [&](const std::string& what, const std::string& account, Amount amount) {
    paid_in_all += amount;
    add_posting(drafted, name, what, account, revenue, currency, amount);
  };
  if (from_balance && !prepaid.empty() && !owed.is_zero()) {
    CIYUAN_TRY(std::optional<store::AccountRow> row, reader.account(prepaid));
    const Amount balance = row ? std::max(row->credits_posted - row->debits_posted, Amount()) : Amount();
    const Amount taken = std::min(owed, balance);
    post("from the balance", prepaid, taken);
    owed -= taken;
  }
  for (const auto& [account, amount] : given_back)
    if (account != receivable) post("back to " + account, account, -amount);
  const Amount left = owed - given_back[receivable];
  add_posting(drafted, name, "difference", receivable, revenue, currency, left);
  drafted.paper["paid"] = money(paid_in_all);
  drafted.paper["owed"] = money(left);
  return {};
}

Status post_royalties(store::Reader& reader, Drafted& drafted, const Json& contract,
                      const Difference& difference, const Paid& paid) {
  const std::string name = text_at(drafted.paper, "name"), currency = text_at(drafted.paper, "currency");
  const std::string revenue = provider_account(contract, currency);
  CIYUAN_TRY(auto names, model_names(reader));
  std::map<std::pair<std::string, std::string>, Amount> of_contract_and_model;
  for (const Part& part : difference.parts) {
    if (part.model.empty()) continue;
    for (const auto& [key, amount] : portions_of(paid, part))
      CIYUAN_TRY_STATUS(add_to(of_contract_and_model[{key.first, part.model}], amount, "period"));
  }
  std::map<std::string, Json> contracts = {{"", contract}};
  std::map<std::string, Amount> shares;
  for (const auto& [key, amount] : of_contract_and_model) {
    auto [place, fresh] = contracts.try_emplace(key.first);
    if (fresh) {
      CIYUAN_TRY(std::optional<Json> version, document_named(reader, key.first));
      place->second = version ? std::move(*version) : contract;
    }
    CIYUAN_TRY(std::vector<contract::Share> royalties,
               royalties_for(place->second, key.second, names, currency));
    for (const contract::Share& royalty : royalties) shares[royalty.account] += royalty.of(amount);
  }
  for (const auto& [account, amount] : shares)
    add_posting(drafted, name, account, revenue, account, currency, amount);
  return {};
}

}  // namespace ciyuan::report::internal
