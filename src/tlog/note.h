#pragma once

/// Signed notes (C2SP signed-note v1.0.0): a text and lines of signatures under it.
///
///     example.com/log          ┐
///     70000                    │ text, ends in a newline
///     <base64 root>            ┘
///                                blank line
///     — example.com/log <base64 (4-byte key id ‖ signature)>
///
///   CIYUAN_TRY(VerifierKey key, VerifierKey::parse("example.com/log+3d5f…+AW…"));
///   CIYUAN_TRY(OpenedNote note, open_note(text, {&key, 1}));   // note.text is now to be believed
///
/// Only Ed25519 keys (type 0x01) are made and verified. Lines of other keys and types are kept and not
/// judged, as the format asks: that is how witnesses' cosignatures travel along. Pure functions: any thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/result.h"

namespace ciyuan::tlog {

/// Limits against hostile notes. A post-quantum signature line may take 5 kB.
constexpr std::size_t kNoteBytesMax = 1 << 20;
constexpr std::size_t kNoteSignaturesMax = 100;
constexpr std::uint8_t kKeyTypeEd25519 = 0x01;

/// Not empty, UTF-8, no Unicode white space, no plus, no control characters.
bool is_key_name(std::string_view name);

/// A key to check signatures with: "name+8 hex digits+base64(type ‖ key)" in text.
struct VerifierKey {
  std::string name;
  std::uint32_t id = 0;  ///< first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key)
  PublicKey key{};

  static Result<VerifierKey> make(std::string name, const PublicKey& key);
  /// kInvalid with the reason: another type, an id that does not fit the key, a bad name.
  static Result<VerifierKey> parse(std::string_view text);
  std::string text() const;
};

/// A key to sign notes with: "PRIVATE+KEY+name+8 hex digits+base64(0x01 ‖ seed)" in text, the form Go's note
/// package reads too.
class NoteSigner {
 public:
  static Result<NoteSigner> make(std::string name, SigningKey key);
  static Result<NoteSigner> parse(std::string_view text);
  std::string secret_text() const;
  const VerifierKey& verifier() const { return verifier_; }
  /// The signature line for `text`, with its newline.
  std::string signature_line(std::string_view text) const;

 private:
  VerifierKey verifier_;
  SigningKey key_;
};

struct NoteSignature {
  std::string name;
  std::uint32_t id = 0;
  Bytes signature;  ///< what follows the key id
};

struct Note {
  std::string text;  ///< ends in a newline
  std::vector<NoteSignature> signatures;
};

/// Takes a note apart without verifying anything. kInvalid or kTooLarge.
Result<Note> parse_note(std::string_view note);

struct OpenedNote {
  std::string text;
  std::vector<NoteSignature> verified;  ///< by the given keys, each key at most once
  std::vector<NoteSignature> unverified;
};
/// kInvalid: not a note. kRefused: a known key's signature is wrong, or there is none by a known key.
Result<OpenedNote> open_note(std::string_view note, std::span<const VerifierKey> known);

/// The note for a text that ends in a newline and has no control characters. kInvalid otherwise.
Result<std::string> sign_note(std::string_view text, const NoteSigner& signer);

}  // namespace ciyuan::tlog
