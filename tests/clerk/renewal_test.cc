#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "calls.h"

namespace ciyuan::clerk::testing {
namespace {

using contract::Renewal;

constexpr TimePoint at(std::int64_t s) { return kStart + seconds(s); }

/// `burst` Ciyuan at once, `drip` a second.
contract::Limit rate(const std::string& account, std::int64_t burst, std::int64_t drip) {
  contract::Limit limit = cap(account, burst);
  limit.renewal = Renewal::kDrips;
  limit.period = seconds(1);
  limit.drip = Amount(drip * kCiyuan);
  limit.window_end = {};
  return limit;
}

/// `tokens` Ciyuan in any `span` seconds.
contract::Limit rolling(const std::string& account, std::int64_t tokens, std::int64_t span) {
  contract::Limit limit = cap(account, tokens);
  limit.renewal = Renewal::kAges;
  limit.period = seconds(span);
  limit.window_end = {};
  return limit;
}

/// One call of `tokens`, opened and closed at once; false where it was refused.
bool use(Desk& desk, int n, const contract::Limit& limit, std::int64_t tokens, TimePoint when,
         Refusal* why = nullptr) {
  auto reply = desk.ask(open_of(n, terms_of({limit}), tokens, 0, when));
  if (auto* refusal = std::get_if<Refusal>(&*reply)) {
    if (why != nullptr) *why = *refusal;
    return false;
  }
  desk.expect<Closed>(close_of(n, tokens, 0, when));
  return true;
}

TEST(Rates, drip_evenly_up_to_the_burst) {
  Desk desk;
  const auto pace = rate("pace", 10, 2);
  EXPECT_TRUE(use(desk, 1, pace, 10, at(0)));
  Refusal refusal;
  EXPECT_FALSE(use(desk, 2, pace, 4, at(1), &refusal));
  EXPECT_EQ(refusal.retry_at, at(2)) << "two a second: the third and fourth are there a second later";
  EXPECT_TRUE(use(desk, 3, pace, 4, at(2)));
  EXPECT_FALSE(use(desk, 4, pace, 11, at(1000))) << "never more than the burst";
  EXPECT_TRUE(use(desk, 5, pace, 10, at(1000)));
  EXPECT_EQ(desk.left("cap/pace"), 0);
}

TEST(Rates, lose_no_part_of_a_unit_between_two_calls) {
  Desk desk;
  contract::Limit calls = rate("calls", 1, 1);
  calls.unit = "REQUEST";
  calls.sink = "used/acme/REQUEST";
  calls.funds = calls.drip = Amount(1);
  calls.period = seconds(3);
  calls.per_token = {};
  calls.per_request = Amount(1);
  int served = 0, n = 0;
  for (std::int64_t s = 0; s < 300; ++s)
    if (desk.ask(open_of(++n, terms_of({calls}), 1, 0, at(s)))->index() == Reply(Opened{}).index()) {
      ++served;
      desk.expect<Closed>(close_of(n, 1, 0, at(s)));
    }
  EXPECT_EQ(served, 100);
}

TEST(Rates, go_on_after_a_restart_from_the_last_entry_of_the_account) {
  Desk desk;
  const auto pace = rate("pace", 10, 2);
  EXPECT_TRUE(use(desk, 1, pace, 10, at(0)));
  desk.restart();
  EXPECT_FALSE(use(desk, 2, pace, 7, at(3)));
  EXPECT_TRUE(use(desk, 3, pace, 6, at(3)));
}

TEST(Rates, tell_a_stream_when_more_is_to_be_had) {
  Desk desk;
  contract::Terms terms = terms_of({rate("pace", 20, 5)});
  terms.metering.quantum_tokens = 20;
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms, 10, 100, at(0))).granted, 10);
  Extended none = desk.expect<Extended>(extend_of(1, 10, 20, at(0)));
  EXPECT_TRUE(none.final);
  EXPECT_EQ(none.clause, "cap-pace");
  EXPECT_EQ(none.retry_at, at(1)) << "a quarter of the quantum";
  Extended some = desk.expect<Extended>(extend_of(1, 10, 20, at(1)));
  EXPECT_EQ(some.granted, 15);
  EXPECT_FALSE(some.final);
}

