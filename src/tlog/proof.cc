#include "tlog/proof.h"

#include <algorithm>

namespace ciyuan::tlog {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

// Cuts the next line off `text`; false where there is no whole line left.
bool take_line(std::string_view& text, std::string_view& line) {
  std::size_t end = text.find('\n');
  if (end == text.npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

std::string Proof::text() const {
  std::string out(kFirstLine);
  out += '\n';
  if (extra) out += std::string(kExtra) + to_base64(*extra) + "\n";
  out += std::string(kIndex) + std::to_string(index) + "\n";
  for (const Hash& hash : hashes) out += to_base64(hash) + "\n";
  return out + "\n" + checkpoint;
}

Result<Proof> Proof::parse(std::string_view text) {
  if (text.size() > kProofBytesMax) return Error{ErrorCode::kTooLarge, "larger than 4 MiB", "proof"};
  Proof proof;
  std::string_view line;
  if (!take_line(text, line) || line != kFirstLine)
    return invalid("proof", "does not begin with \"" + std::string(kFirstLine) + "\"");
  if (!take_line(text, line)) return invalid("proof", "has no index line");
  if (line.starts_with(kExtra)) {
    Result<Bytes> extra = from_base64(line.substr(kExtra.size()));
    if (!extra.ok()) return invalid("proof", "its extra data is not base64");
    proof.extra = std::move(*extra);
    if (!take_line(text, line)) return invalid("proof", "has no index line");
  }
  if (!line.starts_with(kIndex)) return invalid("proof", "has no index line");
  Result<std::uint64_t> index = parse_size(line.substr(kIndex.size()));
  if (!index.ok()) return invalid("proof", "its index is not a decimal number");
  proof.index = *index;
  for (;;) {
    if (!take_line(text, line)) return invalid("proof", "ends before its checkpoint");
    if (line.empty()) break;
    if (proof.hashes.size() == kProofHashesMax)
      return Error{ErrorCode::kTooLarge, "has more hashes than any tree can need", "proof"};
    Result<Bytes> bytes = from_base64(line);
    if (!bytes.ok() || bytes->size() != sizeof(Hash))
      return invalid("proof",
                     "hash " + std::to_string(proof.hashes.size()) + " is not the base64 of 32 bytes");
    std::copy(bytes->begin(), bytes->end(), proof.hashes.emplace_back().begin());
  }
  if (text.empty()) return invalid("proof", "has no checkpoint");
  proof.checkpoint = text;
  return proof;
}

Result<Checkpoint> verify_proof(const Proof& proof, const Hash& leaf, std::span<const VerifierKey> known) {
  CIYUAN_TRY(Checkpoint checkpoint, open_checkpoint(proof.checkpoint, known));
  CIYUAN_TRY_STATUS(verify_inclusion(proof.index, checkpoint.size, leaf, checkpoint.root, proof.hashes));
  return checkpoint;
}

}  // namespace ciyuan::tlog
