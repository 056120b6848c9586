#pragma once

/// Re-rating for comparison: what a period's records would have been in Ciyuan under another table of
/// equivalence, or under another method that counts tokens. It reads and adds up; it posts nothing and
/// corrects nothing.
///
///   CIYUAN_TRY(Json comparison, compare_equivalence(reader, "deal", period, "parity-2026-11"));
///   comparison["totals"]["difference_percent"]   // "15.38"
///
/// {"contract", "from", "to", "period", "table": {"kind", "name", "version", "digest",
/// "basis"}, "calls",
///  "rows": [{"model", "kind", "tokens", "billed", "low", "middle", "high", "difference_percent"}], "totals":
///  {the same without model and kind}, "uncovered": {model: calls}, "unexplained": {"calls", "ciyuan"}}
///
/// `billed` of a row is made again from the documents that the records name (method, and table where there
/// was one); where a record's own Ciyuan is another sum, that is counted as `unexplained`, never smoothed
/// over. Calls of a model that the table has no row for are `uncovered` and in no other figure. The
/// difference is that of `middle` to `billed`, half up at two decimals, and left out where nothing was
/// billed. Corrected records count as in usage.h.
///
/// Cost: one read of the period's records.

#include <string>

#include "base/json.h"
#include "report/period.h"
#include "store/store.h"

namespace ciyuan::report {

/// `with`: the name of an Equivalence, or else of a Method; "Equivalence/NAME" and "Method/NAME" say which.
/// kNotFound: no such contract, table or method. kRefused: a method that counts no tokens. kCorrupt: a record
/// names a document that is missing or damaged.
Result<Json> compare_equivalence(store::Reader& reader, const std::string& contract, const Period& period,
                                 const std::string& with);

}  // namespace ciyuan::report
