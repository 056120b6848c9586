#include "price/schedule.h"

#include <algorithm>
#include <array>
#include <optional>

#include "price/internal/fields.h"

namespace ciyuan::price {
namespace {

constexpr std::array<std::string_view, 3> kPeriodNames = {"day", "month", "contract"};
constexpr std::array<std::string_view, 4> kTypeNames = {"flat", "graduated", "volume", "package"};
constexpr std::int64_t kUnitsMax = std::int64_t{1} << 53;  // of a step or block: JSON's exact integers

Result<Amount> unit_price_at(const Json& object, const std::string& pointer, int unit_scale) {
  const Json& value = object.at("price");
  const std::string text = text_at(object, "price");
  if (text.starts_with('-')) return invalid(pointer + "/price", text + " is negative");
  // A price is for a power of ten of units: at a scale smaller by as much, its digits are those of one unit.
  Result<Amount> price = value.is_string() || value.is_number_integer()
                             ? parse_decimal(text, unit_scale)
                             : Result<Amount>(invalid("", text + " is not a decimal written as text"));
  if (!price.ok()) return invalid(pointer + "/price", price.error().message);
  return price;
}

Result<std::int64_t> units_at(const Json& object, const char* field, const std::string& pointer) {
  const std::int64_t units = object.at(field).get<std::int64_t>();
  if (units < 1 || units > kUnitsMax)
    return invalid(pointer + "/" + field, std::to_string(units) + " is not from 1 to 2^53");
  return units;
}

Status read_steps(const Json& entries, int unit_scale, Schedule& schedule) {
  schedule.steps.clear();
  std::int64_t before = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Json& entry = entries[i];
    const std::string pointer = "/schedule/steps/" + std::to_string(i);
    const bool last = i + 1 == entries.size();
    Step step;
    if (entry.contains("up_to")) {
      CIYUAN_TRY(step.up_to, units_at(entry, "up_to", pointer));
      if (step.up_to <= before)
        return invalid(pointer + "/up_to", std::to_string(step.up_to) +
                                               " overlaps the step before, which goes up to " +
                                               std::to_string(before));
      if (last)
        return invalid(pointer + "/up_to", "nothing has a price above " + std::to_string(step.up_to) +
                                               ": the last step has no up_to");
    } else if (!last) {
      return invalid(pointer, "has no up_to: the steps behind it can never apply");
    }
    CIYUAN_TRY(step.unit_price, unit_price_at(entry, pointer, unit_scale));
    if (entry.contains("fee")) {
      CIYUAN_TRY(step.fee, money_at(entry, "fee", pointer + "/fee"));
    }
    before = step.up_to;
    schedule.steps.push_back(step);
  }
  return {};
}

// The step that the n-th unit is in.
std::size_t step_of(const std::vector<Step>& steps, std::int64_t unit) {
  auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return unit <= step.up_to; });
  return static_cast<std::size_t>(found - steps.begin());
}

using Add = std::function<void(const Piece&)>;

void graduated_pieces(const std::vector<Step>& steps, std::int64_t prior, std::int64_t quantity,
                      const Add& add) {
  std::int64_t lower = 0;  // the units of step i are (lower, up_to]
  for (std::size_t i = 0; i < steps.size() && lower < prior + quantity; lower = steps[i++].up_to) {
    std::int64_t from = std::max(lower, prior), until = std::min(steps[i].up_to, prior + quantity);
    if (until <= from) continue;
    if (!steps[i].fee.is_zero() && prior <= lower) add({Piece::What::kFee, i, 0, 1, steps[i].fee});
    add({Piece::What::kUnits, i, until - from, until - from, steps[i].unit_price});
  }
}

