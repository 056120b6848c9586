#include <gtest/gtest.h>

#include <random>

#include "ledger/ledger.h"
#include "slow_ledger.h"

namespace ciyuan::ledger::testing {
namespace {

using Answer = SlowLedger::Answer;

// Drives both ledgers with the same random commands over few accounts and ids, so that everything collides
// often.
class Pair {
 public:
  explicit Pair(unsigned seed) : random_(seed) {
    for (int i = 0; i < 9; ++i) {
      std::string name = "account " + std::to_string(i);
      std::string unit = i % 3 == 2 ? "CNY" : "CIYUAN";
      bool overdraw = i < 2 || i == 2;
      bool debit_side = i == 4 || i == 8;
      slow.accounts[name] = SlowAccount{.unit = unit, .may_overdraw = overdraw, .debit_side = debit_side};
      indexes_[name] = *ledger.open_account(
          {name, unit, 6, overdraw, Amount(), debit_side ? Side::kDebit : Side::kCredit});
      names_.push_back(name);
    }
  }

  void step() {
    int id = below(60);
    switch (below(13)) {
      case 0:
      case 1:
      case 2: {
        auto funding = static_cast<Funding>(below(3));
        SlowLines lines = some_lines();
        return expect(slow.post(id, lines, funding), ledger.post(of(id), fast(lines), funding));
      }
      case 3:
      case 4:
      case 5: {
        SlowLines lines = some_lines();
        return expect(slow.hold(id, lines), ledger.hold(of(id), fast(lines)));
      }
      case 6: {
        SlowLines lines = part_of(id, 2);
        return expect(slow.raise(id, lines), ledger.raise(of(id), fast(lines)));
      }
      case 7: {
        SlowLines lines = part_of(id, 1);
        return expect(slow.settle(id, lines, true), ledger.settle_part(of(id), fast(lines)));
      }
      case 8: {
        SlowLines lines = part_of(id, 1);
        return expect(slow.settle(id, lines, false), ledger.settle(of(id), fast(lines)));
      }
      case 9:
        return expect(slow.settle(id, {}, false), ledger.release(of(id)));
      case 10: {
        const std::string& debit = names_[below(9)];
        const std::string& credit = names_[below(9)];
        if (debit == credit) return;
        Int128 wanted = below(500);
        auto expected = slow.post_up_to(id, debit, credit, wanted);
        auto got = ledger.post_up_to(of(id), indexes_[debit], indexes_[credit], Amount(wanted));
        ASSERT_EQ(expected.has_value(), got.ok());
        if (expected) ASSERT_TRUE(*expected == got->units());
        return;
      }
      case 11: {
        if (below(4) != 0) return;
        const std::string& name = names_[below(9)];
        Int128 limit = below(400);
        // A limit may be lowered to below what is used: no further below zero than that is right, then.
        slow.accounts[name].credit_limit = limit;
        ASSERT_TRUE(ledger.set_credit_limit(indexes_[name], Amount(limit)).ok());
        least_headroom_[name] = std::min(Int128{0}, slow.accounts[name].headroom());
        return;
      }
      default: {
        if (below(200) != 0) return linked_and_undone();
        const std::string& name = names_[below(9)];
        slow.accounts[name].closed = true;
        ASSERT_TRUE(ledger.close_account(indexes_[name]).ok());
      }
    }
  }

  // A set that is not committed leaves nothing, whatever was in it.
  void linked_and_undone() {
    Linked linked(ledger);
    for (int i = below(5); i >= 0; --i) {
      Id id = of(below(60));
      switch (below(6)) {
        case 0:
          (void)ledger.post(id, fast(some_lines())).ok();
          break;
        case 1:
          (void)ledger.hold(id, fast(some_lines())).ok();
          break;
        case 2:
          (void)ledger.release(id).ok();
          break;
        case 3:
          (void)ledger.set_credit_limit(indexes_[names_[below(9)]], Amount(below(400))).ok();
          break;
        case 4:
          ledger.set_may_overdraw(indexes_[names_[below(9)]], below(2) == 0);
          break;
        case 5:
          (void)ledger.open_account({"passing " + std::to_string(i), "CNY", 2, false}).ok();
          break;
      }
    }
  }

