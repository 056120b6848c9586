#include "measure/modality.h"

#include <algorithm>
#include <array>

namespace ciyuan::measure {
namespace {

constexpr std::array<std::string_view, 6> kMediumNames = {"image", "audio", "video",
                                                          "file",  "other", "tools"};
constexpr std::array<std::string_view, 9> kFormulaNames = {
    "fixed", "tiles", "patches", "grid", "area", "fixed_or_tiled", "per_second", "per_page", "tools"};
constexpr Int128 kMicro = 1'000'000;

Int128 up(Int128 numerator, Int128 denominator) { return (numerator + denominator - 1) / denominator; }

// The largest n with n² ≤ value.
Int128 whole_root(Int128 value) {
  Int128 low = 0, high = Int128{1} << 62;
  while (low < high) {
    const Int128 middle = low + (high - low + 1) / 2;
    if (middle <= value / middle)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

std::int64_t bounded(Int128 tokens) {
  return static_cast<std::int64_t>(std::clamp<Int128>(tokens, 0, kMediaTokensMax));
}

// A size times an exact fraction.
struct Scaled {
  Int128 width, height;
  Int128 times = 1, over = 1;

  Int128 longest() const { return std::max(width, height); }
  Int128 shortest() const { return std::min(width, height); }
  void shrink_longest_to(Int128 side) {
    if (side > 0 && longest() * times > side * over) times = side, over = longest();
  }
  void shrink_shortest_to(Int128 side) {
    if (side > 0 && shortest() * times > side * over) times = side, over = shortest();
  }
  Int128 squares(Int128 side) const {
    return up(width * times, over * side) * up(height * times, over * side);
  }
};

Scaled scaled(const ImageSize& size) { return {size.width, size.height}; }

Int128 tokens_of(const TilesFormula& rule, const ImageSize& size) {
  Scaled image = scaled(size);
  image.shrink_longest_to(rule.fit);
  image.shrink_shortest_to(rule.shortest);
  return rule.base + image.squares(rule.tile) * rule.per_tile;
}

// OpenAI's page: shrink by sqrt(patch² × max / (w × h)), then a little more until one side is whole patches.
// Which side: the one that loses more of its fraction.
Int128 patches_of(const PatchesFormula& rule, const ImageSize& size) {
  Scaled image = scaled(size);
  image.shrink_longest_to(rule.long_edge);
  const Int128 cover = image.squares(rule.patch);
  if (cover <= rule.patches_max) return cover;
  const Int128 wide = std::max<Int128>(1, whole_root(rule.patches_max * image.width / image.height));
  const Int128 high = std::max<Int128>(1, whole_root(rule.patches_max * image.height / image.width));
  const Int128 patches = wide * image.height <= high * image.width
                             ? wide * up(image.height * wide, image.width)
                             : high * up(image.width * high, image.height);
  return std::min<Int128>(patches, rule.patches_max);
}

// Python's round(): half to even, in units of the factor.
Int128 nearest_multiple(Int128 side, Int128 factor) {
  const Int128 whole = side / factor, rest = side % factor;
  return whole + (2 * rest > factor || (2 * rest == factor && whole % 2 == 1) ? 1 : 0);
}

// `side` shrunk by sqrt(pixels / (side × other)), in whole factors, rounded down or up.
Int128 factors_within(Int128 side, Int128 other, const GridFormula& rule) {
  return std::max<Int128>(1, whole_root(side * rule.pixels_max / (other * rule.factor * rule.factor)));
}
Int128 factors_to_reach(Int128 side, Int128 other, const GridFormula& rule) {
  const Int128 square = rule.factor * rule.factor;
  const Int128 root = whole_root(side * rule.pixels_min / (other * square));
  return root * root * other * square >= side * rule.pixels_min ? root : root + 1;
}

Int128 tokens_of(const GridFormula& rule, const ImageSize& size) {
  Int128 wide = nearest_multiple(size.width, rule.factor), high = nearest_multiple(size.height, rule.factor);
  const Int128 pixels = wide * high * rule.factor * rule.factor;
  if (pixels > rule.pixels_max) {
    wide = factors_within(size.width, size.height, rule);
    high = factors_within(size.height, size.width, rule);
  } else if (pixels < rule.pixels_min) {
    wide = factors_to_reach(size.width, size.height, rule);
    high = factors_to_reach(size.height, size.width, rule);
  }
  return wide * high + rule.extra;
}

Int128 tokens_of(const AreaFormula& rule, const ImageSize& size, Rounding rounding) {
  Scaled image = scaled(size);
  image.shrink_longest_to(rule.long_edge);
  const Int128 tokens = rounded_quotient(image.width * image.height * image.times * image.times,
                                         image.over * image.over * rule.pixels_per_token, rounding);
  return rule.tokens_max > 0 ? std::min<Int128>(tokens, rule.tokens_max) : tokens;
}

Int128 tokens_of(const FixedOrTiledFormula& rule, const ImageSize& size) {
  const Scaled image = scaled(size);
  if (image.longest() <= rule.small) return rule.per_tile;
  Int128 tile = rule.tile_max;
  if (!rule.divisor.is_zero())
    tile = std::clamp<Int128>(image.shortest() * kMicro / rule.divisor.units(), rule.tile_min, rule.tile_max);
  return image.squares(tile) * rule.per_tile;
}

}  // namespace

std::string_view name_of(Medium medium) { return kMediumNames[static_cast<std::size_t>(medium)]; }
std::optional<Medium> medium_named(std::string_view name) {
  for (std::size_t i = 0; i < kMediumNames.size(); ++i)
    if (kMediumNames[i] == name) return static_cast<Medium>(i);
  return std::nullopt;
}

std::string_view ModalityRule::formula_name() const { return kFormulaNames[formula_.index()]; }

std::optional<std::int64_t> ModalityRule::by_formula(const MediaPart& part) const {
  if (const auto* fixed = std::get_if<FixedFormula>(&formula_)) return fixed->tokens;
  if (const auto* tools = std::get_if<ToolsFormula>(&formula_)) {
    const std::int64_t once = part.tool_forced ? tools->per_request_forced : tools->per_request;
    return bounded(Int128{once} + Int128{part.tools} * tools->per_tool);
  }
  if (const auto* sound = std::get_if<PerSecondFormula>(&formula_)) {
    if (!part.duration) return std::nullopt;
    return bounded(rounded_quotient(part.duration->units * sound->tokens.units(),
                                    part.duration->per_second * kMicro, rounding_));
  }
  if (const auto* page = std::get_if<PerPageFormula>(&formula_)) {
    if (!part.pages) return std::nullopt;
    return bounded(Int128{*part.pages} * page->tokens);
  }
  if (!part.size) return std::nullopt;
  if (const auto* tiles = std::get_if<TilesFormula>(&formula_)) return bounded(tokens_of(*tiles, *part.size));
  if (const auto* patches = std::get_if<PatchesFormula>(&formula_))
    return bounded(
        rounded_quotient(patches_of(*patches, *part.size) * patches->multiplier.units(), kMicro, rounding_));
  if (const auto* grid = std::get_if<GridFormula>(&formula_)) return bounded(tokens_of(*grid, *part.size));
  if (const auto* area = std::get_if<AreaFormula>(&formula_))
    return bounded(tokens_of(*area, *part.size, rounding_));
  return bounded(tokens_of(std::get<FixedOrTiledFormula>(formula_), *part.size));
}

MediaCount ModalityRule::count(const MediaPart& part) const {
  if (part.low_detail && low_) return {*low_, level_};
  if (const auto tokens = by_formula(part)) return {*tokens, level_};
  return {unknown_.value_or(0), record::Level::kUnverified};
}

}  // namespace ciyuan::measure
