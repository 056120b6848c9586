#pragma once

/// A seeded world around the ledger and a store: random commands over few accounts and ids, in batches;
/// commits that fail before or after their effect, or are torn in the middle of the file; a process that dies
/// at any of these points and starts again from the store, with reads that fail. After every command the
/// ledger, the reference model (tests/ledger/slow_ledger.h) and the laws must agree; before every commit an
/// auditor folds the batch into books of its own.
///
///   LedgerSimulation simulation({.seed = 7});
///   std::string broken = simulation.run();      // empty: nothing was wrong
///
/// The same options give the same run.

#include <deque>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "faults.h"
#include "kept_ledger.h"
#include "tests/ledger/slow_ledger.h"
#include "torn_store.h"

namespace ciyuan::ledger::sim {

struct LedgerOptions {
  std::uint64_t seed = 1;
  std::uint64_t batches = 150;
  std::filesystem::path folder;  ///< empty: a store in memory; else SQLite in this folder
};

struct LedgerFigures {
  std::uint64_t commands = 0, done = 0, existed = 0, refused = 0, conflicts = 0, expired = 0, linked = 0,
                taken_back = 0, batches = 0;
  std::uint64_t failed_before = 0, failed_after = 0, died_before = 0, died_after = 0, torn = 0,
                failed_reads = 0;
  /// Points at which the process died or gave up its memory, and began again from the store.
  std::uint64_t crashes() const { return failed_before + failed_after + died_before + died_after + torn; }
  void add(const LedgerFigures& other);
  std::string text() const;
};

/// One command, so that it can be done to the ledger and to the model, and to the model again after a crash.
struct Command {
  enum class What { kPost, kBalanced, kHold, kRaise, kPart, kSettle, kExpire, kLimit, kClose, kLinked } what;
  std::uint64_t id = 0;
  testing::SlowLines lines;
  testing::SlowTakes takes;
  Funding funding = Funding::kNo;
  std::int64_t time = 0;  ///< of kHold: when it expires; of kExpire: now
  int account = 0;
  Int128 limit = 0;
  std::vector<Command> linked;
  bool commits = false;  ///< of kLinked
};

class LedgerSimulation {
 public:
  explicit LedgerSimulation(LedgerOptions options);
  ~LedgerSimulation();
  /// The first thing that is wrong in words, with the batch; empty where there is none.
  std::string run();
  const LedgerFigures& figures() const { return figures_; }

 private:
  using SlowLedger = testing::SlowLedger;
  using SlowLines = testing::SlowLines;
  using Answer = SlowLedger::Answer;
  struct Past {
    store::EntryNumber entry = 0;
    TimePoint at;
    Amount balance;
  };
  struct Book {  ///< one account, folded from the journal
    Amount balance;
    store::EntryNumber last = 0;
    std::vector<Past> past;  ///< over SQLite
  };
  struct Told {  ///< what a command answered
    Answer answer = Answer::kDone;
    SlowLines posted;
    std::vector<std::uint64_t> expired;
    std::vector<Answer> linked;
    bool operator==(const Told&) const = default;
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  // commands
  Command some_command();
  std::uint64_t some_hold(std::uint64_t other);
  SlowLines some_lines();
  SlowLines part_of(std::uint64_t id, int times);
  std::vector<Line> fast(const SlowLines& lines) const;
  Told apply(SlowLedger& model, const Command& command);
  Result<Told> apply(KeptLedger& kept, const Command& command);
  void do_command(const Command& command);
  // batches and crashes
  void open_world();
  void step();
  void plan_fault();
  void commit();
  void restart_from_torn(const TornStore& torn);
  void restart(bool is_stored);
  void open_store(const std::filesystem::path& folder);
  // checks
  /// After the command, or after a restart.
  void check_accounts(const Command* command);
  void check_holds();
  void check_books(const store::Batch& batch);
  void check_store();
  void require(bool condition, const char* words);

  LedgerOptions options_;
  std::mt19937_64 random_;
  LedgerFigures figures_;
  std::string broken_;
  std::uint64_t batch_ = 0, command_ = 0;
  std::int64_t now_ = 1'800'000'000'000'000'000;

  clerk::sim::Faults faults_;
  std::unique_ptr<clerk::sim::FaultyStore> store_;
  std::unique_ptr<KeptLedger> kept_;
  std::vector<AccountIndex> indexes_;
  std::filesystem::path open_folder_;
  int folders_ = 0;
  bool tears_ = false;  ///< the next commit

  SlowLedger model_;
  SlowLedger checkpoint_;         ///< the model at a durable point
  std::vector<Command> since_;    ///< what was done since then
  std::size_t durable_ = 0;       ///< how many of those are in the store
  std::vector<Int128> headroom_;  ///< of each account before the command

  std::vector<Book> books_, durable_books_;
};

}  // namespace ciyuan::ledger::sim
