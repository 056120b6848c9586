/// What every store does, tried on both of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <tuple>

#include "batches.h"

namespace ciyuan::store::testing {
namespace {

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Store>(const Folder&)> make;
};

class Stores : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    store = GetParam().make(folder);
    reader = store->reader().value();
  }
  Folder folder;
  std::unique_ptr<Store> store;
  std::unique_ptr<Reader> reader;
  Maker maker;
};

TEST_P(Stores, begin_empty) {
  auto head = store->head();
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->batch, 0u);
  EXPECT_EQ(head->log_root, tlog::empty_root());
  EXPECT_FALSE(*store->account("cap/a"));
  EXPECT_FALSE(*store->record(id_of(1)));
  EXPECT_EQ(store->tile(0, 0).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(reader->records({})->empty());
}

TEST_P(Stores, give_back_where_a_records_key_is) {
  Batch batch = maker.next(3);
  batch.records[1].key_slot = 0;
  batch.records[2].key_slot = 41;
  batch.key_slots = 42;
  ASSERT_TRUE(store->commit(batch).ok());
  EXPECT_EQ(store->head()->key_slots, 42u);
  EXPECT_EQ((*store->record(id_of(0)))->key_slot, std::nullopt);
  EXPECT_EQ((*store->record(id_of(1)))->key_slot, 0u);
  EXPECT_EQ((*reader->record(id_of(2)))->key_slot, 41u);
  EXPECT_EQ(reader->records({}).value().front().key_slot, 41u);
  EXPECT_EQ((*reader->record_at(1))->key_slot, 0u);
}

TEST_P(Stores, give_back_accounts_and_amounts_of_any_size) {
  ASSERT_TRUE(store->commit(maker.next(10)).ok());
  auto account = store->account("cap/a");
  ASSERT_TRUE(account.ok() && *account);
  Amount spent;
  for (std::uint64_t leaf = 0; leaf < 10; ++leaf)
    spent += Amount(static_cast<Int128>(leaf + 1) << (leaf % 3 == 0 ? 70 : 3));
  EXPECT_EQ((*account)->debits_posted, spent);
  EXPECT_TRUE((*account)->may_overdraw);
  EXPECT_EQ((*store->account(2))->name, "cap/b");
  EXPECT_EQ((*store->account(2))->funded, Amount(7));
  EXPECT_FALSE(*store->account(3));
  EXPECT_EQ(store->head()->accounts, 2u);
  EXPECT_EQ(reader->accounts("cap/", "", 10)->size(), 2u);
  EXPECT_EQ(reader->accounts("cap/", "cap/a", 10)->at(0).name, "cap/b");
  EXPECT_EQ(reader->accounts("cap/", "", 1)->size(), 1u);
  EXPECT_TRUE(reader->accounts("cap/c", "", 10)->empty());
  EXPECT_TRUE(reader->accounts("ca%", "", 10)->empty()) << "a prefix, not a pattern";
  EXPECT_EQ(reader->accounts("", "", 10)->size(), 2u);
}

TEST_P(Stores, give_back_an_accounts_rules_as_they_were_changed_last) {
  Batch batch = maker.next(1);
  batch.accounts[0].credit_limit = Amount(static_cast<Int128>(1) << 100);
  batch.accounts[1].debit_side = true;
  ASSERT_TRUE(store->commit(batch).ok());
  EXPECT_EQ((*store->account("cap/a"))->credit_limit, Amount(static_cast<Int128>(1) << 100));
  EXPECT_FALSE((*store->account("cap/a"))->debit_side);
  EXPECT_TRUE((*store->account("cap/b"))->debit_side);
  Batch later = maker.next(1);
  later.accounts[0].credit_limit = Amount(12);
  later.accounts[0].closed = true;
  later.accounts[1].debit_side = true;
  ASSERT_TRUE(store->commit(later).ok());
  EXPECT_EQ((*reader->account("cap/a"))->credit_limit, Amount(12));
  EXPECT_TRUE((*reader->account("cap/a"))->closed);
}

TEST_P(Stores, give_back_amounts_up_to_the_end_of_128_bits) {
  for (Amount amount : {Amount(~(static_cast<Int128>(1) << 127)), Amount(static_cast<Int128>(1) << 127),
                        parse_decimal("1" + std::string(35, '0'), 0).value() * 10}) {
    Batch batch = maker.next(1);
    batch.accounts.back().funded = amount;
    ASSERT_TRUE(store->commit(batch).ok());
    EXPECT_EQ((*store->account("cap/b"))->funded, amount);
  }
}

auto content_of(const AccountRow& row) {
  return std::tuple(row.number, row.name, row.unit, row.scale, row.may_overdraw, row.closed,
                    row.debits_posted, row.credits_posted, row.funded, row.last_entry, row.granted,
                    row.credit_limit, row.debit_side);
}

