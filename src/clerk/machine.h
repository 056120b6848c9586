#pragma once

/// The state machine behind the clerk: commands go in with their time, replies and one batch of effects come
/// out. It reads no clock and writes nothing; it reads what it does not keep in memory (accounts long unused,
/// records) from the store, and takes keys from their source. The same commands on the same store with the
/// same keys give the same batch, byte for byte.
///
///   StateMachine machine(store, keys, {});
///   CIYUAN_TRY_STATUS(machine.load());
///   machine.apply(Open{…}, {&mailbox, 7}, replies);
///   CIYUAN_TRY_STATUS(store.commit(machine.take_batch()));    // or drop the machine, and load a new one
///   machine.committed();                                        // only now may the replies go out
///
/// Opening. A call wants its prompt, its request's own cost, and min(output_wanted, quantum) generated tokens
/// on each account at once. Where that is not there:
///   - what is left and what others hold together cannot cover prompt and one token: refused, retry at
///   window's end;
///   - others hold what is missing: the clause's choice. kWait queues in the order of arrival on the accounts
///   that
///     are short; a later call does not pass an earlier one on the same account; after wait_max it starts
///     with what there is, at least one token, or is refused. kStartSmall does that at once, kRefuse refuses
///     at once;
///   - nobody holds it: it starts with what there is.
/// Extensions never wait and go before waiting opens: calls that run are brought to their end first.
/// A token of output costs, while held, what the dearest of the generated kinds costs on the account.
///
/// An account is granted what its limit says, from "funds/<unit>", by the first open that is granted on it;
/// deposits come on top. A later open whose limit says otherwise posts the difference as it comes in: more at
/// once, less as far as it is neither spent nor held, and the rest as it frees.
///
/// Interrupted calls. settle_interrupted() closes every open call from its last durable mark: it bills the
/// prompt and the tokens marked as used, on each account; but nothing at all where no token was marked and
/// the contract says on_upstream_error = nothing. Their records say "interrupted". The same is done to a call
/// of which nothing was heard for `silence_max`, or up to a sixty-fourth longer, as the Ticks measure it.
///
/// Idempotency keys stand for their call from its Open (also while it waits) to 24 hours after its Close. A
/// call that is refused, or closed with nothing served, frees its key: a client's retry is then a new try,
/// and no second charge.
///
/// One thread at a time.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "clerk/commands.h"
#include "ledger/ledger.h"
#include "record/keys_file.h"
#include "store/store.h"
#include "tlog/tile.h"

namespace ciyuan::clerk {

struct MachineOptions {
  std::size_t waiting_max = 10'000;    ///< opens in the queue; the next one is served as if its time were up
  std::size_t accounts_max = 1 << 18;  ///< in memory; beyond it those longest unused go back to the store
  std::size_t closed_remembered = 1 << 17;  ///< ids of closed calls kept in memory against doubles
  Nanoseconds idempotency_life = seconds(24 * 3600);
  Nanoseconds silence_max =
      seconds(6 * 3600);                     ///< after which a call that nobody extends or closes is settled
  Nanoseconds retry_contended = seconds(1);  ///< Retry-After where headroom is held by others
};

/// Where record keys come from, and where they are found again. They are kept apart from the store, and are
/// durable before anything that needs them: before they are given out.
class KeySource {
 public:
  virtual ~KeySource() = default;
  /// A durable key that nobody was given before, in this life or an earlier one. kUnavailable: there is none.
  virtual Result<record::RecordKey> take() = 0;
  /// After a restart. kNotFound: never there. kUnavailable: it cannot be read now, and the machine does not
  /// load.
  virtual Result<SecretKey> find(const Id& id, std::optional<std::uint64_t> slot) = 0;
  /// The least slot that take() may still give.
  virtual std::uint64_t next_slot() const = 0;
  /// Why take() would fail, in a sentence; empty where it would not.
  virtual std::string trouble() const { return ""; }
};

/// Who gets the reply.
struct ReplyTo {
  Mailbox* mailbox = nullptr;
  std::uint64_t ticket = 0;
};
struct Answer {
  ReplyTo to;
  Reply reply;
};

class StateMachine {
 public:
  /// `source` and `keys` must outlive the machine; `keys` may be null: records then have keys that nobody
  /// keeps.
  StateMachine(store::Store& source, KeySource* keys, MachineOptions options);
  ~StateMachine();
  StateMachine(const StateMachine&) = delete;
  StateMachine& operator=(const StateMachine&) = delete;

