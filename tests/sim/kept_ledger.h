#pragma once

/// A ledger that is kept in a store: what anyone who uses both without the clerk would write, and what the
/// simulator and the bench do write. Operations are applied in memory and gathered; commit() makes those
/// since the last one durable, as one batch. After a commit that failed, only a KeptLedger that is loaded
/// anew knows what is there.
///
/// In the store an entry of post() or post_balanced() is a posting under its id, an open hold is an open
/// call, a finished one a record of what was settled. So an id that the ledger has forgotten is looked up
/// there, and recalled, before anything is done under it.

#include <unordered_map>
#include <vector>

#include "ledger/ledger.h"
#include "store/store.h"

namespace ciyuan::ledger {

struct KeptOptions {
  std::size_t remembered_max = 1 << 16;  ///< at least as many as one batch finishes
  /// False: no id is used twice but while the ledger remembers it, as with ids that name their time.
  bool looks_ids_up = true;
};

class KeptLedger {
 public:
  explicit KeptLedger(store::Store& store, KeptOptions options = {})
      : store_(store), options_(options), ledger_(options.remembered_max) {}
  /// Reads the state. Once, before anything else.
  Status load();

  // As the ledger's own. kUnavailable: the store was asked and failed; nothing was changed.
  Result<AccountIndex> open_account(const AccountSpec& spec);
  Status set_credit_limit(AccountIndex account, Amount limit);
  Status close_account(AccountIndex account);
  Result<Applied> post(const Id& id, Lines lines, Funding funding = Funding::kNo);
  Result<std::vector<Line>> post_balanced(const Id& id, BalancedLines lines);
  Result<Applied> hold(const Id& id, Lines lines, TimePoint expires = {});
  Status raise(const Id& id, Lines more);
  Result<Applied> settle(const Id& id, Lines lines);
  Status settle_part(const Id& id, Lines lines);
  std::vector<Id> expire(TimePoint now);

  /// Runs operations of this ledger; where they return false, none of them was done.
  template <class Operations>
  void linked(Operations&& operations) {
    std::size_t effects = effects_.size();
    Linked set(ledger_);
    if (operations())
      set.commit();
    else
      effects_.resize(effects);
  }

  /// Durable when it returns. Nothing to make durable is no batch.
  Status commit(TimePoint at);
  /// The same in two steps, for who makes a batch durable on another thread meanwhile: what was done since
  /// the last batch, to be committed in this order; nothing where nothing was done.
  std::optional<store::Batch> take_batch(TimePoint at);
  const Ledger& ledger() const { return ledger_; }

 private:
  enum class What : std::uint8_t { kAccount, kPosted, kPart, kSettled, kOpened, kRaised };
  struct Effect {
    What what;
    Id id;
    std::vector<Line> lines;
    std::string note;  ///< of kPosted: how it was asked for
    TimePoint expires;
    AccountIndex account;
  };
  struct Place {
    store::AccountNumber number = 0;
    store::EntryNumber last_entry = 0;
    Amount balance;
    std::uint64_t dirty_in = 0;  ///< batch
  };
  Place& place(AccountIndex index);
  void touch(AccountIndex index);
  Status look_up(const Id& id);
  Result<std::vector<Line>> lines_of(const store::EntryRow& row) const;
  void add(What what, const Id& id, Lines lines, std::string note = "", TimePoint expires = {});
  void journal(store::EntryKind kind, const Effect& effect);
  void write(const Effect& effect);

  store::Store& store_;
  KeptOptions options_;
  Ledger ledger_;
  std::vector<Place> places_;
  std::unordered_map<store::AccountNumber, AccountIndex> indexes_;
  std::unordered_map<Id, std::uint64_t> hold_numbers_;
  std::vector<Effect> effects_;

  std::uint64_t batch_ = 0, holds_given_ = 0, leaves_ = 0;
  store::AccountNumber accounts_given_ = 0;
  store::EntryNumber entries_given_ = 0;
  tlog::Hash log_root_{};
  store::Batch out_;
  std::vector<AccountIndex> dirty_;
  std::vector<Id> raised_;
};

}  // namespace ciyuan::ledger
