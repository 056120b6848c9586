#include "report/internal/focus.h"

#include <algorithm>
#include <map>
#include <vector>

#include "contract/limit.h"
#include "report/closing.h"
#include "report/internal/csv.h"
#include "report/invoice.h"
#include "report/packages.h"
#include "report/usage.h"

namespace ciyuan::report::internal {
namespace {

std::string exact(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }

/// Rows are told apart by these.
struct FocusKey {
  std::string day, key, model, kind, unit_price, region, currency, tags;
  std::string package;  ///< that paid for it; then `unit_price` is in Ciyuan, and so is the amount
  bool correction = false;
  auto operator<=>(const FocusKey&) const = default;
};
struct FocusSum {
  std::int64_t quantity = 0;
  Amount amount;
};

std::string focus_time(TimePoint time) { return to_rfc3339({time.ns / 1'000'000'000 * 1'000'000'000}); }

/// What all rows share.
struct FocusFrame {
  std::string provider, consumer, account, invoice;
  Period period;
  TimePoint month_start, month_end;
  bool has_region = false;
};

const std::vector<std::string> kFocusColumns = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId",
    "RegionName", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SkuMeter",
    "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags", "CommitmentDiscountCategory",
    "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit",
    // Rules of other columns ask for these, used or not.
    "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice"};

using Cells = std::map<std::string, std::string>;

Cells focus_base(const FocusFrame& frame, const std::string& cost, const std::string& currency) {
  return {{"BilledCost", cost},
          {"ContractedCost", cost},
          {"EffectiveCost", cost},
          {"ListCost", cost},
          {"BillingCurrency", currency},
          {"PricingCurrency", currency},
          {"PricingCurrencyEffectiveCost", cost},
          {"BillingAccountId", frame.account},
          {"BillingAccountName", frame.consumer},
          {"BillingPeriodStart", focus_time(frame.month_start)},
          {"BillingPeriodEnd", focus_time(frame.month_end)},
          {"ChargePeriodStart", focus_time(frame.period.from)},
          {"ChargePeriodEnd", focus_time(frame.period.to)},
          {"InvoiceId", frame.invoice},
          {"InvoiceIssuerName", frame.provider},
          {"ProviderName", frame.provider},
          {"PublisherName", frame.provider},
          {"ServiceCategory", "AI and Machine Learning"},
          {"ServiceSubcategory", "Generative AI"},
          {"ServiceName", "Model inference"}};
}

void add_focus_row(std::string& out, const Cells& cells) {
  std::vector<std::string> row;
  for (const std::string& column : kFocusColumns) {
    auto found = cells.find(column);
    row.push_back(found == cells.end() ? "" : found->second);
  }
  add_row(out, row);
}

void set_unit_price(Cells& cells, const std::string& price) {
  for (const char* column : {"ContractedUnitPrice", "ListUnitPrice", "PricingCurrencyContractedUnitPrice",
                             "PricingCurrencyListUnitPrice"})
    cells[column] = price;
}

// A package is a commitment to so many Ciyuan: bought at once, and what it pays for costs nothing more.
void name_package(Cells& cells, const std::string& package, const std::string& ciyuan,
                  const std::string& status) {
  cells["CommitmentDiscountCategory"] = "Usage";
  cells["CommitmentDiscountId"] = cells["CommitmentDiscountName"] = package;
  cells["CommitmentDiscountQuantity"] = ciyuan;
  cells["CommitmentDiscountStatus"] = status;
  cells["CommitmentDiscountType"] = "Package";
  cells["CommitmentDiscountUnit"] = "Ciyuan";
}

Cells usage_cells(const FocusFrame& frame, const FocusKey& key, const FocusSum& sum) {
  Cells cells = focus_base(frame, exact(sum.amount), key.currency);
  Result<Period> day = parse_period(key.day, frame.period.offset_minutes);
  if (day.ok()) {
    cells["ChargePeriodStart"] = focus_time(std::max(day->from, frame.period.from));
    cells["ChargePeriodEnd"] = focus_time(std::min(day->to, frame.period.to));
  }
  std::string unit = key.kind == "request" ? "Requests" : "Tokens", sku = key.model + "/" + key.kind;
  cells["ChargeCategory"] = "Usage";
  cells["ChargeFrequency"] = "Usage-Based";
  if (key.correction) cells["ChargeClass"] = "Correction";
  cells["ChargeDescription"] = key.kind + " of " + key.model;
  cells["ConsumedQuantity"] = cells["PricingQuantity"] =
      std::to_string(sum.quantity) + ".0";  // a decimal, by its form too
  cells["ConsumedUnit"] = cells["PricingUnit"] = unit;
  set_unit_price(cells, key.unit_price);
  cells["PricingCategory"] = "Standard";
  cells["RegionId"] = cells["RegionName"] = key.region;
  cells["SkuId"] = sku;
  cells["SkuMeter"] = key.kind;
  cells["SkuPriceId"] = sku + "@" + key.unit_price + key.currency;
  cells["SubAccountId"] = cells["SubAccountName"] = key.key;
  // Ours are put last: nobody's tag passes for them.
  Json tags = key.tags.empty() ? Json::object() : Json::parse(key.tags);
  tags["contract"] = frame.account;
  tags["key"] = key.key;
  cells["Tags"] = tags.dump();
  return cells;
}

/// The sales of the packages that paid for something, by their names; null: it was not sold for money.
class Sales {
 public:
  explicit Sales(store::Reader& reader) : reader_(reader) {}
  Result<const Json*> find(const std::string& package) {
    auto [place, fresh] = sales_.try_emplace(package);
    if (fresh) {
      CIYUAN_TRY(place->second, find_paper(reader_, "PackageSale", package));
    }
    return place->second ? &*place->second : nullptr;
  }
  /// Of the package that paid for a charge.
  Result<const Json*> behind(const Json& charge) {
    constexpr std::string_view kBefore = "package/", kAfter = "/CIYUAN";
    std::string account = text_at(charge, "paid_from");
    if (!account.starts_with(kBefore) || !account.ends_with(kAfter)) return nullptr;
    return find(account.substr(kBefore.size(), account.size() - kBefore.size() - kAfter.size()));
  }

