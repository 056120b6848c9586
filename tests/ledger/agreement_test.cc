#include <gtest/gtest.h>

#include <random>

#include "ledger/ledger.h"
#include "slow_ledger.h"

namespace ciyuan::ledger::testing {
namespace {

using Answer = SlowLedger::Answer;
using Number = SlowLedger::Number;

constexpr int kAccounts = 9;

// In the order of the numbers, so that both ledgers put ids of one time in the same order.
Id id_of(Number number) {
  Id id;
  for (int i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return id;
}

// Drives both ledgers with the same random commands over few accounts and ids, so that everything collides
// often.
class Pair {
 public:
  explicit Pair(unsigned seed) : random_(seed), least_headroom_(kAccounts) {
    for (int i = 0; i < kAccounts; ++i) {
      std::string unit = i % 3 == 2 ? "CNY" : "CIYUAN";
      bool overdraw = i < 3, debit_side = i == 4 || i == 8;
      slow.accounts.push_back({.unit = unit, .may_overdraw = overdraw, .debit_side = debit_side});
      indexes_.push_back(*ledger.open_account({"account " + std::to_string(i), unit, 6, overdraw, Amount(),
                                               debit_side ? Side::kDebit : Side::kCredit}));
    }
  }

  void step() {
    if (below(12) == 0) return linked();
    one();
  }

  void one() {
    Number id = some_id();
    switch (below(14)) {
      case 0:
      case 1:
      case 2: {
        auto funding = static_cast<Funding>(below(3));
        SlowLines lines = some_lines();
        return expect(slow.post(id, lines, funding), ledger.post(id_of(id), fast(lines), funding));
      }
      case 3:
      case 4:
      case 5: {
        SlowLines lines = some_lines();
        std::int64_t expires = below(3) == 0 ? 0 : now_ + below(40);
        return expect(slow.hold(id, lines, expires), ledger.hold(id_of(id), fast(lines), {expires}));
      }
      case 6: {
        SlowLines lines = part_of(id, 2);
        return expect(slow.raise(id, lines), ledger.raise(id_of(id), fast(lines)));
      }
      case 7: {
        SlowLines lines = part_of(id, 1);
        return expect(slow.settle(id, lines, true), ledger.settle_part(id_of(id), fast(lines)));
      }
      case 8: {
        SlowLines lines = part_of(id, 1);
        return expect(slow.settle(id, lines, false), ledger.settle(id_of(id), fast(lines)));
      }
      case 9:
        return expect(slow.settle(id, {}, false), ledger.release(id_of(id)));
      case 10:
      case 11:
        return balanced(id);
      case 12: {
        now_ += below(15);
        std::vector<Number> expected = slow.expire(now_);
        std::vector<Id> got = ledger.expire({now_});
        ASSERT_EQ(got.size(), expected.size());
        for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], id_of(expected[i]));
        return;
      }
      default:
        return change_rules(some_account());
    }
  }

  void balanced(Number id) {
    SlowLines lines = some_lines(), posted;
    SlowTakes takes;
    for (auto& [account, amount] : lines)
      takes[account] = below(2) == 0 ? Take::kUpTo : static_cast<Take>(below(3));
    std::vector<BalancedLine> wanted;
    for (auto& [account, amount] : lines)
      wanted.push_back({indexes_[static_cast<std::size_t>(account)], Amount(amount), takes[account]});
    Answer answer = slow.post_balanced(id, lines, takes, posted);
    auto got = ledger.post_balanced(id_of(id), wanted);
    if (answer != Answer::kDone && answer != Answer::kExisted) return expect(answer, got);
    ASSERT_TRUE(got.ok()) << got.error().text();
    ASSERT_EQ(*got, fast(posted));
    balanced_ += !posted.empty();
  }

  void change_rules(int account) {
    SlowAccount& there = slow.accounts[static_cast<std::size_t>(account)];
    AccountIndex index = indexes_[static_cast<std::size_t>(account)];
    if (below(400) == 0) {
      there.closed = true;
      ASSERT_TRUE(ledger.close_account(index).ok());
    } else {
      // A limit may be lowered to below what is used: no further below zero than that is right, then.
      there.credit_limit = below(400);
      ASSERT_TRUE(ledger.set_credit_limit(index, Amount(there.credit_limit)).ok());
      least_headroom_[static_cast<std::size_t>(account)] = std::min(Int128{0}, there.headroom());
    }
  }

