#pragma once

/// The usage record: what one call was, what it used, what it cost and under which rules, as canonical JSON
/// (RFC 8785). Its top-level members, besides "id" and "v", are the groups that a receipt can reveal or
/// withhold one by one (leaf.h):
///
///   answer charges ciyuan clauses digests equivalence exposure model outcome party request session times
///   upstream usage
///
/// "equivalence" is left out where the contract has no such clause: a record without it is as it always was.
///
/// Units: counts are tokens (or the kind's own unit), amounts are decimal strings, times are RFC 3339 in UTC.
/// Records never change; a correction is a new record that names the old one (`corrects`).
///
///   UsageRecord record;
///   record.id = make_uuid7(now());
///   record.usage["input"] = {.reported = 12, .measured = 12, .billed = 12, .level = Level::kProved,
///                            .counted_by = "o200k"};
///   std::string json = to_json(record);
///
/// Pure functions: any thread. Encoding takes a few microseconds and one allocation or two.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/id.h"
#include "base/kind.h"
#include "base/time.h"

namespace ciyuan::record {

inline constexpr std::string_view kRecordVersion = "ciyuan/record/v1";

/// How well a figure is known.
enum class Level {
  kProved,      ///< counted from the bytes with the declared tokenizer
  kBounded,     ///< within bounds that the bytes prove
  kEstimated,   ///< by a stated rule
  kUnverified,  ///< the service says so
};
std::string_view name_of(Level level);

/// How a call ended.
enum class State {
  kCompleted,        ///< the whole answer was delivered
  kCut,              ///< ended by a cap of ours, well-formed
  kClientGone,       ///< the client left before the end
  kUpstreamFailed,   ///< the service broke off
  kUpstreamRefused,  ///< the service refused the call
  kInterrupted,      ///< we stopped within the call; settled at restart from its last durable mark
};
std::string_view name_of(State state);
std::optional<State> parse_state(std::string_view name);

/// How the service's figures stand against ours.
enum class Verdict {
  kVerified,         ///< the same, and ours are proved from the bytes
  kWithinTolerance,  ///< no further apart than the contract allows, or the same where ours are an estimate
  kDisputed,         ///< further apart
  kUnverifiable,     ///< there is nothing to compare: no figures came, or the answer did not come whole
};
std::string_view name_of(Verdict verdict);
std::optional<Verdict> parse_verdict(std::string_view name);

/// One kind of usage. Counts beyond 2^53 − 1 (JSON's exact integers) are written as that limit.
struct Figure {
  std::optional<std::uint64_t> reported;  ///< what the service said, where it said anything
  std::uint64_t measured = 0;
  std::uint64_t billed = 0;
  Level level = Level::kUnverified;
  std::string counted_by;  ///< tokenizer or rule
  bool operator==(const Figure&) const = default;
};

/// One line of the bill; all numbers as decimal text at the price book's scale. Where a balance or several
/// accounts paid for the call, `paid_from` names the one that paid this line, and `currency` its unit, which
/// is "CIYUAN" for a package.
struct Charge {
  std::string kind, quantity, unit_price, amount, currency;
  std::string line{};  ///< id of the price book's line, or of the contract's; empty where it is not known
  std::string paid_from{};
  bool operator==(const Charge&) const = default;
};

/// The call's Ciyuan by one document, a table of equivalence or a method, at its three figures; all amounts
/// as decimal text at scale 6. A method has one figure: the three are the same.
struct Rating {
  std::string kind, name, version, digest;  ///< of the document: "Equivalence" or "Method", …
  std::string value;                        ///< the figure that counts: "low", "middle" or "high"
  std::string low, middle, high;
  bool operator==(const Rating&) const = default;
};
/// What `ciyuan` was made of, and what another way to count made of the same call.
struct Equivalence {
  Rating billed;  ///< its figure named by `value` is the record's `ciyuan`
  std::optional<Rating> parallel;
  bool operator==(const Equivalence&) const = default;
};

struct UsageRecord {
  Id id;
  /// Zero: did not happen, and is left out.
  TimePoint accepted, first_byte, first_token, last_token, closed;

  std::string party, contract, key, session;
  /// What the call's cost is split by, name → value; a part of the group "party", left out where empty.
  std::map<std::string, std::string> tags;
  /// For whom and to what end, as far as it is known; parts of the group "party", left out where empty.
  std::string tenant, user, agent, purpose;
  std::string model_asked, model_answered;
  std::string service_class;  ///< "batch", "priority", …: what the price was for; empty: standard
  std::string upstream, region, region_grade;

  State state = State::kCompleted;
  std::optional<Verdict> verdict;
  std::string finish_reason;
  std::optional<Id> corrects;              ///< the record that this one replaces
  std::optional<std::uint64_t> delivered;  ///< output tokens that left for the client, for broken streams
  std::optional<std::uint64_t> generated;  ///< output tokens that the service made, as far as is known

  std::map<std::string, Figure> usage;            ///< by kind: input, cache_read, output, reasoning, …
  std::map<std::string, std::uint64_t> exposure;  ///< output tokens by data class
  std::string ciyuan = "0.000000";                ///< total, at scale 6
  std::optional<Equivalence> equivalence;
  std::vector<Charge> charges;
  std::vector<std::string> clauses;  ///< that fired, in order

  /// Lower-case hex SHA-256 of the rules that were applied; empty where there was none.
  std::string method_digest, price_book_digest, contract_digest, tokenizer_digest, template_digest;
  /// Keyed commitments (commitment.h).
  Digest request_commitment{}, answer_commitment{};

  bool operator==(const UsageRecord&) const = default;
};

/// What was billed of each kind of token.
KindCounts billed_in(const UsageRecord& record);

/// The groups, in the order they stand in the JSON.
inline constexpr std::array<std::string_view, 15> kGroups = {
    "answer",  "charges", "ciyuan",  "clauses", "digests", "equivalence", "exposure", "model",
    "outcome", "party",   "request", "session", "times",   "upstream",    "usage"};
/// The one group that a record may lack.
inline constexpr std::size_t kOptionalGroup = 5;
static_assert(kGroups[kOptionalGroup] == "equivalence");

/// The record's canonical JSON, with the place of each group's value in it.
struct EncodedRecord {
  std::string json;
  /// Offset and length; no length for a group that the record lacks.
  std::array<std::pair<std::uint32_t, std::uint32_t>, kGroups.size()> places;

  bool has(std::size_t group) const { return places[group].second != 0; }

  std::string_view value(std::size_t group) const {
    return std::string_view(json).substr(places[group].first, places[group].second);
  }
};

/// Bytes in names that are not UTF-8 (never so, if they came out of JSON) are written as U+FFFD.
EncodedRecord encode(const UsageRecord& record);
inline std::string to_json(const UsageRecord& record) { return encode(record).json; }

/// Strict: to_json() of the result is the input again. kInvalid names the member.
Result<UsageRecord> parse_record(std::string_view json);

}  // namespace ciyuan::record