 private:
  store::Reader& reader_;
  std::map<std::string, std::optional<Json>> sales_;
};

// What a package paid for is billed at nothing, and cost its part of the package's price.
Status add_covered_row(std::string& out, const FocusFrame& frame, const FocusKey& key, const FocusSum& sum,
                       const Json& sale) {
  CIYUAN_TRY(Amount cost, price_part(sale, sum.amount));
  CIYUAN_TRY(Amount ciyuan_each, parse_decimal(key.unit_price, contract::kCiyuanScale));
  CIYUAN_TRY(Amount each, price_part(sale, ciyuan_each));
  const std::optional<Amount> contracted = checked_multiply(each, sum.quantity);
  if (!contracted) return Error{ErrorCode::kTooLarge, "a cost leaves 128 bits", "period"};
  FocusKey priced = key;
  priced.unit_price = exact(each);
  Cells cells = usage_cells(frame, priced, {sum.quantity, cost});
  cells["BilledCost"] = "0";
  cells["ContractedCost"] = cells["ListCost"] = exact(*contracted);
  cells["PricingCategory"] = "Committed";
  name_package(cells, key.package, format_decimal(sum.amount, contract::kCiyuanScale), "Used");
  add_focus_row(out, cells);
  return {};
}

Cells package_cells(const FocusFrame& frame, const Json& step, const std::string& cost) {
  Cells cells = focus_base(frame, cost, text_at(step, "currency"));
  const std::string package = text_at(step, "package");
  if (Result<TimePoint> at = parse_rfc3339(text_at(step, "at")); at.ok()) {
    const WindowEdges day = window_of(*at, Window::kDay, frame.period.offset_minutes);
    cells["ChargePeriodStart"] = focus_time(std::max(day.start, frame.period.from));
    cells["ChargePeriodEnd"] = focus_time(std::min(day.end, frame.period.to));
  }
  cells["SkuId"] = cells["SkuPriceId"] = "package/" + package;
  cells["SkuMeter"] = "package";
  cells["PricingQuantity"] = "1.0";
  cells["PricingUnit"] = "Packages";
  set_unit_price(cells, cost);
  return cells;
}

// The packages that were bought, billed whole; and what of them expired, which cost money and bought nothing.
Status add_package_rows(std::string& out, const FocusFrame& frame, const std::vector<Json>& steps) {
  for (const Json& step : steps) {
    const std::string package = text_at(step, "package"), sold = text_at(step, "sold"),
                      lost = text_at(step, "breakage");
    if (sold != "0") {
      Cells cells = package_cells(frame, step, sold);
      cells["EffectiveCost"] = cells["PricingCurrencyEffectiveCost"] = "0";
      cells["ChargeCategory"] = "Purchase";
      cells["ChargeFrequency"] = "One-Time";
      cells["ChargeDescription"] = "Package " + package + " of " + text_at(step, "ciyuan") + " Ciyuan";
      cells["PricingCategory"] = "Standard";
      name_package(cells, package, text_at(step, "ciyuan"), "");
      add_focus_row(out, cells);
    }
    if (lost != "0") {
      Cells cells = package_cells(frame, step, lost);
      cells["BilledCost"] = "0";
      cells["ChargeCategory"] = "Usage";
      cells["ChargeFrequency"] = "Usage-Based";
      cells["ChargeDescription"] = "Expired of package " + package;
      cells["PricingCategory"] = "Committed";
      name_package(cells, package, text_at(step, "ciyuan"), "Unused");
      add_focus_row(out, cells);
    }
    CIYUAN_TRY_STATUS(check_size(out));
  }
  return {};
}

// The invoice's own lines: what no record is charged with.
void add_invoice_rows(std::string& out, const FocusFrame& frame, const Json& invoice) {
  for (const Json& tax : invoice.at("taxes")) {
    Cells cells = focus_base(frame, text_at(tax, "amount"), text_at(invoice, "currency"));
    cells["ChargeCategory"] = "Tax";
    cells["ChargeFrequency"] = "Recurring";
    cells["ChargeDescription"] = words_in(tax.at("name"), "en") + " " + text_at(tax, "percent") + "%";
    add_focus_row(out, cells);
  }
  std::string difference = text_at(invoice.at("rounding"), "difference");
  if (difference.empty() || difference == "0") return;
  Cells cells = focus_base(frame, difference, text_at(invoice, "currency"));
  cells["ChargeCategory"] = "Adjustment";
  cells["ChargeFrequency"] = "One-Time";
  cells["ChargeDescription"] = "Rounding to the minor unit, " + text_at(invoice.at("rounding"), "mode");
  add_focus_row(out, cells);
}

Cells closing_cells(const FocusFrame& frame, const Json& closing, const std::string& rule,
                    const std::string& of, const std::string& amount) {
  Cells cells = focus_base(frame, amount, text_at(closing, "currency"));
  cells["ChargePeriodStart"] = text_at(closing.at("period"), "from");
  cells["ChargePeriodEnd"] = text_at(closing.at("period"), "to");
  cells["ChargeCategory"] = "Adjustment";
  cells["ChargeFrequency"] = "Recurring";
  cells["ChargeDescription"] =
      rule + (of.empty() ? "" : " of " + of) + ", close of " + text_at(closing.at("period"), "name");
  return cells;
}

// What the closes of billing periods added; what came out of a balance is taken off, as it is on the invoice.
Status add_closing_rows(std::string& out, const FocusFrame& frame, const std::vector<Json>& closings) {
  for (const Json& closing : closings) {
    for (const Json& line : closing.at("lines")) {
      const std::string model = text_at(line, "model"), kind = text_at(line, "kind");
      add_focus_row(out, closing_cells(frame, closing, text_at(line, "rule"),
                                       model.empty() ? "" : kind + " of " + model, text_at(line, "amount")));
      CIYUAN_TRY_STATUS(check_size(out));
    }
    CIYUAN_TRY(Amount paid, parse_decimal(text_at(closing, "paid"), contract::kMoneyScale));
    if (!paid.is_zero())
      add_focus_row(out, closing_cells(frame, closing, "paid from the balance", "", exact(-paid)));
  }
  return {};
}

std::string name_for_people(store::Reader& reader, const std::string& party) {
  Result<contract::Document> document = newest_document(reader, "Party", party);
  return document.ok() ? words_in(document->value.value("title", Json()), "en", party) : party;
}

Result<std::map<FocusKey, FocusSum>> sums_of(store::Reader& reader, const RecordQuery& query,
                                             const Period& period, Sales& sales) {
  std::map<FocusKey, FocusSum> sums;
  auto add = [&](const Json& record, int sign, bool adjustment) -> Status {
    // What is taken back belongs to the day it is taken back on, which is not known here: to the first.
    CIYUAN_TRY(TimePoint closed, parse_rfc3339(text_at(record.at("times"), "closed")));
    closed = std::max(closed, period.from);
    for (const Json& charge : record.at("charges")) {
      const Json* sale = nullptr;
      if (is_from_package(charge)) {
        CIYUAN_TRY(sale, sales.behind(charge));
        if (sale == nullptr) continue;
      }
      FocusKey key{.day = date_text(closed, period.offset_minutes),
                   .key = text_at(record.at("party"), "key"),
                   .model = text_at(record.at("model"), "asked"),
                   .kind = text_at(charge, "kind"),
                   .unit_price = text_at(charge, "unit_price"),
                   .region = text_at(record.at("upstream"), "region"),
                   .currency = text_at(sale != nullptr ? *sale : charge, "currency"),
                   .tags = tags_text(record),
                   .package = sale != nullptr ? text_at(*sale, "name") : "",
                   .correction = adjustment};
      FocusSum& sum = sums[key];
      CIYUAN_TRY(Amount amount,
                 parse_decimal(text_at(charge, "amount"),
                               sale != nullptr ? contract::kCiyuanScale : contract::kMoneyScale));
      CIYUAN_TRY_STATUS(add_to(sum.amount, sign < 0 ? -amount : amount, "period"));
      sum.quantity += sign * std::stoll(text_at(charge, "quantity"));
    }
    return {};
  };
  CIYUAN_TRY_STATUS(for_each_effective(reader, query, add));
  return sums;
}

}  // namespace

