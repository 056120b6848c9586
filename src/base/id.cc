#include "base/id.h"

#include <algorithm>

#include "base/crypto.h"

namespace ciyuan {
namespace {

void mark_version(Id& id, std::uint8_t version) {
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | version << 4);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
}

}  // namespace

std::string Id::text() const {
  std::string hex = to_hex(bytes);
  for (std::size_t at : {20, 16, 12, 8}) hex.insert(at, 1, '-');
  return hex;
}

Id make_uuid7(TimePoint time) {
  // Random bytes are drawn from the system in blocks: one call for each id would be a lock and a generator
  // each.
  thread_local std::array<std::uint8_t, 1024> pool;
  thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    random_bytes(pool);
    used = 0;
  }
  Id id;
  std::copy_n(pool.begin() + static_cast<std::ptrdiff_t>(used), 16, id.bytes.begin());
  used += 16;
  auto ms = static_cast<std::uint64_t>(time.ns / 1'000'000);
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  mark_version(id, 7);
  return id;
}

Result<Id> parse_id(std::string_view text) {
  std::string hex;
  bool dashes = text.size() == 36;
  for (std::size_t i = 0; i < text.size() && dashes; ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) dashes = false;
    if (!dash) hex += text[i];
  }
  auto bytes = from_hex(hex);
  if (!dashes || !bytes || bytes->size() != 16)
    return invalid(
        "", "\"" + std::string(text.substr(0, 60)) + "\" is not a UUID (8-4-4-4-12 hexadecimal digits)");
  Id id;
  std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
  return id;
}

Id id_from_content(std::string_view content) {
  Digest digest = sha256(content);
  Id id;
  std::copy_n(digest.begin(), 16, id.bytes.begin());
  mark_version(id, 8);
  return id;
}

}  // namespace ciyuan
