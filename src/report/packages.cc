#include "report/packages.h"

#include <algorithm>

#include "contract/limit.h"
#include "price/book.h"
#include "report/money.h"
#include "report/papers.h"
#include "report/period.h"

namespace ciyuan::report {
namespace {

constexpr std::size_t kNumberDigits = 6;
/// A call that was open at the end is closed by then, and has given back what it did not use.
constexpr Nanoseconds kHoldsMax = seconds(24 * 3600);

std::string money(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }
std::string ciyuan(Amount amount) { return format_decimal(amount, contract::kCiyuanScale); }
Result<Amount> money_at(const Json& object, std::string_view member) {
  return parse_decimal(text_at(object, member), contract::kMoneyScale);
}

/// The package's document, and whether it is in force.
struct Bought {
  Json package;
  bool in_force = false;
  Amount price, ciyuan;
  std::string currency;
  TimePoint end;  ///< with roll-over

  static Result<Bought> of(store::Reader& reader, const std::string& name) {
    CIYUAN_TRY(contract::Document document, newest_document(reader, "Package", name));
    CIYUAN_TRY(std::optional<Json> present, find_paper(reader, "Package", name));
    Bought bought{.package = std::move(document.value), .in_force = present.has_value()};
    CIYUAN_TRY(bought.ciyuan, price::decimal_of(bought.package.at("ciyuan"), contract::kCiyuanScale));
    CIYUAN_TRY(bought.end, price::parse_moment(text_at(bought.package, "until")));
    if (bought.package.contains("roll_over"))
      bought.end = days_after(bought.end, bought.package["roll_over"].at("days").get<std::int64_t>());
    if (!bought.package.contains("price")) return bought;
    bought.currency = text_at(bought.package["price"], "currency");
    CIYUAN_TRY(bought.price, price::decimal_of(bought.package["price"].at("amount"), contract::kMoneyScale));
    return bought;
  }
};

/// What has become of a package's Ciyuan by some time.
struct Use {
  Amount used, expired;
  bool is_over = false;  ///< no call can use it any more
};

// Nothing: there was no entry yet.
Result<std::optional<Amount>> balance_before(store::Reader& reader, const std::string& account,
                                             TimePoint time) {
  Result<store::BalanceAt> found = reader.balance_at(account, TimePoint{time.ns - 1});
  if (!found.ok() && found.error().code != ErrorCode::kNotFound) return found.error();
  if (!found.ok() || found->entry == 0) return std::optional<Amount>();
  return std::optional(found->balance);
}

Result<Use> use_before(store::Reader& reader, const std::string& name, const Bought& bought, TimePoint time) {
  const std::string account = "package/" + name + "/CIYUAN";
  Use use{.is_over = time >= bought.end + kHoldsMax};
  CIYUAN_TRY(std::optional<Amount> left, balance_before(reader, account, time));
  if (!left) return use;  // nobody has called for it: it was never granted
  CIYUAN_TRY(std::optional<Amount> expired, balance_before(reader, "expired/" + name + "/CIYUAN", time));
  CIYUAN_TRY(std::optional<store::AccountRow> row, reader.account(account));
  use.expired = expired.value_or(Amount());
  use.used = row->funded - *left - use.expired;
  return use;
}

// At most `most`.
Result<Amount> part_of(Amount price, Amount part, Amount whole, Amount most) {
  if (part <= Amount()) return Amount();
  std::optional<Amount> product = checked_multiply(price, part.units());
  if (!product) return Error{ErrorCode::kTooLarge, "price times Ciyuan leaves 128 bits", "price"};
  return std::min(Amount(product->units() / whole.units()), most);
}

/// Sums since the beginning.
struct Standing {
  Amount sold, earned, breakage;
  std::int64_t steps = 0;
  bool is_finished = false;
};
Result<Standing> standing_of(const std::optional<Json>& sale) {
  Standing standing;
  if (!sale) return standing;
  CIYUAN_TRY(standing.sold, money_at(*sale, "sold"));
  CIYUAN_TRY(standing.earned, money_at(*sale, "earned"));
  CIYUAN_TRY(standing.breakage, money_at(*sale, "breakage"));
  standing.steps = sale->at("steps").get<std::int64_t>();
  standing.is_finished = sale->at("finished").get<bool>();
  return standing;
}

Result<Standing> standing_after(const Standing& before, const Bought& bought, const Use& use) {
  Standing after{.sold = bought.in_force ? bought.price : before.sold, .steps = before.steps + 1};
  CIYUAN_TRY(after.earned, part_of(after.sold, use.used, bought.ciyuan, after.sold));
  const Amount rest = after.sold - after.earned;
  CIYUAN_TRY(after.breakage, part_of(after.sold, use.expired, bought.ciyuan, rest));
  if (use.is_over) after.breakage = rest;
  after.is_finished = use.is_over;
  return after;
}

Json step_paper(const Json& sale, const Standing& before, const Standing& after, TimePoint at) {
  const std::string digits = std::to_string(after.steps),
                    &name = sale.at("name").get_ref<const std::string&>();
  return {{"v", "ciyuan/recognition/v1"},
          {"kind", "Recognition"},
          {"name",
           name + "/" + std::string(kNumberDigits - std::min(kNumberDigits, digits.size()), '0') + digits},
          {"package", name},
          {"contract", sale.at("contract")},
          {"at", to_rfc3339(at)},
          {"until", sale.at("until")},
          {"ciyuan", sale.at("ciyuan")},
          {"currency", sale.at("currency")},
          {"sold", money(after.sold - before.sold)},
          {"earned", money(after.earned - before.earned)},
          {"breakage", money(after.breakage - before.breakage)},
          {"postings", Json::array()}};
}

Result<Drafted> step(const Json& sale, const Standing& before, const Standing& after, TimePoint at) {
  Drafted drafted;
  drafted.paper = step_paper(sale, before, after, at);
  const std::string name = text_at(drafted.paper, "name"), currency = text_at(sale, "currency");
  const std::string provider = text_at(sale, "provider");
  const std::string deferred = "deferred/" + text_at(sale, "name") + "/" + currency;
  add_posting(drafted, name, "sale", "receivable/" + text_at(sale, "consumer") + "/" + currency, deferred,
              currency, after.sold - before.sold);
  add_posting(drafted, name, "earned", deferred, "revenue/" + provider + "/" + currency, currency,
              after.earned - before.earned);
  add_posting(drafted, name, "breakage", deferred, "breakage/" + provider + "/" + currency, currency,
              after.breakage - before.breakage);
  drafted.command.at = at;
  CIYUAN_TRY_STATUS(add_paper(drafted, "Recognition", drafted.paper));
  CIYUAN_TRY_STATUS(add_paper(drafted, "PackageSale", sale));
  return drafted;
}

}  // namespace

Result<RecognitionDraft> draft_recognition(store::Reader& reader, const std::string& package, TimePoint at) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(Bought bought, Bought::of(reader, package));
  CIYUAN_TRY(std::optional<Json> sale, find_paper(reader, "PackageSale", package));
  CIYUAN_TRY(Standing before, standing_of(sale));
  if (before.is_finished || (!sale && (bought.price.is_zero() || !bought.in_force)))
    return RecognitionDraft{};
  // Who bought it stays, whatever the document says later.
  const std::string name =
      sale ? text_at(*sale, "contract") : bought.package.at("contracts")[0].get<std::string>();
  CIYUAN_TRY(contract::Document contract, newest_document(reader, "Contract", name));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, contract));
  const WindowEdges day = window_of(at, Window::kDay, terms.offset_minutes);
  CIYUAN_TRY(Use use, use_before(reader, package, bought, day.start));
  CIYUAN_TRY(Standing after, standing_after(before, bought, use));
  if (after.sold == before.sold && after.earned == before.earned && after.breakage == before.breakage &&
      !after.is_finished)
    return RecognitionDraft{std::nullopt, day.end};
  Json state = sale ? *sale : Json{{"kind", "PackageSale"},      {"name", package},
                                   {"contract", name},           {"provider", terms.provider},
                                   {"consumer", terms.consumer}, {"currency", bought.currency}};
  state["ciyuan"] = ciyuan(bought.ciyuan);
  state["used"] = ciyuan(use.used);
  state["expired"] = ciyuan(use.expired);
  state["sold"] = money(after.sold);
  state["earned"] = money(after.earned);
  state["breakage"] = money(after.breakage);
  state["deferred"] = money(after.sold - after.earned - after.breakage);
  state["until"] = to_rfc3339(day.start);
  state["steps"] = after.steps;
  state["finished"] = after.is_finished;
  CIYUAN_TRY(Drafted drafted, step(state, before, after, at));
  return RecognitionDraft{std::move(drafted), after.is_finished ? TimePoint() : day.end};
}

