#pragma once

/// What a price book says of a whole period, beside the prices of its lines: free grants, percentages, a
/// minimum, a commitment, tax, and how amounts are rounded. closing.h applies them.

#include <optional>
#include <string>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/result.h"
#include "base/rounding.h"
#include "price/meter.h"
#include "price/schedule.h"

namespace ciyuan::price {

/// Of which usage a rule speaks.
struct Selection {
  std::string model = "*";    ///< "*": of every model
  std::vector<Meter> meters;  ///< empty: every meter

  bool covers(std::string_view of_model, Meter meter) const;
};

/// So many units of the period are free: the dearest ones, whatever their order was.
struct FreeGrant {
  std::string id;
  Selection of;
  std::int64_t quantity = 0;
};

enum class PercentageType : std::uint8_t { kDiscount, kSurcharge, kFee };
/// A share of what was charged for the selected usage, free grants taken off; shares are not taken of each
/// other.
struct Percentage {
  std::string id;
  PercentageType type = PercentageType::kDiscount;
  Amount percent;  ///< at kPercentDecimals
  Selection of;
};

struct Minimum {
  Amount amount;
};
/// What is paid at least by the end, and is trued up there.
struct Commitment {
  Amount amount;
  bool whole_term = false;  ///< of the contract's term; false: of each billing period
};

struct Tax {
  Amount percent;          ///< at kPercentDecimals
  bool inclusive = false;  ///< true: prices contain it
  std::string name, jurisdiction;
};

struct ClosingRounding {
  int decimals = kMoneyScale;
  Rounding mode = Rounding::kHalfEven;
  bool each_line = false;  ///< false: the document's total is rounded, once
};

struct ClosingRules {
  Period billing_period = Period::kMonth;
  std::vector<FreeGrant> free;
  std::vector<Percentage> percentages;
  std::optional<Minimum> minimum;
  std::optional<Commitment> commitment;
  std::optional<Tax> tax;
  ClosingRounding rounding;
};

constexpr std::size_t kClosingRulesMax = 100;  ///< of a kind, in one book

/// Reads them from a price book that has passed its schema. What looks like a slip of the pen is added to
/// `warnings`.
Result<ClosingRules> read_closing_rules(const Json& document, std::vector<std::string>& warnings);

}  // namespace ciyuan::price