TEST_P(Stores, change_no_account_but_those_of_a_batch) {
  std::mt19937_64 random(11);
  std::map<std::string, AccountRow> expected;
  Batch accounts = maker.next(1);
  for (const AccountRow& row : accounts.accounts) expected[row.name] = row;
  ASSERT_TRUE(store->commit(accounts).ok());
  AccountNumber given = 2;
  for (int round = 0; round < 60; ++round) {
    Batch batch{.number = accounts.number + 1 + static_cast<std::uint64_t>(round), .at = accounts.at};
    batch.log_size = accounts.log_size;
    batch.log_root = accounts.log_root;
    // New ones by the dozen, and some of the old ones, in no order.
    for (std::uint64_t i = random() % 12; i > 0; --i) {
      std::string name = "many/" + std::to_string(++given);
      expected[name] = {
          .number = given, .name = name, .unit = "CNY", .scale = 2, .debit_side = random() % 2 == 0};
      batch.accounts.push_back(expected[name]);
    }
    for (auto& [name, row] : expected) {
      if (random() % 5 != 0) continue;
      std::erase_if(batch.accounts, [&](const AccountRow& other) { return other.number == row.number; });
      auto amount = [&] { return Amount(static_cast<Int128>(random()) << (random() % 62)); };
      row.debits_posted += amount();
      row.credit_limit = amount();
      row.funded = -amount();
      row.last_entry = random() >> 2;
      row.closed = random() % 4 == 0;
      row.may_overdraw = random() % 4 == 0;
      batch.accounts.push_back(row);
    }
    std::shuffle(batch.accounts.begin(), batch.accounts.end(), random);
    ASSERT_TRUE(store->commit(batch).ok());
    if (round % 20 == 19) {
      ASSERT_TRUE(store->reload().ok());
    }
    auto rows = reader->accounts("", "", 1000).value();
    ASSERT_EQ(rows.size(), expected.size());
    for (const AccountRow& row : rows) ASSERT_EQ(content_of(row), content_of(expected.at(row.name)));
  }
  EXPECT_GT(given, 200u);
}

TEST_P(Stores, read_an_account_back_in_pages) {
  ASSERT_TRUE(store->commit(maker.next(25)).ok());
  auto page = reader->statement("cap/b", 0, {}, 10);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->size(), 10u);
  EXPECT_EQ(page->front().entry, 25u);
  EXPECT_EQ(page->front().balance, (*store->account("cap/b"))->credits_posted);
  EXPECT_EQ(page->front().id, id_of(24));
  EXPECT_EQ(page->front().leaf, 24u);
  EXPECT_EQ(page->at(0).balance - page->at(0).amount, page->at(1).balance);
  auto rest = reader->statement("cap/b", page->back().entry, {}, 100);
  ASSERT_EQ(rest->size(), 15u);
  EXPECT_EQ(rest->back().balance, rest->back().amount);
  EXPECT_EQ(reader->statement("cap/b", 0, time_of(20), 100)->size(), 5u);
  EXPECT_EQ(reader->statement("cap/none", 0, {}, 100).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(reader->entries(20, 100)->size(), 5u);
  EXPECT_EQ(reader->entries(0, 7)->size(), 7u);
}

