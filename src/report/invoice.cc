#include "report/invoice.h"

#include <algorithm>

#include "contract/limit.h"
#include "price/book.h"
#include "report/closing.h"
#include "report/internal/numbering.h"
#include "report/packages.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

constexpr std::int64_t kRateAgeDaysMax = 7;  // where the document does not say
constexpr std::size_t kChainMax = 100'000;   // invoices of one contract that are walked back

std::string exact(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }
Result<Amount> money_at(const Json& object, std::string_view member) {
  return parse_decimal(text_at(object, member), contract::kMoneyScale);
}

// The party as it is now: a later change of its address does not change a paper.
Result<Json> party_snapshot(store::Reader& reader, const std::string& name) {
  CIYUAN_TRY(contract::Document party, newest_document(reader, "Party", name));
  Json snapshot = {{"name", name}};
  for (const char* member : {"title", "address", "tax_id", "bank", "contact"})
    if (party.value.contains(member)) snapshot[member] = party.value[member];
  return snapshot;
}

struct Exchange {
  Amount rate;
  Json shown;
};
// Of the period's last day, in its calendar.
Status check_age(const contract::Document& rates, const Period& period) {
  const std::int64_t days_max = rates.value.value("max_age_days", kRateAgeDaysMax);
  const std::string date = text_at(rates.value, "date"),
                    last_day = date_text(TimePoint{period.to.ns - 1}, period.offset_minutes);
  CIYUAN_TRY(TimePoint from, price::parse_moment(date));
  CIYUAN_TRY(TimePoint to, price::parse_moment(last_day));
  if (to <= days_after(from, days_max)) return {};
  return Error{ErrorCode::kRefused,
               "\"" + date + "\" is more than " + std::to_string(days_max) + " days before " + last_day +
                   ", the last day of the period: apply the rates of a later day, or say max_age_days",
               rates.id() + "/date"};
}

Result<std::optional<Exchange>> exchange_of(store::Reader& reader, const SettlementTerms& terms,
                                            const Period& period) {
  if (terms.currency == terms.paper_currency) return std::optional<Exchange>();
  std::string pair = "no rate from " + terms.currency + " to " + terms.paper_currency;
  if (terms.exchange_rates.empty())
    return Error{ErrorCode::kRefused, pair + ": the contract names no exchange rates", "exchange_rates"};
  CIYUAN_TRY(contract::Document document, newest_document(reader, "ExchangeRates", terms.exchange_rates));
  CIYUAN_TRY_STATUS(check_age(document, period));
  for (const Json& rate : document.value.at("rates")) {
    if (text_at(rate, "from") != terms.currency || text_at(rate, "to") != terms.paper_currency) continue;
    Exchange exchange;
    CIYUAN_TRY(exchange.rate, price::decimal_of(rate.at("rate"), kRateScale));
    exchange.shown = {{"from", terms.currency},
                      {"to", terms.paper_currency},
                      {"rate", format_decimal(exchange.rate, kRateScale)},
                      {"date", text_at(document.value, "date")},
                      {"source", text_at(document.value, "source")},
                      {"document", document.name},
                      {"digest", to_hex(document.digest)}};
    return std::optional(std::move(exchange));
  }
  return Error{ErrorCode::kRefused, pair + " in the document of " + text_at(document.value, "date"),
               "ExchangeRates/" + terms.exchange_rates};
}

Error too_many_lines() {
  return Error{ErrorCode::kTooLarge,
               "has more than " + std::to_string(kInvoiceLinesMax) + " lines: take a shorter period",
               "period"};
}

Result<Json> lines_of(const Usage& usage, const std::string& currency) {
  Json lines = Json::array();
  for (const auto& [key, sum] : usage.lines) {
    if (key.currency.empty() || key.is_paid) continue;
    if (key.currency != currency)
      return Error{ErrorCode::kRefused,
                   "was charged in " + key.currency + " too, and the price book is in " + currency +
                       ": settle the periods of each price book apart",
                   "period"};
    Json line = {{"model", key.model},
                 {"kind", key.kind},
                 {"quantity", std::to_string(sum.billed)},
                 {"unit_price", key.unit_price},
                 {"amount", exact(sum.amount)}};
    if (key.adjustment) line["adjustment"] = true;
    lines.push_back(std::move(line));
    if (lines.size() > kInvoiceLinesMax) return too_many_lines();
  }
  return lines;
}