TEST(Rolling_windows, give_back_what_is_old_enough) {
  Desk desk;
  const auto hour = rolling("hour", 100, 3600);  // in parts of a minute
  EXPECT_TRUE(use(desk, 1, hour, 60, at(0)));
  EXPECT_TRUE(use(desk, 2, hour, 40, at(1800)));
  Refusal refusal;
  EXPECT_FALSE(use(desk, 3, hour, 1, at(3599), &refusal));
  EXPECT_GE(refusal.retry_at, at(3600));
  EXPECT_LE(refusal.retry_at, at(3660));
  EXPECT_FALSE(use(desk, 4, hour, 61, refusal.retry_at));
  EXPECT_TRUE(use(desk, 5, hour, 60, refusal.retry_at));
  EXPECT_TRUE(use(desk, 6, hour, 40, at(5460)));
}

TEST(Rolling_windows, count_what_is_used_when_the_call_ends) {
  Desk desk;
  const auto minute = rolling("minute", 100, 60);
  desk.expect<Opened>(open_of(1, terms_of({minute}), 50, 50, at(0)));
  desk.expect<Closed>(close_of(1, 50, 50, at(59)));
  EXPECT_FALSE(use(desk, 2, minute, 1, at(61)))
      << "it opened a minute ago, but its tokens are two seconds old";
  EXPECT_TRUE(use(desk, 3, minute, 100, at(120)));
}

TEST(Rolling_windows, survive_restarts_and_being_forgotten) {
  MachineOptions small;
  small.accounts_max = 8;
  Desk desk(small);
  const auto hour = rolling("hour", 100, 3600);
  EXPECT_TRUE(use(desk, 1, hour, 60, at(0)));
  EXPECT_TRUE(use(desk, 2, hour, 40, at(600)));
  for (int n = 0; n < 20; ++n) use(desk, 100 + n, cap("other" + std::to_string(n), 10), 1, at(700));
  EXPECT_FALSE(use(desk, 3, hour, 1, at(700)));
  desk.restart();
  EXPECT_FALSE(use(desk, 4, hour, 1, at(3500)));
  EXPECT_TRUE(use(desk, 5, hour, 60, at(3660)));
  desk.restart();
  EXPECT_FALSE(use(desk, 6, hour, 1, at(4199)));
  EXPECT_TRUE(use(desk, 7, hour, 40, at(4260)));
}

// The law, against the obvious: what was served in any window of the given length is never more than the
// limit, and a call is refused only where serving it would break the limit of a window longer by one part.
TEST(Rolling_windows, serve_neither_too_much_nor_too_little_at_random) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Desk desk;
    const std::int64_t span = 60 + random() % 600, limit = 50 + random() % 100;
    const std::int64_t part = (span + contract::kWindowParts - 1) / contract::kWindowParts;
    const auto window = rolling("w", limit, span);
    std::deque<std::pair<std::int64_t, std::int64_t>> served;
    auto in_last = [&](std::int64_t now, std::int64_t length) {
      std::int64_t sum = 0;
      for (const auto& [when, tokens] : served)
        if (when > now - length) sum += tokens;
      return sum;
    };
    std::int64_t now = 0;
    for (int n = 1; n <= 400; ++n) {
      now += random() % 20;
      const std::int64_t tokens = 1 + random() % 30;
      if (random() % 40 == 0) desk.restart();
      if (use(desk, n, window, tokens, at(now)))
        served.emplace_back(now, tokens);
      else
        ASSERT_GT(in_last(now, span + part) + tokens, limit) << "seed " << seed << ", call " << n;
      ASSERT_LE(in_last(now, span), limit) << "seed " << seed << ", call " << n;
    }
  }
}

