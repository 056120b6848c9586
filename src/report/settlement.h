#pragma once

/// Two parties sign off an invoice. What they sign is a proposal made of the invoice alone (its digest, its
/// totals, the Merkle root and range of its records, the log's checkpoint), and each step is a signed note
/// under it:
///
///   propose  (provider)  ─► proposed ─┬─ accept  (consumer) ─► accepted ─┐
///                                     ├─ dispute (consumer) ─► disputed ─ resolve (both) ─► resolved ─┤
///                                     └─ (nobody spoke within the window) ──────────────────────────┴─
///                                     settle (provider) ─► settled
///
///   ciyuan/settlement/v1          the note's text: version,
///   lantern-2026-000001           number of the invoice,
///   dispute                       step,
///   9f86d081884c7d65…             SHA-256 of the step's body as canonical JSON
///
/// A body names the proposal's digest, so no signature can be used for another one. Disputed amounts leave
/// the receivable and wait in "disputed/<contract>/<currency>"; resolving gives what is upheld back by a
/// credit note and the rest back to the receivable. Each step is a paper, its postings and its leaf in one
/// commit; the same step again changes nothing.

#include <string>
#include <string_view>

#include "base/json.h"
#include "report/invoice.h"
#include "store/store.h"
#include "tlog/note.h"

namespace ciyuan::report {

inline constexpr std::string_view kSettlementVersion = "ciyuan/settlement/v1";
inline constexpr std::string_view kSettlementSteps[] = {"propose", "accept", "dispute", "resolve", "settle"};
inline constexpr std::string_view kDisputeReasons[] = {"not_ours",      "wrong_count", "wrong_price",
                                                       "not_delivered", "bad_service", "charged_twice"};
constexpr std::size_t kDisputesMax = 100;
constexpr std::size_t kDisputedRecordsMax = 1000;  ///< named by one dispute

/// What both sign, from the invoice alone: anyone who has it can make it again.
Json proposal_of(const Json& invoice);
/// Hex SHA-256 of the proposal's canonical JSON.
Result<std::string> proposal_digest(const Json& invoice);

/// A step's body before its own members ("disputes", "upheld"): {"proposal": digest}.
Result<Json> step_body(const Json& invoice);
/// The text of the note that signs a step.
Result<std::string> step_text(std::string_view invoice_number, std::string_view step, const Json& body);

struct StepRequest {
  std::string invoice;  ///< its number: also the settlement's name
  std::string step;
  Json body;
  std::string note;  ///< step_text() with the signatures of those who must sign
  TimePoint at;
};
/// Checks the step and says what it changes. kNotFound: no such invoice or settlement. kInvalid: a body that
/// does not say what the step needs, or another proposal's. kConflict: the state does not allow the step.
/// kRefused: a signature that is missing or somebody else's, an amount above what is owed, a record that is
/// unknown or of another period, a dispute outside of its window.
Result<Drafted> draft_step(store::Reader& reader, const StepRequest& request);

}  // namespace ciyuan::report
