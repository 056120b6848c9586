/// Durable entries of four lines: the ledger with the store beside plain SQLite. See README.md.
///
///   ledger_bench FOLDER ours SECONDS [ENTRIES-A-BATCH]      as fast as it goes
///   ledger_bench FOLDER paced SECONDS ENTRIES-A-SECOND      latency at that load
///   ledger_bench FOLDER sqlite SECONDS                      plain SQL, one transaction an entry
///   ledger_bench FOLDER memory SECONDS                      the ledger without a store
///   ledger_bench FOLDER past LINES                          balances of the past of an account with so many
///   lines
///
/// Prints one JSON object.

#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/sim/kept_ledger.h"

namespace {

using namespace ciyuan;
using namespace ciyuan::ledger;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kAccounts = 10'000;  // as in TigerBeetle's benchmark
constexpr std::size_t kBatch = 4000;
constexpr std::size_t kPacedBatchMax = 20'000;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto of = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}
double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Two pairs of lines on four accounts, two of each unit.
struct Load {
  std::mt19937_64 random{7};
  std::vector<AccountIndex> accounts;
  std::uint64_t made = 0;

  void open(KeptLedger& kept) {
    for (std::size_t i = 0; i < kAccounts; ++i) {
      std::string name = "account " + std::to_string(i);
      AccountSpec spec{.name = name, .unit = i % 2 == 0 ? "CIYUAN" : "CNY", .scale = 6};
      spec.credit_limit = Amount(Int128{1} << 60);
      accounts.push_back(kept.open_account(spec).value());
    }
    CIYUAN_CHECK(kept.commit(now()).ok(), "the accounts are stored");
  }
  AccountIndex some(std::size_t unit) { return accounts[random() % (kAccounts / 2) * 2 + unit]; }
  void fill(Id& id, Line (&lines)[4]) {
    // Time-ordered, as UUIDv7 are.
    std::uint64_t number = __builtin_bswap64(++made);
    std::memcpy(id.bytes.data(), &number, 8);
    Amount amount(static_cast<Int128>(1 + random() % 1000));
    lines[0] = {some(0), -amount};
    do lines[1] = {some(0), amount};
    while (lines[1].account == lines[0].account);
    lines[2] = {some(1), -amount};
    do lines[3] = {some(1), amount};
    while (lines[3].account == lines[2].account);
  }
  void post(KeptLedger& kept) {
    Id id;
    Line lines[4];
    fill(id, lines);
    CIYUAN_CHECK(kept.post(id, lines).ok(), "every entry is posted");
  }
};

// One thread applies, another makes durable what was applied before.
class Committer {
 public:
  explicit Committer(store::Store& store) : store_(store), thread_([this] { run(); }) {}
  ~Committer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  bool is_free() {
    std::lock_guard lock(mutex_);
    return !batch_;
  }
  /// Waits until the batch before is durable.
  void hand_over(std::optional<store::Batch> batch, std::uint64_t entries_until) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !batch_; });
    batch_ = std::move(batch);
    entries_until_ = entries_until;
    lock.unlock();
    changed_.notify_all();
  }
  std::function<void(std::uint64_t)> on_durable;  ///< how many entries are

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return batch_ || stopping_; });
      if (!batch_) return;
      lock.unlock();
      CIYUAN_CHECK(store_.commit(*batch_).ok(), "every batch is committed");
      if (on_durable) on_durable(entries_until_);
      lock.lock();
      batch_.reset();
      lock.unlock();
      changed_.notify_all();
    }
  }
  store::Store& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<store::Batch> batch_;
  std::uint64_t entries_until_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

void report(const char* what, std::uint64_t entries, double lasted, double cpu) {
  std::printf("{\"what\":\"%s\",\"entries\":%llu,\"entries_per_s\":%.0f,\"cpu_us_per_entry\":%.2f", what,
              static_cast<unsigned long long>(entries), static_cast<double>(entries) / lasted,
              cpu * 1e6 / static_cast<double>(entries));
}

void bench_ours(const std::filesystem::path& folder, double seconds, std::size_t batch) {
  auto store = store::open_sqlite(folder / "ledger.db").value();
  KeptLedger kept(*store, {.looks_ids_up = false});
  Load load;
  load.open(kept);
  double cpu = cpu_seconds();
  auto begin = Clock::now();
  {
    Committer committer(*store);
    while (since(begin) < seconds) {
      for (std::size_t i = 0; i < batch; ++i) load.post(kept);
      committer.hand_over(kept.take_batch(now()), load.made);
    }
  }
  report("ours", load.made, since(begin), cpu_seconds() - cpu);
  std::printf(",\"batch\":%zu}\n", batch);
}

