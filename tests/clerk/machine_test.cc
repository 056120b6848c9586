#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/canonical_json.h"
#include "calls.h"
#include "clerk/internal/call.h"
#include "record/leaf.h"
#include "record/record.h"

namespace ciyuan::clerk::testing {
namespace {

using contract::Contention;
using ::testing::HasSubstr;

TEST(Opening, holds_prompt_and_a_quantum_and_closing_gives_the_rest_back) {
  Desk desk;
  auto opened = desk.expect<Opened>(open_of(1, terms_of({cap("s1", 400)}), 30, 1000));
  EXPECT_EQ(opened.granted, 100);
  ASSERT_EQ(opened.remaining.size(), 1u);
  EXPECT_EQ(opened.remaining[0].limit, Amount(400 * kCiyuan));
  EXPECT_EQ(opened.remaining[0].left, Amount(270 * kCiyuan));
  auto closed = desk.expect<Closed>(close_of(1, 30, 42));
  EXPECT_EQ(desk.left("cap/s1"), 328);
  EXPECT_EQ(desk.account("used/acme/CIYUAN").balance(), Amount(72 * kCiyuan));
  auto record = record::parse_record(closed.record_json);
  ASSERT_TRUE(record.ok()) << record.error().text();
  EXPECT_EQ(record->id, id_of(1));
  EXPECT_EQ(record->ciyuan, "72.000000");
  EXPECT_EQ(record->usage.at("input").billed, 30u);
  EXPECT_EQ(record->usage.at("output").billed, 42u);
  ASSERT_EQ(record->charges.size(), 2u);
  EXPECT_EQ(record->charges[1], (record::Charge{"output", "42", "0.000008", "0.000336", "CNY"}));
  EXPECT_EQ(closed.leaf_index, 0u);
}

TEST(Opening, starts_small_when_nobody_else_holds_what_is_missing) {
  Desk desk;
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms_of({cap("s1", 40)}, Contention::kWait), 30, 1000)).granted,
            10);
  EXPECT_TRUE(desk.expect<Extended>(extend_of(1, 5, 100)).final);
}

TEST(Opening, is_refused_where_prompt_and_one_token_do_not_fit) {
  Desk desk;
  Refusal refusal =
      desk.expect<Refusal>(open_of(1, terms_of({cap("a", 500), cap("b", 30)}, Contention::kWait), 30, 9));
  EXPECT_EQ(refusal.clause, "cap-b");
  EXPECT_EQ(refusal.account, "cap/b");
  EXPECT_EQ(refusal.left, Amount(30 * kCiyuan));
  EXPECT_EQ(refusal.needed, Amount(31 * kCiyuan));
  EXPECT_EQ(refusal.retry_at, kStart + seconds(3600));
  EXPECT_FALSE(desk.machine->accounts().find("cap/a")) << "a refused open leaves nothing";
  EXPECT_EQ(desk.expect<Opened>(open_of(2, terms_of({cap("b", 30)}), 30, 0)).granted, 0)
      << "as for embeddings";
}

TEST(Opening, refuses_the_same_id_twice_open_or_closed) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 400)}), 1, 1));
  EXPECT_EQ(desk.expect<Error>(open_of(1, terms_of({cap("s1", 400)}), 1, 1)).code, ErrorCode::kConflict);
  desk.expect<Closed>(close_of(1, 1, 1));
  EXPECT_EQ(desk.expect<Error>(open_of(1, terms_of({cap("s1", 400)}), 1, 1)).code, ErrorCode::kConflict);
  desk.restart();
  EXPECT_EQ(desk.expect<Error>(open_of(1, terms_of({cap("s1", 400)}), 1, 1)).code, ErrorCode::kConflict);
}

