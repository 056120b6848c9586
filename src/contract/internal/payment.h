#pragma once

/// Payment clauses, packages and royalties: from the words of a document to the sources of one call.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "contract/internal/caps.h"
#include "contract/internal/plan.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

/// Packages of one contract that may be in force at the same time: each is a source of a call.
constexpr std::size_t kPackagesMax = 24;

/// The payment clause of `contract`, whose parties, price book and name are known. Pointers of the faults
/// begin below the clause.
PaymentPlan compile_payment(const Json& clause, const ContractPlan& contract, std::vector<Fault>& faults);

/// A Package document; the contracts it names are checked by the caller.
PackagePlan compile_package(const Json& document, const Registry::State& state, std::vector<Fault>& faults);

/// A royalty clause of `contract`. Faults as above.
std::vector<RoyaltyPlan> compile_royalties(const Json& clause, const ContractPlan& contract,
                                           const std::set<std::string>& parties, const Registry::State& state,
                                           std::vector<Fault>& faults);

/// Puts packages in the order in which they are used.
void sort_packages(std::vector<PackagePlan>& packages, PackageOrder order);

/// Where more than kPackagesMax packages are in force together: the moment. Zero: nowhere.
TimePoint crowded_at(const std::vector<PackagePlan>& packages);

/// Adds the sources of one call to its limits.
void add_sources(const ContractPlan& contract, const CallRates& rates, const Call& call,
                 std::string_view model, std::vector<Limit>& limits);

/// The shares of others in what is charged for a model.
std::vector<Share> shares_for(const std::vector<RoyaltyPlan>& royalties, std::string_view model);

}  // namespace ciyuan::contract
