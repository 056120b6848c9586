// Chains from devices: whatever is read is within what its voucher allows, and read alike from a file that is
// cut after any whole note. The input is tried as a file as it is, and line by line as the statements of a
// device that signs anything, "@P", "@V" and "@M" standing for what a statement must name: the digest before
// it, its voucher and its method.

#include <cstdlib>

#include "licence/chain.h"

using namespace ciyuan;
using namespace ciyuan::licence;

namespace {

const tlog::NoteSigner& server() {
  static const tlog::NoteSigner key =
      tlog::NoteSigner::make("example.com/licence", SigningKey::from_seed({1})).value();
  return key;
}
const tlog::NoteSigner& device() {
  static const tlog::NoteSigner key = tlog::NoteSigner::make("cutter-1", SigningKey::from_seed({2})).value();
  return key;
}

Voucher some_voucher() {
  Voucher voucher;
  voucher.id = id_from_content("a voucher");
  voucher.licence = "workshop";
  voucher.contract = "demo";
  voucher.device = device().verifier();
  voucher.ciyuan = Amount(1'000'000'000);
  voucher.quantum = Amount(10'000'000);
  voucher.issued = TimePoint{1'795'000'000'000'000'000};
  voucher.until = voucher.issued + seconds(7 * 86'400);
  voucher.report_by = voucher.until + seconds(86'400);
  voucher.method_digest = to_hex(sha256("a method"));
  for (Kind kind : kAllKinds) voucher.models["small"][index_of(kind)] = Amount(1'000'000);
  return voucher;
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

void check(const Chain& chain) {
  Amount used, marked;
  for (std::size_t i = 0; i < chain.statements.size(); ++i) {
    const Statement& one = chain.statements[i];
    if (one.sequence != i || one.ciyuan < used || one.ciyuan > marked || one.marked > chain.voucher.ciyuan)
      std::abort();
    if (one.is_final && (i + 1 != chain.statements.size() || one.marked != one.ciyuan)) std::abort();
    used = one.ciyuan, marked = one.marked;
  }
  if (standing_of(chain, {chain.statements.size(), chain.digests.empty() ? "" : chain.digests.back()}) !=
      Standing::kSame)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Voucher kVoucher = some_voucher();
  static const std::string kNote = sign_voucher(kVoucher, server()).value();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)read_chain(input, {&server().verifier(), 1});
  (void)read_chain(kNote + std::string(input), {&server().verifier(), 1});

  std::string file = kNote, previous = voucher_digest(kVoucher);
  std::size_t whole = 0;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t end = std::min(input.find('\n', at), input.size());
    std::string line(input.substr(at, end - at));
    at = end + 1;
    replace_all(line, "@P", previous);
    replace_all(line, "@V", kVoucher.id.text());
    replace_all(line, "@M", kVoucher.method_digest);
    const std::string text = "ciyuan/licence-counter/v1\n" + line + "\n";
    const Result<std::string> note = tlog::sign_note(text, device());
    if (!note.ok()) break;
    file += *note;
    previous = to_hex(sha256(text));
    const Result<Chain> chain = read_chain(file, {&server().verifier(), 1});
    if (!chain.ok()) {
      if (chain.error().path.empty() || chain.error().message.empty()) std::abort();
      break;
    }
    check(*chain);
    if (chain->statements.size() != ++whole) std::abort();
    const Result<Chain> cut =
        read_chain(std::string_view(file).substr(0, file.size() - 1), {&server().verifier(), 1});
    if (!cut.ok() || cut->statements.size() + 1 != whole) std::abort();
  }
  return 0;
}
