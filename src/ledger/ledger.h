#pragma once

/// A double-entry ledger in memory, for any units: money, tokens, requests, persons.
///
/// An account has posted and pending debits and credits. What it may still spend, its headroom, is
///
///     credits posted − debits posted − debits pending + credit limit
///
/// and never goes below zero, unless the account may overdraw. (Of an account whose side is debit the same
/// with debits and credits exchanged: what it is owed may not be paid back twice.) An entry has many lines; a
/// line adds its amount to one account (positive: credit, negative: debit), and the lines of each unit sum to
/// zero. So all accounts of a unit sum to zero at any time: nothing is made and nothing is lost.
///
/// A hold is an entry in two phases: its lines are pending, first; settling it posts up to as much and
/// releases the rest. Many holds on many accounts are one hold with many lines: all or nothing. A hold may
/// have a time after which expire() releases it; the ledger reads no clock. Sets of operations are linked
/// with Linked: all or nothing as well. (The model, and most of the words, are TigerBeetle's; entries of many
/// lines are ours.)
///
///   Ledger ledger;
///   CIYUAN_TRY(AccountIndex grants, ledger.open_account({.name = "grants", .unit = "CIYUAN", .may_overdraw =
///   true})); CIYUAN_TRY(AccountIndex cap, ledger.open_account({.name = "cap/acme", .unit = "CIYUAN"}));
///   CIYUAN_TRY(AccountIndex used, ledger.open_account({.name = "used/acme", .unit = "CIYUAN"}));
///   ledger.post(id1, {{{grants, Amount(-400)}, {cap, Amount(400)}}});      // fund the cap
///   ledger.hold(id2, {{{cap, Amount(-300)}, {used, Amount(300)}}});        // a call opens
///   ledger.hold(id3, {{{cap, Amount(-300)}, {used, Amount(300)}}});        // kRefused: 100 left of 400
///   ledger.settle(id2, {{{cap, Amount(-120)}, {used, Amount(120)}}});      // it used 120: 180 come back
///   ledger.post_balanced(id4, {{{cap, Amount(-900), Take::kUpTo}, {used, Amount(900), Take::kRest}}});  //
///   280
///
/// Ids make operations idempotent: the same id with the same content again changes nothing and says
/// `existed`; with other content it is kConflict, and Error::path names the field that differs. The ledger
/// remembers the open holds and the last `remembered_max` finished ids; older ones are for the journal to
/// know, and for recall_…() to bring back.
///
/// Cost: a hash lookup for an id, a few additions a line; no allocation but the growth of its tables. A hold
/// and its settling over four limits (eight lines) take about half a microsecond. One thread at a time.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "ledger/internal/flat_map.h"

namespace ciyuan::ledger {

/// A place in the ledger's table of accounts. Valid until the account is forgotten.
struct AccountIndex {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const AccountIndex&) const = default;
};

/// No sum of an account goes beyond it, posted and pending together; nor does a credit limit. Everything that
/// is added up of them then stays within 128 bits.
constexpr Amount kAmountMax{Int128{1} << 125};

/// The side on which an account grows. Its other side takes from it, and is what headroom bounds.
enum class Side : std::uint8_t {
  kCredit,  ///< debits take: balances, limits, income
  kDebit,   ///< credits take: what others owe, what was bought
};

/// There is no rule about an account's history: whoever makes the ledger durable keeps every line with the
/// balance after it (store::EntryLine), of every account and for good.
struct AccountSpec {
  std::string_view name;
  std::string_view unit;
  int scale = 0;  ///< decimal places of the unit; only kept, never used in arithmetic
  bool may_overdraw = false;
  Amount credit_limit;  ///< at least 0: how far below zero the account may go
  Side side = Side::kCredit;
};

struct Account {
  std::string name;
  std::string unit;
  int scale = 0;
  bool may_overdraw = false;
  bool closed = false;  ///< no further lines but those that settle or release what it holds
  Side side = Side::kCredit;
  Amount credit_limit;
  Amount debits_posted, credits_posted, debits_pending, credits_pending;
  Amount funded;   ///< credits posted by entries marked as funding: what a limit was granted in all
  Amount granted;  ///< of it, what is granted by rule and may be taken back: the sum of the kGrant lines

  Id id() const { return id_from_content(name); }
  Amount balance() const { return credits_posted - debits_posted; }
  Amount headroom() const {
    return credit_limit + (side == Side::kCredit ? credits_posted - debits_posted - debits_pending
                                                 : debits_posted - credits_posted - credits_pending);
  }
  /// Whether a line of this amount takes from the account.
  bool is_taken_by(Amount amount) const {
    return side == Side::kCredit ? amount.is_negative() : amount > Amount();
  }
};

/// Adds `amount` to the account: positive is a credit, negative a debit. Never zero in a posted entry of a
/// caller that wants a short journal, but zero is allowed.
struct Line {
  AccountIndex account;
  Amount amount;
  bool operator==(const Line&) const = default;
};
using Lines = std::span<const Line>;

