#pragma once

/// What a contract becomes for one call: a list of accounts, and what a token costs on each.
///
/// Every limit is an account and every use a transfer. A session cap, a monthly cap, a key's budget, a
/// prepaid balance and a plain receivable differ only in how their account is funded and in whether it may go
/// below zero. The clerk knows nothing of clauses: it holds, posts and releases on these accounts, all or
/// nothing.
///
///   session cap of 400 Ciyuan  account "cap/acme/session-cap/CIYUAN/session=s1", funds 400, 1 a token
///   prepaid 10 CNY             account "prepaid/acme/balance/CNY", deposits, 0.000002 an input token
///   postpaid                   account "receivable/acme/CNY", may overdraw, the same costs
///   5 requests a minute        account "cap/acme/rpm/REQUEST/key=k1/2026-11-23T08:15:00Z", funds 5, 1 a call
///   at most 3 calls at a time  account "cap/acme/calls/REQUEST/key=k1", funds 3, 1 a call, returned at its
///   end 2 calls a second, burst 5  account "cap/acme/pace/REQUEST/key=k1", funds 5, drips 2 a second 1,000
///   Ciyuan in 24 hours   account "cap/acme/day/CIYUAN/rolling=86400s", what is 24 hours old comes back a
///   package, then money      source "package/p1/CIYUAN", funds 1000000; source "receivable/acme/CNY"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/amount.h"
#include "base/kind.h"
#include "base/time.h"

