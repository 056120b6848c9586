#pragma once

/// The kinds of token that are counted, priced and capped apart from each other (F4).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ciyuan {

enum class Kind : std::uint8_t { kInput, kCacheRead, kCacheWrite, kOutput, kReasoning, kTool };
constexpr std::size_t kKinds = 6;
constexpr std::array<Kind, kKinds> kAllKinds = {Kind::kInput,  Kind::kCacheRead, Kind::kCacheWrite,
                                                Kind::kOutput, Kind::kReasoning, Kind::kTool};
/// The names in documents, records and metrics.
constexpr std::array<std::string_view, kKinds> kKindNames = {"input",  "cache_read", "cache_write",
                                                             "output", "reasoning",  "tool"};

constexpr std::size_t index_of(Kind kind) { return static_cast<std::size_t>(kind); }
constexpr std::string_view name_of(Kind kind) { return kKindNames[index_of(kind)]; }
constexpr std::optional<Kind> kind_named(std::string_view name) {
  for (Kind kind : kAllKinds)
    if (name_of(kind) == name) return kind;
  return std::nullopt;
}
/// Kinds that the model generates: what a quantum of output holds and a cap cuts.
constexpr bool is_generated(Kind kind) {
  return kind == Kind::kOutput || kind == Kind::kReasoning || kind == Kind::kTool;
}

/// Tokens of each kind.
struct KindCounts {
  std::array<std::int64_t, kKinds> tokens{};

  std::int64_t& operator[](Kind kind) { return tokens[index_of(kind)]; }
  std::int64_t operator[](Kind kind) const { return tokens[index_of(kind)]; }
  std::int64_t generated() const {
    return (*this)[Kind::kOutput] + (*this)[Kind::kReasoning] + (*this)[Kind::kTool];
  }
  bool operator==(const KindCounts&) const = default;
};

}  // namespace ciyuan