/// What an amount comes to with its taxes, or without those that it contains.
struct Totals {
  Amount net, tax, gross;
  Json taxes = Json::array();
};
Result<Totals> taxed(Amount amount, const SettlementTerms& terms) {
  Totals totals{.net = amount, .tax = {}, .gross = amount};
  int decimals = minor_decimals(terms.paper_currency);
  for (const Tax& tax : terms.taxes) {
    CIYUAN_TRY(Amount part, terms.prices_contain_tax
                                ? percent_within(amount, tax.percent, decimals, terms.rounding)
                                : percent_of(amount, tax.percent, decimals, terms.rounding));
    totals.tax += part;
    Json shown = {{"name", tax.name},
                  {"percent", format_decimal(tax.percent, kPercentScale)},
                  {"base", money_text(terms.prices_contain_tax ? amount - part : amount, decimals)},
                  {"amount", money_text(part, decimals)}};
    if (terms.prices_contain_tax) shown["contained"] = true;
    totals.taxes.push_back(std::move(shown));
  }
  (terms.prices_contain_tax ? totals.net : totals.gross) =
      totals.net + (terms.prices_contain_tax ? -totals.tax : totals.tax);
  return totals;
}

// What the closes of billing periods that ended in the period left on the receivable.
Status add_closings(store::Reader& reader, const InvoiceRequest& request, const std::string& currency,
                    Json& lines, Amount& sum) {
  CIYUAN_TRY(std::vector<Json> closings,
             closings_of(reader, request.contract, request.period.from, request.period.to));
  for (const Json& closing : closings) {
    if (text_at(closing, "currency") != currency)
      return Error{ErrorCode::kRefused,
                   "was closed in " + text_at(closing, "currency") + ", and the price book is in " +
                       currency + ": settle the periods of each price book apart",
                   "period"};
    CIYUAN_TRY(Amount owed, money_at(closing, "owed"));
    CIYUAN_TRY(Amount paid, money_at(closing, "paid"));
    for (const Json& line : closing.at("lines")) {
      Json shown = {{"closing", text_at(closing, "name")}, {"period", text_at(closing.at("period"), "name")},
                    {"model", text_at(line, "model")},     {"kind", text_at(line, "rule")},
                    {"line", text_at(line, "line")},       {"quantity", text_at(line, "quantity")},
                    {"amount", text_at(line, "amount")}};
      if (line.contains("kind")) shown["of_kind"] = line["kind"];
      if (line.contains("unit_price")) shown["unit_price"] = line["unit_price"];
      lines.push_back(std::move(shown));
    }
    if (!paid.is_zero())
      lines.push_back({{"closing", text_at(closing, "name")},
                       {"period", text_at(closing.at("period"), "name")},
                       {"model", ""},
                       {"kind", "paid"},
                       {"quantity", "1"},
                       {"amount", exact(-paid)}});
    CIYUAN_TRY_STATUS(add_to(sum, owed, "period"));
    if (lines.size() > kInvoiceLinesMax) return too_many_lines();
  }
  return {};
}

// The packages that were bought in the period.
Status add_packages(store::Reader& reader, const InvoiceRequest& request, const std::string& currency,
                    Json& lines, Amount& sum) {
  CIYUAN_TRY(std::vector<Json> steps,
             recognitions_of(reader, request.contract, request.period.from, request.period.to));
  for (const Json& step : steps) {
    CIYUAN_TRY(Amount sold, money_at(step, "sold"));
    if (sold.is_zero()) continue;
    if (text_at(step, "currency") != currency)
      return Error{ErrorCode::kRefused,
                   "has a package sold in " + text_at(step, "currency") + ", and the price book is in " +
                       currency + ": settle the periods of each price book apart",
                   "period"};
    lines.push_back({{"package", text_at(step, "package")},
                     {"recognition", text_at(step, "name")},
                     {"model", ""},
                     {"kind", "package"},
                     {"ciyuan", text_at(step, "ciyuan")},
                     {"quantity", "1"},
                     {"amount", exact(sold)}});
    CIYUAN_TRY_STATUS(add_to(sum, sold, "period"));
    if (lines.size() > kInvoiceLinesMax) return too_many_lines();
  }
  return {};
}