  void check_same() {
    std::map<std::string, Int128> sums;
    ASSERT_EQ(ledger.accounts(), names_.size());
    for (const std::string& name : names_) {
      const Account& fast_account = ledger.account(indexes_[name]);
      const SlowAccount& slow_account = slow.accounts[name];
      ASSERT_TRUE(fast_account.debits_posted.units() == slow_account.debits) << name;
      ASSERT_TRUE(fast_account.credits_posted.units() == slow_account.credits) << name;
      ASSERT_TRUE(fast_account.debits_pending.units() == slow_account.debits_pending) << name;
      ASSERT_TRUE(fast_account.credits_pending.units() == slow_account.credits_pending) << name;
      ASSERT_TRUE(fast_account.funded.units() == slow_account.funded) << name;
      ASSERT_TRUE(fast_account.granted.units() == slow_account.granted) << name;
      ASSERT_TRUE(fast_account.headroom().units() == slow_account.headroom()) << name;
      if (!slow_account.may_overdraw) ASSERT_TRUE(slow_account.headroom() >= least_headroom_[name]) << name;
      sums[fast_account.unit] += fast_account.balance().units();
    }
    for (auto& [unit, sum] : sums) ASSERT_TRUE(sum == 0) << unit;
    ASSERT_EQ(ledger.holds(), slow.holds.size());
    for (auto& [id, lines] : slow.holds) {
      Lines held = ledger.held(of(id));
      ASSERT_EQ(held.size(), lines.size());
      for (const Line& line : held)
        ASSERT_TRUE(line.amount.units() == lines.at(ledger.account(line.account).name));
    }
  }

  Ledger ledger;
  SlowLedger slow;

 private:
  template <class Outcome>
  void expect(Answer answer, const Outcome& got) {
    switch (answer) {
      case Answer::kDone:
        ASSERT_TRUE(got.ok()) << got.error().text();
        if constexpr (std::is_same_v<Outcome, Result<Applied>>) ASSERT_FALSE(got->existed);
        return;
      case Answer::kExisted:
        ASSERT_TRUE(got.ok()) << got.error().text();
        if constexpr (std::is_same_v<Outcome, Result<Applied>>) ASSERT_TRUE(got->existed);
        return;
      case Answer::kInvalid:
        ASSERT_EQ(code(got), ErrorCode::kInvalid);
        return;
      case Answer::kRefused:
        ASSERT_EQ(code(got), ErrorCode::kRefused);
        return;
      case Answer::kConflict:
        ASSERT_EQ(code(got), ErrorCode::kConflict);
        return;
      case Answer::kNotFound:
        ASSERT_EQ(code(got), ErrorCode::kNotFound);
        return;
    }
  }
  template <class Outcome>
  static std::optional<ErrorCode> code(const Outcome& got) {
    return got.ok() ? std::nullopt : std::optional<ErrorCode>(got.error().code);
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  static Id of(int id) { return id_from_content(std::to_string(id)); }

  SlowLines some_lines() {
    SlowLines lines;
    for (int pairs = 1 + below(3); pairs > 0; --pairs) {
      Int128 amount = below(300);
      lines[names_[static_cast<std::size_t>(below(9))]] -= amount;
      lines[names_[static_cast<std::size_t>(below(9))]] += below(20) == 0 ? amount + 1 : amount;
    }
    return lines;
  }
  // Lines near those of an open hold, so that settlements often fit.
  SlowLines part_of(int id, int times) {
    if (!slow.holds.contains(id) || below(10) == 0) return some_lines();
    SlowLines lines = slow.holds[id];
    int share = below(5);
    for (auto& [name, amount] : lines) amount = amount * times * share / 4;
    if (below(8) == 0 && !lines.empty()) lines.begin()->second += 1;
    return lines;
  }
  std::vector<Line> fast(const SlowLines& lines) {
    std::vector<Line> result;
    for (auto& [name, amount] : lines) result.push_back({indexes_[name], Amount(amount)});
    return result;
  }

  std::mt19937 random_;
  std::map<std::string, AccountIndex> indexes_;
  std::map<std::string, Int128> least_headroom_;
  std::vector<std::string> names_;
};

TEST(Ledger, agrees_with_its_slow_twin_over_random_commands) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Pair pair(seed);
    for (int i = 0; i < 3000; ++i) {
      pair.step();
      if (i % 10 == 0) pair.check_same();
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << i;
    }
  }
}

}  // namespace
}  // namespace ciyuan::ledger::testing
