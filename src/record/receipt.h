#pragma once

/// A receipt is one tlog-proof file (C2SP, tlog/proof.h), so that tools which are not ours check signature
/// and inclusion. Its extra data is canonical JSON with what the leaf commits to:
///
///   {"entry":{…the log entry…},
///    "fields":{"charges":{"salt":"<hex>","value":[…]},…the groups that are revealed…},
///    "v":"ciyuan/receipt/v1"}
///
/// A group that is withheld is simply absent: its digest stays in the entry, and everything else still
/// verifies. The receipt never holds the record's key.
///
///   CIYUAN_TRY(std::string text, make_receipt({.record_json = json, .key = key, .index = 7, …}));
///   CIYUAN_TRY(VerifiedReceipt receipt, verify_receipt(text, {&log_key, 1}));
///   CIYUAN_TRY(std::string for_finance, redact_receipt(text, {"session", "model"}));
///
/// Errors: kInvalid and kTooLarge mean that the text is no receipt; kRefused (signatures) and kCorrupt
/// (proof, field digests) mean that it is one and does not hold. Pure functions: any thread.

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "record/commitment.h"
#include "record/leaf.h"
#include "tlog/proof.h"

namespace ciyuan::record {

inline constexpr std::string_view kReceiptVersion = "ciyuan/receipt/v1";

struct ReceiptParts {
  std::string_view record_json;
  SecretKey key{};
  std::uint64_t index = 0;
  std::vector<tlog::Hash> hashes;       ///< inclusion proof
  std::string checkpoint;               ///< signed note
  std::set<std::string> withheld = {};  ///< groups not to reveal
};
/// kCorrupt where the parts do not fit each other (another key, index or checkpoint): a wrong receipt is not
/// made.
Result<std::string> make_receipt(const ReceiptParts& parts);

/// The receipt of an administrative act, or of any entry that is readable itself.
Result<std::string> make_plain_receipt(std::string_view entry, std::uint64_t index,
                                       std::vector<tlog::Hash> hashes, std::string checkpoint);

struct VerifiedReceipt {
  tlog::Checkpoint checkpoint;
  std::uint64_t index = 0;
  std::string entry;                     ///< canonical JSON, as logged
  std::string version;                   ///< kRecordVersion or kAdminVersion
  std::string id;                        ///< of the record or act
  std::map<std::string, Json> revealed;  ///< groups, each checked against its digest
  std::vector<std::string> withheld;     ///< groups of which only the digest is there
  std::vector<std::string> checked;      ///< what was checked, a sentence each, for people
};

/// Offline. `known`: the operator's log key, and any others whose signatures shall count.
Result<VerifiedReceipt> verify_receipt(std::string_view text, std::span<const tlog::VerifierKey> known);

/// The same receipt with these groups withheld. kInvalid names a group that the entry does not have.
Result<std::string> redact_receipt(std::string_view text, const std::set<std::string>& groups);

/// Ok where the receipt's request or answer is exactly these bytes. kCorrupt: it is not, or the key is
/// another record's. kNotFound: the receipt withholds that group.
Status open_commitment(const VerifiedReceipt& receipt, Content content, const SecretKey& key,
                       const ContentDigest& bytes);

}  // namespace ciyuan::record