  /// Reads the state. Once, before anything else. kCorrupt: the stored tree does not have the stored root, or
  /// an open call cannot be read.
  Status load();
  /// Settles all open calls (after a restart). How many. The effects are in the batch.
  std::size_t settle_interrupted(TimePoint at);
  /// Releases this call whole, if it is open: its caller was told that it is not. The record says so.
  void abandon(const Id& id, TimePoint at);

  /// Applies one command. Answers, to this caller and to callers whose opens had waited, are appended. A
  /// command whose answer is an Error changed nothing.
  void apply(Command command, ReplyTo to, std::vector<Answer>& answers);
  /// Takes all waiting opens out of the queue; returns whom to tell.
  std::vector<ReplyTo> drop_waiting();

  /// The effects of the commands since the last batch. An empty one needs no commit. No command is applied
  /// between this and committed().
  const store::Batch& take_batch();
  /// The batch taken last is durable.
  void committed();
  /// The batch taken last was empty and was not committed. (It may be committed all the same, to see whether
  /// the store works: then committed() follows.)
  void skip_batch();
  /// Calls opened since the last commit and still open: what an unsure commit may have left in the store.
  std::vector<Id> opened_since_commit() const;

  TimePoint time() const { return at_; }
  std::size_t open_calls() const { return calls_.size(); }
  std::size_t waiting_calls() const { return waiting_.size(); }
  std::uint64_t interrupted() const { return interrupted_; }
  const ledger::Ledger& accounts() const { return ledger_; }
  const tlog::TreeWriter& tree() const { return tree_; }
  std::vector<Id> open_ids() const;

 private:
  struct Call;
  struct Waiter;
  struct Attempt;
  struct Standing;
  struct SourcesAttempt;
  struct KeyInUse {
    Id id;
    Digest body{};
  };
  /// What the machine knows of an account beside its balances.
  struct Place {
    store::AccountNumber number = 0;
    store::EntryNumber last_entry = 0;
    std::uint64_t touched = 0;  ///< batch in which it was last used
    std::uint32_t users = 0;    ///< open and waiting calls that point to it
    bool dirty = false;
    /// What a lowered limit still has to take back: more is held or spent than it grants now. While there is
    /// any, the account has no headroom. Not stored: what is held makes it, and the next open finds it again.
    Amount excess;
  };

  using Found = std::vector<std::optional<ledger::AccountIndex>>;  ///< by limit

  /// What the machine keeps of an account that comes by headroom with time. All of it can be had again from
  /// the journal: the time of the account's last entry, and the accounts of the parts of its window.
  struct Renewing {
    contract::Renewal kind = contract::Renewal::kNever;
    Nanoseconds period;
    Amount funds, drip;
    TimePoint since;  ///< kDrips: what came back until then is posted
    struct Part {
      TimePoint start;
      ledger::AccountIndex account, sink;
    };
    std::deque<Part> parts;  ///< kAges: with something in them, oldest first
  };

