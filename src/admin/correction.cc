#include "admin/internal/correction.h"

#include <algorithm>
#include <optional>
#include <set>

#include "clerk/commands.h"
#include "contract/limit.h"
#include "price/book.h"
#include "report/papers.h"

namespace ciyuan::admin {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::size_t kEntriesPage = 32;  // in most cases the first one has a leaf

// In the region that the call itself was priced in: the model's first upstream, whoever answered.
std::string region_of(const contract::Model* model) {
  return model == nullptr || model->routes.empty() ? std::string() : model->routes.front().upstream->region;
}

Result<price::Rates> rates_of(const price::Book& book, const std::string& model, std::string_view region,
                              const record::UsageRecord& record, const KindCounts& counts) {
  const std::int64_t prompt = counts[Kind::kInput] + counts[Kind::kCacheRead] + counts[Kind::kCacheWrite];
  std::optional<price::Rates> rates = book.rates_for(
      model, {.at = record.accepted,
              .region = region,
              .service_class =
                  price::service_class_named(record.service_class).value_or(price::ServiceClass::kStandard),
              .input_tokens = prompt});
  if (!rates) return Error{ErrorCode::kRefused, "has no price for the model " + model, book.name()};
  return std::move(*rates);
}

/// What one account paid for, before and now.
struct Payer {
  std::string account;  ///< empty: the one that the call was posted on
  KindCounts counts;
  std::int64_t requests = 0;
  Amount before, after;
};

// In the order in which they paid. What a package paid has no price.
Result<std::vector<Payer>> payers_of(const record::UsageRecord& record, const std::string& currency) {
  std::vector<Payer> payers;
  bool is_whole = true;
  for (const record::Charge& charge : record.charges) {
    if (charge.currency == "CIYUAN") {
      is_whole = false;
      continue;
    }
    if (charge.currency != currency)
      return Error{ErrorCode::kRefused,
                   "was charged in " + charge.currency + ", and the price book is in " + currency,
                   record.id.text()};
    if (payers.empty() || payers.back().account != charge.paid_from)
      payers.push_back({charge.paid_from, {}, 0, {}, {}});
    Payer& payer = payers.back();
    const std::int64_t quantity = std::stoll(charge.quantity);
    if (auto kind = kind_named(charge.kind))
      payer.counts[*kind] += quantity;
    else
      payer.requests += quantity;
    CIYUAN_TRY(Amount amount, parse_decimal(charge.amount, contract::kMoneyScale));
    payer.before += amount;
  }
  // One that paid alone pays for everything, also for what had no price.
  if (is_whole && payers.size() == 1) payers[0].counts = billed_in(record);
  return payers;
}

// The new charges: each account pays for what it has paid for, at the new prices. A request that had no price
// goes to who paid first.
Result<std::vector<record::Charge>> charges_under(const price::Rates& rates, const price::Book& book,
                                                  const record::UsageRecord& record,
                                                  std::vector<Payer>& payers) {
  std::vector<record::Charge> charges;
  for (const record::Charge& charge : record.charges)
    if (charge.currency == "CIYUAN") charges.push_back(charge);
  const KindCounts billed = billed_in(record);
  const bool is_served =
      std::any_of(kAllKinds.begin(), kAllKinds.end(), [&](Kind kind) { return billed[kind] != 0; });
  const bool has_request =
      std::any_of(payers.begin(), payers.end(), [](const Payer& payer) { return payer.requests > 0; });
  if (!has_request && is_served && !payers.empty()) payers.front().requests = 1;
  for (Payer& payer : payers) {
    CIYUAN_TRY(std::vector<price::ChargeLine> lines,
               price::charge(rates, payer.counts, is_served ? payer.requests : 0));
    CIYUAN_TRY(payer.after, price::total(lines));
    for (const price::ChargeLine& line : lines)
      charges.push_back({std::string(line.kind), std::to_string(line.quantity),
                         format_decimal(line.unit_price, contract::kMoneyScale),
                         format_decimal(line.amount, contract::kMoneyScale), book.currency(),
                         std::string(line.line), payer.account});
  }
  return charges;
}

// As the record's contract has it, where that is still there and names this book.
Result<price::Book> book_of(const contract::Registry& registry, const std::string& contract_name,
                            const contract::Document& book) {
  const contract::Document* contract = registry.find_document("Contract", contract_name);
  if (contract != nullptr)
    for (const Json& clause : contract->value.at("clauses"))
      if (clause.at("kind") == "price" && clause.at("book") == book.name)
        return price::Book::negotiated(book.value, clause);
  return price::Book::parse(book.value);
}

// The journal's entry of the record at this leaf. Entries and leaves grow together, so it is searched for by
// halves; entries that fund accounts have no leaf, those of shares follow their charge: both are stepped
// over.
Result<std::optional<store::EntryRow>> charge_at(store::Reader& reader, std::uint64_t leaf) {
  CIYUAN_TRY(store::Head head, reader.head());
  store::EntryNumber low = 0, high = head.entries;  // it comes after `low`, and not after `high`
  while (low < high) {
    store::EntryNumber middle = low + (high - low) / 2;
    std::optional<store::EntryRow> row;
    for (store::EntryNumber after = middle; !row && after < high;) {
      CIYUAN_TRY(std::vector<store::EntryRow> rows, reader.entries(after, kEntriesPage));
      if (rows.empty()) break;
      for (const store::EntryRow& one : rows)
        if (!row && one.number <= high && one.kind != store::EntryKind::kFund &&
            one.kind != store::EntryKind::kShare && one.kind != store::EntryKind::kRenewal)
          row = one;
      after = rows.back().number;
    }
    if (row && row->leaf == leaf) return row;
    if (row && row->leaf < leaf)
      low = row->number;
    else
      high = middle;
  }
  return std::optional<store::EntryRow>();
}

/// The accounts that the call's money was posted on.
struct Posted {
  std::string debtor;  ///< receivable or prepaid balance; empty where there are several
  std::string revenue;
};

Result<Posted> posted_for(store::Reader& reader, const record::UsageRecord& record, std::uint64_t leaf,
                          const std::string& currency) {
  CIYUAN_TRY(std::optional<store::EntryRow> entry, charge_at(reader, leaf));
  std::set<store::AccountNumber> lines;
  if (entry)
    for (const store::EntryLine& line : entry->lines) lines.insert(line.account);
  Posted posted;
  std::size_t debtors = 0;
  for (const std::string& prefix :
       {"receivable/" + record.party + "/", "prepaid/" + record.contract + "/", std::string("revenue/")}) {
    std::string after;
    for (bool more = true; more;) {
      CIYUAN_TRY(std::vector<store::AccountRow> rows, reader.accounts(prefix, after, kPage));
      for (const store::AccountRow& row : rows) {
        if (!lines.contains(row.number) || row.unit != currency) continue;
        if (prefix == "revenue/")
          posted.revenue = row.name;
        else
          posted.debtor = ++debtors == 1 ? row.name : "";
      }
      more = rows.size() == kPage;
      if (more) after = rows.back().name;
    }
  }
  if (debtors == 0 || posted.revenue.empty())
    return Error{ErrorCode::kRefused,
                 "nothing was charged for it in " + currency + ": there is no posting to correct",
                 record.id.text()};
  return posted;
}

/// Amounts by account, in the order in which they came.
class Lines {
 public:
  void add(const std::string& account, Amount amount) {
    auto line =
        std::find_if(lines_.begin(), lines_.end(), [&](const auto& one) { return one.first == account; });
    if (line == lines_.end())
      lines_.emplace_back(account, amount);
    else
      line->second += amount;
  }
  std::vector<std::pair<std::string, Amount>> take() && {
    std::erase_if(lines_, [](const auto& one) { return one.second.is_zero(); });
    return std::move(lines_);
  }

