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
  EXPECT_EQ(*b.ledger.post_balanced(id_of(3),
                                    {{{owed, Amount(-50), Take::kUpTo}, {b.used, Amount(50), Take::kRest}}}),
            b.move(owed, b.used, 40));
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
  EXPECT_EQ(*b.ledger.post_balanced(
                id_of(4), {{{b.grants, Amount(-99), Take::kUpTo}, {bought, Amount(99), Take::kRest}}}),
            b.move(b.grants, bought, 30))
      << "no more than the other side can take";
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
  auto move_up_to = [&](int id, Int128 amount) {
    return b.ledger.post_balanced(
        id_of(id), {{{b.cap, Amount(-amount), Take::kUpTo}, {b.used, Amount(amount), Take::kRest}}});
  };
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400)).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 150)).ok());
  EXPECT_EQ(*move_up_to(3, 1000), b.move(b.cap, b.used, 250));
  EXPECT_EQ(*move_up_to(3, 1000), b.move(b.cap, b.used, 250)) << "once";
  EXPECT_EQ(move_up_to(3, 1001).error().path, "amount");
  EXPECT_TRUE(move_up_to(4, 1000)->empty());
  EXPECT_TRUE(b.left() == 0);
  ASSERT_TRUE(b.ledger.post(id_of(5), b.move(b.grants, b.cap, 1)).ok());
  EXPECT_EQ(move_up_to(4, 1000)->size(), 2u) << "nothing was posted before: the id was free";
}

TEST(Ledger, takes_a_package_first_and_the_rest_from_the_balance) {
  Books b;
  AccountIndex package = *b.ledger.open_account({"package", "CIYUAN", 6, false});
  AccountIndex other = *b.ledger.open_account({"other", "CIYUAN", 6, false});
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, package, 60)).ok());
  ASSERT_TRUE(b.ledger.post(id_of(2), b.move(b.grants, other, 30)).ok());
  ASSERT_TRUE(b.ledger.post(id_of(3), b.move(b.grants, b.cap, 20)).ok());
  auto pay = [&](int id, Int128 amount) {
    return b.ledger.post_balanced(id_of(id), {{{package, Amount(-amount), Take::kUpTo},
                                               {other, Amount(-amount), Take::kUpTo},
                                               {b.cap, Amount(-amount), Take::kRest},
                                               {b.used, Amount(amount)}}});
  };
  EXPECT_EQ(*pay(4, 50), b.move(package, b.used, 50)) << "what is not needed is not touched";
  EXPECT_EQ(*pay(5, 45),
            (std::vector<Line>{
                {package, Amount(-10)}, {other, Amount(-30)}, {b.cap, Amount(-5)}, {b.used, Amount(45)}}));
  auto refused = pay(6, 16);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_EQ(refused.error().path, "cap");
  EXPECT_TRUE(b.left() == 15);
  auto two_rests = b.ledger.post_balanced(
      id_of(7), {{{b.cap, Amount(-1), Take::kRest}, {b.used, Amount(1), Take::kRest}}});
  EXPECT_EQ(two_rests.error().text(), "CIYUAN: two lines are to take the rest");
}

TEST(Ledger, releases_holds_when_their_time_has_come) {
  Books b;
  ASSERT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400)).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 100), {20}).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(3), b.move(b.cap, b.used, 100), {10}).ok());
  ASSERT_TRUE(b.ledger.hold(id_of(4), b.move(b.cap, b.used, 100)).ok());
  EXPECT_EQ(b.ledger.hold(id_of(2), b.move(b.cap, b.used, 100), {21}).error().path, "expires");
  EXPECT_EQ(b.ledger.due(id_of(2)), TimePoint{20});
  EXPECT_TRUE(b.ledger.expire({9}).empty());
  {
    Linked linked(b.ledger);
    EXPECT_EQ(b.ledger.expire({30}).size(), 2u);
  }
  EXPECT_TRUE(b.left() == 100) << "taken back";
  EXPECT_EQ(b.ledger.expire({30}, 1), std::vector<Id>{id_of(3)}) << "the first one due";
  EXPECT_EQ(b.ledger.expire({30}), std::vector<Id>{id_of(2)});
  EXPECT_TRUE(b.left() == 300);
  EXPECT_TRUE(b.ledger.release(id_of(2))->existed);
  EXPECT_EQ(b.ledger.settle(id_of(2), b.move(b.cap, b.used, 1)).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(b.ledger.expire({INT64_MAX}).empty()) << "one without a time stays";
}

TEST(Ledger, knows_a_finished_id_again_that_a_journal_gave_back) {
  Books b;
  std::vector<BalancedLine> wanted = {{b.grants, Amount(-9), Take::kUpTo}, {b.cap, Amount(9), Take::kRest}};
  ASSERT_TRUE(b.ledger.recall_post(id_of(1), b.move(b.grants, b.cap, 400), Funding::kYes).ok());
  ASSERT_TRUE(b.ledger.recall_settled(id_of(2), b.move(b.cap, b.used, 3)).ok());
  ASSERT_TRUE(b.ledger.recall_balanced(id_of(3), wanted, b.move(b.grants, b.cap, 7)).ok());
  EXPECT_TRUE(b.left() == 0) << "balances come from elsewhere";
  EXPECT_TRUE(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 400), Funding::kYes)->existed);
  EXPECT_EQ(b.ledger.post(id_of(1), b.move(b.grants, b.cap, 401), Funding::kYes).error().path, "amount");
  EXPECT_TRUE(b.ledger.settle(id_of(2), b.move(b.cap, b.used, 3))->existed);
  EXPECT_EQ(*b.ledger.post_balanced(id_of(3), wanted), b.move(b.grants, b.cap, 7));
  EXPECT_EQ(b.ledger.recall_settled(id_of(1), {}).error().code, ErrorCode::kConflict);
  // A hold that was raised is told from another by the lines it was opened with.
  ASSERT_TRUE(b.ledger.restore_hold(id_of(4), b.move(b.cap, b.used, 8), {5}, b.move(b.cap, b.used, 6)).ok());
  EXPECT_TRUE(b.ledger.hold(id_of(4), b.move(b.cap, b.used, 6), {5})->existed);
  EXPECT_EQ(b.ledger.hold(id_of(4), b.move(b.cap, b.used, 8), {5}).error().path, "amount");
  EXPECT_TRUE(b.ledger.knows(id_of(4)) && b.ledger.knows(id_of(1)) && !b.ledger.knows(id_of(5)));
}

TEST(Ledger, remembers_after_a_linked_set_that_was_taken_back_what_it_did_before) {
  Ledger ledger(2);
  AccountIndex a = *ledger.open_account({"a", "X", 0, true});
  AccountIndex c = *ledger.open_account({"b", "X", 0, true});
  auto post = [&](int n) { return ledger.post(id_of(n), {{{a, Amount(-n)}, {c, Amount(n)}}}); };
  ASSERT_TRUE(post(1).ok());
  {
    Linked linked(ledger);
    for (int n : {2, 3, 4}) ASSERT_TRUE(post(n).ok());
    EXPECT_FALSE(ledger.knows(id_of(1)));
  }
  EXPECT_TRUE(post(1)->existed);
  EXPECT_FALSE(post(3)->existed);
  EXPECT_TRUE(post(1)->existed) << "two are remembered";
  EXPECT_FALSE(post(4)->existed);
  EXPECT_FALSE(ledger.knows(id_of(1))) << "and the oldest is forgotten first";
  EXPECT_TRUE(post(3)->existed);
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
