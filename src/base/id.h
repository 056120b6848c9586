#pragma once

/// 128-bit ids. Records carry UUIDv7 (RFC 9562 §5.7): ordered by the millisecond they were made in,
/// unguessable in the rest. A transfer's id makes it idempotent: the same id with other content is an error.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace ciyuan {

struct Id {
  std::array<std::uint8_t, 16> bytes{};

  constexpr auto operator<=>(const Id&) const = default;
  bool is_nil() const { return *this == Id{}; }
  /// "0198…-….": 36 characters, lower case.
  std::string text() const;
};

/// A fresh UUIDv7 for this time. Any thread.
Id make_uuid7(TimePoint time);
/// The 36-character form.
Result<Id> parse_id(std::string_view text);
/// An id derived from content: the first 16 bytes of SHA-256, marked as a UUIDv8 (RFC 9562 §5.8).
Id id_from_content(std::string_view content);

}  // namespace ciyuan

template <>
struct std::hash<ciyuan::Id> {
  std::size_t operator()(const ciyuan::Id& id) const noexcept {
    std::uint64_t halves[2];
    __builtin_memcpy(halves, id.bytes.data(), 16);
    return static_cast<std::size_t>((halves[0] ^ halves[1]) * 0x9E3779B97F4A7C15ULL);
  }
};