TEST(Opening, refuses_an_id_from_further_ahead_than_clocks_differ) {
  // Were it taken and closed, a restart could not tell it from one that is made later.
  Desk desk;
  Open open = open_of(1, terms_of({cap("s1", 400)}), 1, 1);
  auto made_at = [&](std::int64_t ms) {
    for (std::size_t i = 0; i < 6; ++i) open.id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    open.id.bytes[6] = static_cast<std::uint8_t>((open.id.bytes[6] & 0x0F) | 0x70);
  };
  made_at(kStart.ns / 1'000'000 + 60'001);
  Error refused = desk.expect<Error>(open);
  EXPECT_EQ(refused.code, ErrorCode::kInvalid);
  EXPECT_EQ(refused.path, "id");
  made_at(kStart.ns / 1'000'000 + 60'000);
  desk.expect<Opened>(open);
  Close close = close_of(1, 1, 1);
  close.id = open.id;
  desk.expect<Closed>(close);
  desk.restart();
  EXPECT_EQ(desk.expect<Error>(open).code, ErrorCode::kConflict);
}

TEST(Opening, charges_a_receivable_without_a_bound) {
  Desk desk;
  contract::Limit price;
  price.clause = "price";
  price.unit = "CNY";
  price.account = "receivable/acme/CNY";
  price.sink = "revenue/vendor/CNY";
  price.may_overdraw = true;
  price.per_token[index_of(Kind::kOutput)] = Amount(8'000'000);
  EXPECT_EQ(desk.expect<Opened>(open_of(1, terms_of({price}), 10, 50)).granted, 50);
  desk.expect<Closed>(close_of(1, 10, 20));
  EXPECT_EQ(desk.account("receivable/acme/CNY").balance(), Amount(-160'000'000));
  EXPECT_EQ(desk.account("revenue/vendor/CNY").balance(), Amount(160'000'000));
}

TEST(Accounts, are_not_closed_under_an_open_call_and_take_none_afterwards) {
  Desk desk;
  contract::Limit limit = cap("s1", 0);
  limit.may_overdraw = true;
  const CloseAccount close{kStart, "admin", limit.account};
  EXPECT_EQ(desk.expect<Error>(close).code, ErrorCode::kNotFound);
  desk.expect<Opened>(open_of(1, terms_of({limit}), 1, 1));
  EXPECT_EQ(desk.expect<Error>(close).code, ErrorCode::kRefused);
  desk.restart();
  EXPECT_EQ(desk.expect<Error>(close).code, ErrorCode::kRefused) << "also over a restart";
  Close nothing = close_of(1, 0, 0);
  nothing.nothing_served = true;
  desk.expect<Closed>(nothing);
  desk.expect<Done>(close);
  EXPECT_EQ(desk.expect<Error>(open_of(2, terms_of({limit}), 1, 1)).code, ErrorCode::kRefused);
}

TEST(Opening, refuses_hostile_numbers_and_names) {
  Desk desk;
  Open open = open_of(1, terms_of({cap("s1", 400)}), 1, 1);
  open.prompt[Kind::kInput] = -5;
  EXPECT_EQ(desk.expect<Error>(open).path, "prompt/input");
  open = open_of(1, terms_of({cap("s1", 400), cap("s1", 400)}), 1, 1);
  EXPECT_EQ(desk.expect<Error>(open).path, "terms/limits/1/account");
  open = open_of(1, terms_of({cap("s1", 400)}), 1, 1);
  open.terms.limits[0].per_token[0] = Amount(Int128{1} << 100);
  EXPECT_EQ(desk.expect<Error>(open).path, "terms/limits/0/per_token");
  open = open_of(1, terms_of({cap("s1", 400)}), 1, 1);
  open.terms.limits[0].account = "\xFF";
  EXPECT_EQ(desk.expect<Error>(open).path, "terms/limits/0/account");
  open = open_of(1, terms_of({cap("s1", 400)}), 1, std::int64_t{1} << 62);
  EXPECT_EQ(desk.expect<Error>(open).path, "output_wanted");
}

TEST(Waiting, serves_in_the_order_of_arrival_and_a_small_call_does_not_pass_a_large_one) {
  Desk desk;
  auto terms = terms_of({cap("s1", 150)}, Contention::kWait);
  desk.expect<Opened>(open_of(1, terms, 20, 100));
  EXPECT_FALSE(desk.ask(open_of(2, terms, 40, 100)).has_value());
  std::uint64_t second = desk.last_ticket();
  EXPECT_FALSE(desk.ask(open_of(3, terms, 1, 1)).has_value()) << "it would fit, but another came first";
  std::uint64_t third = desk.last_ticket();
  desk.expect<Closed>(close_of(1, 5, 0));
  ASSERT_EQ(desk.late.size(), 2u);
  EXPECT_EQ(desk.late[0].first, second);
  EXPECT_EQ(std::get<Opened>(desk.late[0].second).granted, 100);
  EXPECT_EQ(desk.late[1].first, third);
  EXPECT_EQ(std::get<Opened>(desk.late[1].second).granted, 1);
}

TEST(Waiting, does_not_hold_up_calls_on_other_accounts) {
  Desk desk;
  auto one = terms_of({cap("contract", 10'000), cap("s1", 150)}, Contention::kWait);
  auto two = terms_of({cap("contract", 10'000), cap("s2", 150)}, Contention::kWait);
  desk.expect<Opened>(open_of(1, one, 20, 100));
  EXPECT_FALSE(desk.ask(open_of(2, one, 20, 100)).has_value());
  EXPECT_EQ(desk.expect<Opened>(open_of(3, two, 20, 100)).granted, 100);
}

TEST(Waiting, starts_small_or_refuses_when_its_time_is_up) {
  Desk desk;
  auto terms = terms_of({cap("s1", 150)}, Contention::kWait);
  desk.expect<Opened>(open_of(1, terms, 20, 100));
  EXPECT_FALSE(desk.ask(open_of(2, terms, 10, 100)).has_value());
  EXPECT_FALSE(desk.ask(open_of(3, terms, 10, 100)).has_value());
  desk.expect<Done>(Tick{kStart + seconds(19)});
  EXPECT_TRUE(desk.late.empty());
  desk.expect<Done>(Tick{kStart + seconds(20)});
  ASSERT_EQ(desk.late.size(), 2u);
  EXPECT_EQ(std::get<Opened>(desk.late[0].second).granted, 20);
  const Refusal& refusal = std::get<Refusal>(desk.late[1].second);
  EXPECT_EQ(refusal.clause, "cap-s1");
  EXPECT_EQ(refusal.held, Amount(150 * kCiyuan));
  EXPECT_EQ(refusal.retry_at, kStart + seconds(21));
}

TEST(Waiting, is_woken_by_a_deposit) {
  Desk desk;
  contract::Limit prepaid = cap("wallet", 0);
  auto terms = terms_of({prepaid}, Contention::kWait);
  EXPECT_EQ(desk.expect<Refusal>(open_of(1, terms, 1, 1)).retry_at, kStart + seconds(3600));
  desk.expect<Done>(Post{.id = id_of(100),
                         .at = kStart,
                         .actor = "root",
                         .debit = "cash",
                         .credit = "cap/wallet",
                         .unit = "CIYUAN",
                         .amount = Amount(60 * kCiyuan)});
  EXPECT_EQ(desk.expect<Opened>(open_of(2, terms, 10, 100)).granted, 50);
  EXPECT_FALSE(desk.ask(open_of(3, terms, 10, 100)).has_value());
  desk.expect<Done>(Post{.id = id_of(101),
                         .at = kStart,
                         .actor = "root",
                         .debit = "cash",
                         .credit = "cap/wallet",
                         .unit = "CIYUAN",
                         .amount = Amount(200 * kCiyuan)});
  ASSERT_EQ(desk.late.size(), 1u);
  EXPECT_EQ(std::get<Opened>(desk.late[0].second).granted, 100);
}

TEST(Waiting, is_left_by_a_close_of_a_client_that_went) {
  Desk desk;
  auto terms = terms_of({cap("s1", 150)}, Contention::kWait);
  desk.expect<Opened>(open_of(1, terms, 20, 100));
  EXPECT_FALSE(desk.ask(open_of(2, terms, 50, 100)).has_value());
  EXPECT_FALSE(desk.ask(open_of(3, terms, 1, 1)).has_value());
  Close gone = close_of(2, 0, 0);
  gone.nothing_served = true;
  EXPECT_EQ(desk.expect<Error>(gone).code, ErrorCode::kNotFound);
  ASSERT_EQ(desk.late.size(), 2u);
  EXPECT_EQ(std::get<Error>(desk.late[0].second).code, ErrorCode::kConflict);
  EXPECT_EQ(std::get<Opened>(desk.late[1].second).granted, 1) << "the next one moves up";
}

TEST(Waiting, start_small_takes_what_there_is_and_refuse_does_not) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 150)}), 20, 100));
  EXPECT_TRUE(std::holds_alternative<Refusal>(*desk.ask(open_of(2, terms_of({cap("s1", 150)}), 10, 100))));
  EXPECT_EQ(
      desk.expect<Opened>(open_of(3, terms_of({cap("s1", 150)}, Contention::kStartSmall), 10, 100)).granted,
      20);
}

TEST(Extending, grants_what_there_is_and_goes_before_waiting_opens) {
  Desk desk;
  auto terms = terms_of({cap("s1", 200)}, Contention::kWait);
  desk.expect<Opened>(open_of(1, terms, 20, 1000));
  EXPECT_FALSE(desk.ask(open_of(2, terms, 20, 1000)).has_value());
  Extended more = desk.expect<Extended>(extend_of(1, 90, 100));
  EXPECT_EQ(more.granted, 180);
  EXPECT_FALSE(more.final);
  more = desk.expect<Extended>(extend_of(1, 170, 100));
  EXPECT_EQ(more.granted, 180);
  EXPECT_TRUE(more.final);
  EXPECT_EQ(desk.expect<Error>(extend_of(1, 181, 100)).path, "used");
  EXPECT_EQ(desk.expect<Error>(extend_of(9, 0, 1)).code, ErrorCode::kNotFound);
  desk.expect<Closed>(close_of(1, 20, 180));
  EXPECT_EQ(std::get<Refusal>(desk.late.at(0).second).left, Amount());
}

TEST(Closing, refuses_more_than_was_held_and_changes_nothing_then) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 400)}), 30, 10));
  EXPECT_EQ(desk.expect<Error>(close_of(1, 30, 11)).path, "billed");
  EXPECT_EQ(desk.expect<Error>(close_of(1, 31, 10)).path, "billed");
  EXPECT_EQ(desk.left("cap/s1"), 360);
  desk.expect<Closed>(close_of(1, 30, 10));
  EXPECT_EQ(desk.left("cap/s1"), 360);
}

