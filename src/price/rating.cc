#include "price/rating.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace ciyuan::price {
namespace {

constexpr std::array<std::string_view, 16> kRuleNames = {
    "flat",     "graduated", "volume", "volume_rerate", "package",    "step_fee", "reversal", "free",
    "discount", "surcharge", "fee",    "minimum",       "commitment", "rounding", "tax",      "tax_included"};

Rule rule_of(const Schedule& schedule, const Piece& piece) {
  switch (piece.what) {
    case Piece::What::kFee:
      return Rule::kStepFee;
    case Piece::What::kRerate:
      return Rule::kVolumeRerate;
    case Piece::What::kBlocks:
      return Rule::kPackage;
    case Piece::What::kUnits:
      break;
  }
  return schedule.type == ScheduleType::kFlat     ? Rule::kFlat
         : schedule.type == ScheduleType::kVolume ? Rule::kVolume
                                                  : Rule::kGraduated;
}

auto order_of(const RatedLine& line) {
  return std::tie(line.period, line.line, line.model, line.meter, line.rule, line.step, line.unit_price,
                  line.state);
}

Error too_large(const RatedLine& line) {
  return Error{ErrorCode::kTooLarge, "the sum of the line leaves its bounds", line.line};
}

class Rater {
 public:
  Rater(const Book& book, const Counters& counters) : book_(book), counters_(counters) {}

  Status add(const Usage& usage, const std::string& path) {
    const ModelPrices* prices = book_.find(usage.model);
    if (prices == nullptr)
      return Error{ErrorCode::kRefused, "the price book has no price for the model " + usage.model,
                   path + "/model"};
    const Bound bound = bind(usage.situation, book_.condition_names());
    for (std::size_t i = 0; i < kMeters; ++i) {
      const Meter meter = meter_at(i);
      const std::int64_t quantity = usage.counts[meter];
      const std::string at = path + "/" + std::string(name_of(meter));
      if (quantity == 0) continue;
      CIYUAN_TRY_STATUS(check_quantity(quantity, at));
      const Line* line = book_.line_for(*prices, meter, bound);
      if (line != nullptr)
        CIYUAN_TRY_STATUS(charge(*line, usage.model, meter, quantity, usage.situation.at));
      else if (meter != Meter::kRequest)  // a call without a price of its own costs nothing by itself
        return Error{ErrorCode::kRefused, "the price book has no price for this kind of " + usage.model, at};
    }
    return {};
  }

  Status add(const LineUsage& usage, const std::string& path) {
    if (usage.quantity == 0) return {};
    CIYUAN_TRY_STATUS(check_quantity(usage.quantity, path));
    const auto line = std::find_if(book_.lines().begin(), book_.lines().end(),
                                   [&](const Line& one) { return one.id == usage.line; });
    if (line == book_.lines().end())
      return Error{ErrorCode::kNotFound, "the price book " + book_.name() + " has no such line", usage.line};
    return charge(*line, usage.model, usage.meter, usage.quantity, usage.at);
  }

  std::vector<RatedLine> lines;
  const Counters& counters() const { return counters_; }

 private:
  static Status check_quantity(std::int64_t quantity, const std::string& path) {
    if (quantity < 0) return invalid(path, std::to_string(quantity) + " is negative");
    if (quantity > kUnitsMax)
      return Error{ErrorCode::kTooLarge, std::to_string(quantity) + " is more than 2^60", path};
    return {};
  }

  Status charge(const Line& line, const std::string& model, Meter meter, std::int64_t quantity,
                TimePoint at) {
    const Schedule& schedule = line.schedule;
    RatedLine rated{.line = line.id, .model = model, .meter = meter};
    std::int64_t prior = 0;
    if (schedule.counts()) {
      rated.period = start_of(schedule.period, at, book_.utc_offset_minutes());
      std::int64_t& used = counters_[{line.id, rated.period}];
      if (used > kUnitsMax - quantity) return too_large(rated);
      prior = used;
      used += quantity;
    }
    bool fits = true;
    schedule.each_piece(prior, quantity, [&](const Piece& piece) {
      std::optional<Amount> amount = checked_multiply(piece.unit_price, piece.quantity);
      fits &= amount.has_value();
      rated.rule = rule_of(schedule, piece);
      rated.step = schedule.counts() ? static_cast<int>(piece.step) + 1 : 0;
      rated.usage = piece.usage;
      rated.quantity = piece.quantity;
      rated.unit_price = piece.unit_price;
      rated.amount = amount.value_or(Amount());
      lines.push_back(rated);
    });
    return fits ? Status() : too_large(rated);
  }