void bench_paced(const std::filesystem::path& folder, double seconds, double rate) {
  auto store = store::open_sqlite(folder / "ledger.db").value();
  KeptLedger kept(*store, {.looks_ids_up = false});
  Load load;
  load.open(kept);
  std::vector<double> latencies;
  latencies.reserve(static_cast<std::size_t>(rate * seconds * 1.1));
  std::uint64_t durable = 0, batches = 0;
  double cpu = cpu_seconds();
  auto begin = Clock::now();
  {
    Committer committer(*store);
    committer.on_durable = [&](std::uint64_t until) {
      ++batches;
      double at = since(begin);
      for (; durable < until; ++durable)
        latencies.push_back((at - static_cast<double>(durable) / rate) * 1e3);
    };
    std::uint64_t taken = 0;
    while (since(begin) < seconds) {
      auto due = static_cast<std::uint64_t>(since(begin) * rate);
      due = std::min<std::uint64_t>(due, taken + kPacedBatchMax);
      while (load.made < due) load.post(kept);
      if (load.made > taken && committer.is_free()) {
        committer.hand_over(kept.take_batch(now()), load.made);
        taken = load.made;
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    }
  }
  double lasted = since(begin);
  std::sort(latencies.begin(), latencies.end());
  auto share = [&](double part) {
    return latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))];
  };
  report("paced", durable, lasted, cpu_seconds() - cpu);
  std::printf(",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"entries_per_batch\":%.0f}\n", share(0.5), share(0.99),
              static_cast<double>(durable) / static_cast<double>(batches));
}

void bench_memory(double seconds) {
  Ledger ledger;
  Load load;
  for (std::size_t i = 0; i < kAccounts; ++i) {
    std::string name = "account " + std::to_string(i);
    AccountSpec spec{.name = name, .unit = i % 2 == 0 ? "CIYUAN" : "CNY", .scale = 6};
    spec.credit_limit = Amount(Int128{1} << 60);
    load.accounts.push_back(ledger.open_account(spec).value());
  }
  double cpu = cpu_seconds();
  auto begin = Clock::now();
  while (since(begin) < seconds)
    for (int i = 0; i < 1000; ++i) {
      Id id;
      Line lines[4];
      load.fill(id, lines);
      CIYUAN_CHECK(ledger.post(id, lines).ok(), "every entry is posted");
    }
  report("memory", load.made, since(begin), cpu_seconds() - cpu);
  std::printf("}\n");
}

// What one would write without any of this: balances and lines in tables, an entry a transaction.
void bench_sqlite(const std::filesystem::path& folder, double seconds) {
  sqlite3* database = nullptr;
  CIYUAN_CHECK(sqlite3_open((folder / "plain.db").c_str(), &database) == SQLITE_OK, "it opens");
  auto run = [&](const char* sql) {
    CIYUAN_CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql);
  };
  run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "CREATE TABLE accounts (number INTEGER PRIMARY KEY, balance INTEGER NOT NULL, least INTEGER NOT NULL);"
      "CREATE TABLE entries (id BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE lines (id BLOB NOT NULL, account INTEGER NOT NULL, amount INTEGER NOT NULL, balance "
      "INTEGER NOT NULL);"
      "CREATE INDEX lines_of_accounts ON lines (account);"
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) INSERT INTO accounts "
      "SELECT i, 0, -1000000000000 FROM n");
  auto prepare = [&](const char* sql) {
    sqlite3_stmt* statement = nullptr;
    CIYUAN_CHECK(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) == SQLITE_OK, sql);
    return statement;
  };
  sqlite3_stmt *begin_statement = prepare("BEGIN IMMEDIATE"), *commit = prepare("COMMIT"),
               *entry = prepare("INSERT INTO entries VALUES (?, ?)"),
               *update = prepare(
                   "UPDATE accounts SET balance = balance + ?2 WHERE number = ?1 AND balance + ?2 >= least "
                   "RETURNING balance"),
               *line = prepare("INSERT INTO lines VALUES (?, ?, ?, ?)");
  auto finish = [](sqlite3_stmt* statement) {
    CIYUAN_CHECK(sqlite3_step(statement) == SQLITE_DONE, "it is done");
    sqlite3_reset(statement);
  };
  Load load;
  for (std::uint32_t i = 0; i < kAccounts; ++i) load.accounts.push_back({i});
  double cpu = cpu_seconds();
  auto begin = Clock::now();
  while (since(begin) < seconds) {
    Id id;
    Line lines[4];
    load.fill(id, lines);
    finish(begin_statement);
    sqlite3_bind_blob(entry, 1, id.bytes.data(), 16, SQLITE_STATIC);
    sqlite3_bind_int64(entry, 2, now().ns);
    finish(entry);
    for (const Line& one : lines) {
      sqlite3_bind_int64(update, 1, one.account.value);
      sqlite3_bind_int64(update, 2, static_cast<std::int64_t>(one.amount.units()));
      CIYUAN_CHECK(sqlite3_step(update) == SQLITE_ROW, "there is room");
      std::int64_t balance = sqlite3_column_int64(update, 0);
      finish(update);
      sqlite3_bind_blob(line, 1, id.bytes.data(), 16, SQLITE_STATIC);
      sqlite3_bind_int64(line, 2, one.account.value);
      sqlite3_bind_int64(line, 3, static_cast<std::int64_t>(one.amount.units()));
      sqlite3_bind_int64(line, 4, balance);
      finish(line);
    }
    finish(commit);
  }
  report("sqlite", load.made, since(begin), cpu_seconds() - cpu);
  std::printf("}\n");
  for (sqlite3_stmt* one : {begin_statement, commit, entry, update, line}) sqlite3_finalize(one);
  sqlite3_close(database);
}

