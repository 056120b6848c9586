#include "store/internal/codec.h"

#include "store/varint.h"

namespace ciyuan::store::internal {

std::string encode_lines(EntryNumber entry, const std::vector<EntryLine>& lines) {
  std::string bytes;
  bytes.reserve(lines.size() * 20);
  ByteWriter out(bytes);
  for (const EntryLine& line : lines) {
    out.number(line.account);
    out.amount(line.amount);
    out.amount(line.balance);
    // As the distance back, which is short for busy accounts; 0 stands for none.
    out.number(line.previous == 0 ? 0 : entry - line.previous);
  }
  return bytes;
}

Result<std::vector<EntryLine>> decode_lines(EntryNumber entry, std::string_view bytes) {
  std::vector<EntryLine> lines;
  ByteReader in(bytes);
  while (in.ok() && !in.empty()) {
    EntryLine line;
    line.account = in.number();
    line.amount = in.amount();
    line.balance = in.amount();
    std::uint64_t back = in.number();
    if (back > entry) return Error{ErrorCode::kCorrupt, "a line points before the journal's beginning", ""};
    line.previous = back == 0 ? 0 : entry - back;
    lines.push_back(line);
  }
  if (!in.done())
    return Error{ErrorCode::kCorrupt, "the lines of entry " + std::to_string(entry) + " are damaged", ""};
  return lines;
}

}  // namespace ciyuan::store::internal
