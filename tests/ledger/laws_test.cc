/// What holds whatever the commands are.

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>

#include "ledger/ledger.h"

namespace ciyuan::ledger {
namespace {

class World {
 public:
  explicit World(unsigned seed) : random(seed) {
    for (int i = 0; i < 6; ++i)
      accounts.push_back(*ledger.open_account(
          {"account " + std::to_string(i), i < 4 ? "CIYUAN" : "CNY", 6, i % 4 == 0, Amount(i * 20)}));
  }
  int below(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
  static Id id_of(int n) { return id_from_content(std::to_string(n)); }
  // From one account to another of its unit.
  std::vector<Line> move() {
    bool is_money = below(3) == 0;
    std::size_t first = is_money ? 4 : 0, count = is_money ? 2 : 4;
    std::size_t from = first + random() % count, to = first + random() % count;
    if (from == to) to = first + (to - first + 1) % count;
    Amount amount(below(100));
    return {{accounts[from], -amount}, {accounts[to], amount}};
  }
  std::string sums() const {
    std::string text;
    ledger.for_each_account([&](AccountIndex, const Account& one) {
      for (Amount amount : {one.debits_posted, one.credits_posted, one.debits_pending, one.credits_pending,
                            one.funded, one.granted, one.credit_limit})
        text += to_text(amount) + " ";
      text += one.closed ? "closed\n" : "open\n";
    });
    return text;
  }

  std::mt19937 random;
  Ledger ledger;
  std::vector<AccountIndex> accounts;
};

TEST(Laws, an_expired_hold_is_as_if_it_had_been_released_at_that_time) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    World timed(seed), released(seed);
    std::multimap<std::pair<std::int64_t, Id>, Id> due;
    std::int64_t now = 1;
    for (int step = 0; step < 400; ++step) {
      std::vector<Line> lines = timed.move();
      ASSERT_EQ(lines, released.move());
      int what = timed.below(5);
      ASSERT_EQ(what, released.below(5));
      Id id = World::id_of(step);
      if (what == 0) {
        now += 7;
        std::vector<Id> expired = timed.ledger.expire({now});
        std::vector<Id> expected;
        while (!due.empty() && due.begin()->first.first <= now) {
          if (!released.ledger.held(due.begin()->second).empty()) {
            expected.push_back(due.begin()->second);
            ASSERT_TRUE(released.ledger.release(due.begin()->second).ok());
          }
          due.erase(due.begin());
        }
        ASSERT_EQ(expired, expected);
      } else if (what < 4) {
        std::int64_t expires = now + step % 50;
        bool held = timed.ledger.hold(id, lines, {expires}).ok();
        ASSERT_EQ(held, released.ledger.hold(id, lines).ok());
        if (held) due.emplace(std::pair(expires, id), id);
      } else {
        Id earlier = World::id_of(step / 2);
        ASSERT_EQ(timed.ledger.release(earlier).ok(), released.ledger.release(earlier).ok());
      }
      ASSERT_EQ(timed.sums(), released.sums()) << "seed " << seed << ", step " << step;
    }
    // And afterwards: the id is finished, and settling it with nothing is the same again.
    (void)timed.ledger.expire({INT64_MAX});
    EXPECT_EQ(timed.ledger.holds(), 0u);
  }
}

TEST(Laws, a_command_done_again_changes_nothing) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    World world(seed);
    for (int step = 0; step < 300; ++step) {
      Id id = World::id_of(world.below(200));
      std::vector<Line> lines = world.move();
      std::vector<BalancedLine> wanted = {{lines[0].account, lines[0].amount, Take::kUpTo},
                                          {lines[1].account, lines[1].amount, Take::kRest}};
      auto funding = static_cast<Funding>(world.below(3));
      std::optional<bool> existed;
      std::function<void()> again;
      switch (world.below(4)) {
        case 0: {
          auto done = world.ledger.post(id, lines, funding);
          again = [&] { existed = world.ledger.post(id, lines, funding)->existed; };
          if (!done.ok()) continue;
          break;
        }
        case 1: {
          auto done = world.ledger.hold(id, lines, {5});
          again = [&] { existed = world.ledger.hold(id, lines, {5})->existed; };
          if (!done.ok()) continue;
          break;
        }
        case 2: {
          auto done = world.ledger.release(id);
          again = [&] { existed = world.ledger.release(id)->existed; };
          if (!done.ok()) continue;
          break;
        }
        default: {
          auto done = world.ledger.post_balanced(id, wanted);
          if (!done.ok() || done->empty()) continue;
          again = [&, first = *done] { existed = *world.ledger.post_balanced(id, wanted) == first; };
        }
      }
      std::string before = world.sums();
      again();
      ASSERT_TRUE(existed.value_or(false)) << "seed " << seed << ", step " << step;
      ASSERT_EQ(world.sums(), before);
    }
  }
}