TEST(Closing, answers_again_with_the_same_record_even_after_a_restart) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 400)}), 30, 10));
  Closed first = desk.expect<Closed>(close_of(1, 30, 7));
  Closed again = desk.expect<Closed>(close_of(1, 30, 9));
  EXPECT_EQ(first.record_json, again.record_json);
  desk.restart();
  again = desk.expect<Closed>(close_of(1, 30, 9));
  EXPECT_EQ(first.record_json, again.record_json);
  EXPECT_EQ(first.leaf_index, again.leaf_index);
  EXPECT_EQ(desk.expect<Error>(close_of(7, 0, 0)).code, ErrorCode::kNotFound);
}

TEST(Closing, charges_the_call_itself_in_the_record_too_unless_nothing_was_served) {
  Desk desk;
  contract::Limit price;
  price.clause = "price";
  price.unit = "CNY";
  price.account = "receivable/acme/CNY";
  price.sink = "revenue/vendor/CNY";
  price.may_overdraw = true;
  price.per_request = Amount(5'000'000);
  price.per_token[index_of(Kind::kOutput)] = Amount(8'000'000);
  auto terms = terms_of({price});
  terms.prices = {{Kind::kOutput, Amount(8'000'000)}};
  terms.per_request = price.per_request;
  for (int n = 1; n <= 3; ++n) desk.expect<Opened>(open_of(n, terms, 10, 50));
  Close nothing = close_of(1, 0, 0);
  nothing.nothing_served = true;
  auto record = record::parse_record(desk.expect<Closed>(nothing).record_json);
  EXPECT_EQ(record->charges.size(), 0u);
  record = record::parse_record(desk.expect<Closed>(close_of(2, 10, 3)).record_json);
  ASSERT_EQ(record->charges.size(), 2u);
  EXPECT_EQ(record->charges[1], (record::Charge{"request", "1", "0.000005", "0.000005", "CNY"}));
  desk.restart();
  desk.machine->settle_interrupted(kStart);
  desk.commit();
  record = record::parse_record((*desk.store.record(id_of(3)))->json);
  ASSERT_EQ(record->charges.size(), 1u) << "after a restart as well";
  EXPECT_EQ(record->charges[0].kind, "request");
  EXPECT_EQ(desk.account("revenue/vendor/CNY").balance(), Amount(2 * 5'000'000 + 3 * 8'000'000));
}