Result<Export> focus_export(store::Reader& reader, const std::string& contract, const SettlementTerms& terms,
                            const Period& period) {
  const RecordQuery query{.contract = contract, .key = "", .model = "", .from = period.from, .to = period.to};
  Sales sales(reader);
  FocusFrame frame;
  frame.provider = name_for_people(reader, terms.provider);
  frame.consumer = name_for_people(reader, terms.consumer);
  frame.account = contract;
  frame.period = period;
  WindowEdges month = window_of(period.from, Window::kMonth, period.offset_minutes);
  frame.month_start = month.start;
  frame.month_end = std::max(month.end, period.to);
  CIYUAN_TRY(auto sums, sums_of(reader, query, period, sales));
  CIYUAN_TRY(std::optional<Json> invoice, find_invoice(reader, contract, period));
  bool same_currency = invoice && text_at(*invoice, "currency") == text_at(*invoice, "usage_currency");
  if (invoice) frame.invoice = text_at(*invoice, "name");
  Export out{.content_type = "text/csv; charset=utf-8", .text = ""};
  add_row(out.text, kFocusColumns);
  for (const auto& [key, sum] : sums) {
    if (key.package.empty()) {
      add_focus_row(out.text, usage_cells(frame, key, sum));
    } else {
      CIYUAN_TRY(const Json* sale, sales.find(key.package));
      CIYUAN_TRY_STATUS(add_covered_row(out.text, frame, key, sum, *sale));
    }
    CIYUAN_TRY_STATUS(check_size(out.text));
  }
  CIYUAN_TRY(std::vector<Json> closings, closings_of(reader, contract, period.from, period.to));
  CIYUAN_TRY_STATUS(add_closing_rows(out.text, frame, closings));
  CIYUAN_TRY(std::vector<Json> steps, recognitions_of(reader, contract, period.from, period.to));
  CIYUAN_TRY_STATUS(add_package_rows(out.text, frame, steps));
  if (same_currency) add_invoice_rows(out.text, frame, *invoice);
  return out;
}

}  // namespace ciyuan::report::internal
