#pragma once

/// Meters: what a price can be for. The six kinds of token come first, in the order of base/kind.h; then the
/// call itself; then tokens of a medium, where a provider prices them apart; then things that are no tokens.
///
/// A meter without a price of its own costs what the next wider one costs: audio_cache_read as cache_read,
/// that as input. Requests, images, seconds, pages and characters have no wider one.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/kind.h"

namespace ciyuan::price {

enum class Meter : std::uint8_t {
  kInput,
  kCacheRead,
  kCacheWrite,
  kOutput,
  kReasoning,
  kTool,
  kRequest,
  kImageInput,
  kAudioInput,
  kVideoInput,
  kImageCacheRead,
  kAudioCacheRead,
  kAudioCacheWrite,
  kImageOutput,
  kAudioOutput,
  kVideoOutput,
  kImagesIn,
  kImagesOut,
  kAudioSecondsIn,
  kAudioSecondsOut,
  kVideoSecondsIn,
  kVideoSecondsOut,
  kPagesIn,
  kCharactersIn,
  kCharactersOut,
};
constexpr std::size_t kMeters = 25;

/// What one of a meter is, and which meter's price stands in for its own (itself: none).
struct MeterFacts {
  std::string_view name, unit;
  Meter wider;
};
constexpr std::array<MeterFacts, kMeters> kMeterFacts = {{
    {"input", "token", Meter::kInput},
    {"cache_read", "token", Meter::kInput},
    {"cache_write", "token", Meter::kInput},
    {"output", "token", Meter::kOutput},
    {"reasoning", "token", Meter::kOutput},
    {"tool", "token", Meter::kOutput},
    {"request", "request", Meter::kRequest},
    {"image_input", "token", Meter::kInput},
    {"audio_input", "token", Meter::kInput},
    {"video_input", "token", Meter::kInput},
    {"image_cache_read", "token", Meter::kCacheRead},
    {"audio_cache_read", "token", Meter::kCacheRead},
    {"audio_cache_write", "token", Meter::kCacheWrite},
    {"image_output", "token", Meter::kOutput},
    {"audio_output", "token", Meter::kOutput},
    {"video_output", "token", Meter::kOutput},
    {"images_in", "image", Meter::kImagesIn},
    {"images_out", "image", Meter::kImagesOut},
    {"audio_seconds_in", "second", Meter::kAudioSecondsIn},
    {"audio_seconds_out", "second", Meter::kAudioSecondsOut},
    {"video_seconds_in", "second", Meter::kVideoSecondsIn},
    {"video_seconds_out", "second", Meter::kVideoSecondsOut},
    {"pages_in", "page", Meter::kPagesIn},
    {"characters_in", "character", Meter::kCharactersIn},
    {"characters_out", "character", Meter::kCharactersOut},
}};

constexpr std::size_t index_of(Meter meter) { return static_cast<std::size_t>(meter); }
constexpr std::string_view name_of(Meter meter) { return kMeterFacts[index_of(meter)].name; }
constexpr std::string_view unit_of(Meter meter) { return kMeterFacts[index_of(meter)].unit; }
constexpr bool is_tokens(Meter meter) { return unit_of(meter) == "token"; }
constexpr Meter meter_at(std::size_t index) { return static_cast<Meter>(index); }
constexpr Meter meter_of(Kind kind) { return static_cast<Meter>(ciyuan::index_of(kind)); }
constexpr std::optional<Meter> meter_named(std::string_view name) {
  for (std::size_t i = 0; i < kMeters; ++i)
    if (kMeterFacts[i].name == name) return meter_at(i);
  return std::nullopt;
}
static_assert(name_of(meter_of(Kind::kTool)) == ciyuan::name_of(Kind::kTool));
static_assert(name_of(Meter::kCharactersOut) == "characters_out");

/// How much of each meter.
struct MeterCounts {
  std::array<std::int64_t, kMeters> of{};

  std::int64_t& operator[](Meter meter) { return of[index_of(meter)]; }
  std::int64_t operator[](Meter meter) const { return of[index_of(meter)]; }
  bool operator==(const MeterCounts&) const = default;
};

}  // namespace ciyuan::price