Result<Amount> price_part(const Json& sale, Amount ciyuan) {
  CIYUAN_TRY(Amount whole, parse_decimal(text_at(sale, "ciyuan"), contract::kCiyuanScale));
  CIYUAN_TRY(Amount sold, money_at(sale, "sold"));
  CIYUAN_TRY(Amount part, part_of(sold, ciyuan.is_negative() ? -ciyuan : ciyuan, whole, sold));
  return ciyuan.is_negative() ? -part : part;
}

Result<std::vector<Json>> package_sales(store::Reader& reader, const std::string& contract) {
  std::vector<Json> sales;
  CIYUAN_TRY_STATUS(for_each_paper(reader, "PackageSale", "", [&](Json& sale) -> Status {
    if (text_at(sale, "contract") == contract) sales.push_back(std::move(sale));
    return {};
  }));
  return sales;
}

Result<std::vector<Json>> recognitions_of(store::Reader& reader, const std::string& contract, TimePoint from,
                                          TimePoint to) {
  std::vector<Json> found;
  CIYUAN_TRY(std::vector<Json> sales, package_sales(reader, contract));
  for (const Json& sale : sales)
    CIYUAN_TRY_STATUS(
        for_each_paper(reader, "Recognition", text_at(sale, "name") + "/", [&](Json& one) -> Status {
          CIYUAN_TRY(TimePoint at, parse_rfc3339(text_at(one, "at")));
          if (at >= from && (to == TimePoint{} || at < to)) found.push_back(std::move(one));
          return {};
        }));
  return found;
}

}  // namespace ciyuan::report
