#include "report/export.h"

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "contract/limit.h"
#include "record/record.h"
#include "report/closing.h"
#include "report/invoice.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

std::string exact(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }

// RFC 4180.
std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string cell = "\"";
  for (char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
  return cell + "\"";
}

// A client chose it, and a spreadsheet would run it.
std::string harmless(const std::string& text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos ? "'" + text
                                                                                               : text;
}

void add_row(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i > 0 ? "," : "") + csv_cell(cells[i]);
  out += "\r\n";
}

std::string tags_text(const Json& record) {
  const Json& tags = tags_of(record);
  return tags.empty() ? "" : tags.dump();
}

Status check_size(const std::string& text) {
  if (text.size() <= kExportBytesMax) return {};
  return Error{ErrorCode::kTooLarge,
               "is more than " + std::to_string(kExportBytesMax >> 20) + " MiB: take a shorter one",
               "period"};
}

Result<Export> as_csv(store::Reader& reader, const RecordQuery& query) {
  Export out{.content_type = "text/csv; charset=utf-8", .text = ""};
  add_row(out.text,
          {"record", "closed", "contract", "key", "session", "model", "upstream", "state", "kind", "quantity",
           "unit_price", "amount", "currency", "paid_from", "ciyuan_of_record", "corrects", "tags"});
  CIYUAN_TRY_STATUS(for_each_record(reader, query, [&](const store::RecordRow& row, const Json& record) {
    for (const Json& charge : record.at("charges"))
      add_row(out.text,
              {text_at(record, "id"), to_rfc3339(row.at), row.contract, row.key, harmless(row.session),
               harmless(text_at(record.at("model"), "asked")), text_at(record.at("upstream"), "name"),
               text_at(record.at("outcome"), "state"), text_at(charge, "kind"), text_at(charge, "quantity"),
               text_at(charge, "unit_price"), text_at(charge, "amount"), text_at(charge, "currency"),
               text_at(charge, "paid_from"), text_at(record, "ciyuan"),
               text_at(record.at("outcome"), "corrects"), tags_text(record)});
    return check_size(out.text);
  }));
  return out;
}

// ---- FOCUS

/// Rows are told apart by these.
struct FocusKey {
  std::string day, key, model, kind, unit_price, region, currency, tags;
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
    "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags",
    // Rules of other columns ask for these, used or not.
    "CommitmentDiscountStatus", "PricingCurrency", "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice"};

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
  for (const char* column : {"ContractedUnitPrice", "ListUnitPrice", "PricingCurrencyContractedUnitPrice",
                             "PricingCurrencyListUnitPrice"})
    cells[column] = key.unit_price;
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

Result<Export> as_focus(store::Reader& reader, const std::string& contract, const SettlementTerms& terms,
                        const Period& period, const RecordQuery& query) {
  std::map<FocusKey, FocusSum> sums;
  FocusFrame frame;
  frame.provider = name_for_people(reader, terms.provider);
  frame.consumer = name_for_people(reader, terms.consumer);
  frame.account = contract;
  frame.period = period;
  WindowEdges month = window_of(period.from, Window::kMonth, period.offset_minutes);
  frame.month_start = month.start;
  frame.month_end = std::max(month.end, period.to);
  CIYUAN_TRY_STATUS(
      for_each_effective(reader, query, [&](const Json& record, int sign, bool adjustment) -> Status {
        // What is taken back belongs to the day it is taken back on, which is not known here: to the first.
        CIYUAN_TRY(TimePoint closed, parse_rfc3339(text_at(record.at("times"), "closed")));
        closed = std::max(closed, period.from);
        for (const Json& charge : record.at("charges")) {
          if (is_from_package(charge)) continue;
          FocusKey key{date_text(closed, period.offset_minutes),
                       text_at(record.at("party"), "key"),
                       text_at(record.at("model"), "asked"),
                       text_at(charge, "kind"),
                       text_at(charge, "unit_price"),
                       text_at(record.at("upstream"), "region"),
                       text_at(charge, "currency"),
                       tags_text(record),
                       adjustment};
          FocusSum& sum = sums[key];
          CIYUAN_TRY(Amount amount, parse_decimal(text_at(charge, "amount"), contract::kMoneyScale));
          CIYUAN_TRY_STATUS(add_to(sum.amount, sign < 0 ? -amount : amount, "period"));
          sum.quantity += sign * std::stoll(text_at(charge, "quantity"));
        }
        return {};
      }));
  CIYUAN_TRY(std::optional<Json> invoice, find_invoice(reader, contract, period));
  bool same_currency = invoice && text_at(*invoice, "currency") == text_at(*invoice, "usage_currency");
  if (invoice) frame.invoice = text_at(*invoice, "name");
  Export out{.content_type = "text/csv; charset=utf-8", .text = ""};
  add_row(out.text, kFocusColumns);
  for (const auto& [key, sum] : sums) {
    add_focus_row(out.text, usage_cells(frame, key, sum));
    CIYUAN_TRY_STATUS(check_size(out.text));
  }
  CIYUAN_TRY(std::vector<Json> closings, closings_of(reader, contract, period.from, period.to));
  CIYUAN_TRY_STATUS(add_closing_rows(out.text, frame, closings));
  if (same_currency) add_invoice_rows(out.text, frame, *invoice);
  return out;
}