  // commands (machine.cc: control plane; calls.cc: calls)
  void pass_time(TimePoint at, std::vector<Answer>& answers);
  Reply change(ChangeDocuments& command);
  Reply log(const Act& command);
  Reply correct(Correct& command);
  Result<std::vector<ledger::Line>> correcting_lines(const Correct& command);
  Result<std::optional<store::RecordRow>> committed_or_new_record(const Id& id);
  Reply post(Post& command);
  Reply close_account(const CloseAccount& command);
  Reply expire(const ExpirePackage& command);
  /// What a posting comes to; nothing is changed by asking.
  struct PostingPlan {
    std::optional<Done> done;  ///< it was made before
    std::optional<ledger::AccountIndex> debit, credit;
  };
  /// `is_claim`: the debit may go below zero and any credit limit.
  Result<PostingPlan> plan_posting(const Post& command, bool is_claim = false);
  Reply make_posting(Post& command, bool is_claim = false);
  Reply settle_papers(Settle& command);
  void open(Open& command, ReplyTo to, std::vector<Answer>& answers);
  Reply extend(const Extend& command);
  Reply close(Close& command, std::vector<Answer>& answers);

  // opening (opening.cc)
  Result<std::optional<Replay>> replay_of(const Idempotency& idempotency);
  Result<bool> was_closed(const Id& id);
  Result<Found> find_limits(const Open& command);
  Result<Attempt> attempt(const Open& command, std::uint64_t turn, bool may_wait);
  Standing standing_of(const contract::Limit& limit, std::optional<ledger::AccountIndex> found,
                       std::uint64_t turn);
  Result<Opened> grant(Open& command, const Attempt& attempt);
  Status check_sums(const Open& command);
  Status check_sums(std::string_view account);
  Status check_sinks(const Open& command);

  // grants (granting.cc)
  Status check_funds(const std::string& unit);
  Status update_grants(const Open& command, const Found& found);
  void fund_new_accounts(const Open& command, std::vector<ledger::AccountIndex>& accounts);
  void add_grant(std::vector<ledger::Line>& lines, ledger::AccountIndex account, Amount amount);
  void post_grants(const Id& id, const std::vector<ledger::Line>& lines);
  void take_back(std::span<const ledger::AccountIndex> freed, const Id& id);
  Refusal refusal_of(const Open& command, const Attempt& attempt) const;

  // renewals (renewal.cc)
  Status watch_renewals(const std::vector<contract::Limit>& limits, const Found& found);
  Status watch(const contract::Limit& limit, ledger::AccountIndex account);
  Status find_parts(Renewing& renewing, ledger::AccountIndex account, ledger::AccountIndex sink,
                    TimePoint newest);
  void renew(ledger::AccountIndex account, const Id& id);
  void renew_all(std::span<const ledger::AccountIndex> accounts, const Id& id);
  void drip(Renewing& renewing, ledger::AccountIndex account, const Id& id);
  void give_back_parts(Renewing& renewing, ledger::AccountIndex account, const Id& id);
  bool post_renewal(const std::vector<ledger::Line>& lines, const Id& id);
  void note_parts(const Call& call, const std::vector<Amount>& amounts);
  TimePoint renewed_at(ledger::AccountIndex account, Amount missing) const;
  void name_block(const Call& call, Extended& extended) const;
  void forget_account(ledger::AccountIndex account);
  std::vector<Warning> warnings_of(const Call& call, const std::vector<Amount>& amounts);

  // sources (sources.cc)
  SourcesAttempt try_sources(const Open& command, const Found& found, std::uint64_t turn, std::int64_t want,
                             std::int64_t least);
  /// How many of `more` tokens every account of an open call has room for, and what its sources would hold.
  /// `in_time`: rates set aside, which give more to those who wait.
  std::int64_t affordable(const Call& call, std::int64_t more, std::vector<std::optional<Amount>>& held,
                          bool in_time = false) const;
  /// How many of `more` tokens the sources can pay for, and what they would hold then.
  std::int64_t raise_on_sources(const Call& call, std::int64_t more,
                                std::vector<std::optional<Amount>>& held) const;
  /// What each limit's sink hands on of what it received, as lines that sum to zero.
  std::vector<ledger::Line> share_lines(const Call& call, const std::vector<Amount>& amounts) const;