TEST(Rates, never_serve_more_than_burst_and_drip_at_random) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Desk desk;
    const std::int64_t burst = 5 + random() % 50, drip = 1 + random() % 10;
    const auto pace = rate("pace", burst, drip);
    std::vector<std::pair<std::int64_t, std::int64_t>> served;
    std::int64_t now = 0;
    for (int n = 1; n <= 200; ++n) {
      now += random() % 8;
      const std::int64_t tokens = 1 + random() % burst;
      if (random() % 40 == 0) desk.restart();
      if (!use(desk, n, pace, tokens, at(now))) continue;
      served.emplace_back(now, tokens);
      std::int64_t sum = 0;
      for (std::size_t i = served.size(); i-- > 0;) {
        sum += served[i].second;
        ASSERT_LE(sum, burst + drip * (now - served[i].first)) << "seed " << seed;
      }
    }
  }
}

TEST(Calls_at_one_time, are_held_while_they_run_and_come_back) {
  Desk desk;
  contract::Limit running = cap("running", 2);
  running.unit = "REQUEST";
  running.sink = "used/acme/REQUEST";
  running.funds = Amount(2);
  running.per_token = {};
  running.per_request = Amount(1);
  running.is_returned = true;
  desk.expect<Opened>(open_of(1, terms_of({running}), 1, 10));
  desk.expect<Opened>(open_of(2, terms_of({running}), 1, 10));
  desk.expect<Refusal>(open_of(3, terms_of({running}), 1, 10));
  EXPECT_FALSE(desk.ask(open_of(4, terms_of({running}, contract::Contention::kWait), 1, 10)).has_value());
  desk.expect<Closed>(close_of(1, 1, 5));
  ASSERT_EQ(desk.late.size(), 1U) << "the one that waited has its place";
  EXPECT_TRUE(std::holds_alternative<Opened>(desk.late[0].second));
  EXPECT_EQ(desk.account("cap/running").balance(), Amount(2));
}

TEST(Warnings, are_told_once_when_a_share_is_crossed_and_stand_in_the_log) {
  Desk desk;
  contract::Limit term = cap("term", 100);
  term.warn_percent = {50, 80};
  auto warnings_at = [&](int n, std::int64_t tokens) {
    desk.expect<Opened>(open_of(n, terms_of({term}), tokens, 0));
    return desk.expect<Closed>(close_of(n, tokens, 0)).warnings;
  };
  EXPECT_TRUE(warnings_at(1, 49).empty());
  auto half = warnings_at(2, 1);
  ASSERT_EQ(half.size(), 1U);
  EXPECT_EQ(half[0].percent, 50);
  EXPECT_EQ(half[0].used, Amount(50 * kCiyuan));
  EXPECT_TRUE(warnings_at(3, 29).empty());
  EXPECT_EQ(warnings_at(4, 21).at(0).percent, 80);
  auto reader = desk.store.reader().value();
  auto log = reader->admin_log(0, 10).value();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].action, "warn");
  EXPECT_EQ(log[0].subject, "Limit/cap/term 80%");
}

TEST(Warnings, are_all_that_a_soft_cap_does) {
  Desk desk;
  contract::Limit soft = cap("soft", 100);
  soft.may_overdraw = true;
  soft.warn_percent = {100};
  EXPECT_TRUE(use(desk, 1, soft, 90, at(0)));
  desk.expect<Opened>(open_of(2, terms_of({soft}), 60, 0));
  Closed closed = desk.expect<Closed>(close_of(2, 60, 0));
  ASSERT_EQ(closed.warnings.size(), 1U);
  EXPECT_EQ(closed.warnings[0].limit, Amount(100 * kCiyuan));
  EXPECT_EQ(closed.warnings[0].used, Amount(150 * kCiyuan));
  ASSERT_EQ(closed.remaining.size(), 1U);
  EXPECT_EQ(closed.remaining[0].left, Amount());
}

}  // namespace
}  // namespace ciyuan::clerk::testing
