#pragma once

/// Access clauses: from the words of a document to rules, and from rules to a decision (contract/access.h).

#include <vector>

#include "base/json.h"
#include "contract/internal/plan.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

/// Adds the clause's rules to those of the contract. Pointers of the faults begin below the clause; names of
/// keys are checked when all keys are there (key_faults).
void compile_access(const Json& clause, const Registry::State& state, std::vector<AccessRule>& rules,
                    std::vector<ClauseText>& texts, std::vector<Fault>& faults);

/// Rules that name a key which is not there, or is another contract's.
std::vector<std::string> key_faults(const ContractPlan& contract, const Registry::State& state);

/// Rules that can decide nothing, since another denies all that they match.
std::vector<std::string> access_warnings(const std::vector<AccessRule>& rules);

Decision decide(const std::vector<AccessRule>& rules, const KeyPlan& key, const Resolved& call,
                std::string_view region, const AccessFacts& facts);

}  // namespace ciyuan::contract
