#include "report/statement.h"

#include <algorithm>
#include <array>
#include <set>

#include "contract/limit.h"
#include "report/accounts.h"
#include "report/closing.h"
#include "report/packages.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::size_t kDifferencesMax = 100;
constexpr std::size_t kSplitMax = 10'000;

std::string money(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }

Json lines_of(const Usage& usage) {
  Json lines = Json::array();
  for (const auto& [key, sum] : usage.lines) {
    Json line = {{"model", key.model}, {"kind", key.kind}, {"quantity", sum.billed}};
    if (key.kind != "request") {
      line["measured"] = sum.measured;
      if (sum.all_reported) line["reported"] = sum.reported;
    }
    if (!key.currency.empty()) {
      line["unit_price"] = key.unit_price;
      line["amount"] = money(sum.amount);
      line["currency"] = key.currency;
    }
    if (key.adjustment) line["adjustment"] = true;
    if (key.is_paid) line["paid"] = true;
    lines.push_back(std::move(line));
  }
  return lines;
}

Json by_currency(const std::map<std::string, Amount>& sums) {
  Json object = Json::object();
  for (const auto& [currency, sum] : sums) object[currency] = money(sum);
  return object;
}

/// The postings that papers made under a provider's numbers, and the closes of periods: of all contracts,
/// since a consumer's receivable is one for all of its contracts with a currency. By provider: a party's
/// statement is made of many.
using PaperPostings = std::map<std::string, std::map<Id, std::string>>;

Result<const std::map<Id, std::string>*> postings_of(store::Reader& reader, const std::string& provider,
                                                     PaperPostings& read) {
  auto [place, fresh] = read.try_emplace(provider);
  std::map<Id, std::string>& known = place->second;
  if (!fresh) return &known;
  for (const auto& [kind, prefix, what] :
       {std::tuple{"Invoice", provider + "-", "invoice"},
        std::tuple{"CreditNote", provider + "-", "credit note"},
        std::tuple{"Settlement", provider + "-", "settlement"},
        std::tuple{"Closing", std::string(), "closing"}, std::tuple{"Recognition", std::string(), "package"}})
    CIYUAN_TRY_STATUS(for_each_paper(reader, kind, prefix, [&, what = what](const Json& one) -> Status {
      for (const Json& posting : one.value("postings", Json::array())) {
        CIYUAN_TRY(Id id, parse_id(text_at(posting, "id")));
        known[id] = std::string(what) + " " + text_at(one, "name") + ": " + text_at(posting, "what");
      }
      return {};
    }));
  return &known;
}

Status add_accounts(store::Reader& reader, const std::string& prefix, std::vector<store::AccountRow>& found) {
  std::string after;
  for (bool more = true; more;) {
    CIYUAN_TRY(std::vector<store::AccountRow> rows, reader.accounts(prefix, after, kPage));
    more = rows.size() == kPage;
    if (more) after = rows.back().name;
    found.insert(found.end(), rows.begin(), rows.end());
  }
  return {};
}

// What was bought ahead, and what of the charges went to others.
Status add_packages_and_royalties(store::Reader& reader, const contract::Document& contract,
                                  const std::set<std::string>& currencies,
                                  std::vector<store::AccountRow>& found) {
  CIYUAN_TRY_STATUS(for_each_paper(reader, "Package", "", [&](const Json& package) -> Status {
    const Json& contracts = package.at("contracts");
    if (std::find(contracts.begin(), contracts.end(), contract.name) == contracts.end()) return {};
    CIYUAN_TRY(auto row, reader.account("package/" + text_at(package, "name") + "/CIYUAN"));
    if (row) found.push_back(std::move(*row));
    return {};
  }));
  std::set<std::string> names;
  for (const Json& clause : contract.value.at("clauses"))
    if (text_at(clause, "kind") == "royalty")
      for (const Json& share : clause.at("shares"))
        for (const std::string& currency : currencies)
          names.insert("royalty/" + text_at(share, "party") + "/" + currency);
  for (const std::string& name : names) {
    CIYUAN_TRY(auto row, reader.account(name));
    if (row) found.push_back(std::move(*row));
  }
  return {};
}