// Newest first along the contract's chain.
Result<std::optional<Json>> invoice_in_chain(store::Reader& reader, const std::string& newest,
                                             const Period& period, bool* overlaps) {
  std::string number = newest;
  for (std::size_t i = 0; !number.empty() && i < kChainMax; ++i) {
    CIYUAN_TRY(Json invoice, paper(reader, "Invoice", number));
    CIYUAN_TRY(TimePoint from, parse_rfc3339(text_at(invoice.at("period"), "from")));
    CIYUAN_TRY(TimePoint to, parse_rfc3339(text_at(invoice.at("period"), "to")));
    if (from == period.from && to == period.to) return std::optional(std::move(invoice));
    if (overlaps != nullptr && from < period.to && period.from < to) *overlaps = true;
    if (to <= period.from) break;  // those before end earlier
    number = text_at(invoice, "previous");
  }
  return std::optional<Json>();
}

Json proof_of(const Usage& usage, const std::string& checkpoint) {
  Json proof = {{"records", std::to_string(usage.range.count)}, {"records_root", to_hex(usage.range.root)}};
  if (usage.range.count > 0) {
    proof["first_leaf"] = std::to_string(usage.range.first_leaf);
    proof["last_leaf"] = std::to_string(usage.range.last_leaf);
  }
  if (!checkpoint.empty()) proof["checkpoint"] = checkpoint;
  return proof;
}

// `billed`: the exact sum in whole minor units of the paper's currency, contained tax not taken off.
void post_invoice(Drafted& drafted, const SettlementTerms& terms, Amount sum, Amount billed, Amount tax) {
  const std::string number = text_at(drafted.paper, "name");
  const std::string receivable = "receivable/" + terms.consumer + "/";
  const std::string& from = terms.currency;
  const std::string& to = terms.paper_currency;
  const std::string exchange = "exchange/" + terms.provider + "/";
  if (from == to) {
    add_posting(drafted, number, "rounding", receivable + to, "rounding/" + terms.provider + "/" + to, to,
                billed - sum);
  } else {
    add_posting(drafted, number, "exchange from " + from, exchange + from, receivable + from, from, sum);
    add_posting(drafted, number, "exchange to " + to, receivable + to, exchange + to, to, billed);
  }
  // Tax that is added is owed on top; tax that the prices contain comes out of what the provider got.
  const std::string payer = !terms.prices_contain_tax ? receivable + to
                            : from == to              ? "revenue/" + terms.provider + "/" + to
                                                      : exchange + to;
  add_posting(drafted, number, "tax", payer, "tax/" + terms.provider + "/" + to, to, tax);
}

}  // namespace

