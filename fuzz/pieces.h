#pragma once

/// Input as a socket brings it, for parsers that must find the same in any pieces.

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace ciyuan {

/// Offers `text`, `piece` bytes more at a time, what was not used (an unfinished line) in front of them
/// again. `feed` says how many of the bytes it used, or nothing to stop. Returns how many were used in all.
template <class Feed>
std::size_t feed_in_pieces(std::string_view text, std::size_t piece, Feed feed) {
  std::size_t used = 0, brought = std::min(text.size(), piece);
  for (;;) {
    std::optional<std::size_t> more = feed(text.substr(used, brought - used));
    if (!more) return used;
    if (*more > brought - used) std::abort();
    used += *more;
    if (*more > 0 && used < brought) continue;
    if (brought == text.size()) return used;
    brought = std::min(text.size(), brought + piece);
  }
}

}  // namespace ciyuan