/// The accounts on which the contract's money runs, and those of its packages and royalties.
Result<std::vector<store::AccountRow>> accounts_of(store::Reader& reader, const contract::Document& document,
                                                   const SettlementTerms& terms, const Usage& usage) {
  const std::string& contract = document.name;
  std::vector<store::AccountRow> found;
  std::set<std::string> currencies;
  for (const std::string& one : {terms.currency, terms.paper_currency})
    if (!one.empty()) currencies.insert(one);
  for (const auto& [one, sum] : usage.money) currencies.insert(one);
  for (const std::string& one : currencies) {
    for (const std::string& name :
         {"receivable/" + terms.consumer + "/" + one, "disputed/" + contract + "/" + one}) {
      CIYUAN_TRY(std::optional<store::AccountRow> row, reader.account(name));
      if (row) found.push_back(std::move(*row));
    }
  }
  CIYUAN_TRY_STATUS(add_accounts(reader, "prepaid/" + contract + "/", found));
  CIYUAN_TRY_STATUS(add_packages_and_royalties(reader, document, currencies, found));
  CIYUAN_TRY(std::vector<Json> sales, package_sales(reader, contract));
  for (const Json& sale : sales) {
    CIYUAN_TRY(auto row,
               reader.account("deferred/" + text_at(sale, "name") + "/" + text_at(sale, "currency")));
    if (row) found.push_back(std::move(*row));
  }
  return found;
}

struct Reconciled {
  Json accounts = Json::array();
  Json differences = Json::array();
};

// Every call of the contract stands on exactly one of the accounts with exactly what its record says.
Result<Reconciled> reconcile(store::Reader& reader, const contract::Document& contract,
                             const SettlementTerms& terms, const Period& period, const Usage& usage,
                             PaperPostings& read) {
  Reconciled result;
  CIYUAN_TRY(const auto* known, postings_of(reader, terms.provider, read));
  CIYUAN_TRY(auto accounts, accounts_of(reader, contract, terms, usage));
  std::unordered_map<std::uint64_t, Amount> unseen = usage.charged;
  for (const auto& [leaf, amount] : usage.corrected_at) unseen[leaf] = amount;
  for (const store::AccountRow& account : accounts) {
    // Balances in Ciyuan and requests, and others' shares, are shown; who pays is what is compared.
    bool is_money = account.scale == contract::kMoneyScale && !account.name.starts_with("royalty/");
    std::unordered_map<std::uint64_t, Amount> none;
    CIYUAN_TRY(AccountFlow flow, flow_of(reader, account, period, &usage, *known, is_money ? unseen : none));
    result.accounts.push_back(json_of(flow));
  }
  std::vector<std::pair<std::uint64_t, Amount>> left(unseen.begin(), unseen.end());
  std::erase_if(left, [](const auto& one) { return one.second.is_zero(); });
  std::sort(left.begin(), left.end());
  for (const auto& [leaf, amount] : left) {
    if (result.differences.size() == kDifferencesMax) break;
    CIYUAN_TRY(std::optional<store::RecordRow> row, reader.record_at(leaf));
    result.differences.push_back({{"record", row ? row->id.text() : "leaf " + std::to_string(leaf)},
                                  {"not_in_ledger", money(amount)}});
  }
  return result;
}

Result<Json> split_json(store::Reader& reader, const RecordQuery& query, const std::string& split,
                        int offset) {
  CIYUAN_TRY(auto shares, split_of(reader, query, split, offset));
  if (shares.size() > kSplitMax)
    return Error{ErrorCode::kTooLarge,
                 "has more than " + std::to_string(kSplitMax) + " values in this period", "split"};
  Json list = Json::array();
  for (const auto& [value, share] : shares)
    list.push_back({{split, value},
                    {"calls", share.calls},
                    {"tokens", share.tokens},
                    {"ciyuan", format_decimal(share.ciyuan, contract::kCiyuanScale)},
                    {"money", by_currency(share.money)}});
  return list;
}

Result<Json> closings_json(store::Reader& reader, const std::string& contract, const Period& period) {
  CIYUAN_TRY(std::vector<Json> closings, closings_of(reader, contract, period.from, period.to));
  Json list = Json::array();
  for (const Json& one : closings)
    list.push_back({{"closing", text_at(one, "name")},
                    {"period", text_at(one.at("period"), "name")},
                    {"difference", text_at(one, "difference")},
                    {"owed", text_at(one, "owed")},
                    {"paid", text_at(one, "paid")},
                    {"currency", text_at(one, "currency")}});
  return list;
}