TEST(Closing, tells_the_ciyuan_of_the_table_that_bills_and_of_the_one_beside_it) {
  Desk desk;
  auto terms = terms_of({cap("s1", 4000)});
  auto rating = [](const std::string& name, const std::string& value, std::array<std::int64_t, 3> micro) {
    contract::Rating rating{
        .kind = "Equivalence", .name = name, .version = "1", .digest = "d", .value = value};
    for (std::size_t i = 0; i < 3; ++i) rating.ciyuan_per_token[i].fill(Amount(micro[i]));
    return rating;
  };
  terms.ratings = {rating("old", "middle", {900'000, 1'250'000, 1'500'000}),
                   rating("new", "high", {1, 2, 333'333})};
  terms.ciyuan_per_token = terms.ratings[0].ciyuan_per_token[1];
  for (int n = 1; n <= 2; ++n) desk.expect<Opened>(open_of(n, terms, 30, 50));
  auto record = record::parse_record(desk.expect<Closed>(close_of(1, 30, 3)).record_json);
  EXPECT_EQ(record->ciyuan, "41.250000");
  ASSERT_TRUE(record->equivalence && record->equivalence->parallel);
  EXPECT_EQ(record->equivalence->billed, (record::Rating{"Equivalence", "old", "1", "d", "middle",
                                                         "29.700000", "41.250000", "49.500000"}));
  EXPECT_EQ(*record->equivalence->parallel,
            (record::Rating{"Equivalence", "new", "1", "d", "high", "0.000033", "0.000066", "10.999989"}));
  desk.restart();
  desk.machine->settle_interrupted(kStart);
  desk.commit();
  record = record::parse_record((*desk.store.record(id_of(2)))->json);
  ASSERT_TRUE(record->equivalence && record->equivalence->parallel) << "after a restart as well";
  EXPECT_EQ(record->equivalence->billed.middle, record->ciyuan);
  EXPECT_EQ(record->equivalence->parallel->value, "high");
  terms.ratings.push_back(terms.ratings[0]);
  EXPECT_EQ(desk.expect<Error>(open_of(3, terms, 1, 1)).path, "terms/ratings");
}

TEST(Closing, voids_everything_where_nothing_was_served) {
  Desk desk;
  auto terms = terms_of({cap("s1", 400)});
  terms.limits[0].per_request = Amount(5 * kCiyuan);
  desk.expect<Opened>(open_of(1, terms, 30, 10));
  EXPECT_EQ(desk.left("cap/s1"), 355);
  Close close = close_of(1, 0, 0);
  close.nothing_served = true;
  Closed closed = desk.expect<Closed>(close);
  EXPECT_EQ(desk.left("cap/s1"), 400);
  EXPECT_THAT(closed.record_json, HasSubstr("\"ciyuan\":\"0.000000\""));
}

TEST(Idempotency, gives_the_first_answer_again_and_refuses_another_body) {
  Desk desk;
  Open open = open_of(1, terms_of({cap("s1", 400)}), 30, 10);
  open.idempotency = Idempotency{"k1/abc", sha256("body")};
  desk.expect<Opened>(open);
  Open repeat = open_of(2, terms_of({cap("s1", 400)}), 30, 10);
  repeat.idempotency = open.idempotency;
  Replay replay = desk.expect<Replay>(repeat);
  EXPECT_TRUE(replay.in_progress);
  EXPECT_TRUE(replay.same_body);
  EXPECT_EQ(replay.id, id_of(1));
  Closed closed = desk.expect<Closed>(close_of(1, 30, 7));
  for (bool restarted : {false, true}) {
    if (restarted) desk.restart();
    replay = desk.expect<Replay>(repeat);
    EXPECT_FALSE(replay.in_progress);
    EXPECT_EQ(replay.record_json, closed.record_json);
    Open other = repeat;
    other.idempotency->body = sha256("another body");
    replay = desk.expect<Replay>(other);
    EXPECT_FALSE(replay.same_body);
    EXPECT_EQ(replay.record_json, "");
  }
  repeat.at = kStart + seconds(24 * 3600);
  EXPECT_EQ(desk.expect<Opened>(repeat).granted, 10) << "a day later the key is free";
}

TEST(Idempotency, is_not_bound_by_a_refused_open) {
  Desk desk;
  Open open = open_of(1, terms_of({cap("s1", 20)}), 30, 10);
  open.idempotency = Idempotency{"k1/abc", sha256("body")};
  desk.expect<Refusal>(open);
  Open next = open_of(2, terms_of({cap("s2", 100)}), 30, 10);
  next.idempotency = open.idempotency;
  desk.expect<Opened>(next);
}

TEST(Restart, settles_open_calls_from_their_last_mark) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 1000)}), 30, 500));
  desk.expect<Opened>(open_of(2, terms_of({cap("s1", 1000)}), 30, 500));
  auto free = terms_of({cap("s1", 1000)});
  free.metering.on_upstream_error = contract::OnUpstreamError::kNothing;
  desk.expect<Opened>(open_of(3, free, 30, 500));
  desk.expect<Extended>(extend_of(1, 77, 100));
  desk.restart();
  EXPECT_EQ(desk.machine->open_calls(), 3u);
  EXPECT_EQ(desk.left("cap/s1"), 1000 - 230 - 130 - 130) << "holds are held again";
  EXPECT_EQ(desk.machine->settle_interrupted(kStart + seconds(60)), 3u);
  desk.commit();
  EXPECT_EQ(desk.left("cap/s1"), 1000 - 107 - 30);
  auto row = desk.store.record(id_of(1));
  ASSERT_TRUE(row.ok() && *row);
  auto record = record::parse_record((*row)->json);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->state, record::State::kInterrupted);
  EXPECT_EQ(record->usage.at("input").billed, 30u);
  EXPECT_EQ(record->usage.at("output").billed, 77u);
  EXPECT_EQ(record->usage.at("output").level, record::Level::kBounded);
  EXPECT_EQ((*row)->session, "s1");
}

