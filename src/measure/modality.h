#pragma once

/// What a part of a message that is not text counts as: formulas as data. A rule names one formula, its
/// numbers, and the provider's page and date they came from.
///
///   CIYUAN_TRY(ModalityRule rule, ModalityRule::from_json(document["modality_rules"][0],
///   "/modality_rules/0")); rule.count({.medium = Medium::kImage, .size = ImageSize{1024, 1024}});   // {765,
///   kEstimated}
///
/// All arithmetic is in integers: sizes are scaled as exact fractions, roots are whole roots, and what is not
/// whole is rounded as the rule says. Where a provider rounds scaled sides to pixels, figures near a tile's
/// edge differ by a tile; that is why a formula is an estimate unless its rule says otherwise.
///
/// Immutable; any thread. A count takes well under a microsecond.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/amount.h"
#include "base/json.h"
#include "base/rounding.h"
#include "measure/media_size.h"
#include "record/record.h"

namespace ciyuan::measure {

enum class Medium { kImage, kAudio, kVideo, kFile, kOther, kTools };
std::string_view name_of(Medium medium);
std::optional<Medium> medium_named(std::string_view name);

/// One part, as far as its bytes tell.
struct MediaPart {
  Medium medium = Medium::kImage;
  std::optional<ImageSize> size;
  std::optional<Duration> duration;
  std::optional<std::int64_t> pages;
  bool low_detail = false;   ///< the request asks for OpenAI's `detail: "low"`
  std::int64_t tools = 0;    ///< declared tools, for Medium::kTools
  bool tool_forced = false;  ///< tool_choice asks for a call
};

struct MediaCount {
  std::int64_t tokens = 0;
  record::Level level = record::Level::kUnverified;
};

/// The same for every part.
struct FixedFormula {
  std::int64_t tokens;
};
/// Shrunk into a square of `fit`, then until the shortest side is `shortest` (0: not); so many tiles cover
/// it.
struct TilesFormula {
  std::int64_t fit, shortest, tile, base, per_tile;
};
/// Squares of `patch` pixels that cover the image, once its long edge is at most `long_edge` (0: any); if
/// they are more than `patches_max`, the image is shrunk until they fit, to whole patches on the tighter
/// side.
struct PatchesFormula {
  std::int64_t patch, patches_max, long_edge;
  Amount multiplier;  ///< six decimals
};
/// Sides rounded to multiples of `factor` (half to even), then shrunk or grown until the pixels lie between
/// the bounds; a token for each square of `factor`, and `extra` round them. (Qwen2-VL, `smart_resize`.)
struct GridFormula {
  std::int64_t factor, pixels_min, pixels_max, extra;
};
/// Pixels, once the long edge is at most `long_edge`, over `pixels_per_token`; at most `tokens_max` (0: any).
struct AreaFormula {
  std::int64_t long_edge, pixels_per_token, tokens_max;
};
/// One tile where both sides are at most `small`; else tiles of a side that is the shorter side over
/// `divisor`, kept between `tile_min` and `tile_max`; without a divisor of `tile_max`.
struct FixedOrTiledFormula {
  std::int64_t small, tile_min, tile_max, per_tile;
  Amount divisor;  ///< six decimals; zero: none
};
struct PerSecondFormula {
  Amount tokens;  ///< six decimals
};
struct PerPageFormula {
  std::int64_t tokens;
};
/// What a service writes round the declarations of tools, which count as the text they are.
struct ToolsFormula {
  std::int64_t per_request, per_request_forced, per_tool;
};
using Formula = std::variant<FixedFormula, TilesFormula, PatchesFormula, GridFormula, AreaFormula,
                             FixedOrTiledFormula, PerSecondFormula, PerPageFormula, ToolsFormula>;

constexpr std::int64_t kMediaTokensMax = 100'000'000;  ///< for one part: no context is as long

class ModalityRule {
 public:
  /// kInvalid: the JSON pointer of the member at fault, its value and the rule.
  static Result<ModalityRule> from_json(const Json& object, const std::string& path);

  /// With the size known: by the formula, at the rule's level. Without: the rule's `unknown` tokens, or
  /// nothing, and always `unverified`.
  MediaCount count(const MediaPart& part) const;

  const std::string& name() const { return name_; }
  Medium medium() const { return medium_; }
  std::string_view formula_name() const;
  record::Level level() const { return level_; }
  /// Formula, numbers, rounding and level as JSON: rules with the same figures count the same.
  const std::string& figures() const { return figures_; }
  /// What a part of unknown size counts.
  std::int64_t unknown_tokens() const { return unknown_.value_or(0); }
  const std::string& source() const { return source_; }
  const std::string& date() const { return date_; }

 private:
  std::optional<std::int64_t> by_formula(const MediaPart& part) const;

  std::string name_, figures_, source_, date_;
  Medium medium_ = Medium::kImage;
  Formula formula_ = FixedFormula{0};
  Rounding rounding_ = Rounding::kUp;
  std::optional<std::int64_t> low_, unknown_;
  record::Level level_ = record::Level::kEstimated;
};

}  // namespace ciyuan::measure
