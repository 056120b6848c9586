#pragma once

/// Cap clauses: from the words of a document to a prepared limit, and from there to the limit of one call.

#include <optional>
#include <string_view>
#include <vector>

#include "contract/internal/plan.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

/// A cap of `contract`, or of the key `key` where that is not empty. Pointers of the faults begin below the
/// clause.
std::optional<CapPlan> compile_cap(const Json& clause, const ContractPlan& contract, std::string_view key,
                                   std::vector<Fault>& faults);

bool is_calendar(CapWindow window);
bool is_prepaid_money(const CapPlan& cap);

/// A rate clause, as a cap whose account drips. Faults as above.
std::optional<CapPlan> compile_rate(const Json& clause, const ContractPlan& contract, std::string_view key,
                                    std::vector<Fault>& faults);

/// The account of a cap per key, without its window.
std::string account_of_key(const CapPlan& cap, std::string_view key);

/// Caps that can never be reached because another one is always met first.
std::vector<std::string> cap_warnings(const std::vector<CapPlan>& caps);

/// The limit that this cap is for one call.
Limit limit_of(const CapPlan& cap, const CallRates& rates, const Call& call, const Whom& whom);

/// Adds the limits that the caps are for one call. What an agent uses counts for those that it works for,
/// too: "planner/search" for "planner". kInvalid: a cap counts per user, agent or tenant, and the call names
/// none.
Status add_limits(const std::vector<CapPlan>& caps, const CallRates& rates, const Call& call,
                  const Whom& whom, std::vector<Limit>& limits);

}  // namespace ciyuan::contract