// A word that a count took for two tokens may complete as one, and reasoning may turn out to be answer.
TEST(Restart, settles_a_mark_whose_kinds_did_not_only_grow) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 130)}), 30, 500));
  KindCounts used;
  used[Kind::kReasoning] = 10;
  desk.expect<Extended>(Extend{.id = id_of(1), .at = kStart, .used = used, .wanted = 0});
  used[Kind::kReasoning] = 9;
  used[Kind::kOutput] = 91;
  EXPECT_TRUE(desk.expect<Extended>(Extend{.id = id_of(1), .at = kStart, .used = used, .wanted = 50}).final);
  desk.expect<Extended>(extend_of(1, 40, 0));  // one that is late changes nothing
  desk.restart();
  EXPECT_EQ(desk.machine->settle_interrupted(kStart), 1u);
  desk.commit();
  EXPECT_EQ(desk.left("cap/s1"), 0);
  auto record = record::parse_record((*desk.store.record(id_of(1)))->json);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->usage.at("reasoning").billed, 9u);
  EXPECT_EQ(record->usage.at("output").billed, 91u);
}

TEST(Restart, settles_a_stored_mark_of_more_than_was_granted) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 130)}), 30, 500));
  KindCounts used;
  used[Kind::kOutput] = 95;
  used[Kind::kReasoning] = 10;
  store::Head head = *desk.store.head();
  store::Batch batch;
  batch.number = head.batch + 1;
  batch.at = head.at;
  batch.opened_max = head.opened;
  batch.log_size = head.log_size;
  batch.log_root = head.log_root;
  batch.marks.push_back({1, internal::encode_mark({100, used, kStart, {}})});
  ASSERT_TRUE(desk.store.commit(batch).ok());
  desk.restart();
  EXPECT_EQ(desk.machine->settle_interrupted(kStart), 1u);
  desk.commit();
  EXPECT_EQ(desk.left("cap/s1"), 0);
}

