// Timestamps and time zones, against the C library's own.

#include <ctime>
#include <random>

#include "cel/internal/civil_time.h"
#include "cel/internal/time_zone.h"
#include "tests/cel/fixture.h"

namespace ciyuan::cel {
namespace {

using Times = Expressions;

TEST_F(Times, agree_with_the_c_library_on_the_calendar) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto seconds = std::uniform_int_distribution<std::int64_t>(kSecondsMin, kSecondsMax)(random);
    const std::time_t time = seconds;
    std::tm wanted{};
    gmtime_r(&time, &wanted);
    const CivilTime found = civil_time(seconds);
    ASSERT_EQ(found.year, wanted.tm_year + 1900) << seconds;
    ASSERT_EQ(found.month, wanted.tm_mon + 1) << seconds;
    ASSERT_EQ(found.day, wanted.tm_mday) << seconds;
    ASSERT_EQ(found.hour * 3600 + found.minute * 60 + found.second,
              wanted.tm_hour * 3600 + wanted.tm_min * 60 + wanted.tm_sec);
    ASSERT_EQ(found.weekday, wanted.tm_wday) << seconds;
    ASSERT_EQ(found.yearday, wanted.tm_yday) << seconds;
    const Value again = parse_timestamp(timestamp_text(seconds, 5));
    ASSERT_EQ(again.seconds(), seconds);
    ASSERT_EQ(again.nanoseconds(), 5u);
  }
}

TEST_F(Times, agree_with_the_c_library_on_places) {
  std::mt19937_64 random(2);
  for (const char* place : {"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                            "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca", "America/Sao_Paulo",
                            "Europe/Dublin", "Asia/Tehran", "Pacific/Apia", "America/Nuuk"}) {
    const Result<TimeZone> zone = TimeZone::named(place);
    if (!zone.ok()) GTEST_SKIP() << "no time zone database: " << zone.error().text();
    setenv("TZ", place, 1);
    tzset();
    for (int i = 0; i < 3000; ++i) {
      const auto seconds = std::uniform_int_distribution<std::int64_t>(-2'000'000'000, 7'000'000'000)(random);
      const std::time_t time = seconds;
      std::tm wanted{};
      localtime_r(&time, &wanted);
      ASSERT_EQ(zone->offset_at(seconds), wanted.tm_gmtoff) << place << " at " << timestamp_text(seconds, 0);
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST_F(Times, refuse_a_damaged_time_zone_file) {
  EXPECT_FALSE(TimeZone::parse("").ok());
  EXPECT_FALSE(TimeZone::parse("TZif2").ok());
  std::string file = "TZif2" + std::string(39, '\0') + "TZif2" + std::string(39, '\0');
  EXPECT_FALSE(TimeZone::parse(file + "\nUTC0\n").ok()) << "no types";
  file =
      "TZif2" + std::string(39, '\0') + "TZif2" + std::string(31, '\0') + std::string("\0\0\0\1\0\0\0\4", 8);
  const std::string type("\0\0\x0e\x10\0\0UTC\0", 10);
  const Result<TimeZone> whole = TimeZone::parse(file + type + "\nX-1\n");
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  EXPECT_EQ(whole->offset_at(0), 3600);
  EXPECT_FALSE(TimeZone::parse(file + type + "\nX-1").ok());
  EXPECT_FALSE(TimeZone::parse(file + type + "\nX-1Y,M13.1.0,M1.1.0\n").ok());
  for (std::size_t length = 0; length < file.size() + type.size(); ++length) {
    EXPECT_FALSE(TimeZone::parse((file + type).substr(0, length)).ok()) << length;
  }
}

TEST_F(Times, read_and_write_durations) {
  for (const auto& [text, nanoseconds] : {std::pair<const char*, std::int64_t>{"1h30m", 5'400'000'000'000},
                                          {"-1.5s", -1'500'000'000},
                                          {"250ms", 250'000'000},
                                          {".5m", 30'000'000'000},
                                          {"1us1ns", 1001},
                                          {"-9223372036.854775808s", INT64_MIN},
                                          {"0", 0}}) {
    const Value found = parse_duration(text);
    ASSERT_FALSE(found.is_error()) << text;
    EXPECT_EQ(found.integer(), nanoseconds) << text;
    EXPECT_EQ(parse_duration(duration_text(nanoseconds)).integer(), nanoseconds)
        << duration_text(nanoseconds);
  }
  for (const char* text :
       {"", "1", "s", "1d", "--1s", "1.s", "1h-1m", "1 s", "9223372036.854775808s", "1.1234567890s"}) {
    EXPECT_TRUE(parse_duration(text).is_error()) << text;
  }
}

TEST_F(Times, refuse_times_that_are_none) {
  for (const char* text :
       {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+24:00", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "", "2026"}) {
    EXPECT_TRUE(parse_timestamp(text).is_error()) << text;
  }
  EXPECT_TRUE(holds("timestamp('2024-02-29T00:30:00+08:00') == timestamp('2024-02-28T16:30:00Z')"));
}

TEST_F(Times, answer_for_office_hours) {
  const Result<TimePoint> time = parse_rfc3339("2026-11-23T01:30:00Z");
  set("call.at", Value::timestamp(*time));
  EXPECT_TRUE(holds("call.at.getHours('+08:00') >= 9 && call.at.getDayOfWeek('+08:00') in [1, 2, 3, 4, 5]"));
  EXPECT_TRUE(holds("call.at - timestamp('2026-11-23T00:00:00Z') == duration('90m')"));
}

}  // namespace
}  // namespace ciyuan::cel