void volume_pieces(const std::vector<Step>& steps, std::int64_t prior, std::int64_t quantity,
                   const Add& add) {
  const std::size_t now = step_of(steps, prior + quantity), before = prior == 0 ? now : step_of(steps, prior);
  const Amount fee = steps[now].fee - (prior == 0 ? Amount() : steps[before].fee);
  if (!fee.is_zero()) add({Piece::What::kFee, now, 0, 1, fee});
  if (const Amount change = steps[now].unit_price - steps[before].unit_price; !change.is_zero())
    add({Piece::What::kRerate, now, 0, prior, change});
  add({Piece::What::kUnits, now, quantity, quantity, steps[now].unit_price});
}

std::int64_t blocks_of(std::int64_t units, std::int64_t block) {
  return units / block + (units % block != 0 ? 1 : 0);
}

}  // namespace

std::string_view name_of(Period period) { return kPeriodNames[static_cast<std::size_t>(period)]; }
std::string_view name_of(ScheduleType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

std::optional<Period> period_named(std::string_view name) {
  auto found = std::find(kPeriodNames.begin(), kPeriodNames.end(), name);
  if (found == kPeriodNames.end()) return std::nullopt;
  return static_cast<Period>(found - kPeriodNames.begin());
}

TimePoint start_of(Period period, TimePoint at, int utc_offset_minutes) {
  if (period == Period::kContract) return {};
  return window_of(at, period == Period::kDay ? Window::kDay : Window::kMonth, utc_offset_minutes).start;
}

Amount Schedule::price_at_capture() const {
  const Amount first = steps.front().unit_price;
  if (type != ScheduleType::kPackage) return first;
  return Amount(first.units() / block + (first.units() % block != 0 ? 1 : 0));
}

void Schedule::each_piece(std::int64_t prior, std::int64_t quantity, const Add& add) const {
  CIYUAN_CHECK(prior >= 0 && quantity >= 0, "what was used is not negative");
  if (quantity == 0) return;
  switch (type) {
    case ScheduleType::kFlat:
      return add({Piece::What::kUnits, 0, quantity, quantity, steps.front().unit_price});
    case ScheduleType::kGraduated:
      return graduated_pieces(steps, prior, quantity, add);
    case ScheduleType::kVolume:
      return volume_pieces(steps, prior, quantity, add);
    case ScheduleType::kPackage:
      return add({Piece::What::kBlocks, 0, quantity,
                  blocks_of(prior + quantity, block) - blocks_of(prior, block), steps.front().unit_price});
  }
}

Result<Schedule> read_schedule(const Json& line, int unit_scale) {
  Schedule schedule;
  auto found = line.find("schedule");
  if ((found == line.end()) == !line.contains("price"))
    return invalid("",
                   found == line.end() ? "has neither price nor schedule" : "has both price and schedule");
  if (found == line.end()) {
    CIYUAN_TRY(schedule.steps.front().unit_price, unit_price_at(line, "", unit_scale));
    return schedule;
  }
  const Json& said = *found;
  const std::string type = text_at(said, "type");
  schedule.type =
      static_cast<ScheduleType>(std::find(kTypeNames.begin(), kTypeNames.end(), type) - kTypeNames.begin());
  if (said.contains("period"))
    schedule.period = period_named(text_at(said, "period")).value_or(Period::kMonth);
  const bool package = schedule.type == ScheduleType::kPackage;
  for (const char* field : {"steps", "block", "price"})
    if (said.contains(field) == ((field == std::string_view("steps")) == package))
      return invalid(std::string("/schedule/") + field, said.contains(field)
                                                            ? "does not belong to a " + type + " schedule"
                                                            : "is missing from a " + type + " schedule");
  if (!package) {
    CIYUAN_TRY_STATUS(read_steps(said.at("steps"), unit_scale, schedule));
    return schedule;
  }
  CIYUAN_TRY(schedule.block, units_at(said, "block", "/schedule"));
  // A block has one price, whatever the unit's prices are for.
  CIYUAN_TRY(schedule.steps.front().unit_price, unit_price_at(said, "/schedule", kMoneyScale));
  return schedule;
}

}  // namespace ciyuan::price