TEST(Laws, a_refused_command_changes_nothing) {
  World world(3);
  int refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    std::vector<Line> lines = world.move();
    if (world.below(5) == 0) lines[0].amount -= Amount(1);
    std::string before = world.sums();
    std::size_t holds = world.ledger.holds();
    Id id = World::id_of(world.below(3000));
    bool ok = world.below(2) == 0 ? world.ledger.post(id, lines).ok() : world.ledger.hold(id, lines).ok();
    if (ok) continue;
    ++refused;
    ASSERT_EQ(world.sums(), before);
    ASSERT_EQ(world.ledger.holds(), holds);
  }
  EXPECT_GT(refused, 1000);
}

// The amounts that post_balanced() takes are the greatest, line by line, with which everything has room:
// looked for by trying all of them.
TEST(Laws, a_balanced_entry_takes_the_most_that_there_is) {
  std::mt19937 random(11);
  auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  int posted_entries = 0;
  for (int round = 0; round < 4000; ++round) {
    constexpr int kMost = 6;
    Ledger ledger;
    AccountIndex world = *ledger.open_account({"world", "X", 0, true});
    std::vector<BalancedLine> wanted;
    for (int i = 0; i < 4; ++i) {
      AccountIndex one =
          *ledger.open_account({"account " + std::to_string(i), "X", 0, false, Amount(below(3)),
                                below(4) == 0 ? Side::kDebit : Side::kCredit});
      Int128 amount = (ledger.account(one).side == Side::kDebit ? -1 : 1) * below(kMost);
      ASSERT_TRUE(ledger.post(World::id_of(i), {{{world, Amount(-amount)}, {one, Amount(amount)}}}).ok());
      // The first two take as much as there is, the third is exact or there is none, the last takes the rest.
      Take take = i < 2 ? Take::kUpTo : i == 2 ? Take::kExact : Take::kRest;
      Int128 sign = i < 2 ? -1 : below(2) == 0 ? 1 : -1;
      if (i != 3 || below(3) > 0) wanted.push_back({one, Amount(sign * below(kMost)), take});
    }
    std::optional<std::vector<Line>> best;
    for (int first = kMost; first >= 0 && !best; --first)
      for (int second = kMost; second >= 0 && !best; --second)
        for (int rest = -kMost; rest <= kMost && !best; ++rest) {
          Int128 amounts[] = {-first, -second, wanted[2].amount.units(), rest};
          if (wanted.size() == 3 && rest != 0) continue;
          std::vector<Line> lines;
          bool within = true;
          for (std::size_t i = 0; i < wanted.size(); ++i) {
            Int128 most = wanted[i].amount.units();
            within &= amounts[i] >= std::min(most, Int128{0}) && amounts[i] <= std::max(most, Int128{0});
            if (amounts[i] != 0) lines.push_back({wanted[i].account, Amount(amounts[i])});
          }
          if (!within) continue;
          if (lines.empty()) {
            best = lines;
            break;
          }
          Linked trial(ledger);
          if (ledger.post(World::id_of(99), lines).ok()) best = lines;
        }
    auto got = ledger.post_balanced(World::id_of(100), wanted);
    ASSERT_EQ(got.ok(), best.has_value()) << "round " << round;
    if (!best) continue;
    ASSERT_EQ(*got, *best) << "round " << round;
    posted_entries += !best->empty();
  }
  EXPECT_GT(posted_entries, 500);
}

}  // namespace
}  // namespace ciyuan::ledger
