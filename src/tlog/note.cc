#include "tlog/note.h"

#include <algorithm>

namespace ciyuan::tlog {
namespace {

constexpr std::string_view kSignaturePrefix = "\xE2\x80\x94 ";  // em dash, space
constexpr std::string_view kSecretPrefix = "PRIVATE+KEY+";

std::uint32_t key_id(std::string_view name, const PublicKey& key) {
  std::string text(name);
  text += '\n';
  text += static_cast<char>(kKeyTypeEd25519);
  text += text_of(key);
  Digest digest = sha256(text);
  return static_cast<std::uint32_t>(digest[0]) << 24 | static_cast<std::uint32_t>(digest[1]) << 16 |
         static_cast<std::uint32_t>(digest[2]) << 8 | digest[3];
}

std::array<std::uint8_t, 4> big_endian(std::uint32_t id) {
  return {static_cast<std::uint8_t>(id >> 24), static_cast<std::uint8_t>(id >> 16),
          static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
}

std::uint32_t id_of(ByteView four) {
  return static_cast<std::uint32_t>(four[0]) << 24 | static_cast<std::uint32_t>(four[1]) << 16 |
         static_cast<std::uint32_t>(four[2]) << 8 | four[3];
}

// Unicode property White_Space beyond ASCII, in UTF-8.
bool has_unicode_space(std::string_view text) {
  for (std::string_view space :
       {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
        "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
        "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
        "\xE3\x80\x80"})
    if (text.find(space) != text.npos) return true;
  return false;
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; });
}

struct KeyText {
  std::string name;
  std::uint32_t id = 0;
  std::array<std::uint8_t, 32> key{};
};

// "name+8 hex digits+base64(0x01 ‖ 32 bytes)". A name has no plus, base64 may have some.
Result<KeyText> parse_key_text(std::string_view text) {
  std::size_t first = text.find('+');
  std::size_t second = first == text.npos ? text.npos : text.find('+', first + 1);
  if (second == text.npos) return invalid("key", "a key is written name+id+base64");
  KeyText parsed;
  parsed.name = text.substr(0, first);
  std::string_view id_text = text.substr(first + 1, second - first - 1);
  Result<Bytes> id = from_hex(id_text);
  Result<Bytes> key = from_base64(text.substr(second + 1));
  if (!is_key_name(parsed.name)) return invalid("key", "the key's name is empty or has spaces");
  if (!id.ok() || id->size() != 4) return invalid("key", "the key's id is not 8 hexadecimal digits");
  if (!key.ok() || key->empty()) return invalid("key", "the key itself is not base64");
  if ((*key)[0] != kKeyTypeEd25519 || key->size() != 33)
    return invalid("key", "not an Ed25519 key (type 1, 32 bytes), the only type known here");
  parsed.id = id_of(*id);
  std::copy(key->begin() + 1, key->end(), parsed.key.begin());
  return parsed;
}

std::string key_text(std::string_view name, std::uint32_t id, const std::array<std::uint8_t, 32>& key) {
  Bytes typed{kKeyTypeEd25519};
  typed.insert(typed.end(), key.begin(), key.end());
  return std::string(name) + "+" + to_hex(big_endian(id)) + "+" + to_base64(typed);
}

Status check_text(std::string_view text) {
  if (text.empty() || text.back() != '\n') return invalid("note", "its text does not end in a newline");
  if (!is_utf8(text)) return invalid("note", "not UTF-8");
  if (has_control_characters(text)) return invalid("note", "has control characters");
  return {};
}

Result<NoteSignature> parse_signature_line(std::string_view line) {
  Error malformed = invalid("note", "has a malformed signature line");
  if (!line.starts_with(kSignaturePrefix)) return malformed;
  line.remove_prefix(kSignaturePrefix.size());
  std::size_t space = line.find(' ');
  if (space == line.npos || !is_key_name(line.substr(0, space))) return malformed;
  Result<Bytes> blob = from_base64(line.substr(space + 1));
  if (!blob.ok() || blob->size() < 5) return malformed;
  return NoteSignature{std::string(line.substr(0, space)), id_of(*blob),
                       Bytes(blob->begin() + 4, blob->end())};
}

}  // namespace

bool is_key_name(std::string_view name) {
  return !name.empty() && is_utf8(name) && !has_unicode_space(name) && name.find('+') == name.npos &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
}