TEST(Silence, settles_a_call_of_which_nothing_is_heard) {
  Desk desk(MachineOptions{.silence_max = seconds(100)});
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 1000)}), 30, 500));
  desk.expect<Extended>(extend_of(1, 7, 0, kStart + seconds(60)));
  desk.expect<Done>(Tick{kStart + seconds(120), seconds(60)});
  EXPECT_EQ(desk.machine->open_calls(), 1u);
  desk.expect<Done>(Tick{kStart + seconds(160), seconds(40)});
  EXPECT_EQ(desk.machine->open_calls(), 0u);
  EXPECT_EQ(desk.left("cap/s1"), 1000 - 37);
}

TEST(Silence, is_not_seen_in_a_leap_of_the_clock) {
  Desk desk(MachineOptions{.silence_max = seconds(100)});
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 1000)}), 30, 500));
  desk.expect<Done>(Tick{kStart + seconds(90'000), milliseconds(50)});
  desk.expect<Extended>(extend_of(1, 7, 0, kStart + seconds(180'000)));
  EXPECT_EQ(desk.machine->open_calls(), 1u);
}

TEST(Silence, of_each_call_is_seen_in_its_own_time) {
  Desk desk(MachineOptions{.silence_max = seconds(128)});
  for (int n = 1; n <= 3; ++n) desk.expect<Opened>(open_of(n, terms_of({cap("s1", 1000)}), 1, 1));
  desk.expect<Done>(Tick{kStart, seconds(10)});
  desk.expect<Extended>(extend_of(3, 1, 0));
  desk.expect<Done>(Tick{kStart, seconds(50)});
  desk.expect<Extended>(extend_of(1, 1, 0));
  for (auto [elapsed, open] : {std::pair(67, 3u), {3, 2u}, {8, 1u}, {49, 1u}, {1, 0u}}) {
    desk.expect<Done>(Tick{kStart, seconds(elapsed)});
    EXPECT_EQ(desk.machine->open_calls(), open);
  }
}

TEST(Time, never_goes_back) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 1000)}), 30, 500));
  desk.expect<Closed>(close_of(1, 30, 1, TimePoint{5}));
  EXPECT_EQ(desk.machine->time(), kStart);
  EXPECT_EQ((*desk.store.record(id_of(1)))->at, kStart);
}

TEST(Accounts, go_back_to_the_store_and_come_again) {
  Desk desk(MachineOptions{.accounts_max = 20});
  for (int n = 0; n < 100; ++n) {
    desk.expect<Opened>(open_of(n, terms_of({cap("s" + std::to_string(n), 400)}), 30, 10));
    desk.expect<Closed>(close_of(n, 30, 10));
  }
  EXPECT_LE(desk.machine->accounts().accounts(), 21u);
  desk.expect<Opened>(open_of(1000, terms_of({cap("s0", 400)}), 30, 10));
  EXPECT_EQ(desk.left("cap/s0"), 320) << "not funded twice";
}

TEST(Accounts, that_only_refused_opens_look_at_go_back_to_the_store_too) {
  Desk desk(MachineOptions{.accounts_max = 20});
  for (int round = 0; round < 2; ++round)
    for (int n = 0; n < 100; ++n) {
      auto terms = terms_of({cap("s" + std::to_string(n), 40)});
      if (round == 0) {
        desk.expect<Opened>(open_of(n, terms, 30, 10));
        desk.expect<Closed>(close_of(n, 30, 10));
      } else {
        desk.expect<Refusal>(open_of(1000 + n, terms, 30, 10));
      }
    }
  EXPECT_LE(desk.machine->accounts().accounts(), 21u);
}

TEST(Accounts, of_one_request_leave_memory_with_it) {
  Desk desk;
  for (int n = 0; n < 50; ++n) {
    contract::Limit limit = cap("acme/per-request/request=" + id_of(n).text(), 400);
    desk.expect<Opened>(open_of(n, terms_of({limit}), 30, 10));
    desk.expect<Closed>(close_of(n, 30, 10));
  }
  EXPECT_LE(desk.machine->accounts().accounts(), 4u);
}

// A disk that fails for a moment is no erasure: the record would be sealed under a key that nobody has.
TEST(Loading, fails_where_the_key_of_an_open_call_cannot_be_read_now) {
  Desk desk;
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 400)}), 30, 10));
  desk.keys.failing = true;
  StateMachine later(desk.store, &desk.keys, {});
  EXPECT_EQ(later.load().error().code, ErrorCode::kUnavailable);
  desk.keys.failing = false;
  desk.restart();
  EXPECT_EQ(desk.machine->open_calls(), 1u);
}

