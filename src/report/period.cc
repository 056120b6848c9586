#include "report/period.h"

#include <cstdlib>

namespace ciyuan::report {
namespace {

TimePoint shifted(TimePoint time, int minutes) { return time + seconds(std::int64_t{60} * minutes); }

bool digits_with_dashes(std::string_view text) {
  for (char c : text)
    if ((c < '0' || c > '9') && c != '-') return false;
  return true;
}

Error not_a_period(std::string_view text) {
  return invalid("period", "\"" + std::string(text.substr(0, 80)) +
                               "\" is no period; those are a year (2026), a month (2026-11), a day "
                               "(2026-11-05) or two moments (2026-11-05..2026-11-12)");
}

Result<TimePoint> moment(std::string_view text, int offset_minutes) {
  if (text.size() != 10 || !digits_with_dashes(text)) return parse_rfc3339(text);
  CIYUAN_TRY(TimePoint midnight, parse_rfc3339(std::string(text) + "T00:00:00Z"));
  return shifted(midnight, -offset_minutes);
}

}  // namespace

Result<Period> parse_period(std::string_view text, int offset_minutes) {
  Period period{.from = {}, .to = {}, .offset_minutes = offset_minutes, .name = std::string(text)};
  if (std::size_t dots = text.find(".."); dots != text.npos) {
    Result<TimePoint> from = moment(text.substr(0, dots), offset_minutes);
    Result<TimePoint> to = moment(text.substr(dots + 2), offset_minutes);
    if (!from.ok() || !to.ok()) return not_a_period(text);
    if (*to <= *from)
      return invalid("period", "\"" + std::string(text) + "\" ends before it begins, or at once");
    period.from = *from;
    period.to = *to;
    return period;
  }
  bool year = text.size() == 4, month = text.size() == 7, day = text.size() == 10;
  if ((!year && !month && !day) || !digits_with_dashes(text)) return not_a_period(text);
  std::string first = std::string(text) + (year ? "-01-01" : month ? "-01" : "");
  Result<TimePoint> from = moment(first, offset_minutes);
  if (!from.ok()) return not_a_period(text);
  period.from = period.to = *from;
  for (int months = year ? 12 : 1; months > 0; --months)
    period.to = window_of(period.to, day ? Window::kDay : Window::kMonth, offset_minutes).end;
  return period;
}

std::string date_text(TimePoint time, int offset_minutes) {
  return to_rfc3339(shifted(time, offset_minutes)).substr(0, 10);
}

std::string minute_text(TimePoint time, int offset_minutes) {
  std::string text = to_rfc3339(shifted(time, offset_minutes)).substr(0, 16);
  text[10] = ' ';
  return text;
}

std::string offset_text(int offset_minutes) {
  if (offset_minutes == 0) return "UTC";
  int minutes = std::abs(offset_minutes);
  auto two = [](int number) { return std::string(number < 10 ? "0" : "") + std::to_string(number); };
  return std::string("UTC") + (offset_minutes < 0 ? "−" : "+") + two(minutes / 60) + ":" + two(minutes % 60);
}

TimePoint days_after(TimePoint time, std::int64_t days) { return time + seconds(days * 86'400); }

}  // namespace ciyuan::report
