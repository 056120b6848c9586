#pragma once

/// The close of a billing period: what a contract's price book says of the period as a whole, posted once.
///
/// At capture a call is charged at the first step of its price lines, since what was used before is not known
/// there. When the period is over, its charges are rated again with all of it known (price/rating.h), and
/// then closed (price/closing.h): free grants, percentages, minimum, commitment, rounding. The difference to
/// what was charged is posted between who pays and the provider's revenue, and royalties get their share of
/// what concerns their models. Tax is the invoice's.
///
///   draft_closing(reader, "acme", now)    // a paper "Closing" named "acme/2026-11-01", and its postings
///
/// Periods are the days or months of the book that is in force where they begin, from the one in which the
/// contract began to its end or deletion; a contract that takes a book of another name begins a period there.
/// Each charge is rated under the version of the book that it was made under; grants,
/// percentages, minimum and commitment are those of the version in force when the period ends. What counts
/// longer than a period (a month's steps in a book billed by the day) is handed on in the paper.
///
/// Corrections of records of earlier periods have posted their own difference, and are left out. What a
/// package paid has no price, and does not count.

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/drafted.h"
#include "report/period.h"
#include "store/store.h"

namespace ciyuan::report {

inline constexpr std::string_view kClosingVersion = "ciyuan/closing/v1";

struct ClosingDraft {
  std::optional<Drafted> drafted;  ///< nothing: nothing is to be closed by then
  TimePoint next;                  ///< when there may be something to close; zero: never, as things stand
};
/// The contract's oldest period that is over at `at` and not closed. The same draft every time, until it is
/// written. `from_balance` false: what is owed stands on the receivable whole. kNotFound: there never was
/// such a contract. kCorrupt, kTooLarge: as usage_of().
Result<ClosingDraft> draft_closing(store::Reader& reader, const std::string& contract, TimePoint at,
                                   bool from_balance = true);

/// The running period as if it ended at `at`, in the form of a Closing: what would be posted. kRefused: the
/// contract has nothing to close.
Result<Json> closing_so_far(store::Reader& reader, const std::string& contract, TimePoint at);

/// The contract's closings whose periods ended after `from` and not after `to` (zero: open), oldest first.
Result<std::vector<Json>> closings_of(store::Reader& reader, const std::string& contract, TimePoint from,
                                      TimePoint to);

}  // namespace ciyuan::report