  // Sets that are committed or leave nothing.
  void linked() {
    SlowLedger before = slow;
    std::vector<Int128> least_headroom = least_headroom_;
    std::int64_t now = now_;
    Linked set(ledger);
    for (int i = below(6); i >= 0; --i) one();
    if (below(10) == 0)
      ASSERT_TRUE(ledger.open_account({"passing", "CNY", 2, false}).ok());
    else if (below(2) == 0)
      return set.commit();
    slow = std::move(before);
    least_headroom_ = least_headroom;
    now_ = now;
  }

  void check_same() {
    std::map<std::string, Int128> sums;
    ASSERT_EQ(ledger.accounts(), indexes_.size());
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
      const Account& account = ledger.account(indexes_[i]);
      const SlowAccount& twin = slow.accounts[i];
      ASSERT_TRUE(account.debits_posted.units() == twin.debits) << i;
      ASSERT_TRUE(account.credits_posted.units() == twin.credits) << i;
      ASSERT_TRUE(account.debits_pending.units() == twin.debits_pending) << i;
      ASSERT_TRUE(account.credits_pending.units() == twin.credits_pending) << i;
      ASSERT_TRUE(account.funded.units() == twin.funded) << i;
      ASSERT_TRUE(account.granted.units() == twin.granted) << i;
      ASSERT_TRUE(account.headroom().units() == twin.headroom()) << i;
      ASSERT_EQ(account.closed, twin.closed) << i;
      if (!twin.may_overdraw) ASSERT_TRUE(twin.headroom() >= least_headroom_[i]) << i;
      sums[account.unit] += account.balance().units();
    }
    for (auto& [unit, sum] : sums) ASSERT_TRUE(sum == 0) << unit;
    ASSERT_EQ(ledger.holds(), slow.holds.size());
    for (auto& [id, hold] : slow.holds) {
      std::vector<Line> expected = fast(hold.lines);
      Lines held = ledger.held(id_of(id));
      ASSERT_TRUE(std::equal(held.begin(), held.end(), expected.begin(), expected.end())) << id;
      ASSERT_EQ(ledger.due(id_of(id)).ns, hold.expires) << id;
    }
  }

  int balanced_posted() const { return balanced_; }

  Ledger ledger;
  SlowLedger slow;

 private:
  template <class Outcome>
  void expect(Answer answer, const Outcome& got) {
    if (answer == Answer::kDone || answer == Answer::kExisted) {
      ASSERT_TRUE(got.ok()) << got.error().text();
      if constexpr (std::is_same_v<Outcome, Result<Applied>>)
        ASSERT_EQ(got->existed, answer == Answer::kExisted);
      return;
    }
    ASSERT_FALSE(got.ok());
    ErrorCode expected = answer == Answer::kInvalid    ? ErrorCode::kInvalid
                         : answer == Answer::kRefused  ? ErrorCode::kRefused
                         : answer == Answer::kConflict ? ErrorCode::kConflict
                                                       : ErrorCode::kNotFound;
    ASSERT_EQ(got.error().code, expected) << got.error().text();
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  int some_account() { return below(kAccounts); }
  Number some_id() { return static_cast<Number>(below(60)); }

  SlowLines some_lines() {
    SlowLines lines;
    for (int pairs = 1 + below(3); pairs > 0; --pairs) {
      Int128 amount = below(300);
      lines[some_account()] -= amount;
      lines[some_account()] += below(20) == 0 ? amount + 1 : amount;
    }
    return lines;
  }
  // Lines near those of an open hold, so that settlements often fit.
  SlowLines part_of(Number id, int times) {
    if (!slow.holds.contains(id) || below(10) == 0) return some_lines();
    SlowLines lines = slow.holds[id].lines;
    int share = below(5);
    for (auto& [account, amount] : lines) amount = amount * times * share / 4;
    if (below(8) == 0 && !lines.empty()) lines.begin()->second += 1;
    return lines;
  }
  std::vector<Line> fast(const SlowLines& lines) {
    std::vector<Line> result;
    for (auto& [account, amount] : lines)
      result.push_back({indexes_[static_cast<std::size_t>(account)], Amount(amount)});
    return result;
  }

  std::mt19937 random_;
  std::vector<AccountIndex> indexes_;
  std::vector<Int128> least_headroom_;
  std::int64_t now_ = 1;
  int balanced_ = 0;
};

TEST(Ledger, agrees_with_its_slow_twin_over_random_commands) {
  int balanced = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Pair pair(seed);
    for (int i = 0; i < 3000; ++i) {
      pair.step();
      if (i % 10 == 0) pair.check_same();
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << i;
    }
    balanced += pair.balanced_posted();
  }
  EXPECT_GT(balanced, 300) << "entries that were balanced and posted";
}

}  // namespace
}  // namespace ciyuan::ledger::testing
