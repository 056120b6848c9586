#include "cel/internal/time_zone.h"

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "cel/internal/civil_time.h"

namespace ciyuan::cel {

namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr std::size_t kChangesMax = 2000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "+08:00", "-02:30", "08:00".
std::optional<std::int64_t> fixed_offset(std::string_view name) {
  const bool negative = name.starts_with('-');
  if (negative || name.starts_with('+')) name.remove_prefix(1);
  if (name.size() != 5 || name[2] != ':') return {};
  for (const std::size_t at : {0, 1, 3, 4}) {
    if (!is_digit(name[at])) return {};
  }
  const int hours = (name[0] - '0') * 10 + name[1] - '0', minutes = (name[3] - '0') * 10 + name[4] - '0';
  if (hours > 23 || minutes > 59) return {};
  return (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
}

bool is_place(std::string_view name) {
  const auto allowed = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  };
  return !name.empty() && name.size() < 64 && name[0] != '/' &&
         std::all_of(name.begin(), name.end(), allowed);
}

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t made = bytes[0] & 0x80 ? UINT64_MAX : 0;
  for (const char byte : bytes) made = made << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(made);
}

/// The six counts of a TZif header, and where its data begins.
struct Header {
  std::size_t utc, standard, leaps, changes, types, letters;
  std::size_t data_size(std::size_t time_bytes) const {
    return changes * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) + standard + utc;
  }
};
constexpr std::size_t kHeaderBytes = 44;

std::optional<Header> header_of(std::string_view file, std::size_t at) {
  if (file.size() < at + kHeaderBytes || file.substr(at, 4) != "TZif") return {};
  std::size_t counts[6];
  for (std::size_t i = 0; i < 6; ++i) {
    const std::int64_t count = big_endian(file.substr(at + 20 + 4 * i, 4));
    if (count < 0 || static_cast<std::size_t>(count) > kChangesMax) return {};
    counts[i] = static_cast<std::size_t>(count);
  }
  return Header{counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
}

}  // namespace

std::int64_t YearDay::at(std::int64_t year) const {
  std::int64_t days = days_of(year, 1, 1);
  if (form == Form::kDay) days += day;
  if (form == Form::kJulian) days += day - 1 + (is_leap(year) && day > 59 ? 1 : 0);
  if (form == Form::kWeekday) {
    const std::int64_t first = days_of(year, month, 1);
    const auto first_weekday = ((first + 4) % 7 + 7) % 7;
    std::int64_t in_month = (weekday - first_weekday + 7) % 7 + 7 * (week - 1);
    while (in_month >= days_in_month(year, month)) in_month -= 7;
    days = first + in_month;
  }
  return days * kSecondsOfDay + second;
}

/// A POSIX TZ string: "CET-1CEST,M3.5.0,M10.5.0/3".
class RuleParser {
 public:
  explicit RuleParser(std::string_view text) : rest_(text) {}

  bool read(TimeZone& zone) {
    if (!name() || !time(zone.standard_)) return false;
    zone.standard_ = -zone.standard_;  // POSIX counts west of Greenwich
    zone.has_rule_ = true;
    if (rest_.empty()) return true;
    zone.summer_ = zone.standard_ + 3600;
    if (!name()) return false;
    if (!rest_.starts_with(',')) {
      if (!time(zone.summer_)) return false;
      zone.summer_ = -zone.summer_;
    }
    zone.has_summer_ = true;
    return day(zone.begin_) && day(zone.end_) && rest_.empty();
  }

 private:
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool name() {
    const bool quoted = take('<');
    std::size_t length = 0;
    while (length < rest_.size() &&
           (quoted ? rest_[length] != '>' : std::isalpha(static_cast<unsigned char>(rest_[length])) != 0))
      ++length;
    rest_.remove_prefix(length);
    return length > 0 && (!quoted || take('>'));
  }

  bool number(int& made, int max) {
    made = 0;
    std::size_t length = 0;
    for (; length < rest_.size() && is_digit(rest_[length]) && made <= max; ++length)
      made = made * 10 + rest_[length] - '0';
    rest_.remove_prefix(length);
    return length > 0 && made <= max;
  }

