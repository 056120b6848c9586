#pragma once

/// Where a usage record stands on its way to a bill: the states of TMF635 (Usage Management API, TM Forum),
/// and which may follow which.
///
///   received ─► guided ─► rated ─► billed         rejected and recycled usage goes back to received
///                           ▲ └──► rerated ─► billed

#include <array>
#include <cstdint>
#include <string_view>

namespace ciyuan::price {

enum class UsageState : std::uint8_t { kReceived, kRejected, kRecycled, kGuided, kRated, kRerated, kBilled };
constexpr std::array<std::string_view, 7> kUsageStateNames = {"received", "rejected", "recycled", "guided",
                                                              "rated",    "rerated",  "billed"};

constexpr std::string_view name_of(UsageState state) {
  return kUsageStateNames[static_cast<std::size_t>(state)];
}

/// Rerating again and again is allowed until the bill; what is billed is corrected by new usage, never
/// changed.
constexpr bool may_follow(UsageState before, UsageState after) {
  using enum UsageState;
  switch (before) {
    case kReceived:
      return after == kGuided || after == kRejected || after == kRated;
    case kRejected:
      return after == kRecycled;
    case kRecycled:
      return after == kReceived;
    case kGuided:
      return after == kRated || after == kRejected;
    case kRated:
    case kRerated:
      return after == kRerated || after == kBilled;
    case kBilled:
      return false;
  }
  return false;
}

}  // namespace ciyuan::price
