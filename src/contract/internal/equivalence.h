#pragma once

/// The equivalence clause: which document turns native tokens into Ciyuan at a time, and which one runs
/// beside it.

#include <string>
#include <vector>

#include "base/json.h"
#include "contract/internal/plan.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

/// The clause compiled for every model of the contract's scope, which must be known by now. Faults have
/// pointers below the clause, warnings are whole sentences.
EquivalencePlan compile_equivalence(const Json& clause, const ContractPlan& contract,
                                    const Registry::State& state, std::vector<Fault>& faults,
                                    std::vector<std::string>& warnings);

/// Until when what bills at `at` does; zero: for ever.
TimePoint billing_until(const EquivalencePlan& plan, TimePoint at);

/// Puts the ratings of the moment into the terms. kRefused, with the clause: what would bill is not in force.
/// `model`: its own name.
Status rate_call(const EquivalencePlan& plan, std::string_view model, TimePoint at, Terms& terms);

}  // namespace ciyuan::contract
