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

bool is_prepaid_money(const CapPlan& cap);

/// The account of a cap per key, without its window.
std::string account_of_key(const CapPlan& cap, std::string_view key);

/// Caps that can never be reached because another one is always met first.
std::vector<std::string> cap_warnings(const std::vector<CapPlan>& caps);

/// The limit that this cap is for one call. `session` is the resolved session id.
Limit limit_of(const CapPlan& cap, const CallRates& rates, const Call& call, std::string_view model,
               std::string_view session);

}  // namespace ciyuan::contract
