// Vouchers as devices are given them: whatever is read is written back to the same bytes. The input is tried
// as it is, and as the second line of a text that the server has signed.

#include <cstdlib>

#include "licence/voucher.h"

using namespace ciyuan;
using namespace ciyuan::licence;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static const tlog::NoteSigner kServer =
      tlog::NoteSigner::make("example.com/licence", SigningKey::from_seed({1})).value();
  if (read_voucher(input, {&kServer.verifier(), 1}).ok()) std::abort();  // nobody has signed it
  const std::string text = "ciyuan/licence-voucher/v1\n" + std::string(input) + "\n";
  const Result<std::string> note = tlog::sign_note(text, kServer);
  if (!note.ok()) return 0;
  const Result<Voucher> voucher = read_voucher(*note, {&kServer.verifier(), 1});
  if (!voucher.ok()) return 0;
  const Result<std::string> again = voucher_text(*voucher);
  if (!again.ok() || *again != text) std::abort();
  if (voucher->ciyuan <= Amount() || voucher->quantum <= Amount()) std::abort();
  return 0;
}
