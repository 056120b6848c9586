#pragma once

/// Budgets: what was meant to be spent in this month, what was, which alerts that has reached and when, how
/// fast it goes, and where it will end. A budget limits nothing; a cap does.

#include <map>
#include <optional>

#include "base/json.h"
#include "report/forecast.h"

namespace ciyuan::report {

constexpr std::size_t kBudgetsMax = 1000;  ///< that are looked at

/// Of a Budget document: "CIYUAN" or its currency; its tags; its shares in percent, as they stand there.
std::string unit_of_budget(const Json& budget);
std::map<std::string, std::string> tags_of_budget(const Json& budget);
std::vector<int> shares_of(const Json& budget);
/// The share of the amount, rounded up; nothing beyond 128 bits.
std::optional<Amount> mark_of(Amount amount, int percent);

/// {"budget", "contract", "unit", "amount", "from", "to", "spent", "left", "percent", "alerts": [{"percent",
/// "amount", "reached_at"}], "burn_per_day", "forecast": {…, "over": "yes" | "maybe" | "no"} or
/// "forecast_missing", "notices": [{"about", "state", "recorded_at", "attempts", "sent_at", "next_at",
/// "problem"}] of this month}. Percents have two decimals, rounded down; the burn rate is that of the last
/// seven days. kNotFound: no such budget in force.
Result<Json> budget_state(store::Reader& reader, const std::string& name, TimePoint now);
/// Of all budgets in force, in the order of their names.
Result<Json> budget_states(store::Reader& reader, TimePoint now);

}  // namespace ciyuan::report