TEST(Documents, are_logged_and_applying_what_is_in_force_changes_nothing) {
  Desk desk;
  ChangeDocuments put{.at = kStart, .actor = "root", .changes = {{"Contract", "acme", "{\"a\":1}"}}};
  EXPECT_EQ(desk.expect<Done>(put).leaf_index, 0u);
  EXPECT_EQ(desk.expect<Done>(put).leaf_index, 0u);
  put.changes[0].canonical_json = "{\"a\":2}";
  EXPECT_EQ(desk.expect<Done>(put).leaf_index, 1u);
  auto reader = desk.store.reader();
  EXPECT_EQ((*reader)->documents()->at(0).json, "{\"a\":2}");
  ChangeDocuments erase{.at = kStart, .actor = "root", .changes = {{"Contract", "acme", ""}}};
  EXPECT_EQ(desk.expect<Done>(erase).leaf_index, 2u);
  EXPECT_EQ(desk.expect<Error>(erase).code, ErrorCode::kNotFound);
  EXPECT_EQ(desk.expect<Done>(put).leaf_index, 3u) << "after a deletion it is a change again";
  EXPECT_EQ((*reader)->document_history("Contract", "acme")->size(), 4u);
  EXPECT_EQ((*reader)->admin_log(0, 10)->at(0).subject, "Contract/acme");
  EXPECT_THAT((*reader)->log_entries(0, 1)->at(0), HasSubstr("\"action\":\"apply\""));
}

TEST(Documents, change_all_together_or_not_at_all) {
  Desk desk;
  ChangeDocuments change{
      .at = kStart, .actor = "root", .changes = {{"Party", "a", "{}"}, {"Party", "b", "{}"}}};
  EXPECT_EQ(desk.expect<Done>(change).leaf_index, 1u);
  // The last one is wrong: nothing that stands before it may be left behind.
  for (const DocumentChange& wrong : std::vector<DocumentChange>{{"Party", "nobody", ""},
                                                                 {"Party", "", "{}"},
                                                                 {"Party", "c", "{\"twice\":1}"},
                                                                 {"Party", "d", "\xFF"}}) {
    change.changes = {{"Party", "a", ""}, {"Party", "c", "{}"}, wrong};
    (void)desk.expect<Error>(change);
  }
  auto reader = desk.store.reader();
  EXPECT_EQ((*reader)->documents()->size(), 2u);
  EXPECT_EQ((*reader)->head()->log_size, 2u);
  change.changes = {{"Party", "a", ""}, {"Party", "b", "{}"}, {"Party", "c", "{}"}};
  EXPECT_EQ(desk.expect<Done>(change).leaf_index, 3u) << "b is in force as it is: two leaves, not three";
  EXPECT_EQ((*reader)->documents()->size(), 2u) << "b and c";
}

TEST(Documents, and_acts_outside_of_the_books_are_leaves_of_the_log) {
  Desk desk;
  Act act{.at = kStart, .actor = "root", .action = "erase-key", .kind = "Record", .name = id_of(1).text()};
  EXPECT_EQ(desk.expect<Done>(act).leaf_index, 0u);
  EXPECT_EQ(desk.expect<Done>(act).leaf_index, 1u) << "done twice, logged twice";
  auto reader = desk.store.reader();
  EXPECT_THAT((*reader)->log_entries(0, 1)->at(0), HasSubstr("\"action\":\"erase-key\""));
  EXPECT_EQ((*reader)->admin_log(0, 10)->at(0).subject, "Record/" + id_of(1).text());
  act.actor.clear();
  EXPECT_EQ(desk.expect<Error>(act).code, ErrorCode::kInvalid);
}

TEST(Correction, is_made_once_and_posts_what_was_asked_or_nothing) {
  Desk desk;
  desk.expect<Done>(Post{.id = id_of(90),
                         .at = kStart,
                         .actor = "root",
                         .debit = "cash",
                         .credit = "prepaid/acme/CNY",
                         .unit = "CNY",
                         .amount = Amount(100),
                         .memo = ""});
  desk.expect<Opened>(open_of(1, terms_of({cap("s1", 400)}), 30, 10));
  auto closed = desk.expect<Closed>(close_of(1, 30, 5));
  Correct correct{.at = kStart,
                  .actor = "root",
                  .record = record::parse_record(closed.record_json).value(),
                  .lines = {{"prepaid/acme/CNY", Amount(-40)}, {"cash", Amount(40)}}};
  EXPECT_EQ(desk.expect<Error>(correct).code, ErrorCode::kInvalid) << "it corrects nothing";
  correct.record.corrects = id_of(2);
  correct.record.id = correction_of(id_of(2));
  EXPECT_EQ(desk.expect<Error>(correct).code, ErrorCode::kNotFound);
  correct.record.corrects = id_of(1);
  correct.record.id = correction_of(id_of(1));
  correct.record.price_book_digest = to_hex(sha256("new prices"));
  for (auto& lines :
       std::vector<decltype(correct.lines)>{{{"prepaid/acme/CNY", Amount(-40)}},
                                            {{"prepaid/acme/CNY", Amount(-40)}, {"nowhere", Amount(40)}},
                                            {{"prepaid/acme/CNY", Amount(-40)}, {"cap/s1", Amount(40)}},
                                            {{"prepaid/acme/CNY", Amount(-101)}, {"cash", Amount(101)}}}) {
    Correct wrong = correct;
    wrong.lines = lines;
    (void)desk.expect<Error>(wrong);
  }
  auto reader = desk.store.reader();
  EXPECT_EQ((*reader)->records({})->size(), 1u) << "a refusal leaves nothing";
  for (bool restarted : {false, true}) {
    if (restarted) desk.restart();
    auto made = desk.expect<Closed>(correct);
    EXPECT_EQ(record::parse_record(made.record_json)->corrects, id_of(1));
    EXPECT_EQ((*reader)->account("prepaid/acme/CNY").value()->debits_posted, Amount(40));
    store::RecordRow row = **desk.store.record(correct.record.id);
    SecretKey key = desk.keys.find(row.id, row.key_slot).value();
    EXPECT_EQ((*reader)->log_entries(row.leaf, 1)->at(0), record::seal_json(row.json, key)->entry);
  }
  EXPECT_EQ((*reader)->records({})->size(), 2u);
  EXPECT_EQ((*reader)->record(id_of(1)).value()->json, closed.record_json);
  correct.record.price_book_digest = to_hex(sha256("newer prices"));
  EXPECT_EQ(desk.expect<Error>(correct).code, ErrorCode::kConflict);
}

