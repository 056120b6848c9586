/// Calls that several accounts pay for together.

#include <gtest/gtest.h>

#include <random>

#include "calls.h"
#include "clerk/internal/call.h"
#include "record/record.h"

namespace ciyuan::clerk::testing {
namespace {

contract::Limit package(const std::string& name, std::int64_t tokens) {
  contract::Limit limit = cap(name, tokens);
  limit.clause = "pay";
  limit.account = "package/" + name + "/CIYUAN";
  limit.sink = "used/acme/pay/CIYUAN";
  limit.is_source = true;
  return limit;
}

/// Input at 2, output at 8 millionths, 5 for a request.
contract::Limit receivable() {
  contract::Limit limit;
  limit.clause = "pay";
  limit.unit = "CNY";
  limit.account = "receivable/acme/CNY";
  limit.sink = "revenue/vendor/CNY";
  limit.may_overdraw = true;
  limit.is_source = true;
  limit.per_request = Amount(5'000'000);
  for (Kind kind : kAllKinds)
    limit.per_token[index_of(kind)] = Amount(is_generated(kind) ? 8'000'000 : 2'000'000);
  return limit;
}

record::UsageRecord record_of(const Closed& closed) {
  return record::parse_record(closed.record_json).value();
}

TEST(Sources, a_package_pays_first_and_money_pays_what_it_cannot) {
  Desk desk;
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms_of({package("p1", 50), receivable()}), 30, 100)).granted,
            100);
  EXPECT_EQ(desk.left("package/p1/CIYUAN"), 0);
  record::UsageRecord record = record_of(desk.expect<Closed>(close_of(1, 30, 60)));
  EXPECT_EQ(record.ciyuan, "90.000000") << "what was used, whoever paid";
  ASSERT_EQ(record.charges.size(), 3u);
  EXPECT_EQ(record.charges[0], (record::Charge{"input", "30", "1", "30", "CIYUAN", "", "package/p1/CIYUAN"}));
  EXPECT_EQ(record.charges[1],
            (record::Charge{"output", "20", "1", "20", "CIYUAN", "", "package/p1/CIYUAN"}));
  EXPECT_EQ(record.charges[2],
            (record::Charge{"output", "40", "0.000008", "0.00032", "CNY", "", "receivable/acme/CNY"}))
      << "the request went with the package's first token";
  EXPECT_EQ(desk.account("receivable/acme/CNY").balance(), Amount(-320'000'000));
}

TEST(Sources, what_is_not_used_goes_back_to_where_it_came_from) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({package("p1", 50), package("p2", 500)}), 30, 100));
  EXPECT_EQ(desk.left("package/p2/CIYUAN"), 420);
  desk.expect<Closed>(close_of(1, 30, 5));
  EXPECT_EQ(desk.left("package/p1/CIYUAN"), 15);
  EXPECT_EQ(desk.left("package/p2/CIYUAN"), 500);
}

TEST(Sources, a_used_up_package_pays_for_nothing) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({package("p1", 10), receivable()}), 10, 0));
  desk.expect<Closed>(close_of(1, 10, 0));
  desk.expect<Opened>(open_of(2, terms_of({package("p1", 10), receivable()}), 1, 0));
  record::UsageRecord record = record_of(desk.expect<Closed>(close_of(2, 1, 0)));
  ASSERT_EQ(record.charges.size(), 2u);
  EXPECT_EQ(record.charges[1].kind, "request") << "a request has its price again";
}

TEST(Sources, the_last_token_of_the_last_source_is_granted_and_not_one_more) {
  Desk desk;
  auto terms = terms_of({package("p1", 40), package("p2", 30)});
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms, 30, 1000)).granted, 40);
  EXPECT_TRUE(desk.expect<Extended>(extend_of(1, 40, 100)).final);
  desk.expect<Closed>(close_of(1, 30, 40));
  Refusal refusal = desk.expect<Refusal>(open_of(2, terms, 1, 1));
  EXPECT_EQ(refusal.clause, "pay");
  EXPECT_EQ(refusal.account, "package/p2/CIYUAN");
  EXPECT_EQ(refusal.left, Amount());
}