  const Book& book_;
  Counters counters_;
};

}  // namespace

std::string_view name_of(Rule rule) { return kRuleNames[static_cast<std::size_t>(rule)]; }

Result<std::vector<RatedLine>> merged(std::vector<RatedLine> lines) {
  std::stable_sort(lines.begin(), lines.end(),
                   [](const RatedLine& a, const RatedLine& b) { return order_of(a) < order_of(b); });
  std::vector<RatedLine> whole;
  for (RatedLine& line : lines) {
    if (whole.empty() || order_of(whole.back()) != order_of(line)) {
      whole.push_back(std::move(line));
      continue;
    }
    RatedLine& sum = whole.back();
    std::optional<Amount> amount = checked_add(sum.amount, line.amount);
    if (!amount || __builtin_add_overflow(sum.usage, line.usage, &sum.usage) ||
        __builtin_add_overflow(sum.quantity, line.quantity, &sum.quantity))
      return too_large(line);
    sum.amount = *amount;
  }
  std::erase_if(whole, [](const RatedLine& line) { return line.usage == 0 && line.quantity == 0; });
  return whole;
}

namespace {

template <class Used>
Result<std::vector<RatedLine>> rate_all(const Book& book, const std::vector<Used>& usages,
                                        Counters& counters) {
  Rater rater(book, counters);
  for (std::size_t i = 0; i < usages.size(); ++i)
    CIYUAN_TRY_STATUS(rater.add(usages[i], "usage/" + std::to_string(i)));
  CIYUAN_TRY(std::vector<RatedLine> lines, merged(std::move(rater.lines)));
  CIYUAN_TRY_STATUS(total(lines));
  counters = rater.counters();
  return lines;
}

}  // namespace

Result<std::vector<RatedLine>> rate(const Book& book, const std::vector<Usage>& usages, Counters& counters) {
  return rate_all(book, usages, counters);
}

Result<std::vector<RatedLine>> rate_on_lines(const Book& book, const std::vector<LineUsage>& usages,
                                             Counters& counters) {
  return rate_all(book, usages, counters);
}

Result<std::vector<RatedLine>> difference(const std::vector<RatedLine>& before,
                                          const std::vector<RatedLine>& after) {
  auto rated = [](std::vector<RatedLine> lines) {
    for (RatedLine& line : lines) line.state = UsageState::kRated;
    return merged(std::move(lines));
  };
  CIYUAN_TRY(std::vector<RatedLine> old_lines, rated(before));
  CIYUAN_TRY(std::vector<RatedLine> new_lines, rated(after));
  std::vector<RatedLine> changed;
  auto reverse = [&](RatedLine line) {
    line.rule = Rule::kReversal;
    line.usage = -line.usage;
    line.quantity = -line.quantity;
    line.amount = -line.amount;
    changed.push_back(std::move(line));
  };
  // Both are sorted alike: what stands in both, unchanged, is passed over.
  auto old_line = old_lines.begin();
  auto new_line = new_lines.begin();
  while (old_line != old_lines.end() || new_line != new_lines.end()) {
    if (old_line != old_lines.end() && new_line != new_lines.end() && *old_line == *new_line)
      ++old_line, ++new_line;
    else if (new_line == new_lines.end() ||
             (old_line != old_lines.end() && !(order_of(*new_line) < order_of(*old_line))))
      reverse(*old_line++);
    else
      changed.push_back(*new_line++);
  }
  for (RatedLine& line : changed) line.state = UsageState::kRerated;
  return changed;
}

Result<Amount> total(const std::vector<RatedLine>& lines) {
  Amount sum;
  for (const RatedLine& line : lines) {
    if (line.rule == Rule::kTaxIncluded) continue;
    std::optional<Amount> next = checked_add(sum, line.amount);
    if (!next) return too_large(line);
    sum = *next;
  }
  return sum;
}

Json to_json(const RatedLine& line) {
  Json json = {{"line", line.line},
               {"rule", name_of(line.rule)},
               {"quantity", line.quantity},
               {"unit_price", format_decimal(line.unit_price, kMoneyScale)},
               {"amount", format_decimal(line.amount, kMoneyScale)},
               {"state", name_of(line.state)}};
  if (!line.model.empty()) json["model"] = line.model, json["meter"] = name_of(line.meter);
  if (line.usage != 0) json["usage"] = line.usage;
  if (line.step != 0) json["step"] = line.step;
  if (line.period != TimePoint{}) json["period"] = to_rfc3339(line.period);
  return json;
}

}  // namespace ciyuan::price
