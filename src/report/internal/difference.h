#pragma once

/// What the close of a period comes to beside what was charged as calls closed, and on whose accounts.
///
/// What is given back goes to those who paid, and royalties are those of the contract as it was at each call:
/// each part is divided by what was charged for what it is of. So captured and closed together are, for each
/// payer and each royalty, the month rated at once.

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/drafted.h"
#include "report/rerating.h"
#include "store/store.h"

namespace ciyuan::report::internal {

/// An amount to be posted, and what it is of; empty: of all of the period.
struct Part {
  std::string contract;  ///< digest (hex)
  std::string line, model;
  price::Meter meter = price::Meter::kInput;  ///< of no meaning where `model` is empty
  Amount amount;
};

struct Difference {
  Json lines = Json::array();
  Amount sum;
  std::vector<Part> parts;

  /// Nothing is no line. kTooLarge: the sum leaves 128 bits.
  Status add(Json line, Part part);
};

using Paid = std::map<PaidKey, Amount>;
/// (contract's digest, payer): as in PaidKey.
using Portions = std::map<std::pair<std::string, std::string>, Amount>;
/// Divides a part by what was charged for what it is of, or where that is nothing, for its model, or for all;
/// rounded towards zero, the last portion takes the rest. Where nothing was charged at all it is one portion,
/// of no contract and no payer.
Portions portions_of(const Paid& paid, const Part& part);

/// What is given back goes to those who paid it. What is owed comes out of that first, then out of the
/// prepaid balance as far as it goes, and then stands on the receivable. `from_balance` false: nothing more
/// comes out of the balance.
Status post_difference(store::Reader& reader, Drafted& drafted, const Json& contract,
                       const Difference& difference, const Paid& paid, bool from_balance);
/// Shares of what concerns a model.
Status post_royalties(store::Reader& reader, Drafted& drafted, const Json& contract,
                      const Difference& difference, const Paid& paid);

}  // namespace ciyuan::report::internal
