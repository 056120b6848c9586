#pragma once

/// A seeded world around the clerk: callers that open, extend, close, repeat themselves and vanish; a clock
/// that jumps; contracts that change; a store and keys that fail before or after their effect, in reads as
/// well, and a process that dies at any of these points, in its start too (faults.h). After every batch an
/// auditor, who keeps his own books from what he sent and what he was told, compares them with everything
/// stored.
///
///   Simulation simulation({.seed = 7, .steps = 2000});
///   std::string broken = simulation.run();      // empty: all invariants held
///
/// The same options give the same run.

#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "faults.h"
#include "store/memory_store.h"

namespace ciyuan::clerk::sim {

constexpr Nanoseconds kSilenceMax = seconds(600);
constexpr std::int64_t kRollingTokens = 2000;  ///< Ciyuan that a rolling window of the simulation allows
constexpr Nanoseconds kRollingPeriod = seconds(120);

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t steps = 1000;    ///< batches
  std::filesystem::path folder;  ///< empty: a store in memory; else SQLite in this folder
};

struct Figures {
  std::uint64_t commands = 0, opened = 0, refused = 0, replayed = 0, closed = 0, interrupted = 0, waited = 0,
                crashes = 0, failures = 0, failed_starts = 0, postings = 0, documents = 0, refills = 0,
                failed_refills = 0;
};

class Simulation {
 public:
  explicit Simulation(Options options);
  ~Simulation();
  /// The first broken invariant in words, with the step; empty where there is none.
  std::string run();
  const Figures& figures() const { return figures_; }
  /// SHA-256 over every batch that took effect.
  Digest history() const;

 private:
  /// What the auditor knows of a call.
  struct Call {
    Open open;
    bool told_open = false;     ///< Opened was delivered
    bool unsure_grant = false;  ///< an extension failed or its answer was lost
    bool dead = false;          ///< the process died, or the open failed: nobody will close it
    std::int64_t granted = 0;
    KindCounts used;
    std::vector<KindCounts> marks = {KindCounts()};  ///< that may be the last durable one
    Nanoseconds heard;                     ///< the machine's lapse when it last heard of it, or before
    std::optional<KindCounts> sent_close;  ///< what was billed in a close that was sent
    bool sent_nothing_served = false;
    std::optional<std::string> record_json;  ///< as told
    std::uint64_t leaf = 0;
  };
  struct Sent {
    enum class What { kOpen, kExtend, kClose, kPut, kDelete, kPost, kTick } what;
    Id id;
    std::int64_t wanted = 0;
    KindCounts used;
  };
  std::map<std::string, std::deque<std::pair<TimePoint, Int128>>> charged_in_window_;  ///< of rolling windows
  struct Book {  ///< one account, folded from the journal
    Int128 debits = 0, credits = 0, granted = 0, deposited = 0;
    store::EntryNumber last = 0;
  };
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(int per_mille) { return below(1000) < static_cast<std::uint64_t>(per_mille); }
  Call* some_call(bool open_only);

  contract::Limit cap(std::string account, std::int64_t tokens);
  contract::Limit money(std::string account, bool may_overdraw);
  void add_renewing(contract::Terms& terms);
  void audit_window(const store::EntryRow& entry, const std::string& account, Int128 charged);
  void add_sources(contract::Terms& terms);
  contract::Terms some_terms();
  Queued some_command();
  Queued open_command();
  Queued repeat_open();
  void generate(Call& call);
  Queued some_close(Call& call);
  Queued some_post();
  Queued tick();
  Queued send(Command command, Sent sent);
  void step();
  void plan_faults(int per_mille);
  void restart();
  void die_and_restart();
  bool is_shared(const std::string& account, std::uint64_t ticket) const;
  void note_funds(const std::vector<Answer>& answers, bool reads_fail);
  void hear(const Answer& answer);
  void hear_open(Call& call, std::uint64_t ticket, const Reply& reply);
  void hear_extension(Call& call, const Sent& sent, const Extended& extended);
  void hear_nothing_of_extension(Call& call, const Sent& sent);
  void settle_down();

  void audit(bool thorough);
  void audit_journal();
  void audit_charge(const store::EntryRow& entry);
  std::map<std::string, Int128> expected_lines(const Open& open, const record::UsageRecord& record,
                                               const KindCounts& billed,
                                               std::map<std::string, Int128>& shares);
  static bool is_a_mark(const Call& call, const KindCounts& billed);
  static bool is_free_when_interrupted(const Call& call);
  void audit_accounts();
  void audit_grants();
  void audit_waiting();
  bool is_passed(const contract::Limit& limit, const Open& open, std::uint64_t ticket) const;
  void audit_calls();
  void audit_log(bool thorough);
  /// Before the batch is durable, its keys are.
  void audit_keys_of(const store::Batch& batch);
  void audit_keys();
  /// Records the first thing that is wrong.
  void require(bool condition, const std::string& words);

  Options options_;
  std::mt19937_64 random_;
  Figures figures_;
  std::string broken_;
  std::uint64_t step_ = 0;

  Faults faults_;
  Keys keys_;
  std::unique_ptr<FaultyStore> store_;
  std::unique_ptr<store::Reader> reader_;
  std::unique_ptr<Worker> worker_;
  TimePoint clock_{1'800'000'000'000'000'000};
  Nanoseconds lapse_, since_tick_;  ///< time that passed, but for the clock's leaps
  Nanoseconds machine_lapse_;       ///< as the machine knew it before this step, at most
  TimePoint last_stored_time_;
  std::int64_t session_tokens_ = 400, window_tokens_ = 3000;  ///< what the contract grants now
  bool trusted_ = true;  ///< the last batch was committed: machine and store must agree

  std::map<Id, Call> calls_;
  std::vector<Id> call_order_, open_now_;
  std::map<std::uint64_t, Sent> sent_;
  std::vector<std::pair<std::uint64_t, Open>> arrivals_;  ///< opens of this step, by ticket
  std::map<std::uint64_t, TimePoint> waiting_;            ///< opens that wait, by ticket: until when at most
  std::set<std::string> there_before_;  ///< accounts of these opens that were stored before this step
  std::map<std::string, Amount> last_funds_;
  std::map<Id, Post> posts_;
  std::vector<Post> posts_sent_;
  std::uint64_t tickets_ = 0, names_ = 0;

  store::EntryNumber entries_read_ = 0;
  std::map<store::AccountNumber, Book> books_;
  std::uint64_t leaves_read_ = 0;
  tlog::CompactRange naive_;
  std::map<std::string, std::vector<Id>> charged_for_key_;
  std::map<Id, int> charges_of_call_;
};

}  // namespace ciyuan::clerk::sim
