#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace ciyuan::ledger {
namespace {

Id id_of(int n) { return id_from_content(std::to_string(n)); }

struct Books {
  Ledger ledger;
  AccountIndex grants = *ledger.open_account({"grants", "CIYUAN", 6, true});
  AccountIndex cap = *ledger.open_account({"cap", "CIYUAN", 6, false});
  AccountIndex used = *ledger.open_account({"used", "CIYUAN", 6, false});

  std::vector<Line> move(AccountIndex from, AccountIndex to, Int128 amount) {
    return {{from, Amount(-amount)}, {to, Amount(amount)}};
  }
  Int128 left() { return ledger.account(cap).headroom().units(); }
};

TEST(Ledger, works_as_its_readme_says) {
  Books b;
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400), Funding::kYes).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 300)).ok());
  auto refused = b.ledger.hold(id_of(3), b.move(b.cap, b.used, 300));
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_EQ(refused.error().text(), "cap: needs 300 of which 100 are left");
  ASSERT_TRUE(b.ledger.settle(id_of(2), b.move(b.cap, b.used, 120)).ok());
  EXPECT_TRUE(b.left() == 280);
  EXPECT_EQ(b.ledger.account(b.cap).funded, Amount(400));
}

TEST(Ledger, answers_the_same_again_and_names_the_field_that_differs) {
  Books b;
  auto lines = b.move(b.grants, b.cap, 400);
  EXPECT_FALSE(b.ledger.post(id_of(1), lines)->existed);
  EXPECT_TRUE(b.ledger.post(id_of(1), lines)->existed);
  EXPECT_TRUE(b.left() == 400);
  EXPECT_EQ(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 401)).error().path, "amount");
  EXPECT_EQ(b.ledger.post(id_of(1), b.move(b.grants, b.used, 400)).error().path, "accounts");
  EXPECT_EQ(b.ledger.post(id_of(1), lines, Funding::kYes).error().path, "form");
  EXPECT_EQ(b.ledger.hold(id_of(1), lines).error().path, "form");
  ASSERT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 100)).ok());
  EXPECT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 100))->existed);
  EXPECT_EQ(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 99)).error().path, "amount");
  ASSERT_TRUE(b.ledger.release(id_of(2)).ok());
  EXPECT_TRUE(b.ledger.release(id_of(2))->existed);
  EXPECT_EQ(b.ledger.settle(id_of(2), b.move(b.cap, b.used, 1)).error().code, ErrorCode::kConflict);
}

TEST(Ledger, refuses_lines_that_do_not_sum_to_zero_in_each_unit) {
  Books b;
  AccountIndex cny = *b.ledger.open_account({"cny", "CNY", 12, true});
  EXPECT_EQ(b.ledger.post(id_of(1), {{{b.grants, Amount(-5)}, {cny, Amount(5)}}}).error().path, "CIYUAN");
  EXPECT_EQ(b.ledger.post(id_of(1), {}).error().path, "lines");
  EXPECT_EQ(b.ledger.post(id_of(1), {{{AccountIndex{99}, Amount(0)}}}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(b.ledger.post(id_of(1), {{{b.cap, Amount(1)}, {b.cap, Amount(-1)}}}).error().path, "cap");
}

TEST(Ledger, refuses_amounts_beyond_its_bits_and_stays_as_it_was) {
  Books b;
  Int128 huge = (Int128{1} << 125) - 1;
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, huge)).ok());
  EXPECT_EQ(b.ledger.post(id_of(2), b.move(b.grants, b.cap, 2)).error().code, ErrorCode::kTooLarge);
  ASSERT_TRUE(b.ledger.hold(id_of(3), b.move(b.cap, b.used, huge)).ok());
  EXPECT_EQ(b.ledger.raise(id_of(3), b.move(b.cap, b.used, 2)).ok(), false);
  ASSERT_TRUE(b.ledger.settle(id_of(3), b.move(b.cap, b.used, huge)).ok());
  EXPECT_TRUE(b.left() == 0);
  Int128 least = Int128{1} << 126;
  EXPECT_FALSE(
      b.ledger
          .post(id_of(4), {{{b.grants, Amount(-least * 2)}, {b.cap, Amount(least)}, {b.used, Amount(least)}}})
          .ok());
}

