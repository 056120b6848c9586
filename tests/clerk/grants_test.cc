#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calls.h"

namespace ciyuan::clerk::testing {
namespace {

using contract::Contention;

Post post_of(int n, const std::string& debit, const std::string& credit, std::int64_t amount) {
  return Post{.id = id_of(n),
              .at = kStart,
              .actor = "root",
              .debit = debit,
              .credit = credit,
              .unit = "CIYUAN",
              .amount = Amount(amount * kCiyuan)};
}

std::int64_t whole(Amount amount) { return static_cast<std::int64_t>(amount.units() / kCiyuan); }

TEST(Grants, follow_a_limit_that_is_raised) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("term", 100)}), 40, 60));
  desk.expect<Closed>(close_of(1, 40, 60));
  desk.expect<Refusal>(open_of(2, terms_of({cap("term", 100)}), 40, 60));
  Opened opened = desk.expect<Opened>(open_of(3, terms_of({cap("term", 250)}), 40, 60));
  EXPECT_EQ(opened.granted, 60);
  EXPECT_EQ(whole(opened.remaining[0].limit), 250);
  EXPECT_EQ(whole(opened.remaining[0].left), 50);
}

TEST(Grants, follow_a_limit_that_is_lowered) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("term", 1000)}), 10, 20));
  desk.expect<Closed>(close_of(1, 10, 20));
  for (bool restarted : {false, true}) {
    if (restarted) desk.restart();
    Refusal refusal = desk.expect<Refusal>(open_of(2, terms_of({cap("term", 100)}), 100, 1));
    EXPECT_EQ(whole(refusal.left), 70);
    EXPECT_EQ(whole(refusal.limit), 100);
  }
  EXPECT_EQ(desk.expect<Opened>(open_of(3, terms_of({cap("term", 100)}), 30, 1000)).granted, 40);
  EXPECT_EQ(desk.account("funds/CIYUAN").balance(), Amount(-100 * kCiyuan));
}

TEST(Grants, of_a_lowered_limit_are_taken_back_as_they_free_and_never_overdrawn) {
  Desk desk;
  auto after = terms_of({cap("term", 100)});
  desk.expect<Opened>(open_of(1, terms_of({cap("term", 1000)}), 800, 100));
  Refusal refusal = desk.expect<Refusal>(open_of(2, after, 10, 10));
  EXPECT_EQ(whole(refusal.left), 0);
  EXPECT_EQ(whole(refusal.limit), 100);
  EXPECT_EQ(whole(refusal.held), 100) << "more will not come back";
  EXPECT_EQ(desk.left("cap/term"), 0);
  EXPECT_TRUE(desk.expect<Extended>(extend_of(1, 100, 50)).final) << "a call that runs gets no more either";
  Closed closed = desk.expect<Closed>(close_of(1, 20, 30));
  EXPECT_EQ(whole(closed.remaining[0].limit), 100);
  EXPECT_EQ(desk.left("cap/term"), 50);
  EXPECT_EQ(desk.expect<Opened>(open_of(3, after, 10, 100)).granted, 40);
  EXPECT_EQ(desk.account("funds/CIYUAN").balance(), Amount(-100 * kCiyuan));
}

TEST(Grants, of_a_limit_that_is_raised_again_before_they_freed_stay) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("term", 150)}), 50, 100));
  desk.expect<Refusal>(open_of(2, terms_of({cap("term", 20)}), 30, 0));
  desk.expect<Refusal>(open_of(3, terms_of({cap("term", 150)}), 30, 0));
  desk.expect<Closed>(close_of(1, 50, 0));
  EXPECT_EQ(desk.left("cap/term"), 100);
}

TEST(Grants, that_are_still_to_be_taken_back_survive_a_restart) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("term", 1000)}), 800, 100));
  desk.expect<Refusal>(open_of(2, terms_of({cap("term", 100)}), 10, 10));
  desk.restart();
  desk.machine->settle_interrupted(kStart);
  desk.commit();
  EXPECT_EQ(desk.left("cap/term"), 100) << "800 were used of the 900 that were held";
  desk.expect<Refusal>(open_of(3, terms_of({cap("term", 100)}), 10, 10));
  EXPECT_EQ(desk.left("cap/term"), 0);
}

