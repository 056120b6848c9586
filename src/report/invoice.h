#pragma once

/// Invoices and credit notes. Each is written once, as a paper whose digest is a leaf of the log, together
/// with its postings in one commit, and never changes:
///
///   InvoiceRequest request{.contract = "demo", .period = period, .issued = now, .checkpoint = note};
///   CIYUAN_TRY(Drafted draft, draft_invoice(reader, request));   // nothing is changed yet
///   clerk->call(draft.command);                                  // all of it, or nothing
///
/// Numbers run without gaps for each issuer and year of the calendar: "lantern-2026-000001", and
/// "lantern-2026-C000001" for credit notes. A number is taken by the commit that writes its paper, so none is
/// lost and none is given twice, as long as one caller at a time drafts and commits (the control plane's
/// lock).
///
/// Money. Lines are exact, in the price book's currency. Their sum becomes whole minor units once, by the
/// clause's rounding; the difference is the rounding line, posted between the receivable and
/// "rounding/<provider>/<currency>". Each tax is rounded once on the net amount and posted to
/// "tax/<provider>/<currency>". Where the invoice is in another currency, the receivable moves through
/// "exchange/<provider>/<currency>" at the rate of the day, and only the receivable in that currency is left.
///
/// What the periods of one contract's invoices hold follows each other: a period that overlaps an invoiced
/// one is refused, the same one again gives the invoice that is there.

#include <optional>
#include <string>

#include "base/json.h"
#include "report/drafted.h"
#include "report/period.h"
#include "store/store.h"

namespace ciyuan::report {

inline constexpr std::string_view kInvoiceVersion = "ciyuan/invoice/v1";
constexpr std::size_t kInvoiceLinesMax = 10'000;

struct InvoiceRequest {
  std::string contract;
  Period period;  ///< over: `to` is not after `issued`
  TimePoint issued;
  std::string checkpoint;  ///< the log's newest signed note, printed as a reference
};

/// kNotFound: no such contract. kInvalid: a period that is not over. kConflict: it overlaps an invoice.
/// kRefused: no price book, nothing used, a currency without a rate.
Result<Drafted> draft_invoice(store::Reader& reader, const InvoiceRequest& request);

struct CreditRequest {
  std::string invoice;  ///< its number
  Amount gross;         ///< tax included, in the invoice's currency
  std::string reason;   ///< one of kCreditReasons
  std::string text;     ///< in words; may be empty
  std::string id;       ///< the caller's, so that the same request twice is one note
  TimePoint issued;
};
inline constexpr std::string_view kCreditReasons[] = {"dispute_upheld", "service_failure", "price_error",
                                                      "counting_error", "goodwill",        "other"};
/// Posts the net amount from revenue and the tax from its account back to the receivable. kInvalid: reason,
/// amount. kRefused: more than is left of the invoice. kConflict: the id stands for another note.
Result<Drafted> draft_credit_note(store::Reader& reader, const CreditRequest& request);
/// The same where a settlement releases disputed money: it goes back to `account`, which is
/// "disputed/<contract>/<currency>".
Result<Drafted> draft_credit_note(store::Reader& reader, const CreditRequest& request,
                                  const std::string& account);

/// The invoice of exactly this period, if there is one.
Result<std::optional<Json>> find_invoice(store::Reader& reader, const std::string& contract,
                                         const Period& period);
/// What of the invoice has been credited.
Result<Amount> credited_of(store::Reader& reader, const Json& invoice);

}  // namespace ciyuan::report
