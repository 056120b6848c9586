#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include "batches.h"

namespace ciyuan::store::testing {
namespace {

using ::testing::HasSubstr;

void run_sql(const std::filesystem::path& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(Sqlite, keeps_everything_over_a_restart) {
  Folder folder;
  Maker maker;
  for (int life = 0; life < 3; ++life) {
    auto store = open_sqlite(folder / "s.db");
    ASSERT_TRUE(store.ok()) << store.error().text();
    EXPECT_EQ((*store)->head()->log_size, static_cast<std::uint64_t>(life) * 100);
    ASSERT_TRUE((*store)->commit(maker.next(100)).ok());
  }
}

TEST(Sqlite, lets_one_writer_in) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db");
  ASSERT_TRUE(store.ok());
  auto second = open_sqlite(folder / "s.db");
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  store->reset();
  EXPECT_TRUE(open_sqlite(folder / "s.db").ok());
}

TEST(Sqlite, refuses_a_newer_schema_and_other_programs_databases_and_leaves_them_alone) {
  Folder folder;
  { ASSERT_TRUE(open_sqlite(folder / "s.db").ok()); }
  run_sql(folder / "s.db", "PRAGMA user_version = 99");
  auto newer = open_sqlite(folder / "s.db");
  EXPECT_EQ(newer.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(newer.error().text(), HasSubstr("newer version: schema 99"));
  EXPECT_THAT(open_sqlite_reader(folder / "s.db").error().text(), HasSubstr("newer version"));
  run_sql(folder / "other.db", "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  EXPECT_THAT(open_sqlite(folder / "other.db").error().text(), HasSubstr("another program"));
  run_sql(folder / "other.db", "SELECT * FROM t");
  std::ofstream(folder / "text.db")
      << "this is no database at all, but long enough to have a header of one ......";
  EXPECT_EQ(open_sqlite(folder / "text.db").error().code, ErrorCode::kCorrupt);
}

TEST(Sqlite, says_that_a_balance_is_damaged_rather_than_reading_it_as_nothing) {
  Folder folder;
  Maker maker;
  { ASSERT_TRUE(open_sqlite(folder / "s.db").value()->commit(maker.next(10)).ok()); }
  for (const char* damage : {"UPDATE balances SET states = substr(states, 1, length(states) - 1)",
                             "UPDATE balances SET states = x''", "DELETE FROM balances"}) {
    run_sql(folder / "s.db", damage);
    auto store = open_sqlite(folder / "s.db").value();
    EXPECT_EQ(store->account("cap/b").error().code, ErrorCode::kCorrupt) << damage;
    EXPECT_EQ(store->reader().value()->accounts("", "", 10).error().code, ErrorCode::kCorrupt) << damage;
  }
}

// version_3.sql is what `sqlite3 FILE .dump` says of a database that commit e357d68 wrote: three batches of
// Maker's, of ten records each. `then` makes an older one of it, or a larger one.
void write_version_3(const Folder& folder, const char* then = "") {
  std::ifstream file(CIYUAN_SOURCE_DIR "/tests/store/version_3.sql");
  std::string sql(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(sql.empty());
  run_sql(folder / "s.db", sql.c_str());
  run_sql(folder / "s.db", then);
}
Maker after_version_3() {
  Maker maker;
  for (int batch = 0; batch < 3; ++batch) (void)maker.next(10);
  return maker;
}
constexpr const char* kToVersion2 =
    "ALTER TABLE head DROP COLUMN key_slots; ALTER TABLE records DROP COLUMN key_slot; PRAGMA user_version = "
    "2;";

TEST(Sqlite, brings_a_database_that_version_3_wrote_up_to_date) {
  Folder folder;
  write_version_3(folder);
  EXPECT_THAT(open_sqlite_reader(folder / "s.db").error().text(), HasSubstr("older version: schema 3"));
  Maker maker = after_version_3();
  for (int life = 0; life < 2; ++life) {
    auto store = open_sqlite(folder / "s.db");
    ASSERT_TRUE(store.ok()) << store.error().text();
    auto account = (*store)->account("cap/b").value();
    ASSERT_TRUE(account);
    EXPECT_EQ(account->credit_limit, Amount()) << "nobody had one";
    EXPECT_FALSE(account->debit_side);
    EXPECT_EQ(account->granted, Amount(7));
    EXPECT_EQ((*store)->reader().value()->statement("cap/b", 0, {}, 100)->size(), 30u + 10u * life);
    auto reader = (*store)->reader().value();
    for (const StatementLine& line : *reader->statement("cap/b", 0, {}, 100))
      EXPECT_EQ(reader->balance_at("cap/b", line.at)->balance, line.balance);
    Batch next = maker.next(10);
    next.accounts[0].credit_limit = Amount(500);
    ASSERT_TRUE((*store)->commit(next).ok());
    EXPECT_EQ((*(*store)->account("cap/a"))->credit_limit, Amount(500));
  }
}

TEST(Sqlite, finds_each_account_as_it_was_in_a_large_database_of_an_older_version) {
  Folder folder;
  write_version_3(
      folder,
      "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
      "INSERT INTO accounts SELECT i, 'z/' || i, 'CNY', 2, i % 3 = 0, i % 5 = 0, 2 * i, '-' || i || "
      "'00000000000000000000000', 3 * i, i % 31, 4 * i FROM n WHERE i NOT BETWEEN 60 AND 130");
  auto store = open_sqlite(folder / "s.db").value();
  auto rows = store->reader().value()->accounts("z/", "", 1000).value();
  ASSERT_EQ(rows.size(), 198u - 71u);
  for (const AccountRow& row : rows) {
    auto i = static_cast<std::int64_t>(row.number);
    EXPECT_EQ(row.name, "z/" + std::to_string(i));
    EXPECT_EQ(row.may_overdraw, i % 3 == 0);
    EXPECT_EQ(row.closed, i % 5 == 0);
    EXPECT_EQ(row.debits_posted, Amount(2 * i));
    Int128 credits = -i;
    for (int zeros = 0; zeros < 23; ++zeros) credits *= 10;
    EXPECT_EQ(row.credits_posted, Amount(credits));
    EXPECT_EQ(row.funded, Amount(3 * i));
    EXPECT_EQ(row.last_entry, static_cast<EntryNumber>(i % 31));
    EXPECT_EQ(row.granted, Amount(4 * i));
  }
  EXPECT_EQ((*store->account("cap/b"))->last_entry, 30u);
}

TEST(Sqlite, brings_a_database_of_version_2_up_to_date) {
  Folder folder;
  write_version_3(folder, kToVersion2);
  EXPECT_THAT(open_sqlite_reader(folder / "s.db").error().text(), HasSubstr("older version: schema 2"));
  auto store = open_sqlite(folder / "s.db").value();
  EXPECT_EQ(store->head()->key_slots, 0u);
  Maker maker = after_version_3();
  Id before = store->reader().value()->records({.rows_max = 1})->at(0).id;
  Batch after = maker.next(10);
  after.key_slots = 20;
  after.records.at(0).key_slot = 19;
  ASSERT_TRUE(store->commit(after).ok());
  EXPECT_EQ(store->head()->key_slots, 20u);
  EXPECT_EQ((*store->record(before))->key_slot, std::nullopt);
  EXPECT_EQ((*store->record(after.records.at(0).id))->key_slot, 19u);
}

TEST(Sqlite, brings_a_database_of_version_1_up_to_date) {
  Folder folder;
  write_version_3(folder, kToVersion2);
  run_sql(folder / "s.db", "ALTER TABLE accounts DROP COLUMN granted; PRAGMA user_version = 1");
  EXPECT_THAT(open_sqlite_reader(folder / "s.db").error().text(), HasSubstr("older version: schema 1"));
  Maker maker = after_version_3();
  for (int life = 0; life < 2; ++life) {
    auto store = open_sqlite(folder / "s.db");
    ASSERT_TRUE(store.ok()) << store.error().text();
    EXPECT_EQ((*(*store)->account("cap/b"))->granted, Amount(7)) << "what a cap had was granted";
    ASSERT_TRUE((*store)->commit(maker.next(10)).ok());
    EXPECT_TRUE(open_sqlite_reader(folder / "s.db").ok());
  }
}

TEST(Sqlite, gives_readers_one_state_while_the_writer_goes_on) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  ASSERT_TRUE(store->commit(maker.next(10)).ok());
  auto reader = store->reader().value();
  {
    auto pinned = Pinned::on(*reader);
    ASSERT_TRUE(pinned.ok());
    ASSERT_TRUE(store->commit(maker.next(10)).ok());
    EXPECT_EQ(reader->head()->log_size, 10u);
    EXPECT_EQ(reader->records({})->size(), 10u);
  }
  EXPECT_EQ(reader->head()->log_size, 20u);
}

TEST(Sqlite, reads_again_after_a_pin_that_failed) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  ASSERT_TRUE(store->commit(maker.next(10)).ok());
  auto reader = store->reader().value();
  run_sql(folder / "s.db", "ALTER TABLE head RENAME TO elsewhere");
  EXPECT_FALSE(Pinned::on(*reader).ok());
  run_sql(folder / "s.db", "ALTER TABLE elsewhere RENAME TO head");
  auto pinned = Pinned::on(*reader);
  ASSERT_TRUE(pinned.ok()) << pinned.error().text();
  EXPECT_EQ(reader->head()->log_size, 10u);
}

TEST(Sqlite, serves_many_readers_beside_the_writer) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&, reader = std::shared_ptr<Reader>(store->reader().value())] {
      do {
        auto pinned = Pinned::on(*reader);
        ASSERT_TRUE(pinned.ok()) << pinned.error().text();
        auto head = reader->head();
        auto rows = reader->records({.rows_max = 10'000});
        ASSERT_TRUE(head.ok() && rows.ok());
        ASSERT_EQ(rows->size(), std::min<std::size_t>(head->log_size, 10'000))
            << "each read sees whole batches";
        ++reads;
      } while (!stop);
    });
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store->commit(maker.next(20)).ok());
  stop = true;
  for (std::thread& thread : readers) thread.join();
  EXPECT_GE(reads, 3);
}

// Otherwise the writer has to do all of it at once, and everybody waits for that.
TEST(Sqlite, copies_the_write_ahead_file_back_while_the_writer_goes_on) {
  Folder folder;
  Maker maker;
  auto store = open_sqlite(folder / "s.db").value();
  const auto empty = std::filesystem::file_size(folder / "s.db");
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(store->commit(maker.next(200)).ok());
  ASSERT_LT(std::filesystem::file_size(folder / "s.db-wal"), 32'000U * 4096) << "the writer's own turn";
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::filesystem::file_size(folder / "s.db") < empty + (1 << 20) &&
         std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_GE(std::filesystem::file_size(folder / "s.db"), empty + (1 << 20));
}

// The write-ahead file gathers what a batch writes: batches of every size around its limits, read by a
// connection that knows nothing of that, and once more after a restart.
TEST(Sqlite, gathers_batches_of_every_size) {
  Folder folder;
  Maker maker;
  std::uint64_t records = 0;
  {
    auto store = open_sqlite(folder / "s.db").value();
    auto reader = open_sqlite_reader(folder / "s.db").value();
    for (std::uint64_t size : {1, 7, 100, 0, 400, 1500, 3000, 40'000, 2}) {
      ASSERT_TRUE(store->commit(maker.next(size)).ok()) << size;
      records += size;
      ASSERT_EQ(reader->head()->log_size, records);
    }
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(store->commit(maker.next(20)).ok()) << i;
  }
  auto store = open_sqlite(folder / "s.db").value();
  EXPECT_EQ(store->head()->log_size, records + 6000);
  EXPECT_EQ(store->head()->log_root, maker.tree().root());
}

TEST(Sqlite, drops_expired_idempotency_keys) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  for (std::uint64_t n = 0; n < 50; ++n) {
    Batch batch = maker.next(0);
    batch.at = time_of(n * 100);
    batch.idempotency = {{"key" + std::to_string(n), Digest{}, id_of(n), time_of(n * 100 + 250)}};
    ASSERT_TRUE(store->commit(batch).ok());
  }
  EXPECT_FALSE(*store->idempotency("key10"));
  EXPECT_TRUE(*store->idempotency("key48"));
}

TEST(Sqlite, keeps_its_write_ahead_file_small) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(store->commit(maker.next(200)).ok());
  auto bytes = std::filesystem::file_size(folder / "s.db-wal");
  EXPECT_LT(bytes, 200u << 20);
}

// A full disk, as the system says it: no file may grow any further.
TEST(Sqlite, fails_cleanly_on_a_full_disk_and_works_again_after_it) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  ASSERT_TRUE(store->commit(maker.next(100)).ok());
  ASSERT_TRUE(store->reload().ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit full{.rlim_cur = 8192, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  Batch lost = maker.next(500);
  Status failed = store->commit(lost);
  Status again = store->commit(lost);
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable) << failed.error().text();
  EXPECT_FALSE(again.ok()) << "nothing is believed before a reload";
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(store->head()->log_size, 100u);
  EXPECT_TRUE(store->commit(lost).ok());
  EXPECT_EQ(store->head()->log_size, 600u);
}

TEST(Sqlite, reloads_while_the_write_ahead_file_is_copied_back) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(store->commit(maker.next(1000)).ok());  // wakes the copying
    Status reloaded = store->reload();
    ASSERT_TRUE(reloaded.ok()) << reloaded.error().text();
  }
}

TEST(Sqlite, says_so_after_a_reload_that_failed) {
  Folder folder;
  auto store = open_sqlite(folder / "s.db").value();
  Maker maker;
  ASSERT_TRUE(store->commit(maker.next(3)).ok());
  std::filesystem::rename(folder / "s.db", folder / "away.db");
  std::filesystem::create_directory(folder / "s.db");
  Status failed = store->reload();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(store->head().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->account("some").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->commit(maker.next(1)).error().code, ErrorCode::kUnavailable);
  std::filesystem::remove(folder / "s.db");
  std::filesystem::rename(folder / "away.db", folder / "s.db");
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(store->head()->log_size, 3u);
}

// What a recovered write-ahead file shows may never have been synced: nobody is to believe it before it is in
// the database.
TEST(Sqlite, makes_durable_at_the_start_what_a_crash_left_in_the_write_ahead_file) {
  Folder folder;
  Maker maker;
  std::filesystem::path crashed = folder / "crashed.db";
  {
    auto store = open_sqlite(folder / "s.db").value();
    ASSERT_TRUE(store->commit(maker.next(10)).ok());
    std::filesystem::copy_file(folder / "s.db", crashed);
    std::filesystem::copy_file(folder / "s.db-wal", folder / "crashed.db-wal");
  }
  auto store = open_sqlite(crashed).value();
  EXPECT_EQ(std::filesystem::file_size(folder / "crashed.db-wal"), 0u);
  std::filesystem::path alone = folder / "alone.db";
  std::filesystem::copy_file(crashed, alone);
  EXPECT_EQ(open_sqlite_reader(alone).value()->head()->log_size, 10u);
}

TEST(Sqlite, loses_a_torn_batch_whole) {
  Folder folder;
  Maker maker;
  std::filesystem::path torn = folder / "torn.db", path = folder / "s.db";
  auto store = open_sqlite(path).value();
  ASSERT_TRUE(store->commit(maker.next(10)).ok());
  auto before = std::filesystem::file_size(folder / "s.db-wal");
  ASSERT_TRUE(store->commit(maker.next(100)).ok());
  auto after = std::filesystem::file_size(folder / "s.db-wal");
  ASSERT_GT(after, before);
  // As after a power cut in the middle of the second commit: copies with the write-ahead file cut at every
  // page and in the middle of one.
  for (std::uintmax_t cut = before; cut <= after; cut += 4096 + 24 + (cut % 2 == 0 ? 100 : 0)) {
    std::filesystem::copy_file(path, torn, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(folder / "s.db-wal", folder / "torn.db-wal",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "torn.db-wal", cut);
    std::filesystem::remove(folder / "torn.db-shm");
    auto opened = open_sqlite(torn);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    std::uint64_t size = (*opened)->head()->log_size;
    EXPECT_TRUE(size == 10 || (size == 110 && cut == after)) << size << " at " << cut;
    EXPECT_EQ((*opened)->reader().value()->records({.rows_max = 1000})->size(), size);
    auto tree = tlog::TreeWriter::load(
        size, [&](unsigned level, std::uint64_t index) { return (*opened)->tile(level, index); });
    ASSERT_TRUE(tree.ok());
    EXPECT_EQ(tree->root(), (*opened)->head()->log_root);
  }
}

}  // namespace
}  // namespace ciyuan::store::testing
