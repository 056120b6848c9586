#include "contract/signing.h"

#include "base/canonical_json.h"
#include "base/crypto.h"
#include "contract/internal/fields.h"

namespace ciyuan::contract {

Result<std::string> signed_text(std::string_view version, const Json& document) {
  if (!document.is_object()) return invalid("", "is no object");
  Json bare = document;
  bare.erase("signatures");
  for (const char* member : {"name", "version"})
    if (text_at(document, member).empty()) return invalid("/" + std::string(member), "is missing");
  CIYUAN_TRY(std::string canonical, canonical_json(bare));
  return std::string(version) + "\n" + text_at(document, "name") + "\n" + text_at(document, "version") +
         "\n" + to_hex(sha256(canonical)) + "\n";
}

Result<std::string> contract_text(const Json& contract) { return signed_text(kContractVersion, contract); }

Status check_signature(const Json& document, const std::string& text, const tlog::VerifierKey& key) {
  const Json signatures = document.value("signatures", Json::array());
  const std::string what = text_at(document, "kind") == "Equivalence" ? "table" : "contract";
  const Error missing{ErrorCode::kRefused, "has no signature by the key " + key.text(), "/signatures"};
  if (signatures.empty()) return missing;
  std::string note = text + "\n";
  for (const Json& line : signatures) note += line.is_string() ? line.get<std::string>() + "\n" : "\n";
  Result<tlog::Note> parsed = tlog::parse_note(note);
  if (!parsed.ok()) return Error{ErrorCode::kRefused, parsed.error().message, "/signatures"};
  // A line with a line break in it could bring a text of its own.
  if (parsed->text != text)
    return Error{ErrorCode::kRefused, "has a line that is no signature", "/signatures"};
  if (tlog::open_note(note, {&key, 1}).ok()) return {};
  for (const tlog::NoteSignature& signature : parsed->signatures)
    if (signature.name == key.name && signature.id == key.id)
      return Error{ErrorCode::kRefused,
                   "the signature by the key " + key.text() + " is not of this " + what + " as it stands",
                   "/signatures"};
  return missing;
}

Result<Json> with_signature(Json document, const std::string& text, const tlog::NoteSigner& key) {
  std::string line = key.signature_line(text);
  line.pop_back();
  const std::string mark = "\xE2\x80\x94 " + key.verifier().name + " ";
  Json lines = Json::array();
  for (const Json& present : document.value("signatures", Json::array()))
    if (present.is_string() && !present.get_ref<const std::string&>().starts_with(mark))
      lines.push_back(present);
  lines.push_back(line);
  document["signatures"] = std::move(lines);
  CIYUAN_TRY_STATUS(check_signature(document, text, key.verifier()));
  return document;
}

}  // namespace ciyuan::contract
