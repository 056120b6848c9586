#pragma once

/// What moved on an account in a period: opening balance, flows by what they were, closing balance.

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/usage.h"

namespace ciyuan::report {

constexpr std::size_t kAccountLinesMax = 5'000'000;  ///< read for one account of one statement
constexpr std::size_t kShownPostingsMax = 1000;      ///< listed one by one

/// A posting by hand or of a paper.
struct Posting {
  Id id;
  TimePoint at;
  Amount amount;
  std::string memo, what;  ///< "payment", "invoice", "credit note", "settlement"
};

struct AccountFlow {
  std::string name, unit;
  int scale = 0;
  Amount opening, closing;
  Amount charged;                 ///< of the contract's calls, negative: taken from the account
  Amount other_calls;             ///< of other contracts that use the same account
  Amount corrected;               ///< by corrections of the contract's records
  Amount granted;                 ///< by limits
  Amount papers;                  ///< tax, rounding, credit notes, disputes
  Amount paid;                    ///< all other postings: payments, deposits
  std::vector<Posting> postings;  ///< papers and payments, oldest first; of many, the newest
  bool postings_complete = true;
};

/// `papers`: ids of postings that papers made, and what they were.
Result<AccountFlow> flow_of(store::Reader& reader, const store::AccountRow& account, const Period& period,
                            const Usage* usage, const std::map<Id, std::string>& papers,
                            std::unordered_map<std::uint64_t, Amount>& unseen);

Json json_of(const AccountFlow& flow);

}  // namespace ciyuan::report