// ---- TMF635

Json characteristic(const char* name, const char* type, const Json& value) {
  return {{"name", name}, {"valueType", type}, {"value", value}};
}

Json tmf_usage(const store::RecordRow& row, const Json& record, const SettlementTerms& terms, bool billed) {
  Json rated = Json::array();
  for (const Json& charge : record.at("charges"))
    rated.push_back(
        {{"@type", "RatedProductUsage"},
         {"isBilled", billed},
         {"ratingAmountType", "Total"},
         {"ratingDate", to_rfc3339(row.at)},
         {"productRef", {{"id", text_at(charge, "kind")}, {"name", text_at(record.at("model"), "asked")}}},
         {"bucketValueConvertedInAmount",
          {{"unit", text_at(charge, "currency")}, {"value", text_at(charge, "amount")}}},
         {"taxExcludedRatingAmount",
          {{"unit", text_at(charge, "currency")}, {"value", text_at(charge, "amount")}}}});
  Json characteristics = Json::array();
  for (const auto& figure : record.at("usage").items())
    characteristics.push_back(characteristic(figure.key().c_str(), "number", figure.value().at("billed")));
  characteristics.push_back(characteristic("ciyuan", "string", record.at("ciyuan")));
  characteristics.push_back(characteristic("model", "string", text_at(record.at("model"), "asked")));
  characteristics.push_back(characteristic("key", "string", row.key));
  characteristics.push_back(characteristic("session", "string", row.session));
  for (const auto& tag : tags_of(record).items())
    characteristics.push_back(characteristic(("tag:" + tag.key()).c_str(), "string", tag.value()));
  std::string corrects = text_at(record.at("outcome"), "corrects");
  if (!corrects.empty()) characteristics.push_back(characteristic("corrects", "string", corrects));
  return {{"@type", "Usage"},
          {"id", row.id.text()},
          {"href", "/v1/records/" + row.id.text()},
          {"usageDate", to_rfc3339(row.at)},
          {"usageType", "AI model inference"},
          {"description", text_at(record.at("model"), "asked") + " under " + row.contract},
          {"status", billed             ? "billed"
                     : corrects.empty() ? "rated"
                                        : "rerated"},
          {"usageSpecification",
           {{"id", std::string(record::kRecordVersion)},
            {"name", "Ciyuan usage record"},
            {"@referredType", "UsageSpecification"}}},
          {"usageCharacteristic", std::move(characteristics)},
          {"ratedProductUsage", std::move(rated)},
          {"relatedParty",
           {{{"id", terms.consumer}, {"role", "customer"}, {"@referredType", "Organization"}},
            {{"id", terms.provider}, {"role", "provider"}, {"@referredType", "Organization"}}}}};
}

Result<Export> as_tmf635(store::Reader& reader, const std::string& contract, const SettlementTerms& terms,
                         const RecordQuery& query) {
  CIYUAN_TRY(std::optional<Json> billing, find_paper(reader, "Billing", contract));
  TimePoint until;
  if (billing) {
    CIYUAN_TRY(until, parse_rfc3339(text_at(*billing, "until")));
  }
  Export out{.content_type = "application/json", .text = "["};
  CIYUAN_TRY_STATUS(for_each_record(reader, query, [&](const store::RecordRow& row, const Json& record) {
    out.text += (out.text.size() > 1 ? ",\n" : "\n") + tmf_usage(row, record, terms, row.at < until).dump();
    return check_size(out.text);
  }));
  out.text += "\n]\n";
  return out;
}

}  // namespace

Result<Export> export_usage(store::Reader& reader, const std::string& contract, const Period& period,
                            std::string_view format) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, document));
  RecordQuery query{.contract = contract, .key = "", .model = "", .from = period.from, .to = period.to};
  if (format == "csv") return as_csv(reader, query);
  if (format == "focus") return as_focus(reader, contract, terms, period, query);
  if (format == "tmf635") return as_tmf635(reader, contract, terms, query);
  return invalid("format",
                 "\"" + std::string(format.substr(0, 60)) + "\" is no format; those are csv, focus, tmf635");
}

}  // namespace ciyuan::report
