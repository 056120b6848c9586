/// The units' layout: github.com/s-yata/darts-clone, DoubleArrayUnit.

#include "token/pipeline/charsmap.h"

#include <algorithm>

#include "base/bytes.h"

namespace ciyuan::token::pipeline {
namespace {

bool has_leaf(std::uint32_t unit) { return unit >> 8 & 1; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FF; }
std::uint32_t offset(std::uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

}  // namespace

Result<std::shared_ptr<const Charsmap>> Charsmap::read(std::string_view blob) {
  const auto number = [&](std::size_t at) {
    std::uint32_t all = 0;
    for (std::size_t i = 4; i-- > 0;) all = all << 8 | static_cast<unsigned char>(blob[at + i]);
    return all;
  };
  if (blob.size() < 8) return invalid("precompiled_charsmap", "cut short");
  const std::uint32_t size = number(0);
  if (size < 4 || size % 4 != 0 || size >= blob.size() - 4)
    return invalid("precompiled_charsmap", "an array of " + std::to_string(size) + " bytes is not in it");
  auto made = std::make_shared<Charsmap>();
  made->units_.resize(size / 4);
  for (std::size_t i = 0; i < made->units_.size(); ++i) made->units_[i] = number(4 + 4 * i);
  made->texts_ = blob.substr(4 + size);
  if (!is_utf8(made->texts_)) return invalid("precompiled_charsmap", "its texts are not UTF-8");
  for (std::size_t at = 0; at < made->texts_.size();) {
    const std::size_t end = std::min(made->texts_.find('\0', at), made->texts_.size());
    made->growth_max_ = std::max(made->growth_max_, end - at);
    at = end + 1;
  }
  return std::shared_ptr<const Charsmap>(std::move(made));
}

std::string_view Charsmap::text_at(std::uint32_t at) const {
  if (at >= texts_.size() || (at > 0 && (static_cast<unsigned char>(texts_[at]) & 0xC0) == 0x80)) return {};
  return std::string_view(texts_).substr(at, texts_.find('\0', at) - at);
}

/// Calls take(length, value) for each beginning of the text that is mapped, until it says false. True: the
/// text ended before the array did.
template <class Take>
bool Charsmap::walk(std::string_view text, Take take) const {
  // An array that leads back into itself would be walked to the end of the text from each of its places.
  constexpr std::size_t kDepthMax = 1 << 10;
  std::uint32_t node = offset(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == kDepthMax) return false;
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) return false;
    const std::uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size() || !take(i + 1, value(units_[node]))) return false;
  }
  return true;
}

Charsmap::Found Charsmap::shortest(std::string_view text) const {
  Found found;
  found.hit_end = walk(text, [&](std::size_t length, std::uint32_t at) {
    found.length = length, found.becomes = text_at(at);
    return false;
  });
  return found;
}

Charsmap::Found Charsmap::longest(std::string_view text) const {
  Found found;
  found.hit_end = walk(text, [&](std::size_t length, std::uint32_t at) {
    found.length = length, found.becomes = text_at(at);
    return true;
  });
  return found;
}

}  // namespace ciyuan::token::pipeline
