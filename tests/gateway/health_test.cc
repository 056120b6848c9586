#include "gateway/health.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace ciyuan::gateway {
namespace {

constexpr std::int64_t kStart = seconds(1000).count;
constexpr auto kNoConnection = Health::Failure::kNoConnection;
constexpr auto kCall = Health::Failure::kCall;

// How long it rests from `now_ns` on, to the millisecond, and begins its trial.
std::int64_t rest_ms(Health& health, std::int64_t now_ns) {
  for (std::int64_t ms = 0; ms < 100'000; ++ms)
    if (!health.rests(now_ns + milliseconds(ms).count)) return ms;
  return -1;
}

TEST(Health, a_service_that_cannot_be_connected_to_rests_at_once) {
  Health health;
  EXPECT_FALSE(health.rests(kStart));
  EXPECT_TRUE(health.failed(kNoConnection, kStart));
  EXPECT_FALSE(health.up());
  EXPECT_EQ(rest_ms(health, kStart), 500);
}

TEST(Health, calls_that_fail_count_in_a_row_and_a_whole_answer_between_them_clears_the_count) {
  Health health;
  EXPECT_FALSE(health.failed(kCall, kStart));
  EXPECT_FALSE(health.failed(kCall, kStart));
  health.completed();
  EXPECT_FALSE(health.failed(kCall, kStart));
  EXPECT_FALSE(health.failed(kCall, kStart));
  EXPECT_TRUE(health.failed(kCall, kStart));
  EXPECT_TRUE(health.rests(kStart));
}

TEST(Health, after_a_rest_one_call_tries_and_the_others_wait_for_what_comes_of_it) {
  Health health;
  health.failed(kNoConnection, kStart);
  std::int64_t later = kStart + seconds(1).count;
  EXPECT_FALSE(health.rests(later));
  EXPECT_TRUE(health.rests(later));
  EXPECT_TRUE(health.answered());
  EXPECT_FALSE(health.rests(later));
  EXPECT_FALSE(health.rests(later));
  EXPECT_TRUE(health.up());
  EXPECT_FALSE(health.answered());
}

TEST(Health, rests_become_longer_up_to_a_bound_and_are_short_again_after_a_whole_answer) {
  Health health;
  health.failed(kNoConnection, kStart);
  std::int64_t now_ns = kStart, last_ms = 0;
  for (int i = 0; i < 12; ++i) {
    std::int64_t ms = rest_ms(health, now_ns);
    EXPECT_GE(ms, last_ms);
    now_ns += milliseconds(ms).count;
    last_ms = ms;
    health.failed(kNoConnection, now_ns);
  }
  EXPECT_EQ(last_ms, 30'000);
  health.answered();
  health.completed();
  health.failed(kNoConnection, now_ns);
  EXPECT_EQ(rest_ms(health, now_ns), 500);
}

TEST(Health, calls_under_way_when_a_rest_begins_do_not_make_it_longer) {
  Health health;
  for (int i = 0; i < 100; ++i) health.failed(kCall, kStart);
  EXPECT_EQ(rest_ms(health, kStart), 500);
}

TEST(Health, a_service_whose_answers_break_off_rests_again_at_the_next_one) {
  Health health;
  for (int i = 0; i < 3; ++i) health.failed(kCall, kStart);
  std::int64_t later = kStart + seconds(1).count;
  EXPECT_FALSE(health.rests(later));
  EXPECT_TRUE(health.answered());
  EXPECT_TRUE(health.failed(kCall, later));
  EXPECT_EQ(rest_ms(health, later), 1000);
}

TEST(HealthBoard, tells_of_each_service_by_its_name) {
  HealthBoard board;
  board.of("a");
  board.of("b").failed(kNoConnection, kStart);
  std::string text;
  board.print(text);
  EXPECT_NE(text.find("ciyuan_upstream_up{upstream=\"a\"} 1\n"), text.npos);
  EXPECT_NE(text.find("ciyuan_upstream_up{upstream=\"b\"} 0\n"), text.npos);
}

}  // namespace
}  // namespace ciyuan::gateway
