#pragma once

/// Schedules: what a quantity costs where the price of a unit depends on how much was used before, in the
/// same period, on the same price line.
///
///   flat        every unit costs the same
///   graduated   each unit costs what its own step says: the first million 2.00, those above 1.50
///   volume      all units of the period cost what the step of their total says
///   package     units are sold in whole blocks: a block begun is a block paid
///
/// All are one function: cost(n) of the first n units of a period. What is used after `prior` units costs
/// cost(prior + quantity) − cost(prior), so charging in parts is charging the whole, in any order.

#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace ciyuan::price {

constexpr int kMoneyScale = 12;         ///< of prices of one unit and of amounts
constexpr std::size_t kStepsMax = 100;  ///< of one schedule

/// What runs out and begins again. A contract's is one period, from its beginning to its end.
enum class Period : std::uint8_t { kDay, kMonth, kContract };
std::string_view name_of(Period period);
std::optional<Period> period_named(std::string_view name);
/// The first instant of the period that holds `at`; zero for a contract's.
TimePoint start_of(Period period, TimePoint at, int utc_offset_minutes);

enum class ScheduleType : std::uint8_t { kFlat, kGraduated, kVolume, kPackage };
std::string_view name_of(ScheduleType type);

struct Step {
  std::int64_t up_to = std::numeric_limits<std::int64_t>::max();  ///< the last unit of the step
  Amount unit_price;
  Amount fee;  ///< once a period, with the first unit of the step
};

/// One line of a bill that a schedule makes: amount = quantity × unit_price.
struct Piece {
  enum class What : std::uint8_t {
    kUnits,   ///< units at a step's price
    kRerate,  ///< volume: units charged before, from the old step's price to the new one's
    kFee,     ///< a step's fee; for volume, from the old step's to the new one's
    kBlocks,  ///< package: blocks begun
  };
  What what = What::kUnits;
  std::size_t step = 0;       ///< index
  std::int64_t usage = 0;     ///< units of usage that this piece is for
  std::int64_t quantity = 0;  ///< of what unit_price is for: units, blocks, fees
  Amount unit_price;
};

struct Schedule {
  ScheduleType type = ScheduleType::kFlat;
  Period period = Period::kMonth;  ///< of no meaning where flat
  std::vector<Step> steps{1};      ///< at least one; the last has no end
  std::int64_t block = 0;          ///< package: units in a block; a block costs steps[0].unit_price

  bool counts() const { return type != ScheduleType::kFlat; }
  /// What one unit is charged with as it is used, by who cannot know what was used before: the first step's
  /// price; of a package, its share of a block, rounded up to the last decimal. The period's close trues it
  /// up.
  Amount price_at_capture() const;
  /// Calls `add` for each piece of `quantity` units after `prior` ones. Neither is negative.
  void each_piece(std::int64_t prior, std::int64_t quantity,
                  const std::function<void(const Piece&)>& add) const;
};

/// Reads `price`, or `schedule`, of a price line; `unit_scale` is how many decimals of money a price as
/// written may have (12, less those that dividing by per_tokens takes). Errors have pointers below the line.
Result<Schedule> read_schedule(const Json& line, int unit_scale);

}  // namespace ciyuan::price
