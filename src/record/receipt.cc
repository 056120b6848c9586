#include "record/receipt.h"

#include <algorithm>

#include "base/canonical_json.h"

namespace ciyuan::record {
namespace {

Error corrupt(std::string path, std::string message) {
  return Error{ErrorCode::kCorrupt, std::move(message), std::move(path)};
}

// Lower-case hex of 32 bytes.
Result<Digest> digest_of(const Json& value, const std::string& path) {
  Error malformed = invalid(path, "not 64 lower-case hexadecimal digits");
  if (!value.is_string()) return malformed;
  const std::string& text = value.get_ref<const std::string&>();
  Result<Bytes> bytes = from_hex(text);
  Digest digest;
  if (!bytes.ok() || bytes->size() != digest.size() || to_hex(*bytes) != text) return malformed;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

struct Opened {
  tlog::Proof proof;
  Json extra;
  std::string entry;
  const Json& fields() const { return extra.at("fields"); }
};

bool has_exactly(const Json& value, std::initializer_list<const char*> names) {
  return value.is_object() && value.size() == names.size() &&
         std::all_of(names.begin(), names.end(), [&](const char* name) { return value.contains(name); });
}

// Form only: nothing is believed yet.
Result<Opened> open_receipt(std::string_view text) {
  Opened opened;
  CIYUAN_TRY(opened.proof, tlog::Proof::parse(text));
  if (!opened.proof.extra) return invalid("extra", "the proof carries no receipt");
  std::string_view extra = text_of(*opened.proof.extra);
  CIYUAN_TRY(opened.extra, parse_json(extra));
  CIYUAN_TRY(std::string canonical, canonical_json(opened.extra));
  if (canonical != extra) return invalid("extra", "not canonical JSON (RFC 8785)");
  if (!has_exactly(opened.extra, {"entry", "fields", "v"}) || opened.extra["v"] != kReceiptVersion)
    return invalid("extra", "not a receipt of version " + std::string(kReceiptVersion));
  if (!opened.extra["entry"].is_object() || !opened.extra["fields"].is_object())
    return invalid("extra", "entry and fields are objects");
  CIYUAN_TRY(opened.entry, canonical_json(opened.extra["entry"]));
  return opened;
}

std::string receipt_text(Opened& opened) {
  std::string extra = canonical_json(opened.extra).value();  // was read from canonical JSON, or made of such
  opened.proof.extra = Bytes(extra.begin(), extra.end());
  return opened.proof.text();
}

Status check_fits(const tlog::Proof& proof, std::string_view entry) {
  CIYUAN_TRY(tlog::Note note, tlog::parse_note(proof.checkpoint));
  CIYUAN_TRY(tlog::Checkpoint checkpoint, tlog::parse_checkpoint(note.text));
  return tlog::verify_inclusion(proof.index, checkpoint.size, tlog::leaf_hash(bytes_of(entry)),
                                checkpoint.root, proof.hashes);
}

// Each revealed field against its digest in the entry.
Status check_fields(const Opened& opened, VerifiedReceipt& receipt) {
  const Json& digests = opened.extra["entry"]["fields"];
  for (auto it = opened.fields().begin(); it != opened.fields().end(); ++it) {
    std::string path = "fields." + it.key();
    if (!has_exactly(*it, {"salt", "value"})) return invalid(path, "a revealed field has a salt and a value");
    if (!digests.contains(it.key())) return corrupt(path, "the log entry has no such field");
    CIYUAN_TRY(Digest digest, digest_of(digests[it.key()], "entry." + path));
    CIYUAN_TRY(Salt salt, digest_of((*it)["salt"], path + ".salt"));
    CIYUAN_TRY(std::string value, canonical_json((*it)["value"]));
    if (field_digest(it.key(), salt, value) != digest)
      return corrupt(path, "the value is not the one that was logged");
    receipt.revealed.emplace(it.key(), (*it)["value"]);
  }
  for (auto it = digests.begin(); it != digests.end(); ++it) {
    CIYUAN_TRY_STATUS([&]() -> Status {
      CIYUAN_TRY([[maybe_unused]] Digest digest, digest_of(*it, "entry.fields." + it.key()));
      return {};
    }());
    if (!receipt.revealed.contains(it.key())) receipt.withheld.push_back(it.key());
  }
  return {};
}

void say_what_was_checked(const Opened& opened, std::span<const tlog::VerifierKey> known,
                          VerifiedReceipt& receipt) {
  const tlog::Checkpoint& checkpoint = receipt.checkpoint;
  std::string signers;
  Result<tlog::OpenedNote> note = tlog::open_note(opened.proof.checkpoint, known);
  std::size_t unknown = note.ok() ? note->unverified.size() : 0;
  if (note.ok())
    for (const tlog::NoteSignature& signature : note->verified)
      signers += (signers.empty() ? "" : ", ") + signature.name;
  receipt.checked.push_back(
      "checkpoint of " + checkpoint.origin + " at size " + std::to_string(checkpoint.size) + ": signed by " +
      signers + " (Ed25519)" +
      (unknown ? "; " + std::to_string(unknown) + " signatures of other keys not judged" : ""));
  receipt.checked.push_back("entry " + std::to_string(receipt.index) + " is in that tree: " +
                            std::to_string(opened.proof.hashes.size()) + " hashes lead to its root");
  if (receipt.version != kRecordVersion) return;
  std::string names;
  for (const auto& [name, value] : receipt.revealed) names += (names.empty() ? "" : ", ") + name;
  receipt.checked.push_back(
      names.empty()
          ? "no field is opened: it is proved that the record is in the log, and nothing of what it says"
          : std::to_string(receipt.revealed.size()) + " fields match the logged digests: " + names);
  names.clear();
  for (const std::string& name : receipt.withheld) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) receipt.checked.push_back("withheld, not checked: " + names);
}

}  // namespace

Result<std::string> make_receipt(const ReceiptParts& parts) {
  CIYUAN_TRY(Sealed sealed, seal_json(parts.record_json, parts.key));
  HmacKey hmac(parts.key);
  Json fields = Json::object();
  for (std::size_t group = 0; group < kGroups.size(); ++group) {
    std::string name(kGroups[group]);
    if (parts.withheld.contains(name) || !sealed.record.has(group)) continue;
    CIYUAN_TRY(Json value, parse_json(sealed.record.value(group)));
    fields[name] = {{"salt", to_hex(field_salt(hmac, name))}, {"value", std::move(value)}};
  }
  Opened opened;
  opened.proof = {{}, parts.index, parts.hashes, parts.checkpoint};
  CIYUAN_TRY(Json entry, parse_json(sealed.entry));
  opened.extra = {{"entry", std::move(entry)}, {"fields", std::move(fields)}, {"v", kReceiptVersion}};
  CIYUAN_TRY_STATUS(check_fits(opened.proof, sealed.entry));
  return receipt_text(opened);
}

Result<std::string> make_plain_receipt(std::string_view entry, std::uint64_t index,
                                       std::vector<tlog::Hash> hashes, std::string checkpoint) {
  Opened opened;
  opened.proof = {{}, index, std::move(hashes), std::move(checkpoint)};
  CIYUAN_TRY(Json json, parse_json(entry));
  CIYUAN_TRY(opened.entry, canonical_json(json));
  if (opened.entry != entry) return invalid("entry", "not canonical JSON (RFC 8785)");
  opened.extra = {{"entry", std::move(json)}, {"fields", Json::object()}, {"v", kReceiptVersion}};
  CIYUAN_TRY_STATUS(check_fits(opened.proof, entry));
  return receipt_text(opened);
}

Result<VerifiedReceipt> verify_receipt(std::string_view text, std::span<const tlog::VerifierKey> known) {
  CIYUAN_TRY(Opened opened, open_receipt(text));
  const Json& entry = opened.extra["entry"];
  VerifiedReceipt receipt;
  receipt.index = opened.proof.index;
  receipt.entry = opened.entry;
  bool is_record = has_exactly(entry, {"fields", "id", "v"}) && entry["fields"].is_object() &&
                   entry["v"] == kRecordVersion && entry["id"].is_string();
  if (!is_record) {
    Result<AdminAction> action = parse_admin_entry(opened.entry);
    if (!action.ok()) return invalid("extra.entry", "neither a usage record nor an administrative act");
    if (!opened.fields().empty())
      return invalid("extra.fields", "an administrative act has no hidden fields");
  }
  receipt.version = is_record ? kRecordVersion : kAdminVersion;
  receipt.id = entry["id"].get<std::string>();
  // Signature and inclusion first: only then is the entry worth comparing with.
  CIYUAN_TRY(receipt.checkpoint,
             tlog::verify_proof(opened.proof, tlog::leaf_hash(bytes_of(opened.entry)), known));
  if (is_record) CIYUAN_TRY_STATUS(check_fields(opened, receipt));
  say_what_was_checked(opened, known, receipt);
  return receipt;
}

Result<std::string> redact_receipt(std::string_view text, const std::set<std::string>& groups) {
  CIYUAN_TRY(Opened opened, open_receipt(text));
  const Json& entry = opened.extra["entry"];
  for (const std::string& group : groups) {
    if (!entry.contains("fields") || !entry["fields"].is_object() || !entry["fields"].contains(group))
      return invalid(group, "the receipt has no such field");
    opened.extra["fields"].erase(group);
  }
  return receipt_text(opened);
}

Status open_commitment(const VerifiedReceipt& receipt, Content content, const SecretKey& key,
                       const ContentDigest& bytes) {
  std::string group = content == Content::kRequest ? "request" : "answer";
  auto found = receipt.revealed.find(group);
  if (found == receipt.revealed.end())
    return Error{ErrorCode::kNotFound, "the receipt withholds this commitment", group};
  CIYUAN_TRY(Digest logged, digest_of(found->second, group));
  if (commit(HmacKey(key), content, bytes) != logged)
    return corrupt(group, "these are not the bytes that were logged, or the key is not this record's");
  return {};
}

}  // namespace ciyuan::record
