#include "admin/internal/correction.h"

#include <map>
#include <optional>

#include "clerk/commands.h"
#include "contract/limit.h"
#include "price/book.h"

namespace ciyuan::admin {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::size_t kEntriesPage = 32;  // in most cases the first one has a leaf

struct Bill {
  std::vector<record::Charge> charges;
  Amount total;
};

// In the region that the call itself was priced in: the model's first upstream, whoever answered.
std::string region_of(const contract::Model* model) {
  return model == nullptr || model->routes.empty() ? std::string() : model->routes.front().upstream->region;
}

Result<Bill> bill_under(const price::Book& book, const std::string& model, std::string_view region,
                        const record::UsageRecord& record) {
  KindCounts counts;
  bool served = false;
  for (Kind kind : kAllKinds)
    if (auto figure = record.usage.find(std::string(name_of(kind))); figure != record.usage.end()) {
      counts[kind] = static_cast<std::int64_t>(figure->second.billed);
      served |= counts[kind] != 0;
    }
  const std::int64_t prompt = counts[Kind::kInput] + counts[Kind::kCacheRead] + counts[Kind::kCacheWrite];
  const std::optional<price::Rates> rates = book.rates_for(
      model, {.at = record.accepted,
              .region = region,
              .service_class =
                  price::service_class_named(record.service_class).value_or(price::ServiceClass::kStandard),
              .input_tokens = prompt});
  if (!rates) return Error{ErrorCode::kRefused, "has no price for the model " + model, book.name()};
  // What served nothing cost nothing, not even the request.
  CIYUAN_TRY(std::vector<price::ChargeLine> lines, price::charge(*rates, counts, served ? 1 : 0));
  Bill bill;
  CIYUAN_TRY(bill.total, price::total(lines));
  for (const price::ChargeLine& line : lines)
    bill.charges.push_back({std::string(line.kind), std::to_string(line.quantity),
                            format_decimal(line.unit_price, contract::kMoneyScale),
                            format_decimal(line.amount, contract::kMoneyScale), book.currency(),
                            std::string(line.line)});
  return bill;
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

Result<Amount> total_of(const std::vector<record::Charge>& charges) {
  Amount total;
  for (const record::Charge& charge : charges) {
    CIYUAN_TRY(Amount amount, parse_decimal(charge.amount, contract::kMoneyScale));
    std::optional<Amount> next = checked_add(total, amount);
    if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", ""};
    total = *next;
  }
  return total;
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
            one.kind != store::EntryKind::kShare)
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

/// What the call's money was posted on, and how much of it.
struct Charged {
  std::vector<std::string> debtors;  ///< receivable, or prepaid balances
  std::string revenue;
  Amount total;
};

Result<Charged> charged_for(store::Reader& reader, const record::UsageRecord& record, std::uint64_t leaf,
                            const std::string& currency) {
  CIYUAN_TRY(std::optional<store::EntryRow> entry, charge_at(reader, leaf));
  std::map<store::AccountNumber, Amount> amounts;
  if (entry)
    for (const store::EntryLine& line : entry->lines) amounts[line.account] = line.amount;
  Charged charged;
  for (const std::string& prefix :
       {"receivable/" + record.party + "/", "prepaid/" + record.contract + "/", std::string("revenue/")}) {
    std::string after;
    for (bool more = true; more;) {
      CIYUAN_TRY(std::vector<store::AccountRow> rows, reader.accounts(prefix, after, kPage));
      for (const store::AccountRow& row : rows) {
        auto amount = amounts.find(row.number);
        if (amount == amounts.end() || row.unit != currency) continue;
        if (prefix == "revenue/") {
          charged.revenue = row.name;
          continue;
        }
        if (!charged.debtors.empty() && charged.total != -amount->second)
          return Error{ErrorCode::kRefused, "was charged differently on two accounts", record.id.text()};
        charged.debtors.push_back(row.name);
        charged.total = -amount->second;
      }
      more = rows.size() == kPage;
      if (more) after = rows.back().name;
    }
  }
  if (charged.debtors.empty() || charged.revenue.empty())
    return Error{ErrorCode::kRefused,
                 "nothing was charged for it in " + currency + ": there is no posting to correct",
                 record.id.text()};
  return charged;
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
  CIYUAN_TRY(Bill bill,
             bill_under(book, model == nullptr ? old.model_asked : model->name, region_of(model), old));

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
  for (const record::Charge& charge : old.charges)
    if (!charge.paid_from.empty())
      return Error{ErrorCode::kRefused,
                   "several accounts paid for it, " + charge.paid_from +
                       " among them: post the difference on the account that it belongs to",
                   id.text()};
  CIYUAN_TRY(Charged charged, charged_for(reader, first, leaf, book.currency()));
  if (old.corrects) {
    CIYUAN_TRY(charged.total, total_of(old.charges));
  }

  clerk::Correct command;
  Amount difference = bill.total - charged.total;
  if (!difference.is_zero()) {
    Amount all;
    for (std::string& debtor : charged.debtors) {
      all += difference;
      command.lines.emplace_back(std::move(debtor), -difference);
    }
    command.lines.emplace_back(std::move(charged.revenue), all);
  }
  command.record = std::move(old);
  command.record.corrects = id;
  command.record.id = clerk::correction_of(id);
  command.record.charges = std::move(bill.charges);
  command.record.price_book_digest = to_hex(book_document.digest);
  return command;
}

}  // namespace ciyuan::admin