// The statement, walked from its beginning, is the slow twin.
TEST_P(Stores, say_what_a_balance_was_at_any_time) {
  for (int batch = 0; batch < 10; ++batch) {
    Batch next = maker.next(130);
    // A third account, with an entry here and there and several at one time.
    for (EntryRow& row : next.entries)
      if (row.number % 7 != 0) row.lines.pop_back();
    for (EntryRow& row : next.entries) row.at = time_of(row.number / 3 * 3);
    for (EntryRow& row : next.entries)
      if (row.number % 7 == 0) row.lines[1].previous = row.number == 7 ? 0 : row.number - 7;
    next.accounts[1].last_entry = next.entries.back().number / 7 * 7;
    next.at = time_of(2000);
    ASSERT_TRUE(store->commit(next).ok());
  }
  for (const char* name : {"cap/a", "cap/b"}) {
    auto lines = reader->statement(name, 0, {}, 10'000);
    ASSERT_TRUE(lines.ok()) << lines.error().text();
    for (std::uint64_t second = 0; second < 1400; second += 1) {
      auto line = std::find_if(lines->begin(), lines->end(),
                               [&](const StatementLine& one) { return one.at <= time_of(second); });
      auto then = reader->balance_at(name, time_of(second));
      ASSERT_TRUE(then.ok()) << then.error().text();
      ASSERT_EQ(then->entry, line == lines->end() ? 0 : line->entry) << name << " at " << second;
      ASSERT_EQ(then->balance, line == lines->end() ? Amount() : line->balance) << name << " at " << second;
    }
  }
  EXPECT_EQ(reader->balance_at("cap/a", TimePoint{1})->balance, Amount());
  EXPECT_EQ(reader->balance_at("cap/none", time_of(5)).error().code, ErrorCode::kNotFound);
}

TEST_P(Stores, find_records_by_every_filter) {
  ASSERT_TRUE(store->commit(maker.next(300)).ok());
  EXPECT_EQ((*store->record(id_of(17)))->json, "{\"n\":17}");
  EXPECT_EQ((*reader->record(id_of(17)))->leaf, 17u);
  EXPECT_EQ((*reader->record_at(17))->id, id_of(17));
  EXPECT_FALSE(*reader->record_at(300));
  auto all = reader->records({.rows_max = 1000});
  ASSERT_EQ(all->size(), 300u);
  EXPECT_EQ(all->front().leaf, 299u);
  auto count = [&](RecordFilter filter) {
    filter.rows_max = 1000;
    auto rows = reader->records(filter);
    std::size_t expected = 0;
    for (const RecordRow& row : *all) {
      expected += (filter.contract.empty() || row.contract == filter.contract) &&
                  (filter.key.empty() || row.key == filter.key) &&
                  (filter.session.empty() || row.session == filter.session) && row.at >= filter.from &&
                  (filter.to.ns == 0 || row.at < filter.to) &&
                  (filter.before_leaf == 0 || row.leaf < filter.before_leaf);
    }
    EXPECT_EQ(rows->size(), expected);
    for (std::size_t i = 1; i < rows->size(); ++i) EXPECT_GT((*rows)[i - 1].leaf, (*rows)[i].leaf);
    return rows->size();
  };
  EXPECT_EQ(count({.contract = "contract1"}), 150u);
  EXPECT_EQ(count({.key = "key2"}), 100u);
  EXPECT_EQ(count({.contract = "contract1", .key = "key2"}), 50u);
  EXPECT_EQ(count({.session = "session3"}), 30u);
  EXPECT_EQ(count({.contract = "contract1", .key = "key2", .session = "session5"}), 10u);
  EXPECT_EQ(count({.from = time_of(100), .to = time_of(120)}), 20u);
  EXPECT_EQ(count({.key = "key0", .from = time_of(100)}), 66u);
  EXPECT_EQ(count({.to = time_of(3)}), 3u);
  EXPECT_EQ(count({.from = time_of(1000)}), 0u);
  EXPECT_EQ(count({.before_leaf = 10}), 10u);
  EXPECT_EQ(count({.session = "nobody"}), 0u);
  EXPECT_EQ(reader->records({.session = "session3", .rows_max = 4})->size(), 4u);
}

TEST_P(Stores, keep_tiles_that_rebuild_the_tree) {
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(store->commit(maker.next(50)).ok());
  auto head = store->head();
  ASSERT_EQ(head->log_size, 600u);
  EXPECT_EQ(store->tile(0, 0)->size(), 256 * 32u);
  EXPECT_EQ(store->tile(0, 2)->size(), 88 * 32u);
  EXPECT_EQ(store->tile(1, 0)->size(), 2 * 32u);
  EXPECT_EQ(store->tile(0, 3).error().code, ErrorCode::kNotFound);
  auto loaded = tlog::TreeWriter::load(
      600, [&](unsigned level, std::uint64_t index) { return store->tile(level, index); });
  ASSERT_TRUE(loaded.ok()) << loaded.error().text();
  EXPECT_EQ(loaded->root(), maker.tree().root());
  EXPECT_EQ(head->log_root, maker.tree().root());
  auto entries = reader->log_entries(598, 10);
  EXPECT_EQ(*entries, (std::vector<std::string>{"entry 598", "entry 599"}));
}

TEST_P(Stores, keep_open_calls_with_their_newest_mark) {
  Batch batch = maker.next(0);
  batch.opened = {{5, id_of(5), std::string("data\0five", 9)}, {6, id_of(6), "six"}};
  batch.marks = {{5, "first"}};
  batch.opened_max = 7;
  ASSERT_TRUE(store->commit(batch).ok());
  batch = maker.next(0);
  batch.marks = {{5, "second"}};
  batch.ended = {6};
  batch.records = {{0, id_of(6), time_of(0), "contract0", "key0", "session0", "{}", ""}};
  batch.opened_max = 7;
  ASSERT_TRUE(store->commit(batch).ok());
  auto open = store->open_calls();
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->at(0).call.data, std::string("data\0five", 9));
  EXPECT_EQ(open->at(0).mark, "second");
  EXPECT_EQ(store->head()->opened, 7u);
}

