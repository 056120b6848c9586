/// Credit notes: invoice.h.

#include <algorithm>

#include "contract/limit.h"
#include "report/internal/numbering.h"
#include "report/invoice.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

std::string exact(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }
Result<Amount> money_at(const Json& object, std::string_view member) {
  return parse_decimal(text_at(object, member), contract::kMoneyScale);
}

}  // namespace

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
  CIYUAN_TRY(std::string number, internal::next_number(reader, "CreditNote", series));
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
