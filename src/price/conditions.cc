#include "price/conditions.h"

#include <algorithm>
#include <array>

#include "price/internal/fields.h"

namespace ciyuan::price {
namespace {

constexpr std::array<std::string_view, kServiceClasses> kServiceClassNames = {
    "standard", "batch", "flex", "priority", "balanced", "ultrafast", "scale"};
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr int kMinutesOfDay = 24 * 60;

std::int64_t floored(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// One word or a list of words; both are a set.
std::vector<std::string> words_of(const Json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

Result<std::uint64_t> names_at(const Json& when, const char* field, NameSet& names) {
  auto found = when.find(field);
  if (found == when.end()) return std::uint64_t{NameSet::kAll};
  std::uint64_t set = 0;
  for (const std::string& word : words_of(*found)) {
    std::optional<std::uint64_t> bit = names.add(word);
    if (!bit)
      return invalid(std::string("/when/") + field, "\"" + word + "\" is one more than the " +
                                                        std::to_string(NameSet::kNamesMax) +
                                                        " names that a book may have there");
    set |= *bit;
  }
  return set;
}

std::uint64_t service_classes_at(const Json& when) {
  auto found = when.find("service_class");
  if (found == when.end()) return NameSet::kAll;
  std::uint64_t set = 0;
  for (const std::string& word : words_of(*found))
    if (auto service_class = service_class_named(word))
      set |= std::uint64_t{1} << static_cast<unsigned>(*service_class);
  return set;
}

// "08:30" in minutes; the schema has seen to its form, 24:00 included.
int minute_of_day(const std::string& text) {
  return std::stoi(text.substr(0, 2)) * 60 + std::stoi(text.substr(3));
}

Result<std::shared_ptr<const Week>> hours_at(const Json& when, int utc_offset_minutes) {
  auto found = when.find("hours");
  if (found == when.end()) return std::shared_ptr<const Week>();
  const Json& hours = *found;
  const int from = minute_of_day(text_at(hours, "from")), until = minute_of_day(text_at(hours, "until"));
  const int offset = static_cast<int>(whole_at(hours, "utc_offset_minutes", utc_offset_minutes));
  for (const char* field : {"from", "until"})
    if (int minute = minute_of_day(text_at(hours, field));
        minute > kMinutesOfDay || (minute == kMinutesOfDay && field == std::string_view("from")))
      return invalid(std::string("/when/hours/") + field, text_at(hours, field) + " is no time of day");
  if (from == until)
    return invalid("/when/hours/until",
                   text_at(hours, "until") + " is where the hours begin: they never hold");
  std::vector<std::string> days = hours.contains("days")
                                      ? hours["days"].get<std::vector<std::string>>()
                                      : std::vector<std::string>(kDays.begin(), kDays.end());
  const int length = until > from ? until - from : until + kMinutesOfDay - from;
  auto week = std::make_shared<Week>();
  for (const std::string& day : days) {
    auto number = static_cast<int>(std::find(kDays.begin(), kDays.end(), day) - kDays.begin());
    for (int i = 0; i < length; ++i) {
      int minute = number * kMinutesOfDay + from + i - offset;
      minute = (minute % static_cast<int>(kMinutesOfWeek) + static_cast<int>(kMinutesOfWeek)) %
               static_cast<int>(kMinutesOfWeek);
      week->set(static_cast<std::size_t>(minute));
    }
  }
  if (week->all()) return std::shared_ptr<const Week>();
  return std::shared_ptr<const Week>(std::move(week));
}

Status read_tokens(const Json& when, Conditions& conditions) {
  auto found = when.find("input_tokens");
  if (found == when.end()) return {};
  conditions.tokens_from = whole_at(*found, "from", 0);
  conditions.tokens_until = whole_at(*found, "until", Conditions::kTokensEnd);
  if (conditions.tokens_until <= conditions.tokens_from)
    return invalid("/when/input_tokens/until",
                   std::to_string(conditions.tokens_until) + " is not after from: it never holds");
  return {};
}

}  // namespace

std::string_view name_of(ServiceClass service_class) {
  return kServiceClassNames[static_cast<std::size_t>(service_class)];
}

std::optional<ServiceClass> service_class_named(std::string_view name) {
  auto found = std::find(kServiceClassNames.begin(), kServiceClassNames.end(), name);
  if (found == kServiceClassNames.end()) return std::nullopt;
  return static_cast<ServiceClass>(found - kServiceClassNames.begin());
}

std::optional<ServiceClass> service_class_of_tier(std::string_view tier) {
  if (tier.empty() || tier == "auto" || tier == "default" || tier == "standard_only")
    return ServiceClass::kStandard;
  return service_class_named(tier);
}

std::size_t minute_of_week(TimePoint at) {
  // 1970-01-01 was a Thursday, the fourth day.
  std::int64_t minutes = floored(at.ns, 60'000'000'000) + 3 * kMinutesOfDay;
  constexpr auto kWeek = static_cast<std::int64_t>(kMinutesOfWeek);
  return static_cast<std::size_t>((minutes % kWeek + kWeek) % kWeek);
}

std::optional<std::uint64_t> NameSet::add(std::string_view name) {
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    if (names_.size() == kNamesMax) return std::nullopt;
    found = names_.insert(names_.end(), std::string(name));
  }
  return std::uint64_t{1} << static_cast<unsigned>(found - names_.begin());
}

std::uint64_t NameSet::bit_of(std::string_view name) const {
  auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? kOther : std::uint64_t{1} << static_cast<unsigned>(found - names_.begin());
}

Bound bind(const Situation& situation, const ConditionNames& names) {
  return {.region = names.regions.bit_of(situation.region),
          .service_class = std::uint64_t{1} << static_cast<unsigned>(situation.service_class),
          .cache_ttl = names.cache_ttls.bit_of(situation.cache_ttl),
          .input_tokens = situation.input_tokens,
          .at = situation.at,
          .minute = minute_of_week(situation.at)};
}

bool Conditions::apart_from(const Conditions& other) const {
  bool hours_apart = hours != nullptr && other.hours != nullptr && (*hours & *other.hours).none();
  return (regions & other.regions) == 0 || (service_classes & other.service_classes) == 0 ||
         (cache_ttls & other.cache_ttls) == 0 || tokens_from >= other.tokens_until ||
         other.tokens_from >= tokens_until || from >= other.until || other.from >= until || hours_apart;
}

bool Conditions::inside(const Conditions& other) const {
  auto within = [](std::uint64_t narrow, std::uint64_t wide) { return (narrow & ~wide) == 0; };
  bool hours_within = other.hours == nullptr || (hours != nullptr && (*hours & ~*other.hours).none());
  return within(regions, other.regions) && within(service_classes, other.service_classes) &&
         within(cache_ttls, other.cache_ttls) && tokens_from >= other.tokens_from &&
         tokens_until <= other.tokens_until && from >= other.from && until <= other.until && hours_within;
}

Result<Conditions> read_conditions(const Json& line, int utc_offset_minutes, ConditionNames& names) {
  Conditions conditions;
  CIYUAN_TRY_STATUS(read_span(line, conditions.from, conditions.until));
  auto found = line.find("when");
  if (found == line.end()) return conditions;
  const Json& when = *found;
  CIYUAN_TRY(conditions.regions, names_at(when, "region", names.regions));
  CIYUAN_TRY(conditions.cache_ttls, names_at(when, "cache_ttl", names.cache_ttls));
  conditions.service_classes = service_classes_at(when);
  CIYUAN_TRY(conditions.hours, hours_at(when, utc_offset_minutes));
  CIYUAN_TRY_STATUS(read_tokens(when, conditions));
  return conditions;
}

}  // namespace ciyuan::price