Result<Drafted> draft_invoice(store::Reader& reader, const InvoiceRequest& request) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(contract::Document contract, newest_document(reader, "Contract", request.contract));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, contract));
  if (terms.currency.empty())
    return Error{ErrorCode::kRefused, "has no price book: there is nothing to invoice", contract.id()};
  if (request.period.to > request.issued)
    return invalid(
        "period", "\"" + request.period.name + "\" is not over: it ends at " + to_rfc3339(request.period.to));
  CIYUAN_TRY(std::optional<Json> billing, find_paper(reader, "Billing", request.contract));
  std::string newest = billing ? text_at(*billing, "newest") : "";
  bool overlaps = false;
  CIYUAN_TRY(std::optional<Json> present, invoice_in_chain(reader, newest, request.period, &overlaps));
  if (present) return Drafted{.paper = std::move(*present), .existed = true, .command = {}};
  if (overlaps || (billing && request.period.from < *parse_rfc3339(text_at(*billing, "until"))))
    return Error{ErrorCode::kConflict,
                 "\"" + request.period.name + "\" begins before the end of what was invoiced, " +
                     text_at(*billing, "until") + " (" + newest + ")",
                 "period"};

  RecordQuery query{.contract = request.contract,
                    .key = "",
                    .model = "",
                    .from = request.period.from,
                    .to = request.period.to};
  CIYUAN_TRY(Usage usage, usage_of(reader, query, true));
  CIYUAN_TRY(Json lines, lines_of(usage, terms.currency));
  Amount sum;  // each within 128 bits together, as the period's money is
  for (const auto& [key, line] : usage.lines)
    if (!key.currency.empty() && !key.is_paid) sum += line.amount;
  CIYUAN_TRY_STATUS(add_closings(reader, request, terms.currency, lines, sum));
  CIYUAN_TRY_STATUS(add_packages(reader, request, terms.currency, lines, sum));
  if (lines.empty())
    return Error{ErrorCode::kRefused, "\"" + request.period.name + "\" has no charges to invoice", "period"};
  CIYUAN_TRY(std::optional<Exchange> exchange, exchange_of(reader, terms, request.period));

  int decimals = minor_decimals(terms.paper_currency);
  Amount billed = rounded(sum, decimals, terms.rounding);
  if (exchange) {
    CIYUAN_TRY(billed, converted(sum, exchange->rate, decimals, terms.rounding));
  }
  CIYUAN_TRY(Totals totals, taxed(billed, terms));

  std::string year = date_text(request.issued, terms.offset_minutes).substr(0, 4);
  std::string series = terms.provider + "-" + year + "-";
  CIYUAN_TRY(std::string number, internal::next_number(reader, "Invoice", series));
  CIYUAN_TRY(Json issuer, party_snapshot(reader, terms.provider));
  CIYUAN_TRY(Json recipient, party_snapshot(reader, terms.consumer));
  Drafted drafted;
  Json& paper = drafted.paper;
  paper = {{"v", kInvoiceVersion},
           {"kind", "Invoice"},
           {"name", number},
           {"issuer", std::move(issuer)},
           {"recipient", std::move(recipient)},
           {"contract", {{"name", contract.name}, {"digest", to_hex(contract.digest)}}},
           {"period",
            {{"from", to_rfc3339(request.period.from)},
             {"to", to_rfc3339(request.period.to)},
             {"name", request.period.name},
             {"utc_offset_minutes", terms.offset_minutes}}},
           {"issued", to_rfc3339(request.issued)},
           {"due", date_text(days_after(request.issued, terms.due_days), terms.offset_minutes)},
           {"due_days", terms.due_days},
           {"dispute_days", terms.dispute_days},
           {"usage_currency", terms.currency},
           {"currency", terms.paper_currency},
           {"calls", std::to_string(usage.calls)},
           {"ciyuan", format_decimal(usage.ciyuan, contract::kCiyuanScale)},
           {"lines", std::move(lines)},
           {"sum", exact(sum)},
           {"rounding", {{"mode", name_of(terms.rounding)}, {"decimals", decimals}}},
           {"net", money_text(totals.net, decimals)},
           {"taxes", totals.taxes},
           {"tax", money_text(totals.tax, decimals)},
           {"gross", money_text(totals.gross, decimals)},
           {"proof", proof_of(usage, request.checkpoint)},
           {"postings", Json::array()}};
  if (!exchange) paper["rounding"]["difference"] = exact(billed - sum);
  if (exchange) paper["exchange"] = exchange->shown;
  for (const auto& [model, ciyuan] : usage.model_ciyuan)
    paper["model_ciyuan"][model] = format_decimal(ciyuan, contract::kCiyuanScale);
  if (contract.value.contains("title")) paper["contract"]["title"] = contract.value["title"];
  paper["contract"]["version"] = contract.value.at("version");
  if (!terms.text.is_null()) paper["terms"] = terms.text;
  if (!newest.empty()) paper["previous"] = newest;
  post_invoice(drafted, terms, sum, billed, totals.tax);

  Json head = billing ? *billing : Json{{"kind", "Billing"}, {"name", request.contract}};
  head["newest"] = number;
  head["until"] = to_rfc3339(request.period.to);
  drafted.command.at = request.issued;
  CIYUAN_TRY_STATUS(add_paper(drafted, "Invoice", paper));
  CIYUAN_TRY_STATUS(add_paper(drafted, "Billing", head));
  return drafted;
}

Result<std::optional<Json>> find_invoice(store::Reader& reader, const std::string& contract,
                                         const Period& period) {
  CIYUAN_TRY(std::optional<Json> billing, find_paper(reader, "Billing", contract));
  if (!billing) return std::optional<Json>();
  return invoice_in_chain(reader, text_at(*billing, "newest"), period, nullptr);
}

}  // namespace ciyuan::report
