#pragma once

/// Calls as the machine keeps them, what they cost on each account, and their bytes in the store.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clerk/internal/payment.h"
#include "clerk/machine.h"

namespace ciyuan::clerk {

/// Bounds that keep every product and sum far within 128 bits; real prices and counts are a trillion times
/// smaller.
constexpr std::int64_t kTokensMax = std::int64_t{1} << 40;
constexpr Int128 kUnitPriceMax = Int128{10'000'000'000} * 1'000'000'000'000;
constexpr Int128 kRenewedMax = Int128{1'000'000'000} * 1'000'000'000'000;
constexpr Nanoseconds kRenewalPeriodMax = seconds(366LL * 24 * 3600);
constexpr std::size_t kNameBytesMax = 1024;
constexpr std::size_t kIdempotencyKeyBytesMax = 512;
constexpr std::int64_t kIdsAheadMs = 60'000;  // clocks differ a little

namespace internal {
/// "funds/CIYUAN": where grants of a unit come from. Only granting moves it, and it may go below zero.
inline const std::string kFundsPrefix = "funds/";
/// What roundings and exchanges leave: on either side of zero from the first posting on.
inline bool is_two_sided(std::string_view account) {
  return account.starts_with("rounding/") || account.starts_with("exchange/");
}
}  // namespace internal

struct StateMachine::Call {
  std::uint64_t number = 0;  ///< counted over all calls; names the rows in the store
  Id id;
  contract::Terms terms;
  KindCounts prompt;
  std::int64_t output_wanted = 0;
  std::int64_t granted = 0;  ///< generated tokens
  KindCounts used;           ///< of them, as last marked
  TimePoint opened, marked;
  Nanoseconds heard;  ///< when something was last heard of it, by the machine's lapse of time
  std::optional<Idempotency> idempotency;
  SecretKey key{};
  std::optional<std::uint64_t> key_slot;
  record::UsageRecord draft;
  std::vector<ledger::AccountIndex> accounts, sinks;  ///< one for each limit; sinks may repeat
  std::vector<ledger::AccountIndex> share_accounts;   ///< one for each share of each limit, in order
  internal::Held held;                                ///< by the sources; empty where there are none
};

struct StateMachine::Waiter {
  Open command;
  ReplyTo to;
  TimePoint deadline;
  std::vector<ledger::AccountIndex> blocked_on;
};

/// What came of looking at an open's limits.
struct StateMachine::Attempt {
  enum class Outcome { kGrant, kWait, kRefuse } outcome = Outcome::kGrant;
  std::int64_t tokens = 0;                ///< kGrant
  std::vector<std::size_t> short_limits;  ///< kWait
  std::size_t limit = 0;                  ///< kRefuse: which, and what it has
  Amount funded, left, held, needed;
  std::vector<internal::Room> rooms;  ///< kGrant: what each source may give; empty where there are none
  bool contended = false;             ///< kRefuse: others may give some back
};

/// How an account stands towards a call that wants to open.
struct StateMachine::Standing {
  Amount left, held, funded;
  bool behind = false;  ///< earlier calls wait for it
};

/// What came of looking at an open's sources.
struct StateMachine::SourcesAttempt {
  std::vector<internal::Room> rooms;  ///< what may be taken of each at once
  std::int64_t tokens = 0;            ///< that they can pay for beside the prompt
  bool has_wanted = false, has_least = false;
  bool may_ever_have_least = false;       ///< with what others hold, too
  bool is_contended = false;              ///< others hold some of it, or came before
  std::vector<std::size_t> short_limits;  ///< where
  std::size_t last = 0;                   ///< the source that a refusal names
  Standing last_standing;
  Amount needed;  ///< of it alone
};

namespace internal {

/// Of the prompt and the request itself.
Amount fixed_cost(const contract::Limit& limit, const KindCounts& prompt);
/// Of a token not yet generated: the dearest of the generated kinds.
Amount output_cost(const contract::Limit& limit);
/// What a call holds on each limit: the sources what was split over them, the others its whole cost.
std::vector<Amount> held_amounts(const contract::Terms& terms, const KindCounts& prompt, std::int64_t granted,
                                 const Held& held);
/// Of what was billed.
Amount billed_cost(const contract::Limit& limit, const KindCounts& billed);

/// The generated kinds alone.
KindCounts generated_of(const KindCounts& counts);
/// As much of the generated kinds as was granted, so that a mark that says more is settled all the same.
KindCounts within_grant(const KindCounts& used, std::int64_t granted);

/// Everything about a command that input could get wrong. Nothing: it is well-formed.
std::optional<Error> check_open(const Open& command);
std::optional<Error> check_counts(const KindCounts& counts, std::string_view path);

/// Charges, Ciyuan and billed figures, in the record. `split`: who paid, where there are sources.
void complete_record(record::UsageRecord& record, const contract::Terms& terms, const KindCounts& billed,
                     bool nothing_served, const Split* split);
/// What a draft says after an interruption, but for the bill.
record::UsageRecord interrupted_record(const record::UsageRecord& draft, const KindCounts& used);

/// The lines that hold, or post, these amounts: from each limit's account to its sink. Sinks that repeat are
/// one line; amounts of zero are left out if `skip_zero`.
std::vector<ledger::Line> make_lines(const std::vector<ledger::AccountIndex>& accounts,
                                     const std::vector<ledger::AccountIndex>& sinks,
                                     const std::vector<Amount>& amounts, bool skip_zero);

/// The open call as bytes: everything but its key, which lives in the keys file alone, and its mark. Earlier
/// versions are still read: 1 had no slot (the key is found by the call's id), 1 and 2 neither sources nor
/// ids of price lines.
std::string encode_call(const Open& command, std::int64_t granted, const Held& held,
                        std::optional<std::uint64_t> key_slot);
struct DecodedCall {
  Open command;
  std::int64_t granted = 0;
  Held held;
  std::optional<std::uint64_t> key_slot;
};
Result<DecodedCall> decode_call(std::string_view bytes);

struct Mark {
  std::int64_t granted = 0;
  KindCounts used;
  TimePoint at;
  Held held;
};
std::string encode_mark(const Mark& mark);
Result<Mark> decode_mark(std::string_view bytes);

/// An account of one call alone is named for it, as ".../request=<id>": it is nowhere before that call, and
/// of no use after it.
inline bool is_own_account(std::string_view account, const Id& id) {
  constexpr std::string_view kMark = "request=";
  if (account.size() < kMark.size() + 36 ||
      account.substr(account.size() - 36 - kMark.size(), kMark.size()) != kMark)
    return false;
  return account.substr(account.size() - 36) == id.text();
}

constexpr std::uint8_t kSharePurpose = 3;  ///< of derived_id(): what a sink hands on
constexpr std::uint8_t kWarningPurpose = 5;
constexpr std::uint8_t kPartPurpose = 4;  ///< of derived_id(): the parts of windows that a charge falls in
/// An id for something that belongs to a call: one more of the kinds no UUID has, so it meets no other id.
Id derived_id(const Id& id, std::uint8_t purpose);

inline Error conflict(std::string path, std::string message) {
  return Error{ErrorCode::kConflict, std::move(message), std::move(path)};
}

}  // namespace internal
}  // namespace ciyuan::clerk