  /// "[+-]hh[:mm[:ss]]" in seconds.
  bool time(std::int64_t& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    int parts[3] = {0, 0, 0};
    if (!number(parts[0], 167)) return false;
    if (take(':') && !number(parts[1], 59)) return false;
    if (take(':') && !number(parts[2], 59)) return false;
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    if (negative) seconds = -seconds;
    return true;
  }

  bool day(YearDay& made) {
    if (!take(',')) return false;
    if (take('M')) {
      if (!number(made.month, 12) || !take('.') || !number(made.week, 5) || !take('.') ||
          !number(made.weekday, 6))
        return false;
      if (made.month < 1 || made.week < 1) return false;
    } else {
      made.form = take('J') ? YearDay::Form::kJulian : YearDay::Form::kDay;
      if (!number(made.day, made.form == YearDay::Form::kDay ? 365 : 366)) return false;
    }
    return !take('/') || time(made.second);
  }

  std::string_view rest_;
};

Result<TimeZone> TimeZone::parse(std::string_view file) {
  const Error corrupt{ErrorCode::kCorrupt, "the time zone file is not TZif of version 2 or later (RFC 8536)",
                      ""};
  const std::optional<Header> old = header_of(file, 0);
  if (!old || file[4] < '2') return corrupt;
  const std::size_t begin = kHeaderBytes + old->data_size(4);
  const std::optional<Header> header = header_of(file, begin);
  if (!header || header->types == 0) return corrupt;
  const std::string_view data = file.substr(begin + kHeaderBytes);
  const std::size_t size = header->data_size(8);
  if (data.size() < size) return corrupt;
  const std::string_view types = data.substr(header->changes * 9, header->types * 6);
  TimeZone zone;
  zone.first_offset_ = big_endian(types.substr(0, 4));
  for (std::size_t i = 0; i < header->changes; ++i) {
    const auto type = static_cast<unsigned char>(data[header->changes * 8 + i]);
    if (type >= header->types) return corrupt;
    zone.changes_.push_back({big_endian(data.substr(i * 8, 8)), big_endian(types.substr(type * 6u, 4))});
    if (i > 0 && zone.changes_[i - 1].at >= zone.changes_[i].at) return corrupt;
  }
  const std::string_view footer = data.substr(size);
  const std::size_t end = footer.find('\n', 1);
  if (!footer.starts_with('\n') || end == std::string_view::npos) return corrupt;
  if (end > 1 && !RuleParser(footer.substr(1, end - 1)).read(zone)) return corrupt;
  return zone;
}

Result<TimeZone> TimeZone::named(std::string_view name) {
  TimeZone zone;
  if (name == "UTC" || name == "Z") return zone;
  if (const std::optional<std::int64_t> offset = fixed_offset(name)) {
    zone.first_offset_ = *offset;
    return zone;
  }
  if (is_place(name)) {
    const Result<std::string> file = read_file(std::string(kFolder) + std::string(name), 1 << 20);
    if (file.ok()) return parse(*file);
  }
  return invalid(
      "", "'" + std::string(name) +
              "' is no time zone; a time zone is UTC, an offset such as +08:00, or a name of the system's "
              "time zone database such as Asia/Shanghai");
}

std::int64_t TimeZone::offset_at(std::int64_t seconds) const {
  if (has_rule_ && (changes_.empty() || seconds >= changes_.back().at)) return offset_by_rule(seconds);
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), seconds,
                                      [](std::int64_t at, const Change& change) { return at < change.at; });
  return after == changes_.begin() ? first_offset_ : std::prev(after)->offset;
}

std::int64_t TimeZone::offset_by_rule(std::int64_t seconds) const {
  if (!has_summer_) return standard_;
  const std::int64_t year = civil_time(seconds + standard_).year;
  const std::int64_t begin = begin_.at(year) - standard_, end = end_.at(year) - summer_;
  // South of the equator the summer goes over the turn of the year.
  const bool summer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
  return summer ? summer_ : standard_;
}

}  // namespace ciyuan::cel
