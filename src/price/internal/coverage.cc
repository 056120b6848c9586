#include "price/internal/coverage.h"

#include <algorithm>
#include <set>

namespace ciyuan::price {
namespace {

/// The space of all calls, cut wherever a condition of the group begins or ends: within a cell each line
/// holds always or never, so one call stands for all of it.
struct Cells {
  std::vector<std::uint64_t> regions, service_classes, cache_ttls;
  std::vector<std::int64_t> tokens;
  std::vector<TimePoint> times;
  std::vector<std::size_t> minutes;

  std::size_t count() const {
    return regions.size() * service_classes.size() * cache_ttls.size() * tokens.size() * times.size() *
           minutes.size();
  }
};

std::vector<std::uint64_t> bits_used(std::span<const std::uint32_t> group, const std::vector<Line>& lines,
                                     std::uint64_t Conditions::*set, std::uint64_t all_bits) {
  std::vector<std::uint64_t> bits;
  std::uint64_t named = 0;
  for (std::uint32_t index : group)
    if (lines[index].when.*set != NameSet::kAll) named |= lines[index].when.*set;
  for (unsigned i = 0; i < 64; ++i)
    if (std::uint64_t bit = std::uint64_t{1} << i; (named & bit) != 0) bits.push_back(bit);
  // One more that no line names stands for all of those.
  if (std::uint64_t others = all_bits & ~named; others != 0) bits.push_back(others & (~others + 1));
  return bits;
}

Cells cells_of(std::span<const std::uint32_t> group, const std::vector<Line>& lines) {
  Cells cells;
  cells.regions = bits_used(group, lines, &Conditions::regions, NameSet::kAll);
  cells.service_classes =
      bits_used(group, lines, &Conditions::service_classes, (std::uint64_t{1} << kServiceClasses) - 1);
  cells.cache_ttls = bits_used(group, lines, &Conditions::cache_ttls, NameSet::kAll);
  std::set<std::int64_t> tokens{0};
  std::set<TimePoint> times;
  std::set<std::size_t> minutes{0};
  std::set<const Week*> weeks;
  for (std::uint32_t index : group) {
    const Conditions& when = lines[index].when;
    tokens.insert(when.tokens_from);
    if (when.tokens_until != Conditions::kTokensEnd) tokens.insert(when.tokens_until);
    times.insert(when.from);
    if (when.until != Conditions::kTimeEnd) times.insert(when.until);
    if (when.hours != nullptr && weeks.insert(when.hours.get()).second)
      for (std::size_t minute = 1; minute < kMinutesOfWeek; ++minute)
        if (when.hours->test(minute) != when.hours->test(minute - 1)) minutes.insert(minute);
  }
  cells.tokens.assign(tokens.begin(), tokens.end());
  cells.times.assign(times.begin(), times.end());
  cells.minutes.assign(minutes.begin(), minutes.end());
  return cells;
}

std::string name_of_bit(std::uint64_t bit, const NameSet& names) {
  for (const std::string& name : names.names())
    if (names.bit_of(name) == bit) return name;
  return "any other";
}

std::string clock_text(std::size_t minute) {
  static constexpr std::string_view kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  auto two = [](std::size_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return std::string(kDays[minute / 1440]) + " " + two(minute / 60 % 24) + ":" + two(minute % 60) + " UTC";
}

/// Walks the cells of one combination of names; fills `idle_left` with what is no longer idle.
class Walk {
 public:
  Walk(std::span<const std::uint32_t> group, const std::vector<Line>& lines, const Cells& cells)
      : group_(group), lines_(lines), cells_(cells), used_(group.size(), false) {}

  struct Outcome {
    bool any = false, gap = false;
    std::string where;
  };
  /// The group is sorted so that narrower lines come first.
  Outcome over(std::uint64_t region, std::uint64_t service_class, std::uint64_t cache_ttl) {
    Outcome outcome;
    // Before the first line begins and behind the last one's end there is no price: that is its own business.
    TimePoint first = Conditions::kTimeEnd, last{};
    for (std::uint32_t index : group_) {
      const Conditions& when = lines_[index].when;
      if ((when.regions & region) == 0 || (when.service_classes & service_class) == 0 ||
          (when.cache_ttls & cache_ttl) == 0)
        continue;
      first = std::min(first, when.from);
      last = std::max(last, when.until);
    }
    for (TimePoint time : cells_.times)
      for (std::int64_t tokens : cells_.tokens)
        for (std::size_t minute : cells_.minutes) {
          Bound bound{region, service_class, cache_ttl, tokens, time, minute};
          std::size_t i = 0;
          while (i < group_.size() && !lines_[group_[i]].when.hold(bound)) ++i;
          if (i < group_.size()) {
            used_[i] = outcome.any = true;
          } else if (!outcome.gap && time >= first && time < last) {
            outcome.gap = true;
            outcome.where = "of " + std::to_string(tokens) + " input tokens" +
                            (cells_.minutes.size() > 1 ? " at " + clock_text(minute) : "") +
                            (cells_.times.size() > 1 ? " from " + to_rfc3339(time) : "");
          }
        }
    return outcome;
  }
  const std::vector<bool>& used() const { return used_; }

 private:
  std::span<const std::uint32_t> group_;
  const std::vector<Line>& lines_;
  const Cells& cells_;
  std::vector<bool> used_;
};

}  // namespace

std::optional<Clash> find_clash(std::span<const std::uint32_t> group, const std::vector<Line>& lines) {
  for (std::size_t i = 0; i < group.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const Conditions &a = lines[group[i]].when, &b = lines[group[j]].when;
      if (a.apart_from(b)) continue;
      const bool inside = a.inside(b), around = b.inside(a);
      if (inside == around) return Clash{group[j], group[i], inside};
    }
  return std::nullopt;
}

Result<Coverage> coverage_of(std::span<const std::uint32_t> group, const std::vector<Line>& lines,
                             const ConditionNames& names) {
  Coverage coverage;
  const Cells cells = cells_of(group, lines);
  if (cells.count() > kCellsMax)
    return Error{ErrorCode::kTooLarge,
                 "the conditions make " + std::to_string(cells.count()) + " cases, more than " +
                     std::to_string(kCellsMax),
                 ""};
  Walk walk(group, lines, cells);
  for (std::uint64_t region : cells.regions)
    for (std::uint64_t service_class : cells.service_classes)
      for (std::uint64_t cache_ttl : cells.cache_ttls) {
        Walk::Outcome outcome = walk.over(region, service_class, cache_ttl);
        if (outcome.any && !outcome.gap) continue;
        std::string who;
        if (cells.regions.size() > 1) who += " in region " + name_of_bit(region, names.regions);
        if (cells.service_classes.size() > 1) {
          unsigned number = 0;
          while ((service_class >> number) != 1) ++number;
          who += " of service class " + std::string(name_of(static_cast<ServiceClass>(number)));
        }
        if (cells.cache_ttls.size() > 1) who += " with cache TTL " + name_of_bit(cache_ttl, names.cache_ttls);
        if (!outcome.any)
          coverage.absent.push_back("calls" + who);
        else if (coverage.gap.empty())
          coverage.gap = "calls" + who + " " + outcome.where;
      }
  for (std::size_t i = 0; i < group.size(); ++i)
    if (!walk.used()[i]) coverage.idle.push_back(group[i]);
  return coverage;
}

}  // namespace ciyuan::price