TEST(Sources, an_extension_does_not_come_back_to_an_earlier_source) {
  Desk desk;
  auto terms = terms_of({package("p1", 100), receivable()});
  desk.expect<Opened>(open_of(1, terms, 60, 0));
  desk.expect<Opened>(open_of(2, terms, 50, 1000));  // 40 of its prompt on the package, 10 on money
  desk.expect<Closed>(close_of(1, 0, 0));            // the package has 60 again
  EXPECT_EQ(desk.expect<Extended>(extend_of(2, 100, 50)).granted, 150);
  EXPECT_EQ(desk.left("package/p1/CIYUAN"), 60);
  record::UsageRecord record = record_of(desk.expect<Closed>(close_of(2, 50, 150)));
  EXPECT_EQ(record.charges.back().quantity, "150");
  EXPECT_EQ(record.charges.back().paid_from, "receivable/acme/CNY");
}

TEST(Sources, waits_only_where_no_source_can_pay_at_once) {
  Desk desk;
  auto terms = terms_of({package("p1", 100), package("p2", 100)}, contract::Contention::kWait);
  desk.expect<Opened>(open_of(1, terms, 100, 0));
  desk.expect<Opened>(open_of(2, terms, 80, 0));
  EXPECT_FALSE(desk.ask(open_of(3, terms, 50, 0))) << "it waits";
  desk.expect<Closed>(close_of(1, 0, 0));
  ASSERT_EQ(desk.late.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Opened>(desk.late[0].second));
}

TEST(Sources, a_crash_settles_from_the_mark_on_the_sources_that_held) {
  Desk desk;
  auto terms = terms_of({package("p1", 50), receivable()});
  desk.expect<Opened>(open_of(1, terms, 30, 1000));
  desk.expect<Extended>(extend_of(1, 90, 100));
  desk.restart();
  EXPECT_EQ(desk.left("package/p1/CIYUAN"), 0) << "what was held stays held";
  EXPECT_EQ(desk.account("receivable/acme/CNY").debits_pending, Amount((100 - 20 + 100) * 8'000'000));
  EXPECT_EQ(desk.machine->settle_interrupted(kStart), 1u);
  desk.commit();
  EXPECT_EQ(desk.account("package/p1/CIYUAN").balance(), Amount());
  EXPECT_EQ(desk.account("receivable/acme/CNY").balance(), Amount(-70 * 8'000'000));
}

TEST(Sources, a_credit_limit_ends_what_a_receivable_pays_and_a_payment_frees_it) {
  Desk desk;
  contract::Limit limit = receivable();
  limit.may_overdraw = false;
  limit.credit_limit = Amount(5'000'000 + 10 * 2'000'000 + 4 * 8'000'000);
  auto terms = terms_of({limit});
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms, 10, 100)).granted, 4);
  desk.expect<Closed>(close_of(1, 10, 4));
  EXPECT_TRUE(desk.account("receivable/acme/CNY").headroom().is_zero());
  EXPECT_EQ(desk.expect<Refusal>(open_of(2, terms, 1, 0)).account, "receivable/acme/CNY");
  Post paid{.id = id_of(9),
            .at = kStart,
            .actor = "bank",
            .debit = "bank/acme/CNY",
            .credit = "receivable/acme/CNY",
            .unit = "CNY",
            .amount = Amount(7'000'000)};
  desk.expect<Done>(paid);
  desk.expect<Opened>(open_of(3, terms, 1, 0));
  desk.restart();
  EXPECT_EQ(desk.account("receivable/acme/CNY").credit_limit, limit.credit_limit);
  limit.credit_limit += Amount(8'000'000);
  EXPECT_EQ(desk.expect<Opened>(open_of(4, terms_of({limit}), 0, 0)).granted, 0) << "costs 5";
}

ExpirePackage end_of(const std::string& name, std::int64_t tokens, std::int64_t keep) {
  return {.at = kStart,
          .package = name,
          .account = "package/" + name + "/CIYUAN",
          .ciyuan = Amount(tokens * kCiyuan),
          .keep = Amount(keep * kCiyuan)};
}