namespace ciyuan::contract {

/// Decimal places of each unit, the same everywhere. Money has twelve: a price per million tokens with up to
/// six decimals is then exact for one token, and no charge is ever rounded inside the ledger.
constexpr int kCiyuanScale = 6;
constexpr int kMoneyScale = 12;
constexpr int kCountScale = 0;
/// "CIYUAN" → 6, "REQUEST", "PERSON" → 0, a currency code ("CNY") → 12.
int scale_of_unit(std::string_view unit);

/// The unit that an account of this name counts, where the name says it: "prepaid/acme/balance/CNY",
/// "used/acme/monthly/CIYUAN", "cap/acme/monthly/CIYUAN/session=s1", "package/p1/CIYUAN". Nothing for names
/// that contracts do not make.
std::optional<std::string_view> unit_in_name(std::string_view account);

/// What an open call does when the headroom it wants is held by other calls that may still release it.
enum class Contention {
  kWait,        ///< wait in order, up to wait_max; then as kStartSmall
  kStartSmall,  ///< take what there is, if it is at least one token of output
  kRefuse,      ///< refuse at once, with Retry-After
};

/// A part of what a sink receives that belongs to somebody else: a model's owner, a reseller. Posted with
/// the charge, rounded down to the unit; what is left is the sink's.
struct Share {
  std::string account;
  std::int64_t per_million = 0;
  /// Of this amount; towards zero.
  Amount of(Amount amount) const {
    constexpr std::int64_t kWhole = 1'000'000;
    return Amount(amount.units() / kWhole * per_million + amount.units() % kWhole * per_million / kWhole);
  }
  bool operator==(const Share&) const = default;
};
constexpr std::size_t kSharesMax = 16;

/// How an account comes by headroom again, once it was used up.
enum class Renewal {
  kNever,  ///< not at all: the account is one window's, and the next window has another
  kAges,   ///< a rolling window: what was used comes back when it is `period` old
  kDrips,  ///< a rate: `drip` comes back in every `period`, evenly, up to `funds`, the burst
};
/// Into so many parts a rolling window is cut, of a second at least: what was used in one of them comes back
/// together, when its youngest is old enough.
constexpr std::int64_t kWindowParts = 60;
constexpr std::size_t kWarningsMax = 4;  ///< of one limit

struct Limit {
  std::string clause;   ///< id of the clause, named in refusals and records; "price" for plain charging
  std::string unit;     ///< "CIYUAN", "REQUEST" or a currency code
  std::string account;  ///< unique name; its AccountId is id_from_content(account)
  std::string sink;  ///< account that receives what is posted, e.g. "used/acme/CIYUAN", "revenue/vendor/CNY"
  Amount funds;      ///< granted to the account in all; zero for prepaid and receivable
  bool may_overdraw = false;  ///< a receivable: charged, never refused
  Amount credit_limit;        ///< of a receivable that may be refused: how far below zero it may go
  Amount per_request;         ///< cost of the call itself, in units of scale_of_unit(unit)
  std::array<Amount, kKinds>
      per_token{};       ///< cost of one token of each kind; zero where the limit does not count it
  TimePoint window_end;  ///< when a fresh account takes over (Retry-After); zero where it never does
  /// False: the call must fit on it, whatever else it fits on. True: it is a source, one of those that pay
  /// for the call together: each token, and the request itself, is paid by the first source, in the order in
  /// which they stand, that has enough left for it whole. A call that went on to a later source does not come
  /// back to an earlier one.
  bool is_source = false;
  /// True: what the open call holds is all it costs, and comes back whole when it closes (calls at one time).
  bool is_returned = false;
  Renewal renewal = Renewal::kNever;
  Nanoseconds period{};
  Amount drip;
  /// Shares of `funds`, in percent and rising, whose crossing the clerk tells (Closed::warnings); 0: no more.
  std::array<std::uint8_t, kWarningsMax> warn_percent{};
  std::vector<Share> shares;  ///< of what the sink receives
};

/// Who pays for a stream that breaks: the metering clause.
enum class OnClientGone { kDelivered, kGenerated, kNothingBeforeFirstToken };
enum class OnUpstreamError { kDelivered, kNothing };
enum class UpstreamOnGone { kCancel, kDrain };
struct Metering {
  OnClientGone on_client_gone = OnClientGone::kDelivered;
  OnUpstreamError on_upstream_error = OnUpstreamError::kDelivered;
  UpstreamOnGone upstream = UpstreamOnGone::kCancel;
  Nanoseconds drain_max = seconds(30);
  std::int64_t quantum_tokens = 256;  ///< output tokens held at open and at each extension
  Contention contention = Contention::kWait;
  Nanoseconds wait_max = seconds(20);
};

/// Price of one token of a kind, for the charge lines of the record (the postings follow the limits). Where
/// the line's price depends on what was used before in its period, this is its first step; the period's close
/// trues it up (price/closing.h).
struct PriceLine {
  Kind kind = Kind::kInput;
  Amount per_token;  ///< scale kMoneyScale
  std::string line;  ///< id of the price book's line, named in the record
};

/// A document by which the call's Ciyuan are told: a table of equivalence, or a method (then the three
/// figures are the same). The digest is hexadecimal text, `value` the figure that counts.
struct Rating {
  std::string kind, name, version, digest, value;
  std::array<std::array<Amount, kKinds>, 3> ciyuan_per_token{};  ///< low, middle, high; scale kCiyuanScale
  bool operator==(const Rating&) const = default;
};
constexpr std::size_t kRatingsMax = 2;

/// Everything the clerk needs to know of the contract for one call.
struct Terms {
  std::vector<Limit> limits;  ///< at most kLimitsMax, distinct accounts
  Metering metering;
  std::string currency;
  std::vector<PriceLine> prices;
  Amount per_request;                             ///< price of the call itself, scale kMoneyScale
  std::string request_line;                       ///< id of the line it stands in; empty: there is none
  std::array<Amount, kKinds> ciyuan_per_token{};  ///< what bills, scale kCiyuanScale
  /// Without an equivalence clause none. Else the one that bills, whose figure named by `value` is
  /// ciyuan_per_token, and where another way to count runs in parallel, that one.
  std::vector<Rating> ratings;
};
constexpr std::size_t kLimitsMax = 64;

}  // namespace ciyuan::contract
