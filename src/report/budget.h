#pragma once

/// Budgets: what was meant to be spent in this month, what was, which alerts that has reached and when, how
/// fast it goes, and where it will end. A budget limits nothing; a cap does.

#include "base/json.h"
#include "report/forecast.h"

namespace ciyuan::report {

/// {"budget", "contract", "unit", "amount", "from", "to", "spent", "left", "percent", "alerts": [{"percent",
/// "amount", "reached_at"}], "burn_per_day", "forecast": {…, "over": "yes" | "maybe" | "no"} or
/// "forecast_missing"}. Percents have two decimals, rounded down; the burn rate is that of the last seven
/// days. kNotFound: no such budget in force.
Result<Json> budget_state(store::Reader& reader, const std::string& name, TimePoint now);
/// Of all budgets in force, in the order of their names.
Result<Json> budget_states(store::Reader& reader, TimePoint now);

}  // namespace ciyuan::report