  // waiting (waiting.cc)
  void wait(Open&& command, ReplyTo to, const std::vector<std::size_t>& short_limits);
  /// Tries a waiting open again; true: it has its answer and is out of the queue.
  bool try_waiting(std::uint64_t turn, bool may_wait, std::vector<Answer>& answers);
  void unblock(Waiter& waiter, std::uint64_t turn);
  void block(Waiter& waiter, std::uint64_t turn, const std::vector<std::size_t>& short_limits);
  void retry_waiting(std::vector<Answer>& answers);
  void expire_waiting(std::vector<Answer>& answers);
  bool waits_before(ledger::AccountIndex account, std::uint64_t turn) const;

  // closing (calls.cc)
  Result<Closed> settle(Call& call, const KindCounts& billed, bool nothing_served,
                        record::UsageRecord record);
  void settle_as_interrupted(Call& call, bool nothing_served);
  void settle_silent(Nanoseconds elapsed);
  std::vector<Remaining> remaining_of(const Call& call) const;
  void forget_call(const Id& id);

  // accounts and journal (machine.cc)
  Result<std::optional<store::DocumentRow>> newest_document(const DocumentChange& change);
  Result<std::optional<ledger::AccountIndex>> find_account(std::string_view name, bool look_in_store = true);
  Result<ledger::AccountIndex> open_account(const ledger::AccountSpec& spec, bool look_in_store = true);
  Place& place(ledger::AccountIndex index);
  void touch(ledger::AccountIndex index, bool dirty);
  void journal(store::EntryKind kind, const Id& id, ledger::Lines lines, std::uint64_t leaf,
               std::string memo);
  std::uint64_t log_action(const Id& id, std::string action, std::string kind, std::string name,
                           const Digest& digest, const std::string& actor);
  void forget_idle_accounts();
  Result<record::RecordKey> take_key();

  // loading (machine.cc)
  Status load_call(const store::OpenCall& row);

  store::Store& source_;
  KeySource* keys_;
  MachineOptions options_;

  TimePoint at_;
  ledger::Ledger ledger_;
  std::vector<Place> places_;  ///< by AccountIndex
  std::vector<ledger::AccountIndex> dirty_;
  std::unordered_map<std::uint32_t, Renewing> renewing_;  ///< by account
  tlog::TreeWriter tree_;
  std::uint64_t batch_number_ = 0;
  store::AccountNumber accounts_given_ = 0;
  store::EntryNumber entries_given_ = 0;
  std::uint64_t calls_given_ = 0;
  std::uint64_t key_slots_ = 0;  ///< one more than the highest slot given
  std::uint64_t interrupted_ = 0;

  std::unordered_map<Id, std::unique_ptr<Call>> calls_;
  std::unordered_map<std::string, KeyInUse> keys_in_use_;  ///< idempotency keys of open and waiting calls
  Nanoseconds lapse_;             ///< of time, by the Ticks' own account, since the load
  Nanoseconds look_for_silence_;  ///< at this lapse: no call can have been silent for long before
  std::unordered_set<Id> closed_;
  std::deque<Id> closed_order_;
  std::int64_t looked_up_until_ms_ = 0;  ///< ids made before may be closed calls that are not in closed_

  std::map<std::uint64_t, std::unique_ptr<Waiter>> waiting_;  ///< by turn: the order of arrival
  std::unordered_map<Id, std::uint64_t> waiting_ids_;
  std::set<std::pair<TimePoint, std::uint64_t>> deadlines_;
  std::unordered_map<std::uint32_t, std::set<std::uint64_t>>
      blocked_;  ///< by account: turns that wait for it
  std::vector<ledger::AccountIndex> woken_;
  std::vector<ledger::AccountIndex> finished_;  ///< accounts of single calls that were settled
  std::uint64_t turns_given_ = 0;

  // Effects that are not committed yet.
  store::Batch batch_;
  bool under_way_ = false;
  std::unordered_map<std::uint64_t, std::size_t> opened_in_batch_;  ///< call number → place in batch_.opened
  std::unordered_map<std::uint64_t, std::size_t> marked_in_batch_;
};

}  // namespace ciyuan::clerk
