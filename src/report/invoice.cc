#include "report/invoice.h"

#include <algorithm>

#include "contract/limit.h"
#include "price/book.h"
#include "report/closing.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

constexpr std::size_t kNumberDigits = 6;
constexpr std::uint64_t kNumberMax = 999'999;
constexpr std::size_t kChainMax = 100'000;  // invoices of one contract that are walked back

std::string exact(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }
Result<Amount> money_at(const Json& object, std::string_view member) {
  return parse_decimal(text_at(object, member), contract::kMoneyScale);
}

std::string numbered(const std::string& series, std::uint64_t number) {
  std::string digits = std::to_string(number);
  return series + std::string(kNumberDigits - std::min(kNumberDigits, digits.size()), '0') + digits;
}

// The series has no gaps, so its end is found by doubling and halving.
Result<std::string> next_number(store::Reader& reader, std::string_view kind, const std::string& series) {
  auto is_taken = [&](std::uint64_t number) -> Result<bool> {
    CIYUAN_TRY(std::optional<Json> found, find_paper(reader, kind, numbered(series, number)));
    return found.has_value();
  };
  std::uint64_t taken = 0, free = 1;
  for (;; free *= 2) {
    CIYUAN_TRY(bool is, is_taken(free));
    if (!is) break;
    taken = free;
  }
  while (free - taken > 1) {
    std::uint64_t middle = taken + (free - taken) / 2;
    CIYUAN_TRY(bool is, is_taken(middle));
    (is ? taken : free) = middle;
  }
  if (free > kNumberMax)
    return Error{ErrorCode::kTooLarge, "has no number left in this year", std::string(series)};
  return numbered(series, free);
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
Result<std::optional<Exchange>> exchange_of(store::Reader& reader, const SettlementTerms& terms) {
  if (terms.currency == terms.paper_currency) return std::optional<Exchange>();
  std::string pair = "no rate from " + terms.currency + " to " + terms.paper_currency;
  if (terms.exchange_rates.empty())
    return Error{ErrorCode::kRefused, pair + ": the contract names no exchange rates", "exchange_rates"};
  CIYUAN_TRY(contract::Document document, newest_document(reader, "ExchangeRates", terms.exchange_rates));
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
    if (lines.size() > kInvoiceLinesMax)
      return Error{ErrorCode::kTooLarge,
                   "has more than " + std::to_string(kInvoiceLinesMax) + " lines: take a shorter period",
                   "period"};
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
    if (lines.size() > kInvoiceLinesMax)
      return Error{ErrorCode::kTooLarge,
                   "has more than " + std::to_string(kInvoiceLinesMax) + " lines: take a shorter period",
                   "period"};
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
  if (lines.empty())
    return Error{ErrorCode::kRefused, "\"" + request.period.name + "\" has no charges to invoice", "period"};
  CIYUAN_TRY(std::optional<Exchange> exchange, exchange_of(reader, terms));

  int decimals = minor_decimals(terms.paper_currency);
  Amount billed = rounded(sum, decimals, terms.rounding);
  if (exchange) {
    CIYUAN_TRY(billed, converted(sum, exchange->rate, decimals, terms.rounding));
  }
  CIYUAN_TRY(Totals totals, taxed(billed, terms));

  std::string year = date_text(request.issued, terms.offset_minutes).substr(0, 4);
  std::string series = terms.provider + "-" + year + "-";
  CIYUAN_TRY(std::string number, next_number(reader, "Invoice", series));
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

Result<Amount> credited_of(store::Reader& reader, const Json& invoice) {
  CIYUAN_TRY(std::optional<Json> billing,
             find_paper(reader, "Billing", text_at(invoice.at("contract"), "name")));
  if (!billing || !billing->contains("credited")) return Amount();
  std::string credited = text_at((*billing)["credited"], text_at(invoice, "name"));
  return credited.empty() ? Result<Amount>(Amount()) : parse_decimal(credited, contract::kMoneyScale);
}

namespace {

Status check_credit(const CreditRequest& request, const Json& invoice, Amount left) {
  std::string currency = text_at(invoice, "currency");
  int decimals = minor_decimals(currency);
  if (std::find(std::begin(kCreditReasons), std::end(kCreditReasons), request.reason) ==
      std::end(kCreditReasons))
    return invalid("reason", "\"" + request.reason.substr(0, 60) +
                                 "\" is no reason; those are dispute_upheld, service_failure, price_error, "
                                 "counting_error, goodwill, other");
  if (request.gross <= Amount())
    return invalid("amount", "\"" + exact(request.gross) + "\" is not above zero");
  if (rounded(request.gross, decimals, Rounding::kDown) != request.gross)
    return invalid("amount", "\"" + exact(request.gross) + "\" has more decimals than " + currency + " has");
  if (request.gross > left)
    return Error{ErrorCode::kRefused,
                 "\"" + money_text(request.gross, decimals) + "\" is more than what is left of " +
                     text_at(invoice, "name") + ", " + money_text(left, decimals) + " " + currency,
                 "amount"};
  return {};
}

// The tax in a gross amount, in the invoice's own proportion; the last credit takes what is left of it.
Result<Amount> tax_in(Amount gross, const Json& invoice, Amount left, Amount tax_left, Rounding rounding) {
  if (gross == left) return tax_left;
  CIYUAN_TRY(Amount whole, money_at(invoice, "gross"));
  CIYUAN_TRY(Amount tax, money_at(invoice, "tax"));
  int decimals = minor_decimals(text_at(invoice, "currency"));
  Int128 unit = 1;
  for (int i = decimals; i < contract::kMoneyScale; ++i) unit *= 10;
  std::optional<Amount> product = checked_multiply(Amount(gross.units() / unit), tax.units() / unit);
  if (!product) return Error{ErrorCode::kTooLarge, "the product leaves 128 bits", "amount"};
  Amount share(rounded_quotient(product->units(), whole.units() / unit, rounding) * unit);
  return std::min(share, tax_left);
}

}  // namespace

Result<Drafted> draft_credit_note(store::Reader& reader, const CreditRequest& request) {
  return draft_credit_note(reader, request, "");
}

Result<Drafted> draft_credit_note(store::Reader& reader, const CreditRequest& request,
                                  const std::string& account) {
  CIYUAN_TRY(Json invoice, paper(reader, "Invoice", request.invoice));
  std::string contract = text_at(invoice.at("contract"), "name");
  CIYUAN_TRY(Json billing, paper(reader, "Billing", contract));
  Json& ids = billing["credit_ids"];
  if (ids.is_object() && ids.contains(request.id)) {
    CIYUAN_TRY(Json present, paper(reader, "CreditNote", text_at(ids, request.id)));
    CIYUAN_TRY(Amount gross, money_at(present, "gross"));
    if (gross != request.gross || text_at(present, "invoice") != request.invoice ||
        text_at(present, "reason") != request.reason)
      return Error{ErrorCode::kConflict,
                   "stands for the credit note " + text_at(present, "name") +
                       ", which has another invoice, amount or reason",
                   "id"};
    return Drafted{.paper = std::move(present), .existed = true, .command = {}};
  }
  CIYUAN_TRY(Amount gross, money_at(invoice, "gross"));
  CIYUAN_TRY(Amount tax, money_at(invoice, "tax"));
  CIYUAN_TRY(Amount credited, credited_of(reader, invoice));
  std::string credited_tax_text = text_at(billing.value("credited_tax", Json::object()), request.invoice);
  CIYUAN_TRY(Amount credited_tax, credited_tax_text.empty()
                                      ? Result<Amount>(Amount())
                                      : parse_decimal(credited_tax_text, contract::kMoneyScale));
  CIYUAN_TRY_STATUS(check_credit(request, invoice, gross - credited));
  Rounding rounding = rounding_named(text_at(invoice.at("rounding"), "mode")).value_or(Rounding::kHalfEven);
  CIYUAN_TRY(Amount credit_tax,
             tax_in(request.gross, invoice, gross - credited, tax - credited_tax, rounding));

  std::string provider = text_at(invoice.at("issuer"), "name"), currency = text_at(invoice, "currency");
  int decimals = minor_decimals(currency), offset = invoice.at("period").value("utc_offset_minutes", 0);
  std::string series = provider + "-" + date_text(request.issued, offset).substr(0, 4) + "-C";
  CIYUAN_TRY(std::string number, next_number(reader, "CreditNote", series));
  Drafted drafted;
  Json& note = drafted.paper;
  note = {{"v", "ciyuan/credit-note/v1"},
          {"kind", "CreditNote"},
          {"name", number},
          {"invoice", request.invoice},
          {"invoice_issued", text_at(invoice, "issued")},
          {"issuer", invoice.at("issuer")},
          {"recipient", invoice.at("recipient")},
          {"contract", invoice.at("contract")},
          {"period", invoice.at("period")},
          {"issued", to_rfc3339(request.issued)},
          {"currency", currency},
          {"reason", request.reason},
          {"text", request.text},
          {"net", money_text(request.gross - credit_tax, decimals)},
          {"tax", money_text(credit_tax, decimals)},
          {"gross", money_text(request.gross, decimals)},
          {"postings", Json::array()}};
  std::string to =
      account.empty() ? "receivable/" + text_at(invoice.at("recipient"), "name") + "/" + currency : account;
  // Of an invoice in another currency than the use, the revenue stands in that one: its share comes back
  // through the exchange account.
  std::string from = text_at(invoice, "usage_currency") == currency ? "revenue/" + provider + "/" + currency
                                                                    : "exchange/" + provider + "/" + currency;
  // The last credit takes the invoice's rounding back as well: revenue had no more than the exact sum.
  Amount rounding_back;
  if (request.gross == gross - credited)
    if (std::string difference = text_at(invoice.at("rounding"), "difference"); !difference.empty()) {
      CIYUAN_TRY(rounding_back, parse_decimal(difference, contract::kMoneyScale));
    }
  add_posting(drafted, number, "net", from, to, currency, request.gross - credit_tax - rounding_back);
  add_posting(drafted, number, "rounding", "rounding/" + provider + "/" + currency, to, currency,
              rounding_back);
  add_posting(drafted, number, "tax", "tax/" + provider + "/" + currency, to, currency, credit_tax);
  billing["credited"][request.invoice] = money_text(credited + request.gross, decimals);
  billing["credited_tax"][request.invoice] = money_text(credited_tax + credit_tax, decimals);
  billing["credit_ids"][request.id] = number;
  drafted.command.at = request.issued;
  CIYUAN_TRY_STATUS(add_paper(drafted, "CreditNote", note));
  CIYUAN_TRY_STATUS(add_paper(drafted, "Billing", billing));
  return drafted;
}

}  // namespace ciyuan::report
