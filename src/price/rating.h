#pragma once

/// Rating: usage under a price book becomes lines, each with the price line, the step and the rule it came
/// from. Pure and deterministic: no clock, no floating point, the same usage and book always give the same
/// lines.
///
///   Counters counters;                                      // what was used before, in each period
///   CIYUAN_TRY(auto lines, rate(book, usages, counters));   // counters now hold these usages too
///   CIYUAN_TRY(Amount sum, total(lines));
///
/// Laws, all tested: every line's amount = quantity × unit_price. Rating usages in parts, with the counters
/// handed on, costs what rating them at once costs. On one price line the order of usages does not change the
/// total; which model of several on one line gets which step does depend on it. Re-rating changes nothing
/// that was posted: difference() is what to post.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "price/book.h"
#include "price/usage_state.h"

namespace ciyuan::price {

/// One call, or several in the same situation: of[request] is how many.
struct Usage {
  std::string model;
  Situation situation;
  MeterCounts counts;
};

/// Units used so far on each price line whose schedule counts, by line id and first instant of the period.
using Counters = std::map<std::pair<std::string, TimePoint>, std::int64_t>;
constexpr std::int64_t kUnitsMax = std::int64_t{1} << 60;  ///< of one usage and of one counter

/// How a line came about.
enum class Rule : std::uint8_t {
  kFlat,
  kGraduated,
  kVolume,
  kVolumeRerate,  ///< units charged before at another step's price
  kPackage,
  kStepFee,
  kReversal,  ///< an old line taken back, by difference()
  // closing.h
  kFree,
  kDiscount,
  kSurcharge,
  kFee,
  kMinimum,
  kCommitment,
  kRounding,
  kTax,
  kTaxIncluded,  ///< contained in the others: not added to the total
};
std::string_view name_of(Rule rule);

struct RatedLine {
  std::string line;             ///< id of the price line, or of the rule of the book
  std::string model;            ///< empty: of the whole document
  Meter meter = Meter::kInput;  ///< what was used; of no meaning where `model` is empty
  Rule rule = Rule::kFlat;
  int step = 0;               ///< from 1; 0: the line has no steps
  TimePoint period;           ///< first instant of the period that the step was found in; zero where none was
  std::int64_t usage = 0;     ///< units of usage that this line is for
  std::int64_t quantity = 0;  ///< units, blocks, fees
  Amount unit_price, amount;  ///< scale kMoneyScale
  UsageState state = UsageState::kRated;
  bool operator==(const RatedLine&) const = default;
};

/// Lines of these usages, those that are alike put together, sorted by period, price line, model, meter, rule
/// and step. kRefused (path = "usage/<index>/<meter>", or "usage/<index>/model") where something has no
/// price; kInvalid for a negative count; kTooLarge where a sum leaves its bounds. The counters change only if
/// all is well.
Result<std::vector<RatedLine>> rate(const Book& book, const std::vector<Usage>& usages, Counters& counters);

/// Usage whose price line is known already: a record names it for each charge.
struct LineUsage {
  std::string line, model;
  Meter meter = Meter::kInput;
  std::int64_t quantity = 0;
  TimePoint at;  ///< in whose period it counts
};
/// The same for usage on known lines. kNotFound (path = the line): the book has no such line.
Result<std::vector<RatedLine>> rate_on_lines(const Book& book, const std::vector<LineUsage>& usages,
                                             Counters& counters);

/// What is to be posted so that `before` becomes `after`: for each line that changed, a reversal of the old
/// one and the new one, `rerated`. What did not change has no line. Total: total(after) − total(before).
Result<std::vector<RatedLine>> difference(const std::vector<RatedLine>& before,
                                          const std::vector<RatedLine>& after);

/// Lines that are alike in all but usage, quantity and amount, put together and sorted as rate() sorts; those
/// that come to nothing are left out.
Result<std::vector<RatedLine>> merged(std::vector<RatedLine> lines);

/// Sum of the amounts, tax that is contained in them not counted again; kTooLarge on overflow.
Result<Amount> total(const std::vector<RatedLine>& lines);

/// {"line", "model", "meter", "rule", "step", "period", "usage", "quantity", "unit_price", "amount",
/// "state"}; what has no meaning is left out.
Json to_json(const RatedLine& line);

}  // namespace ciyuan::price
