#include "base/time.h"

#include <gtest/gtest.h>

namespace ciyuan {
namespace {

TEST(Time, reads_and_prints_rfc_3339) {
  EXPECT_EQ(to_rfc3339({0}), "1970-01-01T00:00:00Z");
  auto time = parse_rfc3339("2026-11-23T08:00:00.25+08:00").value();
  EXPECT_EQ(to_rfc3339(time), "2026-11-23T00:00:00.25Z");
  for (const char* text :
       {"", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T00:00:00",
        "2026-11-23T00:00:00.Z", "1969-12-31T23:59:59Z", "2026-11-23T00:00:00+0800"})
    EXPECT_FALSE(parse_rfc3339(text).ok()) << text;
}

TEST(Time, windows_follow_the_calendar_of_their_offset) {
  auto time = parse_rfc3339("2026-02-28T20:00:00Z").value();
  EXPECT_EQ(to_rfc3339(window_of(time, Window::kMonth).end), "2026-03-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(window_of(time, Window::kMonth, 480).start), "2026-02-28T16:00:00Z");
  EXPECT_EQ(to_rfc3339(window_of(time, Window::kDay, 480).start), "2026-02-28T16:00:00Z");
  EXPECT_EQ(to_rfc3339(window_of(time, Window::kHour).end), "2026-02-28T21:00:00Z");
}

}  // namespace
}  // namespace ciyuan
