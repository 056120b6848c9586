// Notes, keys and checkpoints from strangers: whatever parses must be written back to the same bytes.

#include <cstdlib>

#include "tlog/checkpoint.h"

using namespace ciyuan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  static const tlog::NoteSigner kSigner =
      tlog::NoteSigner::make("example.com/log", SigningKey::from_seed({1})).value();

  if (Result<tlog::Note> note = tlog::parse_note(text); note.ok()) {
    if (note->signatures.empty() || note->text.empty()) std::abort();
    Result<tlog::OpenedNote> opened = tlog::open_note(text, {&kSigner.verifier(), 1});
    if (opened.ok() && !text.starts_with(opened->text)) std::abort();
  }
  if (Result<tlog::Checkpoint> checkpoint = tlog::parse_checkpoint(text); checkpoint.ok())
    if (checkpoint->text() != text) std::abort();
  if (Result<tlog::VerifierKey> key = tlog::VerifierKey::parse(text); key.ok()) {
    // Hexadecimal digits may come in either case; the rest has one form.
    if (tlog::VerifierKey::parse(key->text())->id != key->id) std::abort();
  }
  (void)tlog::NoteSigner::parse(text);
  // What we sign ourselves must open again.
  if (Result<std::string> note = tlog::sign_note(text, kSigner); note.ok())
    if (!tlog::open_note(*note, {&kSigner.verifier(), 1}).ok() && size < tlog::kNoteBytesMax / 2)
      std::abort();
  return 0;
}
