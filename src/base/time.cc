#include "base/time.h"

#include <chrono>
#include <ctime>

namespace ciyuan {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  std::int64_t remainder = value % step;
  return value - (remainder < 0 ? remainder + step : remainder);
}

std::chrono::year_month_day date_of(std::int64_t ns) {
  return std::chrono::year_month_day(sys_days(days(floor_to(ns, kDay) / kDay)));
}

std::int64_t ns_of(std::chrono::year_month_day date) {
  return sys_days(date).time_since_epoch().count() * kDay;
}

// Reads exactly `width` digits at `at`; -1 where there are none.
int digits_at(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return -1;
  int value = 0;
  for (char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// The last `width` digits of a value that is not negative.
void put_digits(std::string& out, std::size_t at, std::size_t width, std::int64_t value) {
  for (std::size_t i = at + width; i-- > at; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

TimePoint now() {
  std::timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return {static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec};
}

std::string to_rfc3339(TimePoint time) {
  auto date = date_of(time.ns);
  std::int64_t in_day = time.ns - floor_to(time.ns, kDay);
  std::int64_t second = in_day / kSecond;
  std::string out = "0000-00-00T00:00:00";  // each record has several times: no printf for them
  put_digits(out, 0, 4, int(date.year()));
  put_digits(out, 5, 2, unsigned(date.month()));
  put_digits(out, 8, 2, unsigned(date.day()));
  put_digits(out, 11, 2, second / 3600);
  put_digits(out, 14, 2, second / 60 % 60);
  put_digits(out, 17, 2, second % 60);
  if (std::int64_t fraction = in_day % kSecond; fraction != 0) {
    out += ".000000000";
    put_digits(out, 20, 9, fraction);
    while (out.ends_with('0')) out.pop_back();
  }
  out += 'Z';
  return out;
}

Result<TimePoint> parse_rfc3339(std::string_view text) {
  auto refuse = [&] {
    return invalid("", "\"" + std::string(text.substr(0, 60)) + "\" is not an RFC 3339 time");
  };
  int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2), day = digits_at(text, 8, 2);
  int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2), second = digits_at(text, 17, 2);
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
      text[13] != ':' || text[16] != ':')
    return refuse();
  if (year < 1970 || year > 2261 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 59)
    return refuse();
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (month < 1 || day < 1 || !date.ok()) return refuse();
  std::size_t at = 19;
  std::int64_t fraction = 0;
  if (text[at] == '.') {
    std::int64_t unit = kSecond / 10;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      if (unit == 0) return refuse();
      fraction += (text[at] - '0') * unit;
    }
    if (text[at - 1] == '.') return refuse();
  }
  std::string_view zone = text.substr(at);
  std::int64_t offset_minutes = 0;
  if (zone != "Z" && zone != "z") {
    int zone_hour = digits_at(zone, 1, 2), zone_minute = digits_at(zone, 4, 2);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || zone_hour < 0 ||
        zone_hour > 23 || zone_minute < 0 || zone_minute > 59)
      return refuse();
    offset_minutes = (zone_hour * 60 + zone_minute) * (zone[0] == '-' ? -1 : 1);
  }
  return TimePoint{ns_of(date) + ((hour * 60 + minute - offset_minutes) * 60LL + second) * kSecond +
                   fraction};
}

WindowEdges window_of(TimePoint time, Window window, int offset_minutes) {
  std::int64_t offset = offset_minutes * 60 * kSecond;
  std::int64_t local = time.ns + offset;
  auto fixed = [&](std::int64_t length) {
    std::int64_t start = floor_to(local, length);
    return WindowEdges{{start - offset}, {start + length - offset}};
  };
  switch (window) {
    case Window::kMinute:
      return fixed(60 * kSecond);
    case Window::kHour:
      return fixed(3600 * kSecond);
    case Window::kDay:
      return fixed(kDay);
    case Window::kMonth:
      break;
  }
  auto date = date_of(local);
  auto first = date.year() / date.month() / std::chrono::day(1);
  return {{ns_of(first) - offset}, {ns_of(first + std::chrono::months(1)) - offset}};
}

}  // namespace ciyuan
