#include <cstddef>
#include <cstdint>
#include <cstring>

// What `token` takes from simdjson, for the packages of other languages, where that library is not: one
// function under simdjson's own name, so that the sources are the same.

namespace simdjson {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

bool continues(std::uint8_t byte) { return (byte & 0xC0) == 0x80; }

/// Bytes of the well-formed character at `p`, which is not ASCII; 0 if there is none (Unicode, table 3-7).
std::size_t character_at(const std::uint8_t* p, std::size_t room) {
  const std::uint8_t lead = p[0];
  if (lead < 0xC2 || room < 2) return 0;
  if (lead < 0xE0) return continues(p[1]) ? 2 : 0;
  if (lead < 0xF0) {
    if (room < 3 || !continues(p[1]) || !continues(p[2])) return 0;
    const bool is_overlong = lead == 0xE0 && p[1] < 0xA0, is_surrogate = lead == 0xED && p[1] > 0x9F;
    return is_overlong || is_surrogate ? 0 : 3;
  }
  if (lead > 0xF4 || room < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3])) return 0;
  const bool is_overlong = lead == 0xF0 && p[1] < 0x90, is_beyond = lead == 0xF4 && p[1] > 0x8F;
  return is_overlong || is_beyond ? 0 : 4;
}

}  // namespace

bool validate_utf8(const char* text, std::size_t size) noexcept {
  const auto* p = reinterpret_cast<const std::uint8_t*>(text);
  const std::uint8_t* const end = p + size;
  while (p < end) {
    std::uint64_t eight = kHighBits;
    if (end - p >= 8) std::memcpy(&eight, p, 8);
    if ((eight & kHighBits) == 0) {
      p += 8;
    } else if (*p < 0x80) {
      ++p;
    } else {
      const std::size_t length = character_at(p, static_cast<std::size_t>(end - p));
      if (length == 0) return false;
      p += length;
    }
  }
  return true;
}

}  // namespace simdjson
