#pragma once

/// The clerk's language: what the gateway and the control plane may ask, and what they are told.
///
/// The clerk is a deterministic state machine: it reads no clock and does no input or output. Time comes in
/// the command, effects go out in a batch that the store makes durable in one transaction; only then are the
/// replies released. A call's life is one Open, any number of Extend, one Close.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/crypto.h"
#include "base/id.h"
#include "base/kind.h"
#include "contract/limit.h"
#include "record/commitment.h"
#include "record/record.h"

namespace ciyuan::clerk {

/// The client's Idempotency-Key, within the scope of the API key that sent it.
struct Idempotency {
  std::string key;  ///< scope + "/" + the header's value; at most 512 bytes
  Digest body;      ///< keyed digest of the request: the same key with another body is refused
};

/// Opens one linked set of holds on all the accounts of `terms`, all or nothing: the prompt exactly, one
/// request, and as many generated tokens as min(output_wanted, quantum, headroom of every account) allows, at
/// least one (unless output_wanted is 0, as for embeddings).
struct Open {
  /// The record's id. The same id twice is refused as kConflict; a UUIDv7 made more than a minute after `at`,
  /// as kInvalid.
  Id id;
  TimePoint at;
  contract::Terms terms;
  KindCounts prompt;               ///< tokens already certain: input, cache_read, cache_write
  std::int64_t output_wanted = 0;  ///< the most generated tokens that this call can produce
  std::optional<Idempotency> idempotency;
  record::ContentDigest request;  ///< of the request's bytes; empty: nothing is committed to
  record::UsageRecord draft;      ///< who, what, which digests: what a crash would have to record
};

/// Asks for more generated tokens, and makes `used` the mark from which a crash is settled.
struct Extend {
  Id id;
  TimePoint at;
  KindCounts used;          ///< generated tokens so far, by kind
  std::int64_t wanted = 0;  ///< further tokens asked for; less may be granted, down to none
};

/// Posts what was used, releases the rest, writes the record and its leaf.
struct Close {
  Id id;
  TimePoint at;
  KindCounts billed;  ///< at most the prompt and the granted tokens; more is refused as kInvalid
  bool nothing_served =
      false;  ///< void the holds whole, the request's own cost too: the service never answered
  record::UsageRecord record;  ///< complete but for what the clerk adds: charges, Ciyuan, the request's
                               ///< commitment, log index
};

/// Control-plane actions: every one becomes a leaf of the log too (F85).

/// One document put in force, or taken out of it.
struct DocumentChange {
  std::string kind, name;      ///< "Contract", "acme-2026"; once in a command
  std::string canonical_json;  ///< checked by the caller; empty: no longer in force
};
/// All of the changes in one commit, each a leaf of its own, or none of them. What is in force already
/// changes nothing. Done names the last change's leaf.
struct ChangeDocuments {
  TimePoint at;
  std::string actor;
  std::vector<DocumentChange> changes;
};
/// Something that was done outside of the books, and belongs in the log: the erasure of a record's key.
struct Act {
  TimePoint at;
  std::string actor;
  std::string action;      ///< "erase-key"
  std::string kind, name;  ///< of what: "Record", its id
};
/// Moves an amount between two accounts that are not holds: a deposit, a grant, a refund, a correction.
struct Post {
  Id id;  ///< idempotent: the same id and content again is answered as done
  TimePoint at;
  std::string actor;
  std::string debit, credit;  ///< account names; created where new
  std::string unit;
  Amount amount;  ///< positive
  std::string memo;
  SecretKey salt{};  ///< keys the digest in the log, which strangers read; the same for the same id
};
/// Nothing more is posted to the account or held on it, for good; its entries stay to be read. kNotFound.
/// kRefused: it has a balance, or open calls hold on it. One that is closed already is answered as done.
struct CloseAccount {
  TimePoint at;
  std::string actor;
  std::string account;
};
/// Takes back what an expired package has left, to "expired/<package>/CIYUAN", and logs it. One that no call
/// has used yet is granted what it had first, where a part of it is kept. What open calls hold is theirs: the
/// command may be repeated, and then takes what has come back since.
struct ExpirePackage {
  TimePoint at;
  std::string package, account;
  Amount ciyuan;  ///< that it had
  Amount keep;    ///< of what is left: it may be used for some time yet
};
/// Puts a new record in the place of an old one, which stays as it is, and posts the difference. The record's
/// id is correction_of(the old one's), so that each record is corrected once; a second time with the same
/// price book is answered with what was made, with another it is kConflict: the correction is then what to
/// correct.
struct Correct {
  TimePoint at;
  std::string actor;
  record::UsageRecord record;                         ///< complete; `corrects` names the old one
  std::vector<std::pair<std::string, Amount>> lines;  ///< accounts that exist, of one unit; together zero
};
Id correction_of(const Id& corrected);
/// Papers of settlement (an invoice, a credit note, a settlement's next state) and the postings that go with
/// them, in one commit: all of them or none. Sent again with the same content it changes nothing and is
/// answered as done; a posting whose id stands for another one is kConflict. Done names the last paper's
/// leaf.
struct Settle {
  TimePoint at;
  std::string actor;
  std::vector<DocumentChange> papers;  ///< at least one, none of them removed
  std::vector<Post> postings;          ///< their `at` and `actor` are this command's
};
/// Lets time pass: expires holds, releases waiting calls whose time is up.
struct Tick {
  TimePoint at;
  /// Since the last Tick, by a clock that nobody sets: what silence is measured by. A leap of the other clock
  /// must not look as if nothing had been heard for hours.
  Nanoseconds elapsed;
};

using Command = std::variant<Open, Extend, Close, ChangeDocuments, Act, Post, Correct, Settle, CloseAccount,
                             ExpirePackage, Tick>;

/// Why an open was refused: which clause, on which account, what was left.
struct Refusal {
  std::string clause;
  std::string account;
  std::string unit;
  Amount limit;        ///< what the account was funded with in all
  Amount left;         ///< headroom not held and not posted
  Amount held;         ///< held by other calls: may come back
  Amount needed;       ///< the least that this call needed
  TimePoint retry_at;  ///< zero where waiting does not help
};
/// What an idempotency key already stands for.
struct Replay {
  Id id;  ///< the first call's record
  bool in_progress = false;
  bool same_body = true;
  std::string record_json;  ///< empty while in progress
};

/// Headroom of one limit after the command, for the client's headers.
struct Remaining {
  std::string clause;
  std::string unit;
  Amount limit;
  Amount left;  ///< neither posted nor held
};

struct Opened {
  std::int64_t granted = 0;  ///< generated tokens that may be delivered so far
  /// These, and those that could be granted beside them if they were asked for now, or of rates alone, later;
  /// at most output_wanted.
  std::int64_t within_reach = 0;
  std::vector<Remaining> remaining;
  SecretKey record_key{};  ///< K of the record's commitments: the caller commits to the answer under it
};
struct Extended {
  std::int64_t granted = 0;  ///< in all, since the open; unchanged where nothing more was to be had
  bool final = false;        ///< nothing more will be granted until other calls release what they hold
  /// Where time alone gives what is missing: when a token more can be had. Else zero.
  TimePoint retry_at;
  std::string clause;  ///< of the limit that has nothing left; empty where it is none's
};
/// A limit of which a stated share is used up by this call (contract::Limit::warn_percent).
struct Warning {
  std::string clause, unit;
  Amount limit, used;
  int percent = 0;  ///< the highest that was crossed
};
struct Closed {
  std::string record_json;  ///< canonical JSON of the whole record
  std::uint64_t leaf_index = 0;
  std::vector<Remaining> remaining;
  std::vector<Warning> warnings{};
};
struct Done {
  std::uint64_t leaf_index = 0;
};

using Reply = std::variant<Opened, Extended, Closed, Done, Refusal, Replay, Error>;

/// Where replies go. `deliver` is called on the clerk's thread once for each batch, after the batch is
/// durable; it must not block. One mailbox for each event loop keeps cross-thread traffic to one message a
/// batch.
struct Delivery {
  std::uint64_t ticket = 0;
  Reply reply;
};
class Mailbox {
 public:
  virtual ~Mailbox() = default;
  virtual void deliver(std::vector<Delivery> deliveries) = 0;
};

}  // namespace ciyuan::clerk
