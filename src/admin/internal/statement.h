#pragma once

/// What a contract used in a period, added up from its records: the figures of an invoice.

#include "base/json.h"
#include "base/time.h"
#include "store/store.h"

namespace ciyuan::admin {

/// {"contract", "from", "to", "calls", "ciyuan", "money": {"CNY": "…"}, "states": {…}, "verdicts": {…},
/// "lines": [{"model", "kind", "quantity", "measured", "reported", "amount", "currency"}]}. `from` inclusive,
/// `to` exclusive, zero: open; by time of closing. A record that corrects another stands in its place; where
/// that was closed before the period, only the difference counts. kNotFound: no records, and no contract of
/// this name. Reads every record of the period: about two microseconds each.
Result<Json> statement_of(store::Reader& reader, const std::string& contract, TimePoint from, TimePoint to);

}  // namespace ciyuan::admin
