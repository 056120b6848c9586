#pragma once

/// Statements: what a contract, or a party over all its contracts, used in a period and what that moved on
/// the accounts. A statement says itself whether records and ledger agree (`agrees`), and where they do not.

#include <string>

#include "base/json.h"
#include "report/usage.h"

namespace ciyuan::report {

/// {"contract", "from", "to", "calls", "ciyuan", "money", "states", "verdicts", "lines": [{"model", "kind",
/// "quantity", "unit_price", "measured", "reported", "amount", "currency", "adjustment"}], "corrections",
/// "accounts": [{"account", "unit", "opening", "charged", …, "closing", "postings"}], "agrees",
/// "differences"}. `split` adds "split": the money by one property of the records (usage.h). An open period
/// is one from the beginning, or to now. kNotFound: there never was a contract of this name.
Result<Json> contract_statement(store::Reader& reader, const std::string& contract, const Period& period,
                                const std::string& split = "");

/// {"party", "from", "to", "ciyuan", "money", "contracts": [statement…], "agrees"} of all contracts in force
/// in which it provides or consumes. kNotFound: there never was a party of this name.
Result<Json> party_statement(store::Reader& reader, const std::string& party, const Period& period);

/// The calendar that the contract's settlement clause names, for parse_period().
Result<int> offset_of_contract(store::Reader& reader, const std::string& contract);

}  // namespace ciyuan::report