// What of the contract's packages was sold, earned and lost in the period, and how they stand now.
Result<Json> packages_json(store::Reader& reader, const std::string& contract, const Period& period) {
  std::map<std::string, std::array<Amount, 3>> moved;
  constexpr const char* kMembers[] = {"sold", "earned", "breakage"};
  CIYUAN_TRY(std::vector<Json> steps, recognitions_of(reader, contract, period.from, period.to));
  for (const Json& step : steps)
    for (std::size_t i = 0; i < std::size(kMembers); ++i) {
      CIYUAN_TRY(Amount amount, parse_decimal(text_at(step, kMembers[i]), contract::kMoneyScale));
      CIYUAN_TRY_STATUS(add_to(moved[text_at(step, "package")][i], amount));
    }
  CIYUAN_TRY(std::vector<Json> sales, package_sales(reader, contract));
  Json list = Json::array();
  for (const Json& sale : sales) {
    const std::string name = text_at(sale, "name");
    Json one = {{"package", name},
                {"currency", text_at(sale, "currency")},
                {"price", text_at(sale, "sold")},
                {"deferred", text_at(sale, "deferred")},
                {"ciyuan", text_at(sale, "ciyuan")},
                {"used", text_at(sale, "used")},
                {"expired", text_at(sale, "expired")},
                {"until", text_at(sale, "until")}};
    for (std::size_t i = 0; i < std::size(kMembers); ++i) one[kMembers[i]] = money(moved[name][i]);
    list.push_back(std::move(one));
  }
  return list;
}

void say_period(Json& body, const Period& period) {
  if (period.from != TimePoint{}) body["from"] = to_rfc3339(period.from);
  if (period.to != TimePoint{}) body["to"] = to_rfc3339(period.to);
}

// The caller pins.
Result<Json> statement_of(store::Reader& reader, const std::string& contract, const Period& period,
                          const std::string& split, PaperPostings& read) {
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, document));
  RecordQuery query{.contract = contract, .key = "", .model = "", .from = period.from, .to = period.to};
  CIYUAN_TRY(Usage usage, usage_of(reader, query, false));
  CIYUAN_TRY(Reconciled reconciled, reconcile(reader, document, terms, period, usage, read));
  Json body = {{"contract", contract},
               {"provider", terms.provider},
               {"consumer", terms.consumer},
               {"calls", usage.calls},
               {"ciyuan", format_decimal(usage.ciyuan, contract::kCiyuanScale)},
               {"money", by_currency(usage.money)},
               {"states", usage.states},
               {"verdicts", usage.verdicts},
               {"lines", lines_of(usage)},
               {"corrections", {{"records", usage.corrections}, {"money", by_currency(usage.corrected)}}},
               {"accounts", std::move(reconciled.accounts)},
               {"agrees", reconciled.differences.empty()}};
  if (!reconciled.differences.empty()) body["differences"] = std::move(reconciled.differences);
  say_period(body, period);
  CIYUAN_TRY(Json closings, closings_json(reader, contract, period));
  if (!closings.empty()) body["closings"] = std::move(closings);
  CIYUAN_TRY(Json packages, packages_json(reader, contract, period));
  if (!packages.empty()) body["packages"] = std::move(packages);
  if (!split.empty()) {
    CIYUAN_TRY(body["split"], split_json(reader, query, split, period.offset_minutes));
  }
  return body;
}

}  // namespace

Result<int> offset_of_contract(store::Reader& reader, const std::string& contract) {
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, document));
  return terms.offset_minutes;
}

Result<Json> contract_statement(store::Reader& reader, const std::string& contract, const Period& period,
                                const std::string& split) {
  // One state for all reads: a statement whose parts were read at different times would be of no time at all.
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  PaperPostings read;
  return statement_of(reader, contract, period, split, read);
}

Result<Json> party_statement(store::Reader& reader, const std::string& party, const Period& period) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Party", party));
  PaperPostings read;
  Json contracts = Json::array();
  std::map<std::string, Amount> sums;
  Amount ciyuan;
  bool agrees = true;
  CIYUAN_TRY_STATUS(for_each_paper(reader, "Contract", "", [&](const Json& one) -> Status {
    const Json& parties = one.at("parties");
    if (text_at(parties, "provider") != party && text_at(parties, "consumer") != party) return {};
    CIYUAN_TRY(Json statement, statement_of(reader, text_at(one, "name"), period, "", read));
    CIYUAN_TRY(Amount used, parse_decimal(text_at(statement, "ciyuan"), contract::kCiyuanScale));
    ciyuan += used;
    for (const auto& sum : statement["money"].items()) {
      CIYUAN_TRY(Amount amount, parse_decimal(sum.value().get<std::string>(), contract::kMoneyScale));
      sums[sum.key()] += amount;
    }
    agrees &= statement["agrees"].get<bool>();
    contracts.push_back(std::move(statement));
    return {};
  }));
  Json body = {{"party", party},
               {"ciyuan", format_decimal(ciyuan, contract::kCiyuanScale)},
               {"money", by_currency(sums)},
               {"contracts", std::move(contracts)},
               {"agrees", agrees}};
  say_period(body, period);
  return body;
}

}  // namespace ciyuan::report