TEST(Ledger, says_which_property_of_an_account_differs) {
  Books b;
  EXPECT_EQ(*b.ledger.open_account({"cap", "CIYUAN", 6, false}), b.cap);
  EXPECT_EQ(b.ledger.open_account({"cap", "CNY", 6, false}).error().path, "unit");
  EXPECT_EQ(b.ledger.open_account({"cap", "CIYUAN", 2, false}).error().path, "scale");
  EXPECT_EQ(b.ledger.open_account({"cap", "CIYUAN", 6, true}).error().path, "may_overdraw");
  EXPECT_EQ(b.ledger.open_account({"cap", "CIYUAN", 6, false, Amount(1)}).error().path, "credit_limit");
  EXPECT_EQ(b.ledger.open_account({"cap", "CIYUAN", 6, false, Amount(), Side::kDebit}).error().path, "side");
  EXPECT_EQ(b.ledger.open_account({"", "CIYUAN", 6, true}).error().path, "name");
  EXPECT_EQ(b.ledger.account(b.cap).id(), id_from_content("cap"));
}

TEST(Ledger, lets_an_account_go_below_zero_to_its_credit_limit_and_not_further) {
  Books b;
  AccountIndex owed = *b.ledger.open_account({"owed", "CIYUAN", 6, false, Amount(100)});
  ASSERT_TRUE(b.ledger.hold(id_of(1), b.move(owed, b.used, 60)).ok());
  auto refused = b.ledger.post(id_of(2), b.move(owed, b.used, 41));
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_EQ(refused.error().text(), "owed: needs 41 of which 40 are left");
  EXPECT_EQ(*b.ledger.post_up_to(id_of(3), owed, b.used, Amount(50)), Amount(40));
  ASSERT_TRUE(b.ledger.settle(id_of(1), b.move(owed, b.used, 60)).ok());
  EXPECT_EQ(b.ledger.account(owed).balance(), Amount(-100));
  ASSERT_TRUE(b.ledger.set_credit_limit(owed, Amount(30)).ok());
  EXPECT_EQ(b.ledger.account(owed).headroom(), Amount(-70)) << "what is owed stays owed";
  EXPECT_EQ(b.ledger.post(id_of(4), b.move(owed, b.used, 1)).error().code, ErrorCode::kRefused);
  ASSERT_TRUE(b.ledger.post(id_of(5), b.move(b.grants, owed, 71)).ok());
  EXPECT_TRUE(b.ledger.post(id_of(6), b.move(owed, b.used, 1)).ok());
}

TEST(Ledger, refuses_a_credit_limit_that_is_none) {
  Books b;
  EXPECT_EQ(b.ledger.set_credit_limit(b.cap, Amount(-1)).error().path, "credit_limit");
  EXPECT_EQ(b.ledger.set_credit_limit(b.cap, kAmountMax + Amount(1)).error().path, "credit_limit");
  EXPECT_EQ(b.ledger.set_credit_limit(AccountIndex{99}, Amount(1)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(b.ledger.open_account({"owed", "CIYUAN", 6, false, Amount(-1)}).error().path, "credit_limit");
  EXPECT_FALSE(b.ledger.find("owed"));
  ASSERT_TRUE(b.ledger.set_credit_limit(b.cap, kAmountMax).ok());
  EXPECT_EQ(b.ledger.account(b.cap).headroom(), kAmountMax);
}

TEST(Ledger, takes_from_a_debit_account_by_credits) {
  Books b;
  AccountIndex bought = *b.ledger.open_account({"bought", "CIYUAN", 6, false, Amount(), Side::kDebit});
  EXPECT_EQ(b.ledger.post(id_of(1), b.move(b.grants, bought, 1)).error().code, ErrorCode::kRefused);
  ASSERT_TRUE(b.ledger.post(id_of(2), b.move(bought, b.cap, 50)).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(3), b.move(b.grants, bought, 20)).ok());
  EXPECT_EQ(b.ledger.account(bought).headroom(), Amount(30));
  EXPECT_EQ(*b.ledger.post_up_to(id_of(4), b.grants, bought, Amount(99)), Amount(30));
  EXPECT_EQ(b.ledger.account(bought).balance(), Amount(-20));
}

TEST(Ledger, lets_a_closed_account_finish_what_it_holds) {
  Books b;
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400)).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 300)).ok());
  ASSERT_TRUE(b.ledger.close_account(b.cap).ok());
  EXPECT_EQ(b.ledger.post(id_of(3), b.move(b.grants, b.cap, 1)).error().code, ErrorCode::kRefused);
  EXPECT_TRUE(b.ledger.settle(id_of(2), b.move(b.cap, b.used, 120)).ok());
  EXPECT_TRUE(b.left() == 280);
}