Result<VerifierKey> VerifierKey::make(std::string name, const PublicKey& key) {
  if (!is_key_name(name)) return invalid("name", "a key's name has no spaces and no plus: \"" + name + "\"");
  std::uint32_t id = key_id(name, key);
  return VerifierKey{std::move(name), id, key};
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  CIYUAN_TRY(KeyText parsed, parse_key_text(text));
  if (parsed.id != key_id(parsed.name, parsed.key))
    return invalid("key", "the key's id does not belong to this key");
  return VerifierKey{std::move(parsed.name), parsed.id, parsed.key};
}

std::string VerifierKey::text() const { return key_text(name, id, key); }

Result<NoteSigner> NoteSigner::make(std::string name, SigningKey key) {
  NoteSigner signer;
  CIYUAN_TRY(signer.verifier_, VerifierKey::make(std::move(name), key.public_key()));
  signer.key_ = std::move(key);
  return signer;
}

Result<NoteSigner> NoteSigner::parse(std::string_view text) {
  if (!text.starts_with(kSecretPrefix)) return invalid("key", "a secret key begins with PRIVATE+KEY+");
  CIYUAN_TRY(KeyText parsed, parse_key_text(text.substr(kSecretPrefix.size())));
  CIYUAN_TRY(NoteSigner signer, make(parsed.name, SigningKey::from_seed(parsed.key)));
  if (signer.verifier_.id != parsed.id) return invalid("key", "the key's id does not belong to this key");
  return signer;
}

std::string NoteSigner::secret_text() const {
  return std::string(kSecretPrefix) + key_text(verifier_.name, verifier_.id, key_.seed());
}

std::string NoteSigner::signature_line(std::string_view text) const {
  Signature signature = key_.sign(bytes_of(text));
  std::array<std::uint8_t, 4> id = big_endian(verifier_.id);
  Bytes blob(id.begin(), id.end());
  blob.insert(blob.end(), signature.begin(), signature.end());
  return std::string(kSignaturePrefix) + verifier_.name + " " + to_base64(blob) + "\n";
}

Result<Note> parse_note(std::string_view note) {
  if (note.size() > kNoteBytesMax) return Error{ErrorCode::kTooLarge, "larger than 1 MiB", "note"};
  CIYUAN_TRY_STATUS(check_text(note));
  std::size_t blank = note.rfind("\n\n");
  if (blank == note.npos) return invalid("note", "has no blank line before its signatures");
  Note parsed;
  parsed.text = note.substr(0, blank + 1);
  std::string_view rest = note.substr(blank + 2);
  if (rest.empty()) return invalid("note", "has no signatures");
  while (!rest.empty()) {
    if (parsed.signatures.size() == kNoteSignaturesMax)
      return Error{ErrorCode::kTooLarge, "has more than 100 signatures", "note"};
    std::size_t end = rest.find('\n');
    CIYUAN_TRY(NoteSignature signature, parse_signature_line(rest.substr(0, end)));
    parsed.signatures.push_back(std::move(signature));
    rest.remove_prefix(end + 1);
  }
  return parsed;
}

Result<OpenedNote> open_note(std::string_view note, std::span<const VerifierKey> known) {
  CIYUAN_TRY(Note parsed, parse_note(note));
  OpenedNote opened;
  std::vector<const VerifierKey*> seen;
  for (NoteSignature& signature : parsed.signatures) {
    auto key = std::find_if(known.begin(), known.end(), [&](const VerifierKey& candidate) {
      return candidate.id == signature.id && candidate.name == signature.name;
    });
    if (key == known.end()) {
      opened.unverified.push_back(std::move(signature));
      continue;
    }
    if (!verify_ed25519(key->key, bytes_of(parsed.text), signature.signature))
      return Error{ErrorCode::kRefused, "the signature by " + key->name + " is wrong", "note"};
    if (std::find(seen.begin(), seen.end(), &*key) != seen.end()) continue;
    seen.push_back(&*key);
    opened.verified.push_back(std::move(signature));
  }
  if (opened.verified.empty()) return Error{ErrorCode::kRefused, "no signature by a known key", "note"};
  opened.text = std::move(parsed.text);
  return opened;
}

Result<std::string> sign_note(std::string_view text, const NoteSigner& signer) {
  CIYUAN_TRY_STATUS(check_text(text));
  return std::string(text) + "\n" + signer.signature_line(text);
}

}  // namespace ciyuan::tlog
