// Receipts, records and administrative entries from strangers. The extra data is also tried alone, inside a
// good frame, so that the fuzzer need not find base64 first.

#include <cstdlib>

#include "record/receipt.h"

using namespace ciyuan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  static const tlog::NoteSigner kSigner =
      tlog::NoteSigner::make("example.com/log", SigningKey::from_seed({1})).value();

  (void)record::verify_receipt(text, {&kSigner.verifier(), 1});
  if (Result<record::UsageRecord> parsed = record::parse_record(text); parsed.ok())
    if (record::to_json(*parsed) != text) std::abort();
  if (Result<record::AdminAction> action = record::parse_admin_entry(text); action.ok())
    if (record::admin_entry(*action) != text) std::abort();

  static const std::string kCheckpoint =
      tlog::sign_note(tlog::Checkpoint{"example.com/log", 1, tlog::leaf_hash(bytes_of("x")), {}}.text(),
                      kSigner)
          .value();
  tlog::Proof proof{Bytes(data, data + size), 0, {}, kCheckpoint};
  std::string framed = proof.text();
  if (record::verify_receipt(framed, {&kSigner.verifier(), 1}).ok()) std::abort();  // the leaf is of "x"
  if (Result<std::string> redacted = record::redact_receipt(framed, {"usage"}); redacted.ok())
    if (!record::redact_receipt(*redacted, {"usage"}).ok()) std::abort();
  return 0;
}
