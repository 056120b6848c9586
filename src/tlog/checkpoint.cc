#include "tlog/checkpoint.h"

#include <algorithm>

namespace ciyuan::tlog {

std::string Checkpoint::text() const {
  std::string out = origin + "\n" + std::to_string(size) + "\n" + to_base64(root) + "\n";
  for (const std::string& line : extensions) out += line + "\n";
  return out;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  Error not_a_size = invalid("size", "not a decimal number in its shortest form, at most 2^62");
  if (text.empty() || text.size() > 19 || (text.size() > 1 && text[0] == '0')) return not_a_size;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return not_a_size;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > kTreeSizeMax) return not_a_size;
  return value;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  if (text.empty() || text.back() != '\n') return invalid("checkpoint", "does not end in a newline");
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    if (end == 0) return invalid("checkpoint", "has an empty line");
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (lines.size() < 3) return invalid("checkpoint", "has fewer than three lines");
  Checkpoint checkpoint;
  checkpoint.origin = lines[0];
  CIYUAN_TRY(checkpoint.size, parse_size(lines[1]));
  Result<Bytes> root = from_base64(lines[2]);
  if (!root.ok() || root->size() != checkpoint.root.size())
    return invalid("checkpoint", "its root is not the base64 of 32 bytes");
  std::copy(root->begin(), root->end(), checkpoint.root.begin());
  checkpoint.extensions.assign(lines.begin() + 3, lines.end());
  return checkpoint;
}

Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const VerifierKey> known) {
  CIYUAN_TRY(OpenedNote opened, open_note(note, known));
  CIYUAN_TRY(Checkpoint checkpoint, parse_checkpoint(opened.text));
  bool own = std::any_of(opened.verified.begin(), opened.verified.end(),
                         [&](const NoteSignature& signature) { return signature.name == checkpoint.origin; });
  if (!own)
    return Error{ErrorCode::kRefused,
                 "is of the log \"" + checkpoint.origin + "\", but no known key of that name signed it",
                 "checkpoint"};
  return checkpoint;
}

}  // namespace ciyuan::tlog
