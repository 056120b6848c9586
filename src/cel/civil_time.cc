#include "cel/internal/civil_time.h"

#include <charconv>

#include "base/amount.h"

namespace ciyuan::cel {

namespace {

/// Days of the year before the month; of the thirteenth, all.
int days_before(std::int64_t year, int month) {
  constexpr int kDays[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
  return kDays[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads `count` digits at `at`, or nothing.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return {};
  int number = 0;
  for (const char c : text.substr(at, count)) {
    if (!is_digit(c)) return {};
    number = number * 10 + (c - '0');
  }
  return number;
}

/// ".5" as nanoseconds, taken off the front; nothing for a point without digits or with over nine.
std::optional<std::uint32_t> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0u;
  std::uint32_t nanoseconds = 0, scale = static_cast<std::uint32_t>(kBillion);
  std::size_t at = 1;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (scale == 1) return {};
    scale /= 10;
    nanoseconds += static_cast<std::uint32_t>(text[at] - '0') * scale;
  }
  if (at == 1) return {};
  text.remove_prefix(at);
  return nanoseconds;
}

/// "Z" or "+08:00" as seconds.
std::optional<int> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return {};
  const std::optional<int> hours = digits(text, 1, 2), minutes = digits(text, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return {};
  const int seconds = *hours * 3600 + *minutes * 60;
  return text[0] == '-' ? -seconds : seconds;
}

std::string padded(std::int64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

/// ".5" of 500000000, nothing of 0.
std::string fraction_text(std::uint32_t nanoseconds) {
  if (nanoseconds == 0) return "";
  std::string text = "." + padded(nanoseconds, 9);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// "m" is behind the two that begin with it.
constexpr Unit kUnits[] = {{"h", 3'600 * kBillion}, {"ms", 1'000'000}, {"m", 60 * kBillion}, {"s", kBillion},
                           {"us", 1'000},           {"µs", 1'000},     {"μs", 1'000},        {"ns", 1}};

const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

}  // namespace

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(std::int64_t year, int month) {
  return days_before(year, month + 1) - days_before(year, month);
}

std::int64_t days_of(std::int64_t year, int month, int day) {
  const std::int64_t before = year - 1;
  const std::int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719'162;  // to 1970
  return days + days_before(year, month) + day - 1;
}

CivilTime civil_time(std::int64_t seconds) {
  std::int64_t days = seconds / kSecondsOfDay, rest = seconds % kSecondsOfDay;
  if (rest < 0) rest += kSecondsOfDay, --days;
  CivilTime made;
  made.hour = static_cast<int>(rest / 3600);
  made.minute = static_cast<int>(rest / 60 % 60);
  made.second = static_cast<int>(rest % 60);
  made.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  // 400 years have 146,097 days; the guess by the mean length is at most a year off.
  made.year = 1970 + days * 400 / 146'097;
  while (days < days_of(made.year, 1, 1)) --made.year;
  while (days >= days_of(made.year + 1, 1, 1)) ++made.year;
  made.yearday = static_cast<int>(days - days_of(made.year, 1, 1));
  made.month = made.yearday / 32 + 1;  // no month is longer: this one, or the one before
  if (made.yearday >= days_before(made.year, made.month + 1)) ++made.month;
  made.day = made.yearday - days_before(made.year, made.month) + 1;
  return made;
}

Value parse_timestamp(std::string_view text) {
  const Value wrong = Value::error(Fault::kConversion);
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size() || text.size() > 2 * kForm.size()) return wrong;
  if (text[4] != '-' && text.find('-', 4) == 5) return Value::error(Fault::kRange);  // a year of five digits
  const std::optional<int> year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const std::optional<int> hour = digits(text, 11, 2), minute = digits(text, 14, 2),
                           second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return wrong;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':')
    return wrong;
  if (*month < 1 || *month > 12 || *day < 1 || *day > days_in_month(*year, *month)) return wrong;
  if (*hour > 23 || *minute > 59 || *second > 59) return wrong;
  std::string_view rest = text.substr(kForm.size());
  const std::optional<std::uint32_t> nanoseconds = take_fraction(rest);
  const std::optional<int> offset = offset_of(rest);
  if (!nanoseconds || !offset) return wrong;
  if (*year < 1) return Value::error(Fault::kRange);
  const std::int64_t seconds =
      days_of(*year, *month, *day) * kSecondsOfDay + *hour * 3600 + *minute * 60 + *second - *offset;
  if (seconds < kSecondsMin || seconds > kSecondsMax) return Value::error(Fault::kRange);
  return Value::timestamp(seconds, *nanoseconds);
}

std::string timestamp_text(std::int64_t seconds, std::uint32_t nanoseconds) {
  const CivilTime time = civil_time(seconds);
  return padded(time.year, 4) + "-" + padded(time.month, 2) + "-" + padded(time.day, 2) + "T" +
         padded(time.hour, 2) + ":" + padded(time.minute, 2) + ":" + padded(time.second, 2) +
         fraction_text(nanoseconds) + "Z";
}

Value parse_duration(std::string_view text) {
  const Value wrong = Value::error(Fault::kConversion), beyond = Value::error(Fault::kRange);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Value::duration(0);
  if (text.empty()) return wrong;
  // Negative all the way: the smallest duration has no positive twin.
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t whole = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (failure == std::errc::result_out_of_range) return beyond;
    const bool has_whole = failure == std::errc() && is_digit(text[0]);
    if (!has_whole && text[0] != '.') return wrong;
    if (has_whole) text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::optional<std::uint32_t> fraction = take_fraction(text);
    const Unit* unit = fraction ? take_unit(text) : nullptr;
    if (!unit) return wrong;
    const auto part =
        static_cast<std::int64_t>(static_cast<Int128>(*fraction) * unit->nanoseconds / kBillion);
    std::int64_t product = 0;
    if (__builtin_mul_overflow(-whole, unit->nanoseconds, &product) ||
        __builtin_sub_overflow(total, part, &total) || __builtin_add_overflow(total, product, &total)) {
      return beyond;
    }
  }
  if (!negative && total == INT64_MIN) return beyond;
  return Value::duration(negative ? total : -total);
}

std::string duration_text(std::int64_t nanoseconds) {
  // The parts of the smallest one are each within range, the whole's magnitude is not.
  const std::int64_t seconds = nanoseconds / kBillion, rest = nanoseconds % kBillion;
  return (nanoseconds < 0 ? "-" : "") + std::to_string(seconds < 0 ? -seconds : seconds) +
         fraction_text(static_cast<std::uint32_t>(rest < 0 ? -rest : rest)) + "s";
}

}  // namespace ciyuan::cel
