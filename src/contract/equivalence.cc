#include "contract/equivalence.h"

#include "base/canonical_json.h"
#include "base/crypto.h"
#include "contract/internal/fields.h"

namespace ciyuan::contract {

Result<std::string> equivalence_text(const Json& table) {
  if (!table.is_object()) return invalid("", "is no object");
  Json unsigned_table = table;
  unsigned_table.erase("signatures");
  for (const char* member : {"name", "version"})
    if (text_at(table, member).empty()) return invalid("/" + std::string(member), "is missing");
  CIYUAN_TRY(std::string canonical, canonical_json(unsigned_table));
  return std::string(kEquivalenceVersion) + "\n" + text_at(table, "name") + "\n" + text_at(table, "version") +
         "\n" + to_hex(sha256(canonical)) + "\n";
}

Status check_equivalence_signature(const Json& table, const tlog::VerifierKey& key) {
  CIYUAN_TRY(const std::string text, equivalence_text(table));
  std::string note = text + "\n";
  const Json signatures = table.value("signatures", Json::array());
  const Error missing{ErrorCode::kRefused, "has no signature by the key " + key.text(), "/signatures"};
  if (signatures.empty()) return missing;
  for (const Json& line : signatures) note += line.is_string() ? line.get<std::string>() + "\n" : "\n";
  Result<tlog::Note> parsed = tlog::parse_note(note);
  if (!parsed.ok()) return Error{ErrorCode::kRefused, parsed.error().message, "/signatures"};
  // A line with a line break in it could bring a text of its own.
  if (parsed->text != text)
    return Error{ErrorCode::kRefused, "has a line that is no signature", "/signatures"};
  Result<tlog::OpenedNote> opened = tlog::open_note(note, {&key, 1});
  if (opened.ok()) return {};
  for (const tlog::NoteSignature& signature : parsed->signatures)
    if (signature.name == key.name && signature.id == key.id)
      return Error{ErrorCode::kRefused,
                   "the signature by the key " + key.text() + " is not of this table as it stands",
                   "/signatures"};
  return missing;
}

}  // namespace ciyuan::contract