TEST(Expiry, takes_what_is_left_and_later_what_open_calls_give_back) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({package("p1", 100)}), 30, 10));
  desk.expect<Done>(end_of("p1", 100, 0));
  EXPECT_EQ(desk.left("package/p1/CIYUAN"), 0);
  EXPECT_EQ(desk.account("expired/p1/CIYUAN").balance(), Amount(60 * kCiyuan));
  desk.expect<Closed>(close_of(1, 30, 4));
  desk.expect<Done>(end_of("p1", 100, 0));
  desk.expect<Done>(end_of("p1", 100, 0));
  EXPECT_EQ(desk.account("expired/p1/CIYUAN").balance(), Amount(66 * kCiyuan));
  EXPECT_EQ(desk.account("package/p1/CIYUAN").balance(), Amount());
}

TEST(Expiry, leaves_what_rolls_over_of_a_package_that_nobody_used_yet) {
  Desk desk;
  desk.expect<Done>(end_of("p1", 100, 25));
  EXPECT_EQ(desk.left("package/p1/CIYUAN"), 25);
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms_of({package("p1", 100)}), 20, 50)).granted, 5);
  desk.expect<Closed>(close_of(1, 20, 5));
  desk.expect<Done>(end_of("p1", 100, 0));
  EXPECT_EQ(desk.account("expired/p1/CIYUAN").balance(), Amount(75 * kCiyuan));
  desk.expect<Done>(end_of("p2", 100, 0));
  EXPECT_FALSE(desk.machine->accounts().find("package/p2/CIYUAN")) << "nothing was granted, nothing is left";
}

TEST(Royalties, are_posted_with_the_charge_and_the_rest_is_the_providers) {
  Desk desk;
  contract::Limit limit = receivable();
  limit.is_source = false;
  limit.shares = {{"royalty/maker/CNY", 125'000}, {"royalty/reseller/CNY", 333'333}};
  desk.expect<Opened>(open_of(1, terms_of({limit}), 1, 10));
  desk.expect<Closed>(close_of(1, 1, 3));  // 5 + 2 + 24 millionths
  EXPECT_EQ(desk.account("royalty/maker/CNY").balance(), Amount(3'875'000));
  EXPECT_EQ(desk.account("royalty/reseller/CNY").balance(), Amount(10'333'323));
  EXPECT_EQ(desk.account("revenue/vendor/CNY").balance(), Amount(31'000'000 - 3'875'000 - 10'333'323));
  auto reader = desk.store.reader().value();
  auto entries = reader->entries(0, 10).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].kind, store::EntryKind::kCharge);
  EXPECT_EQ(entries[1].kind, store::EntryKind::kShare);
  EXPECT_EQ(entries[1].leaf, entries[0].leaf) << "of the same record, in the same batch";
}

TEST(Royalties, may_not_come_to_more_than_the_whole) {
  Desk desk;
  contract::Limit limit = receivable();
  limit.shares = {{"royalty/a/CNY", 600'000}, {"royalty/b/CNY", 400'001}};
  EXPECT_EQ(desk.expect<Error>(open_of(1, terms_of({limit}), 1, 1)).path, "terms/limits/0/shares");
}

// The split again, token by token.
internal::Split slow_split(const contract::Terms& terms, const internal::Bill& bill,
                           std::vector<internal::Room> rooms) {
  internal::Split split;
  const std::size_t size = terms.limits.size();
  split.amounts.resize(size);
  split.tokens.resize(size);
  auto pay = [&](std::size_t i, Amount price) {
    if (rooms[i].is_shut || (!rooms[i].is_endless && rooms[i].left < price)) return false;
    rooms[i].left -= price;
    split.amounts[i] = split.amounts[i].value_or(Amount()) + price;
    return true;
  };
  const bool asks = bill.counts != KindCounts() || bill.further > 0;
  KindCounts rest = bill.counts;
  bool needs_request = bill.with_request;
  for (std::size_t i = 0; i < size; ++i) {
    if (rooms[i].is_shut) continue;
    const contract::Limit& limit = terms.limits[i];
    if ((bill.is_settled || !asks) && !split.amounts[i]) split.amounts[i] = Amount();
    if (needs_request && !limit.per_request.is_zero() && pay(i, limit.per_request))
      needs_request = false, split.request_by = i;
    for (Kind kind : kAllKinds)
      while (rest[kind] > 0 && pay(i, limit.per_token[index_of(kind)])) --rest[kind], ++split.tokens[i][kind];
    while (rest == KindCounts() && split.further < bill.further && pay(i, internal::output_cost(limit)))
      ++split.further;
    if (needs_request && limit.per_request.is_zero() && split.amounts[i])
      needs_request = false, split.request_by = i;
  }
  split.is_whole = !needs_request && rest == KindCounts();
  return split;
}