// A balance in the middle of a long chain, found and walked to.
void bench_past(const std::filesystem::path& folder, std::size_t lines) {
  auto store = store::open_sqlite(folder / "ledger.db").value();
  KeptLedger kept(*store, {.looks_ids_up = false});
  AccountIndex from = kept.open_account({.name = "from", .unit = "X", .may_overdraw = true}).value();
  AccountIndex to = kept.open_account({.name = "to", .unit = "X"}).value();
  constexpr std::int64_t kStart = 1'800'000'000'000'000'000;
  constexpr std::size_t kLinesABatch = 1000;
  for (std::uint64_t n = 1; n <= lines; ++n) {
    Id id;
    std::memcpy(id.bytes.data(), &n, sizeof n);
    CIYUAN_CHECK(kept.post(id, {{{from, Amount(-1)}, {to, Amount(1)}}}).ok(), "it is posted");
    if (n % kLinesABatch == 0 || n == lines)
      CIYUAN_CHECK(kept.commit({kStart + static_cast<std::int64_t>(n)}).ok(), "it is stored");
  }
  auto reader = store->reader().value();
  std::mt19937_64 random(3);
  auto some_time = [&] { return TimePoint{kStart + static_cast<std::int64_t>(random() % lines)}; };
  constexpr int kLookUps = 1000, kWalks = 3;
  auto begin = Clock::now();
  for (int i = 0; i < kLookUps; ++i) CIYUAN_CHECK(reader->balance_at("to", some_time()).ok(), "it is found");
  double found = since(begin) / kLookUps;
  begin = Clock::now();
  for (int i = 0; i < kWalks; ++i) {
    TimePoint at = some_time();
    std::optional<Amount> balance;
    for (store::EntryNumber before = 0; !balance;) {
      auto page = reader->statement("to", before, {}, 10'000).value();
      for (const store::StatementLine& line : page)
        if (!balance && line.at <= at) balance = line.balance;
      if (page.empty()) balance = Amount();
      if (!page.empty()) before = page.back().entry;
    }
    CIYUAN_CHECK(*balance == reader->balance_at("to", at)->balance, "both find the same");
  }
  double walked = since(begin) / kWalks;
  std::printf("{\"what\":\"past\",\"lines\":%zu,\"balance_at_us\":%.1f,\"walk_us\":%.0f}\n", lines,
              found * 1e6, walked * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4)
    return std::fprintf(stderr, "usage: ledger_bench FOLDER ours|paced|sqlite|memory|past NUMBER [NUMBER]\n"),
           2;
  std::filesystem::path folder = argv[1];
  std::string what = argv[2];
  double number = std::atof(argv[3]), other = argc > 4 ? std::atof(argv[4]) : 0;
  std::filesystem::create_directories(folder);
  if (what == "ours") bench_ours(folder, number, other > 0 ? static_cast<std::size_t>(other) : kBatch);
  if (what == "paced") bench_paced(folder, number, other);
  if (what == "memory") bench_memory(number);
  if (what == "sqlite") bench_sqlite(folder, number);
  if (what == "past") bench_past(folder, static_cast<std::size_t>(number));
}
