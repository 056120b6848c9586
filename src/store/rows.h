#pragma once

/// What a store keeps, as plain rows. The store knows nothing of calls or contracts: what only the clerk
/// reads back is a byte string to it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/amount.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/time.h"
#include "tlog/tile.h"

namespace ciyuan::store {

/// Accounts are numbered from 1 in the order in which they were first seen; numbers are never given twice.
using AccountNumber = std::uint64_t;
/// Journal entries, numbered from 1 without gaps.
using EntryNumber = std::uint64_t;

struct AccountRow {
  AccountNumber number = 0;
  std::string name;
  std::string unit;
  int scale = 0;
  bool may_overdraw = false;
  bool closed = false;
  Amount debits_posted, credits_posted;
  Amount funded;               ///< granted or deposited in all
  EntryNumber last_entry = 0;  ///< head of the account's chain of entries; 0: none
  Amount granted;              ///< of `funded`, what the contract's limit granted
  Amount credit_limit;         ///< how far below zero it may go
  bool debit_side = false;     ///< grows by debits, and credits take from it
};

/// One line of a journal entry. The lines of one account form a chain, newest first, through `previous`: a
/// statement reads it without any index, and the balance after each line stands in the line.
struct EntryLine {
  AccountNumber account = 0;
  Amount amount;             ///< positive: credit, negative: debit
  Amount balance;            ///< of the account after this line: credits − debits posted
  EntryNumber previous = 0;  ///< the account's entry before this one; 0: none
  bool operator==(const EntryLine&) const = default;
};

/// kShare: what a call's charge hands on to others than its sink, posted with it. kRenewal: what comes back
/// to a limit's account with time, and the part of its window that a charge falls in.
enum class EntryKind : std::uint8_t { kFund = 1, kCharge = 2, kPost = 3, kShare = 4, kRenewal = 5 };

struct EntryRow {
  EntryNumber number = 0;
  EntryKind kind = EntryKind::kPost;
  Id id;  ///< of a call (all but kPost) or of the posting
  TimePoint at;
  std::uint64_t leaf = 0;  ///< of the record or act in the log; kFund and kRenewal have none
  std::vector<EntryLine> lines;
  std::string memo;  ///< of a kPost; who: memo
  bool operator==(const EntryRow&) const = default;
};

/// A call that is open. `data` holds everything a restart needs to settle it.
struct OpenCallRow {
  std::uint64_t number = 0;  ///< the clerk's own count of opened calls
  Id id;
  std::string data;
};
/// What has been granted and used since; the newest replaces the older.
struct MarkRow {
  std::uint64_t number = 0;
  std::string data;
};

struct RecordRow {
  std::uint64_t leaf = 0;  ///< leaf index: also the order of closing
  Id id;
  TimePoint at;  ///< of closing
  std::string contract, key, session;
  std::string json;  ///< canonical
  /// The digests that its leaf in the log is made of, as record::entry_of() takes them. Empty: the leaf's
  /// bytes stand among the log entries.
  std::string fields;
  /// Where the keys file has its key. Nothing: by the record's id, or nowhere.
  std::optional<std::uint64_t> key_slot;
};

struct LogEntryRow {
  std::uint64_t leaf = 0;
  std::string entry;  ///< the bytes whose leaf hash is in the tree
};

/// An Idempotency-Key of a closed call: the answer to a repeat is its record.
struct IdempotencyRow {
  std::string key;
  Digest body{};
  Id id;
  TimePoint expires;
};

struct DocumentRow {
  std::uint64_t leaf = 0;  ///< of the change in the log: orders all versions
  std::string kind, name;
  Digest digest{};   ///< SHA-256 of json; zero for a deletion
  std::string json;  ///< canonical; empty for a deletion
  TimePoint at;
  std::string actor;
};

struct AdminRow {
  std::uint64_t leaf = 0;
  TimePoint at;
  std::string actor;
  std::string action;   ///< "put", "delete", "post"
  std::string subject;  ///< "Contract/acme", or a posting's id
};

/// Everything one batch of commands changes. Committed whole or not at all.
struct Batch {
  std::uint64_t number = 0;          ///< 1 more than the last committed batch's
  TimePoint at;                      ///< the clerk's time after it
  std::vector<AccountRow> accounts;  ///< new ones and changed ones, whole
  std::vector<EntryRow> entries;
  std::vector<OpenCallRow> opened;
  std::vector<MarkRow> marks;
  std::vector<std::uint64_t> ended;  ///< numbers of open calls; the record of each is in this batch
  std::vector<RecordRow> records;
  std::vector<LogEntryRow> log_entries;
  std::vector<tlog::TileChange> tiles;
  std::vector<IdempotencyRow> idempotency;  ///< an expired row with the key is replaced
  std::vector<DocumentRow> documents;
  std::vector<AdminRow> admin;
  std::uint64_t opened_max =
      0;  ///< highest number of an open call ever given, rows that never came here included
  std::uint64_t key_slots = 0;  ///< no call or record, of this batch or before it, has a slot from here on
  std::uint64_t log_size = 0;   ///< leaves after this batch
  tlog::Hash log_root{};

  bool empty() const {
    return accounts.empty() && entries.empty() && opened.empty() && marks.empty() && ended.empty() &&
           records.empty() && log_entries.empty() && tiles.empty() && idempotency.empty() &&
           documents.empty() && admin.empty();
  }
};

/// What the clerk starts from.
struct Head {
  std::uint64_t batch = 0;
  TimePoint at;
  AccountNumber accounts = 0;  ///< highest number given
  EntryNumber entries = 0;
  std::uint64_t opened = 0;     ///< highest number of an open call ever given
  std::uint64_t key_slots = 0;  ///< one more than the highest slot of a key ever given; 0: none
  std::uint64_t log_size = 0;
  tlog::Hash log_root{};
};
struct OpenCall {
  OpenCallRow call;
  std::optional<std::string> mark;
};

/// Which records; empty strings and zero times do not filter.
struct RecordFilter {
  std::string contract, key, session;
  TimePoint from, to;             ///< half open, by time of closing
  std::uint64_t before_leaf = 0;  ///< page: only records closed before this leaf; 0: from the newest
  std::size_t rows_max = 100;
};

/// What an account's balance was at a time.
struct BalanceAt {
  Amount balance;
  EntryNumber entry = 0;  ///< the account's last one until then; 0: none
  TimePoint at;           ///< of that entry
};

struct StatementLine {
  EntryNumber entry = 0;
  EntryKind kind = EntryKind::kPost;
  Id id;
  TimePoint at;
  std::uint64_t leaf = 0;
  Amount amount;
  Amount balance;  ///< after it
  std::string memo;
};

}  // namespace ciyuan::store