class RandomCalls {
 public:
  explicit RandomCalls(std::uint64_t seed) : random_(seed) {}
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }

  contract::Terms terms() {
    contract::Terms terms;
    for (std::int64_t i = 0, sources = 1 + below(4); i < sources; ++i) {
      contract::Limit limit = package("p" + std::to_string(i), 0);
      limit.per_request = Amount(below(3) == 0 ? below(20) : 0);
      for (Amount& price : limit.per_token) price = Amount(below(4) == 0 ? 0 : below(12));
      terms.limits.push_back(limit);
    }
    return terms;
  }
  std::vector<internal::Room> rooms(std::size_t size) {
    std::vector<internal::Room> rooms(size);
    for (internal::Room& room : rooms) {
      room.left = Amount(below(3) == 0 ? below(10) : below(300));
      room.is_shut = room.left.is_zero();
      room.is_endless = below(8) == 0;
    }
    return rooms;
  }
  KindCounts prompt() {
    KindCounts counts;
    counts[Kind::kInput] = below(20);
    if (below(2)) counts[Kind::kCacheRead] = below(10);
    return counts;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Split, says_what_paying_token_by_token_says) {
  RandomCalls random(1);
  for (int round = 0; round < 20'000; ++round) {
    const contract::Terms terms = random.terms();
    internal::Bill bill{random.prompt(), random.below(4) != 0, random.below(30), random.below(2) == 0};
    const auto rooms = random.rooms(terms.limits.size());
    const internal::Split fast = internal::split(terms, bill, rooms);
    const internal::Split slow = slow_split(terms, bill, rooms);
    ASSERT_EQ(fast.amounts, slow.amounts) << round;
    ASSERT_EQ(fast.tokens, slow.tokens) << round;
    ASSERT_EQ(fast.request_by, slow.request_by) << round;
    ASSERT_EQ(fast.is_whole, slow.is_whole) << round;
    ASSERT_EQ(fast.further, slow.further) << round;
  }
}

TEST(Split, what_was_held_covers_every_bill_of_as_many_tokens) {
  RandomCalls random(2);
  int whole = 0;
  for (int round = 0; round < 50'000; ++round) {
    const contract::Terms terms = random.terms();
    const KindCounts prompt = random.prompt();
    auto rooms = random.rooms(terms.limits.size());
    internal::Split held = internal::split(terms, {prompt, true, random.below(30), false}, rooms);
    if (!held.is_whole) continue;
    ++whole;
    std::int64_t granted = held.further;
    // Other calls give back and take meanwhile; extensions go on from the last source.
    for (std::int64_t more = random.below(3); more > 0; --more) {
      const auto now = random.rooms(terms.limits.size());
      const auto raised = internal::split(terms, {KindCounts(), false, random.below(20), false}, now,
                                          internal::last_part(held.amounts));
      granted += raised.further;
      for (std::size_t i = 0; i < held.amounts.size(); ++i)
        if (raised.amounts[i]) held.amounts[i] = held.amounts[i].value_or(Amount()) + *raised.amounts[i];
    }
    KindCounts billed = prompt;
    for (std::int64_t rest = random.below(granted + 1); rest > 0; --rest)
      ++billed.tokens[static_cast<std::size_t>(3 + random.below(3))];
    const auto settled = internal::split(terms, {billed, true, 0, true}, internal::rooms_of(held.amounts));
    ASSERT_TRUE(settled.is_whole) << round;
    for (std::size_t i = 0; i < held.amounts.size(); ++i)
      ASSERT_LE(settled.amounts[i].value_or(Amount()), held.amounts[i].value_or(Amount())) << round;
  }
  EXPECT_GT(whole, 10'000);
}

}  // namespace
}  // namespace ciyuan::clerk::testing