/// How much of its amount a line of post_balanced() takes.
enum class Take : std::uint8_t {
  kExact,
  kUpTo,  ///< as much as there is on its account, in the order of the lines; its amount is the most
  kRest,  ///< what makes the unit sum to zero; its amount is the most, and its sign
};
struct BalancedLine {
  AccountIndex account;
  Amount amount;
  Take take = Take::kExact;
};
using BalancedLines = std::span<const BalancedLine>;

constexpr std::size_t kLinesMax = 256;
constexpr std::size_t kExpiredMax = 1024;  ///< holds that one expire() releases: one batch's worth

enum class Funding : std::uint8_t {
  kNo,
  kYes,    ///< its credits are counted as `funded`
  kGrant,  ///< its credits and debits change `granted`, and with it `funded` where the account may not
           ///< overdraw
};

struct Applied {
  bool existed = false;  ///< the same operation was done before: nothing changed
};

class Ledger {
 public:
  explicit Ledger(std::size_t remembered_max = 1 << 16) : remembered_max_(remembered_max) {}

  /// Opens an account, or returns the one of this name. kConflict, path "unit", "scale", "may_overdraw",
  /// "credit_limit" or "side": it exists with another. kInvalid: no name, no unit, or a credit limit that is
  /// none.
  Result<AccountIndex> open_account(const AccountSpec& spec);
  /// Puts an account with its balances back, from a store. kConflict: the name exists. kInvalid, path
  /// "credit_limit": it is none.
  Result<AccountIndex> restore_account(Account account);
  /// Changes whether the account may go below zero. It may be below already: then nothing more is taken from
  /// it.
  void set_may_overdraw(AccountIndex account, bool may_overdraw);
  /// Changes how far below zero the account may go. It may be further below already: then nothing more is
  /// taken from it. kInvalid, path "credit_limit": below zero or above kAmountMax. kNotFound.
  Status set_credit_limit(AccountIndex account, Amount credit_limit);
  /// Nothing further but settlements and releases. kNotFound.
  Status close_account(AccountIndex account);
  /// Drops an account that holds nothing from memory; its index may be given to another. kRefused: it holds.
  Status forget_account(AccountIndex account);

  std::optional<AccountIndex> find(std::string_view name) const;
  const Account& account(AccountIndex index) const;
  bool is_open(AccountIndex index) const {
    return index.value < accounts_.size() && !accounts_[index.value].name.empty();
  }
  std::size_t accounts() const { return accounts_.size() - free_.size(); }
  /// Calls f(AccountIndex, const Account&) for each account.
  template <class F>
  void for_each_account(F&& f) const {
    for (std::uint32_t i = 0; i < accounts_.size(); ++i)
      if (!accounts_[i].name.empty()) f(AccountIndex{i}, accounts_[i]);
  }

  /// Posts an entry. kInvalid: no lines, too many, an account that is not there, units that do not sum to
  /// zero (path: the unit). kRefused: an account is closed or would be overdrawn (path: its name). kTooLarge:
  /// overflow. kConflict: the id stands for something else. Nothing is changed on error.
  Result<Applied> post(const Id& id, Lines lines, Funding funding = Funding::kNo);
  /// Posts an entry some of whose lines are as much as there is, and returns the lines that were posted,
  /// those of nothing left out. Two shapes, unit by unit:
  ///
  ///     {package −500 kUpTo} {prepaid −500 kRest} {used +500}     the package first, then the balance
  ///     {cap −900 kUpTo} {used +900 kRest}                        what the cap has left, 900 at most
  ///
  /// A kUpTo line takes no more than the other lines of its unit leave to be taken. Where nothing remains to
  /// be posted the id stays free. Errors as post(), and kInvalid: two kRest lines, or kUpTo lines of both
  /// signs, in a unit (path: the unit); kRefused: there is too little for the exact lines (path: the account
  /// of the kRest line, or the unit).
  Result<std::vector<Line>> post_balanced(const Id& id, BalancedLines lines);

  /// Holds an entry's lines as pending, until `expires` where that is not zero. Errors as post(). Each
  /// account stands in one line at most.
  Result<Applied> hold(const Id& id, Lines lines, TimePoint expires = {});
  /// Puts an open hold back, from a store: what was held stays held, whether there is headroom for it or not.
  /// `opened`: the lines that it was opened with, where they are others by now.
  Status restore_hold(const Id& id, Lines lines, TimePoint expires = {}, Lines opened = {});
  /// Adds to the lines of an open hold: accounts must be lines of it, and keep their sign. kNotFound: no such
  /// hold. Not idempotent: the caller counts its extensions.
  Status raise(const Id& id, Lines more);
  /// Posts `lines`, each at most what the hold has on that account and of its sign, and releases the rest. No
  /// lines: nothing is posted. kInvalid (path: the account): more than is held. kNotFound: no such hold,
  /// never was one. Settling again with the same lines is `existed`.
  Result<Applied> settle(const Id& id, Lines lines);
  /// Posts a part and keeps the rest held. Not idempotent. Errors as settle().
  Status settle_part(const Id& id, Lines lines);
  /// Releases a hold whole: settle with no lines.
  Result<Applied> release(const Id& id) { return settle(id, {}); }
  /// Releases the holds whose time is `now` or was before, those due first first, and those of one time in
  /// the order of their ids; `holds_max` at most. Which.
  std::vector<Id> expire(TimePoint now, std::size_t holds_max = kExpiredMax);

