#include "report/rerating.h"

#include <algorithm>
#include <tuple>

#include "contract/limit.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

/// Charges that are rated together.
struct UseKey {
  std::string line, model, kind;
  Amount unit_price;  ///< of a line that does not count
  TimePoint period;   ///< first instant of the schedule's; zero where it does not count
  auto operator<=>(const UseKey&) const = default;
};
struct Use {
  std::int64_t quantity = 0;
  Amount captured;
};
/// All charges under one version of contract and book.
struct Version {
  std::string contract;  ///< digest
  const price::Book* book = nullptr;
  std::map<std::string, const price::Line*> counting;  ///< its lines whose schedule counts, by id
  TimePoint first;
  std::map<UseKey, Use> uses;
};

class Rerating {
 public:
  Rerating(store::Reader& reader, const RecordQuery& query, const std::string& currency,
           std::map<std::string, std::string> names)
      : books_(reader), query_(query), currency_(currency), names_(std::move(names)) {}

  Status take(const Json& record) {
    const std::string asked = text_at(record.at("model"), "asked");
    auto name = names_.find(asked);
    const Json& digests = record.at("digests");
    CIYUAN_TRY(TimePoint closed, parse_rfc3339(text_at(record.at("times"), "closed")));
    // The clerk's time says which period a record is in; it may be a moment later than the record's own.
    closed = std::clamp(closed, query_.from, TimePoint{query_.to.ns - 1});
    const std::string contract_digest = text_at(digests, "contract"),
                      book_digest = text_at(digests, "price_book");
    auto [place, fresh] = versions_.try_emplace({contract_digest, book_digest});
    Version& version = place->second;
    if (fresh) {
      version.contract = contract_digest;
      CIYUAN_TRY(version.book, books_.find(contract_digest, book_digest));
      if (version.book != nullptr)
        for (const price::Line& line : version.book->lines())
          if (line.schedule.counts()) version.counting[line.id] = &line;
    }
    if (fresh || closed < version.first) version.first = closed;
    UseKey key{"", name == names_.end() ? asked : name->second, "", {}, {}};
    for (const Json& charge : record.at("charges")) {
      if (text_at(charge, "currency") != currency_) continue;
      key.kind = text_at(charge, "kind");
      key.line = text_at(charge, "line");
      CIYUAN_TRY(key.unit_price, parse_decimal(text_at(charge, "unit_price"), contract::kMoneyScale));
      key.period = {};
      if (const price::Line* line = counting_line(version, key.line); line != nullptr) {
        key.period = price::start_of(line->schedule.period, closed, version.book->utc_offset_minutes());
        key.unit_price = {};
      }
      Use& use = version.uses[key];
      CIYUAN_TRY(Amount amount, parse_decimal(text_at(charge, "amount"), contract::kMoneyScale));
      CIYUAN_TRY_STATUS(add_to(use.captured, amount, "period"));
      CIYUAN_TRY_STATUS(add_to(whole_.captured, amount, "period"));
      Amount& paid = whole_.paid[{contract_digest, key.line, key.model,
                                  price::meter_named(key.kind).value_or(price::Meter::kInput),
                                  text_at(charge, "paid_from")}];
      CIYUAN_TRY_STATUS(add_to(paid, amount, "period"));
      if (__builtin_add_overflow(use.quantity, std::stoll(text_at(charge, "quantity")), &use.quantity))
        return Error{ErrorCode::kTooLarge, "the sum leaves 64 bits", "period"};
    }
    return {};
  }

  Result<Rerated> finish(price::Counters& counters) && {
    std::vector<const Version*> in_order;
    for (const auto& [digests, version] : versions_) in_order.push_back(&version);
    std::stable_sort(in_order.begin(), in_order.end(),
                     [](const Version* a, const Version* b) { return a->first < b->first; });
    for (const Version* version : in_order) CIYUAN_TRY_STATUS(rate(*version, counters));
    CIYUAN_TRY(whole_.lines, price::merged(std::move(whole_.lines)));
    return std::move(whole_);
  }

 private:
  static const price::Line* counting_line(const Version& version, const std::string& id) {
    auto line = version.counting.find(id);
    return line == version.counting.end() ? nullptr : line->second;
  }

  Status rate(const Version& version, price::Counters& counters) {
    std::vector<price::LineUsage> usages;
    std::map<std::tuple<std::string, std::string, price::Meter>, TrueUp> true_ups;
    for (const auto& [key, sum] : version.uses) {
      const price::Meter meter = price::meter_named(key.kind).value_or(price::Meter::kInput);
      const price::Line* line = counting_line(version, key.line);
      if (line == nullptr) {
        price::RatedLine flat{.line = key.line, .model = key.model, .meter = meter};
        flat.usage = flat.quantity = sum.quantity;
        flat.unit_price = key.unit_price;
        flat.amount = sum.captured;
        whole_.lines.push_back(std::move(flat));
        continue;
      }
      // A contract's own period began before ours: any moment of ours is in it.
      usages.push_back({key.line, key.model, meter, sum.quantity, std::max(key.period, query_.from)});
      TrueUp& true_up = true_ups[{key.line, key.model, meter}];
      true_up.contract = version.contract;
      true_up.line = key.line, true_up.model = key.model, true_up.meter = meter;
      true_up.schedule = line->schedule.type;
      true_up.quantity += sum.quantity;
      CIYUAN_TRY_STATUS(add_to(true_up.captured, sum.captured, key.line));
    }
    if (version.book == nullptr) return {};
    CIYUAN_TRY(std::vector<price::RatedLine> rated, price::rate_on_lines(*version.book, usages, counters));
    for (price::RatedLine& line : rated) {
      CIYUAN_TRY_STATUS(add_to(true_ups[{line.line, line.model, line.meter}].rated, line.amount, line.line));
      whole_.lines.push_back(std::move(line));
    }
    for (auto& [key, true_up] : true_ups) whole_.true_ups.push_back(std::move(true_up));
    return {};
  }

  Books books_;
  const RecordQuery& query_;
  std::string currency_;
  std::map<std::string, std::string> names_;
  std::map<std::pair<std::string, std::string>, Version> versions_;  ///< by digests of contract and book
  Rerated whole_;
};

}  // namespace

Result<price::Book> Books::of(const Json& contract, const Json& book) {
  for (const Json& clause : contract.at("clauses"))
    if (text_at(clause, "kind") == "price") return price::Book::negotiated(book, clause);
  return price::Book::parse(book);
}

Result<const price::Book*> Books::find(const std::string& contract_digest, const std::string& book_digest) {
  auto [entry, fresh] = books_.try_emplace({contract_digest, book_digest});
  if (!fresh) return entry->second.get();
  CIYUAN_TRY(std::optional<Json> contract, document_named(reader_, contract_digest));
  CIYUAN_TRY(std::optional<Json> book, document_named(reader_, book_digest));
  if (!contract || !book) return nullptr;
  if (Result<price::Book> parsed = of(*contract, *book); parsed.ok())
    entry->second = std::make_unique<price::Book>(std::move(parsed).value());
  return entry->second.get();
}

Result<Rerated> rerated(store::Reader& reader, const RecordQuery& query, const std::string& currency,
                        price::Counters& counters) {
  CIYUAN_TRY(auto names, model_names(reader));
  Rerating rerating(reader, query, currency, std::move(names));
  CIYUAN_TRY_STATUS(for_each_effective(reader, query, [&](const Json& record, int, bool adjustment) {
    return adjustment ? Status() : rerating.take(record);
  }));
  CIYUAN_TRY(Rerated whole, std::move(rerating).finish(counters));
  return whole;
}

}  // namespace ciyuan::report