TEST(Ledger, moves_as_much_as_there_is) {
  Books b;
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400)).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 150)).ok());
  EXPECT_EQ(*b.ledger.post_up_to(id_of(3), b.cap, b.used, Amount(1000)), Amount(250));
  EXPECT_EQ(*b.ledger.post_up_to(id_of(3), b.cap, b.used, Amount(1000)), Amount(250)) << "once";
  EXPECT_EQ(*b.ledger.post_up_to(id_of(4), b.cap, b.used, Amount(1000)), Amount(0));
  EXPECT_TRUE(b.left() == 0);
}

TEST(Ledger, takes_a_linked_set_back_whole) {
  Books b;
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400)).ok());
  {
    Linked linked(b.ledger);
    ASSERT_TRUE(b.ledger.open_account({"new", "CIYUAN", 6, false}).ok());
    ASSERT_TRUE(b.ledger.set_credit_limit(b.cap, Amount(9)).ok());
    ASSERT_TRUE(b.ledger.post(id_of(2), b.move(b.cap, b.used, 100)).ok());
    ASSERT_TRUE(b.ledger.hold(id_of(3), b.move(b.cap, b.used, 100)).ok());
  }
  EXPECT_TRUE(b.left() == 400);
  EXPECT_FALSE(b.ledger.find("new"));
  EXPECT_EQ(b.ledger.holds(), 0u);
  {
    Linked linked(b.ledger);
    EXPECT_FALSE(b.ledger.post(id_of(2), b.move(b.cap, b.used, 100))->existed);
    linked.commit();
  }
  EXPECT_TRUE(b.left() == 300);
}

TEST(Ledger, forgets_idle_accounts_and_finished_ids_only) {
  Ledger ledger(4);
  AccountIndex a = *ledger.open_account({"a", "X", 0, true});
  AccountIndex c = *ledger.open_account({"b", "X", 0, true});
  ASSERT_TRUE(ledger.hold(id_of(1), {{{a, Amount(-1)}, {c, Amount(1)}}}).ok());
  EXPECT_EQ(ledger.forget_account(a).error().code, ErrorCode::kRefused);
  ASSERT_TRUE(ledger.release(id_of(1)).ok());
  for (int n = 10; n < 14; ++n) ASSERT_TRUE(ledger.post(id_of(n), {{{a, Amount(-1)}, {c, Amount(1)}}}).ok());
  EXPECT_EQ(ledger.release(id_of(1)).error().code, ErrorCode::kNotFound) << "four ids are remembered";
  EXPECT_TRUE(ledger.post(id_of(10), {{{a, Amount(-1)}, {c, Amount(1)}}})->existed);
  ASSERT_TRUE(ledger.forget_account(a).ok());
  EXPECT_FALSE(ledger.find("a"));
  EXPECT_EQ(*ledger.open_account({"c", "X", 0, true}), a) << "its place is used again";
}

TEST(FlatMap, agrees_with_a_map_over_random_insertions_and_deletions) {
  std::mt19937 random(7);
  internal::IdMap<int> map;
  std::map<Id, int> twin;
  for (int i = 0; i < 200'000; ++i) {
    Id id = id_of(static_cast<int>(random() % 700));
    if (random() % 2 == 0) {
      EXPECT_EQ(map.erase(id), twin.erase(id) == 1);
    } else if (map.find(id) == nullptr) {
      map.insert(id, i);
      twin[id] = i;
    }
    const int* found = map.find(id);
    auto expected = twin.find(id);
    ASSERT_EQ(found != nullptr, expected != twin.end());
    if (found) ASSERT_EQ(*found, expected->second);
  }
  EXPECT_EQ(map.size(), twin.size());
}

}  // namespace
}  // namespace ciyuan::ledger