TEST(Posting, cannot_be_guessed_from_its_leaf) {
  Desk desk;
  Post post{.id = id_of(1),
            .at = kStart,
            .actor = "root",
            .debit = "cash",
            .credit = "prepaid/acme/CNY",
            .unit = "CNY",
            .amount = Amount(10'000'000'000'000),
            .memo = "",
            .salt = random_secret_key()};
  std::uint64_t leaf = desk.expect<Done>(post).leaf_index;
  std::string entry = (*desk.store.reader())->log_entries(leaf, 1)->at(0);
  std::string content =
      R"({"amount":"10","credit":"prepaid/acme/CNY","debit":"cash","memo":"","unit":"CNY"})";
  EXPECT_THAT(entry, Not(HasSubstr(to_hex(sha256(content)))));
  EXPECT_THAT(entry, HasSubstr(to_hex(hmac_sha256(post.salt, bytes_of(content)))))
      << "who is given the salt can check it";
}

TEST(Posting, is_idempotent_and_names_the_field_that_differs) {
  Desk desk;
  Post post{.id = id_of(1),
            .at = kStart,
            .actor = "root",
            .debit = "cash",
            .credit = "prepaid/acme/CNY",
            .unit = "CNY",
            .amount = Amount(10'000'000'000'000),
            .memo = "deposit"};
  std::uint64_t leaf = desk.expect<Done>(post).leaf_index;
  for (bool restarted : {false, true}) {
    if (restarted) desk.restart();
    EXPECT_EQ(desk.expect<Done>(post).leaf_index, leaf);
    Post other = post;
    other.amount = Amount(1);
    EXPECT_EQ(desk.expect<Error>(other).path, "amount");
    other = post;
    other.credit = "prepaid/other/CNY";
    EXPECT_EQ(desk.expect<Error>(other).path, "credit");
    other = post;
    other.debit = "bank";
    EXPECT_EQ(desk.expect<Error>(other).path, "debit");
  }
  EXPECT_EQ(desk.account("prepaid/acme/CNY").balance(), post.amount);
  Post back{.id = id_of(2),
            .at = kStart,
            .actor = "root",
            .debit = "prepaid/acme/CNY",
            .credit = "cash",
            .unit = "CNY",
            .amount = Amount(10'000'000'000'001)};
  EXPECT_EQ(desk.expect<Error>(back).code, ErrorCode::kRefused) << "no more than there is";
  back.amount = Amount(1);
  back.unit = "USD";
  EXPECT_EQ(desk.expect<Error>(back).path, "debit");
}

TEST(Posting, near_the_end_of_128_bits_is_refused_and_opens_nothing) {
  Desk desk;
  store::Batch batch;
  batch.number = 1;
  batch.at = kStart;
  batch.log_root = tlog::empty_root();
  Amount full((Int128{1} << 125) - 1);
  batch.accounts.push_back({.number = 1, .name = "full", .unit = "CNY", .scale = 12, .credits_posted = full});
  ASSERT_TRUE(desk.store.commit(batch).ok());
  desk.restart();
  Post post{.id = id_of(1),
            .at = kStart,
            .actor = "root",
            .debit = "cash",
            .credit = "full",
            .unit = "CNY",
            .amount = Amount(1000)};
  EXPECT_EQ(desk.expect<Error>(post).code, ErrorCode::kTooLarge);
  EXPECT_FALSE(desk.machine->accounts().find("cash"));
  EXPECT_FALSE(*desk.store.account("cash"));
}

TEST(Determinism, the_same_commands_give_the_same_batches) {
  auto run = [] {
    Desk desk;
    for (int n = 0; n < 20; ++n) desk.ask(open_of(n, terms_of({cap("s1", 700)}, Contention::kWait), n, 100));
    for (int n = 0; n < 20; n += 2) desk.ask(close_of(n, n, n));
    auto reader = desk.store.reader();
    return std::pair((*reader)->entries(0, 1000).value(), (*reader)->log_entries(0, 1000).value());
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace ciyuan::clerk::testing
