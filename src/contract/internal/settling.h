#pragma once

/// What the documents of settlement must keep beyond their schemas: parties' keys, exchange rates, the
/// settlement clause, budgets. Pointers are below the value that was given.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "contract/document.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

std::vector<Fault> party_faults(const Json& party);
/// A real date, no pair twice or with itself, no rate of zero, no two directions of a pair that contradict
/// each other by more than a hundredth.
std::vector<Fault> exchange_rates_faults(const Json& rates);
/// `currency`: the price book's; empty where the contract has none.
std::vector<Fault> settlement_faults(const Json& clause, const std::string& currency,
                                     const std::vector<Document>& sorted);
std::vector<Fault> budget_faults(const Json& budget, const std::vector<Document>& sorted);

}  // namespace ciyuan::contract