  /// Brings a finished id back to the ledger's memory, from a journal: the entry that was posted, or what was
  /// settled of a hold. Balances stay as they are. kConflict: the ledger knows the id.
  Status recall_post(const Id& id, Lines lines, Funding funding = Funding::kNo);
  Status recall_balanced(const Id& id, BalancedLines lines, Lines posted);
  Status recall_settled(const Id& id, Lines lines);
  /// Whether the ledger remembers the id, as a hold or as finished.
  bool knows(const Id& id) const { return holds_.find(id) != nullptr || finished_.find(id) != nullptr; }

  /// The pending lines of an open hold; empty where there is none. Valid until the next operation.
  Lines held(const Id& id) const;
  /// When an open hold is due; zero: never, or there is no such hold.
  TimePoint due(const Id& id) const;
  std::size_t holds() const { return holds_.size(); }
  template <class F>
  void for_each_hold(F&& f) const {
    holds_.for_each([&](const Id& id, const Hold& hold) { f(id, Lines(hold.lines)); });
  }

 private:
  friend class Linked;
  struct Hold {
    std::vector<Line> lines;
    std::uint64_t accounts = 0, content = 0;  ///< fingerprints of the lines it was opened with
    TimePoint expires;
  };
  struct Due {
    TimePoint at;
    Id id;
    constexpr auto operator<=>(const Due&) const = default;
  };
  enum class Form : std::uint8_t { kPosted, kFunded, kGranted, kBalanced, kSettled };
  static Form form_of(Funding funding);
  struct Finished {
    Form form = Form::kPosted;
    std::uint64_t accounts = 0;  ///< fingerprint of the lines' accounts
    std::uint64_t content = 0;   ///< fingerprint of the lines
  };
  struct Undo;

  Account& at(AccountIndex index) { return accounts_[index.value]; }
  struct Prints {
    std::uint64_t accounts = 0;
    std::uint64_t content = 0;
  };
  static Prints prints_of(Lines lines);
  static Prints prints_of(BalancedLines lines);
  std::optional<Error> check_lines(Lines lines) const;
  std::optional<Error> check_zero_sums(Lines lines) const;
  std::optional<Error> check_room(Lines lines) const;
  /// How much of a line's amount the account's rules leave room for, as a size.
  Amount room_for(AccountIndex account, Amount wanted) const;
  std::optional<Error> check_within(const Hold& hold, Lines lines) const;
  Result<Applied> compare(const Finished& finished, Form form, const Prints& prints) const;
  std::optional<Error> balance_unit(BalancedLines wanted, std::vector<Line>& lines, std::size_t first) const;
  void open_hold(const Id& id, Lines lines, const Prints& prints, TimePoint expires);
  void set_due(const Id& id, TimePoint expires);
  void add_pending(Lines lines, bool add);
  void add_posted(Lines lines, Funding funding);
  void take_from(Hold& hold, Lines lines);
  void remember(const Id& id, const Finished& finished);
  Status recall(const Id& id, const Finished& finished);
  void keep_for_undo(AccountIndex account);
  void keep_for_undo(Lines lines);
  void keep_for_undo(const Id& hold);
  void keep_for_undo(const Id& remembered, const Id* instead_of);
  void take_back(Undo& undo);

  std::vector<Account> accounts_;
  std::vector<std::uint32_t> free_;
  internal::NameMap names_;
  internal::IdMap<Hold> holds_;
  std::vector<Due> due_;  ///< a heap, the first on top; holds that are settled by now may stand there still
  internal::IdMap<Finished> finished_;
  internal::IdMap<std::vector<Line>>
      balanced_;          ///< of those of finished_ that are kBalanced: what was posted
  std::vector<Id> ring_;  ///< ids of finished_, oldest overwritten first
  std::size_t ring_next_ = 0;
  std::size_t remembered_max_;
  Undo* undo_ = nullptr;  ///< set while a Linked is open
};

/// Makes the operations between its construction and commit() one: without commit(), the destructor takes all
/// of them back (accounts opened in between included). One at a time for each ledger; accounts are not
/// forgotten within.
class Linked {
 public:
  explicit Linked(Ledger& ledger);
  ~Linked();
  Linked(const Linked&) = delete;
  Linked& operator=(const Linked&) = delete;
  void commit();

 private:
  Ledger& ledger_;
};

}  // namespace ciyuan::ledger