TEST(Grants, are_not_changed_by_a_call_that_waited_with_an_older_limit) {
  Desk desk;
  auto before = terms_of({cap("term", 300)}, Contention::kWait);
  desk.expect<Opened>(open_of(1, before, 200, 100));
  EXPECT_FALSE(desk.ask(open_of(2, before, 50, 50)).has_value());
  desk.ask(open_of(3, terms_of({cap("term", 250)}), 250, 1));
  desk.expect<Closed>(close_of(1, 10, 0));
  ASSERT_EQ(desk.late.size(), 1u);
  EXPECT_EQ(std::get<Opened>(desk.late[0].second).granted, 50);
  EXPECT_EQ(desk.account("cap/term").granted, Amount(250 * kCiyuan));
}

TEST(Grants, come_on_top_of_what_was_posted_before_the_first_call) {
  Desk desk;
  desk.expect<Done>(post_of(100, "cash", "cap/term", 7));
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms_of({cap("term", 100)}), 7, 200)).granted, 100);
  desk.expect<Closed>(close_of(1, 7, 90));
  desk.expect<Done>(post_of(101, "cash", "cap/term", 5));
  EXPECT_EQ(desk.left("cap/term"), 15);
  desk.expect<Opened>(open_of(2, terms_of({cap("term", 98)}), 13, 0));
  EXPECT_EQ(desk.left("cap/term"), 0) << "a lowered limit takes back of the grant what it can";
}

TEST(Grants, wake_the_calls_that_waited_for_more) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("term", 150)}), 50, 100));
  EXPECT_FALSE(desk.ask(open_of(2, terms_of({cap("term", 150)}, Contention::kWait), 20, 100)).has_value());
  desk.expect<Refusal>(open_of(3, terms_of({cap("term", 280)}), 20, 100));
  ASSERT_EQ(desk.late.size(), 1u) << "the one that waits goes before the one that brings more";
  EXPECT_EQ(std::get<Opened>(desk.late[0].second).granted, 100);
}

TEST(Grants, come_from_an_account_that_no_posting_may_touch) {
  Desk desk;
  Error error = desk.expect<Error>(post_of(100, "cash", "funds/CIYUAN", 1));
  EXPECT_EQ(error.path, "credit");
  EXPECT_THAT(error.message, ::testing::HasSubstr("grants"));
  EXPECT_EQ(desk.expect<Error>(post_of(101, "funds/CIYUAN", "cash", 1)).path, "debit");
  EXPECT_FALSE(desk.machine->accounts().find("cash")) << "a refused posting leaves nothing";
}

// As a posting could open it once: an account like any other.
TEST(Grants, come_from_their_account_though_it_was_opened_as_another) {
  for (const char* unit : {"CIYUAN", "CNY"}) {
    Desk desk;
    store::Batch batch;
    batch.number = 1;
    batch.at = kStart;
    batch.log_root = tlog::empty_root();
    batch.accounts.push_back({.number = 1, .name = "funds/CIYUAN", .unit = unit, .scale = 6});
    ASSERT_TRUE(desk.store.commit(batch).ok());
    desk.restart();
    if (std::string_view(unit) == "CIYUAN")
      EXPECT_EQ(desk.expect<Opened>(open_of(1, terms_of({cap("term", 100)}), 10, 10)).granted, 10);
    else
      EXPECT_EQ(desk.expect<Error>(open_of(1, terms_of({cap("term", 100)}), 10, 10)).path, "funds/CIYUAN");
  }
}

TEST(Posting, in_another_unit_than_the_name_says_is_refused) {
  Desk desk;
  Post post = post_of(1, "cash", "used/acme/monthly/CNY", 1);
  EXPECT_EQ(desk.expect<Error>(post).path, "credit");
  post.credit = "cap/acme/monthly/REQUEST/session=s1";
  EXPECT_EQ(desk.expect<Error>(post).path, "credit");
  post = post_of(1, "receivable/acme/CNY", "cash", 1);
  EXPECT_EQ(desk.expect<Error>(post).path, "debit");
  post.debit = "prepaid/acme/balance/CIYUAN/key=k1";
  desk.expect<Done>(post);
}

}  // namespace
}  // namespace ciyuan::clerk::testing