TEST_P(Stores, keep_idempotency_keys_and_postings) {
  Batch batch = maker.next(0);
  batch.idempotency = {{"k/1", sha256("a"), id_of(1), time_of(100)}};
  batch.entries = {{.number = 1,
                    .kind = EntryKind::kPost,
                    .id = id_of(9),
                    .at = time_of(0),
                    .leaf = 3,
                    .lines = {{1, Amount(5), Amount(5), 0}, {2, Amount(-5), Amount(-5), 0}},
                    .memo = "root: deposit"}};
  batch.accounts = {{.number = 1, .name = "a", .unit = "X"}, {.number = 2, .name = "b", .unit = "X"}};
  EntryRow posted = batch.entries[0];
  ASSERT_TRUE(store->commit(batch).ok());
  auto row = store->idempotency("k/1");
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ((*row)->body, sha256("a"));
  EXPECT_EQ((*row)->id, id_of(1));
  EXPECT_FALSE(*store->idempotency("k/2"));
  EXPECT_EQ(**store->posting(id_of(9)), posted);
  EXPECT_FALSE(*store->posting(id_of(8)));
  batch = maker.next(0);
  batch.idempotency = {{"k/1", sha256("b"), id_of(2), time_of(200)}};
  ASSERT_TRUE(store->commit(batch).ok());
  EXPECT_EQ((*store->idempotency("k/1"))->id, id_of(2)) << "a later call takes the key over";
}

TEST_P(Stores, keep_documents_with_their_history) {
  std::string one = "{\"a\":1}", two = "{\"a\":2}";
  auto put = [&](std::uint64_t leaf, const std::string& name, const std::string& json) {
    Batch batch = maker.next(0);
    batch.documents = {
        {leaf, "Contract", name, json.empty() ? Digest{} : sha256(json), json, time_of(leaf), "root"}};
    batch.admin = {{leaf, time_of(leaf), "root", json.empty() ? "delete" : "apply", "Contract/" + name}};
    ASSERT_TRUE(store->commit(batch).ok());
  };
  put(0, "acme", one);
  put(1, "beta", one);
  put(2, "acme", two);
  EXPECT_EQ((*store->document("Contract", "acme"))->json, two);
  EXPECT_EQ(reader->documents()->size(), 2u);
  put(3, "acme", "");
  EXPECT_EQ((*store->document("Contract", "acme"))->json, "");
  ASSERT_EQ(reader->documents()->size(), 1u);
  EXPECT_EQ(reader->documents()->at(0).name, "beta");
  EXPECT_EQ(reader->document_history("Contract", "acme")->size(), 3u);
  EXPECT_EQ((*reader->document_by_digest(sha256(two)))->json, two) << "even after its deletion";
  EXPECT_FALSE(*reader->document_by_digest(Digest{}));
  EXPECT_FALSE(*store->document("Contract", "none"));
  EXPECT_EQ(reader->admin_log(0, 10)->size(), 4u);
  EXPECT_EQ(reader->admin_log(2, 10)->at(0).subject, "Contract/beta");
}

TEST_P(Stores, refuse_a_batch_that_does_not_follow) {
  Batch first = maker.next(1);
  ASSERT_TRUE(store->commit(first).ok());
  EXPECT_EQ(store->commit(first).error().code, ErrorCode::kConflict);
  EXPECT_EQ(store->head()->batch, 1u);
}

TEST_P(Stores, commit_again_after_a_reload) {
  ASSERT_TRUE(store->commit(maker.next(5)).ok());
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(store->head()->log_size, 5u);
  ASSERT_TRUE(store->commit(maker.next(5)).ok());
  EXPECT_EQ(reader->records({})->size(), 10u) << "an old reader sees on";
}

INSTANTIATE_TEST_SUITE_P(Both, Stores,
                         ::testing::Values(Kind{"memory",
                                                [](const Folder&) -> std::unique_ptr<Store> {
                                                  return std::make_unique<MemoryStore>();
                                                }},
                                           Kind{"sqlite",
                                                [](const Folder& folder) {
                                                  return open_sqlite(folder / "s.db").value();
                                                }}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(MemoryStore, fails_before_or_after_its_effect) {
  MemoryStore store;
  Maker maker;
  store.fail_next(Fault::kBeforeEffect);
  Batch batch = maker.next(1);
  EXPECT_FALSE(store.commit(batch).ok());
  EXPECT_EQ(store.head()->batch, 0u);
  EXPECT_FALSE(store.commit(batch).ok()) << "not before a reload";
  ASSERT_TRUE(store.reload().ok());
  store.fail_next(Fault::kAfterEffect);
  EXPECT_FALSE(store.commit(batch).ok());
  EXPECT_EQ(store.head()->batch, 1u);
}

}  // namespace
}  // namespace ciyuan::store::testing
