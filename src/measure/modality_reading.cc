/// ModalityRule::from_json: which members each formula has, and their bounds.

#include <array>

#include "measure/internal/fields.h"
#include "measure/modality.h"

namespace ciyuan::measure {
namespace {

constexpr std::int64_t kTokensMost = 1'000'000;          // that one number of a rule may be
constexpr std::int64_t kPixelsMost = 1'000'000'000'000;  // of a whole image
constexpr int kScale = 6;

TilesFormula read_tiles(Fields& fields) {
  return {.fit = fields.whole("fit", 1, kSideMax, false),
          .shortest = fields.whole("shortest", 1, kSideMax, false),
          .tile = fields.whole("tile", 1, kSideMax, true, 1),
          .base = fields.whole("base", 0, kTokensMost, true),
          .per_tile = fields.whole("per_tile", 0, kTokensMost, true)};
}

PatchesFormula read_patches(Fields& fields) {
  PatchesFormula read{.patch = fields.whole("patch", 1, kSideMax, true, 1),
                      .patches_max = fields.whole("patches_max", 1, kTokensMost, true, 1),
                      .long_edge = fields.whole("long_edge", 1, kSideMax, false),
                      .multiplier = Amount(1'000'000)};
  if (fields.has("multiplier")) read.multiplier = fields.decimal("multiplier", kScale, true);
  return read;
}

GridFormula read_grid(Fields& fields) {
  GridFormula read{.factor = fields.whole("factor", 1, kSideMax, true, 1),
                   .pixels_min = fields.whole("pixels_min", 0, kPixelsMost, true),
                   .pixels_max = fields.whole("pixels_max", 1, kPixelsMost, true, 1),
                   .extra = fields.whole("extra", 0, kTokensMost, false)};
  if (read.pixels_min > read.pixels_max)
    fields.fault("pixels_min", std::to_string(read.pixels_min) + " is more than pixels_max, " +
                                   std::to_string(read.pixels_max));
  return read;
}

FixedOrTiledFormula read_fixed_or_tiled(Fields& fields) {
  FixedOrTiledFormula read{.small = fields.whole("small", 0, kSideMax, true),
                           .tile_min = fields.whole("tile_min", 1, kSideMax, false, 1),
                           .tile_max = fields.whole("tile_max", 1, kSideMax, true, 1),
                           .per_tile = fields.whole("per_tile", 0, kTokensMost, true),
                           .divisor = fields.decimal("divisor", kScale, false)};
  if (fields.has("divisor") && read.divisor.is_zero()) fields.fault("divisor", "must not be zero");
  if (read.tile_min > read.tile_max)
    fields.fault("tile_min",
                 std::to_string(read.tile_min) + " is more than tile_max, " + std::to_string(read.tile_max));
  return read;
}

ToolsFormula read_tools(Fields& fields) {
  const std::int64_t once = fields.whole("per_request", 0, kTokensMost, true);
  return {.per_request = once,
          .per_request_forced = fields.whole("per_request_forced", 0, kTokensMost, false, once),
          .per_tool = fields.whole("per_tool", 0, kTokensMost, false)};
}

// In the order of the variant: its index is the formula's name (modality.cc).
Formula read_formula(Fields& fields, const std::string& name) {
  if (name == "fixed") return FixedFormula{fields.whole("tokens", 0, kTokensMost, true)};
  if (name == "tiles") return read_tiles(fields);
  if (name == "patches") return read_patches(fields);
  if (name == "grid") return read_grid(fields);
  if (name == "area")
    return AreaFormula{.long_edge = fields.whole("long_edge", 1, kSideMax, false),
                       .pixels_per_token = fields.whole("pixels_per_token", 1, kPixelsMost, true, 1),
                       .tokens_max = fields.whole("tokens_max", 1, kTokensMost, false)};
  if (name == "fixed_or_tiled") return read_fixed_or_tiled(fields);
  if (name == "per_second") {
    PerSecondFormula read{fields.decimal("tokens", kScale, true)};
    if (read.tokens > Amount(Int128{kTokensMost} * 1'000'000))
      fields.fault("tokens", "must be at most " + std::to_string(kTokensMost));
    return read;
  }
  if (name == "per_page") return PerPageFormula{fields.whole("tokens", 0, kTokensMost, true)};
  if (name == "tools") return read_tools(fields);
  fields.fault("formula", "\"" + name +
                              "\" is none of fixed, tiles, patches, grid, area, fixed_or_tiled, per_second, "
                              "per_page, tools");
  return FixedFormula{0};
}

// Whether the formula can be asked about the medium at all.
bool suits(const Formula& formula, Medium medium) {
  if (std::holds_alternative<FixedFormula>(formula)) return medium != Medium::kTools;
  if (std::holds_alternative<ToolsFormula>(formula)) return medium == Medium::kTools;
  if (std::holds_alternative<PerSecondFormula>(formula))
    return medium == Medium::kAudio || medium == Medium::kVideo;
  if (std::holds_alternative<PerPageFormula>(formula)) return medium == Medium::kFile;
  return medium == Medium::kImage;
}

Rounding read_rounding(Fields& fields) {
  const std::string name = fields.text("rounding", false);
  if (name.empty() || name == "up") return Rounding::kUp;
  if (name == "down") return Rounding::kDown;
  if (name != "half_up") fields.fault("rounding", "\"" + name + "\" is none of up, down, half_up");
  return Rounding::kHalfUp;
}

record::Level read_level(Fields& fields) {
  const std::string name = fields.text("level", false);
  if (name == "proved") return record::Level::kProved;
  if (!name.empty() && name != "estimated")
    fields.fault("level", "\"" + name + "\" is none of proved, estimated");
  return record::Level::kEstimated;
}

std::optional<std::int64_t> read_optional(Fields& fields, const char* name) {
  const std::int64_t tokens = fields.whole(name, 0, kTokensMost, false, -1);
  return tokens < 0 ? std::nullopt : std::optional(tokens);
}

}  // namespace

Result<ModalityRule> ModalityRule::from_json(const Json& object, const std::string& path) {
  Fields fields(object, path);
  ModalityRule rule;
  rule.name_ = fields.text("name", true);
  const std::string medium = fields.text("medium", true);
  if (const auto known = medium_named(medium))
    rule.medium_ = *known;
  else
    fields.fault("medium", "\"" + medium + "\" is none of image, audio, video, file, other, tools");
  const std::string formula = fields.text("formula", true);
  rule.formula_ = read_formula(fields, formula);
  if (!suits(rule.formula_, rule.medium_))
    fields.fault("formula", "\"" + formula + "\" does not measure " + medium);
  rule.rounding_ = read_rounding(fields);
  rule.level_ = read_level(fields);
  if (rule.medium_ == Medium::kImage) rule.low_ = read_optional(fields, "low");
  rule.unknown_ = read_optional(fields, "unknown");
  rule.source_ = fields.text("source", true);
  rule.date_ = fields.date("date", true);
  (void)fields.member("text");  // for people
  CIYUAN_TRY_STATUS(fields.done("formula \"" + formula + "\""));
  Json figures = object;
  for (const char* words : {"name", "source", "date", "text"}) figures.erase(words);
  rule.figures_ = figures.dump();
  return rule;
}

}  // namespace ciyuan::measure