 private:
  std::vector<std::pair<std::string, Amount>> lines_;
};

// What each account pays more, and what others' shares of that are: by the contract as the call had it.
Result<std::vector<std::pair<std::string, Amount>>> lines_of(store::Reader& reader,
                                                             const record::UsageRecord& first,
                                                             const Posted& posted,
                                                             const std::string& currency,
                                                             const std::vector<Payer>& payers) {
  std::vector<contract::Share> royalties;
  CIYUAN_TRY(std::optional<Json> contract, report::document_named(reader, first.contract_digest));
  if (contract) {
    CIYUAN_TRY(auto names, report::model_names(reader));
    CIYUAN_TRY(royalties, report::royalties_for(*contract, first.model_asked, names, currency));
  }
  Lines lines;
  for (const Payer& payer : payers) {
    const std::string& debtor = payer.account.empty() ? posted.debtor : payer.account;
    if (debtor.empty())
      return Error{ErrorCode::kRefused,
                   "several accounts paid for it, and it does not say which one for what: post the "
                   "difference on the account that it belongs to",
                   first.id.text()};
    lines.add(debtor, payer.before - payer.after);
    lines.add(posted.revenue, payer.after - payer.before);
    for (const contract::Share& royalty : royalties) {
      const Amount more = royalty.of(payer.after) - royalty.of(payer.before);
      lines.add(royalty.account, more);
      lines.add(posted.revenue, -more);
    }
  }
  return std::move(lines).take();
}

}  // namespace

Result<clerk::Correct> correction(store::Reader& reader, const contract::Registry& registry, const Id& id,
                                  const contract::Document& book_document) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(std::optional<store::RecordRow> row, reader.record(id));
  if (!row) return Error{ErrorCode::kNotFound, "no such record", id.text()};
  CIYUAN_TRY(record::UsageRecord old, record::parse_record(row->json));
  CIYUAN_TRY(price::Book book, book_of(registry, old.contract, book_document));
  const contract::Model* model = registry.find_model(old.model_asked);
  // The accounts are those of the call itself, however often it was corrected.
  record::UsageRecord first = old;
  std::uint64_t leaf = row->leaf;
  while (first.corrects) {
    CIYUAN_TRY(std::optional<store::RecordRow> earlier, reader.record(*first.corrects));
    if (!earlier)
      return Error{ErrorCode::kCorrupt, "the corrected record is missing", first.corrects->text()};
    CIYUAN_TRY(first, record::parse_record(earlier->json));
    leaf = earlier->leaf;
  }
  CIYUAN_TRY(Posted posted, posted_for(reader, first, leaf, book.currency()));
  CIYUAN_TRY(price::Rates rates, rates_of(book, model == nullptr ? old.model_asked : model->name,
                                          region_of(model), old, billed_in(old)));
  CIYUAN_TRY(std::vector<Payer> payers, payers_of(old, book.currency()));
  CIYUAN_TRY(std::vector<record::Charge> charges, charges_under(rates, book, old, payers));

  clerk::Correct command;
  CIYUAN_TRY(command.lines, lines_of(reader, first, posted, book.currency(), payers));
  command.record = std::move(old);
  command.record.corrects = id;
  command.record.id = clerk::correction_of(id);
  command.record.charges = std::move(charges);
  command.record.price_book_digest = to_hex(book_document.digest);
  return command;
}

}  // namespace ciyuan::admin
