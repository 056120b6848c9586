#include "measure/modality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/file.h"
#include "measure/method.h"

namespace ciyuan::measure {
namespace {

using record::Level;

const Method& shipped() {
  static const Method method = [] {
    auto text = read_file(CIYUAN_SOURCE_DIR "/data/methods/native-media-v1.json", 1 << 20);
    EXPECT_TRUE(text.ok());
    auto read = Method::from_json(*parse_json(*text));
    EXPECT_TRUE(read.ok()) << read.error().text();
    return *read;
  }();
  return method;
}

MediaPart image(std::int64_t width, std::int64_t height) {
  return {.medium = Medium::kImage, .size = ImageSize{width, height}};
}
std::int64_t tokens(const char* model, const MediaPart& part) {
  return shipped().count_media(model, part).tokens;
}

ModalityRule rule(const std::string& members) {
  auto read = ModalityRule::from_json(
      Json::parse(R"({"name": "r", "source": "s", "date": "2026-11-25", )" + members + "}"),
      "/modality_rules/0");
  EXPECT_TRUE(read.ok()) << read.error().text();
  return *read;
}

// The worked examples of OpenAI's page, "Calculating costs".
TEST(Modality, equals_openais_worked_examples_of_tiles) {
  EXPECT_EQ(tokens("gpt-4o", image(1024, 1024)), 765);   // 768 × 768, 4 tiles: 170 × 4 + 85
  EXPECT_EQ(tokens("gpt-4o", image(2048, 4096)), 1105);  // 1024 × 2048, then 768 × 1536, 6 tiles
  EXPECT_EQ(tokens("gpt-4.1", image(1024, 1024)), 765);  // a model by its alias
  MediaPart low = image(4096, 8192);
  low.low_detail = true;
  EXPECT_EQ(tokens("gpt-4o", low), 85);
  // community.openai.com/t/1262691: 128 × 64 with twelve tokens of text was billed 267 and 8512.
  EXPECT_EQ(tokens("gpt-4o", image(128, 64)), 255);
  EXPECT_EQ(tokens("gpt-4o-mini", image(128, 64)), 8500);
}

TEST(Modality, equals_openais_worked_examples_of_patches) {
  const ModalityRule plain =
      rule(R"("medium": "image", "formula": "patches", "patch": 32, "patches_max": 1536)");
  EXPECT_EQ(plain.count(image(1024, 1024)).tokens, 1024);
  EXPECT_EQ(plain.count(image(1800, 2400)).tokens, 1452);      // 33 × 44 after scaling
  EXPECT_EQ(tokens("gpt-4.1-mini", image(1800, 2400)), 2353);  // 1452 × 1.62 = 2352.24
  // OpenAI's own calculator; the API billed 1536 × 1.62 there (community.openai.com/t/1281361): an estimate.
  EXPECT_EQ(tokens("gpt-4.1-mini", image(4000, 1474)), 2348);
  EXPECT_EQ(tokens("gpt-4.1-nano", image(32, 32)), 3);  // 2.46
}

// docs.anthropic.com/en/docs/vision, the table of image sizes; platform.claude.com for patches of 28.
TEST(Modality, equals_anthropics_tables) {
  EXPECT_EQ(tokens("claude-sonnet-4", image(200, 200)), 54);
  EXPECT_EQ(tokens("claude-sonnet-4", image(1000, 1000)), 1334);
  EXPECT_EQ(tokens("claude-sonnet-4", image(1092, 1092)), 1590);
  EXPECT_EQ(tokens("claude-sonnet-4", image(8000, 8000)), 1600);
  EXPECT_EQ(tokens("claude-sonnet-4", image(3136, 100)), 105);  // half of it: 1568 × 50 / 750
  EXPECT_EQ(tokens("claude-sonnet-4-6", image(1000, 1000)), 1296);
  EXPECT_LE(tokens("claude-sonnet-4-6", image(8000, 8000)), 1568);
  EXPECT_LE(tokens("claude-opus-4-8", image(8000, 8000)), 4784);
  EXPECT_GT(tokens("claude-opus-4-8", image(8000, 8000)), 4600);
}

// ai.google.dev/gemini-api/docs/tokens and its companion example (geminibyexample.com/027).
TEST(Modality, equals_googles_examples) {
  EXPECT_EQ(tokens("gemini-2.0-flash", image(384, 384)), 258);
  EXPECT_EQ(tokens("gemini-2.0-flash", image(600, 400)), 258);
  EXPECT_EQ(tokens("gemini-2.0-flash", image(1000, 1000)), 4 * 258);
  EXPECT_EQ(tokens("gemini-2.0-flash", {.medium = Medium::kAudio, .duration = Duration{60, 1}}), 1920);
  EXPECT_EQ(tokens("gemini-2.0-flash", {.medium = Medium::kVideo, .duration = Duration{10, 1}}), 2630);
  EXPECT_EQ(tokens("gemini-2.0-flash", {.medium = Medium::kFile, .pages = 3}), 774);
  // Tiles of the shorter side over 1.5, between 256 and 768: 960 × 540 is 3 × 2 of 360.
  const ModalityRule cropped = rule(
      R"("medium": "image", "formula": "fixed_or_tiled", "small": 384, "tile_min": 256, "tile_max": 768, "divisor": "1.5", "per_tile": 258)");
  EXPECT_EQ(cropped.count(image(960, 540)).tokens, 6 * 258);
  EXPECT_EQ(cropped.count(image(385, 10)).tokens, 2 * 258);
}

// docs.siliconflow.cn, vision: 224 × 448, 1024 × 1024, 3172 × 4096 with Qwen2-VL, without the two tokens
// round.
TEST(Modality, equals_the_published_examples_of_qwen) {
  EXPECT_EQ(tokens("qwen2.5-vl", image(224, 448)), 128 + 2);
  EXPECT_EQ(tokens("qwen2.5-vl", image(1024, 1024)), 1369 + 2);
  EXPECT_EQ(tokens("qwen2.5-vl", image(3172, 4096)), 16240 + 2);
  // A service may set other bounds than the published code: that it does not is the operator's to say.
  EXPECT_EQ(shipped().count_media("qwen2.5-vl", image(224, 448)).level, Level::kEstimated);
  const ModalityRule known = rule(
      R"("medium": "image", "formula": "grid", "factor": 28, "pixels_min": 3136, "pixels_max": 12845056, "level": "proved")");
  EXPECT_EQ(known.count(image(224, 448)).level, Level::kProved);
}

// The published Python, in doubles: the slow twin of the integers.
std::int64_t smart_resize_tokens(double height, double width, double factor, double least, double most) {
  double high = std::nearbyint(height / factor) * factor, wide = std::nearbyint(width / factor) * factor;
  if (high * wide > most) {
    const double beta = std::sqrt(height * width / most);
    high = std::max(factor, std::floor(height / beta / factor) * factor);
    wide = std::max(factor, std::floor(width / beta / factor) * factor);
  } else if (high * wide < least) {
    const double beta = std::sqrt(least / (height * width));
    high = std::ceil(height * beta / factor) * factor;
    wide = std::ceil(width * beta / factor) * factor;
  }
  return std::llround(high / factor * (wide / factor));
}

TEST(Modality, agrees_with_smart_resize_in_doubles) {
  const ModalityRule grid = rule(
      R"("medium": "image", "formula": "grid", "factor": 28, "pixels_min": 3136, "pixels_max": 1003520)");
  std::mt19937 random(28);
  int differ = 0;
  for (int round = 0; round < 50'000; ++round) {
    const std::int64_t width = 1 + random() % (round % 2 ? 8000 : 200),
                       height = 1 + random() % (round % 3 ? 8000 : 60);
    const std::int64_t twin =
        smart_resize_tokens(static_cast<double>(height), static_cast<double>(width), 28, 3136, 1003520);
    differ += grid.count(image(width, height)).tokens != twin;
  }
  // A double that misses a whole number by its last bit takes one factor less: five in a hundred thousand.
  EXPECT_LE(differ, 5);
}

std::int64_t openai_patches(double width, double height, double most) {
  const double cover = std::ceil(width / 32) * std::ceil(height / 32);
  if (cover <= most) return std::llround(cover);
  double shrink = std::sqrt(32 * 32 * most / (width * height));
  const auto floor = [](double value) { return std::floor(value + 1e-9); };  // 31.999… is 32
  shrink *= std::min(floor(width * shrink / 32) / (width * shrink / 32),
                     floor(height * shrink / 32) / (height * shrink / 32));
  const double wide = std::ceil(width * shrink / 32 - 1e-9), high = std::ceil(height * shrink / 32 - 1e-9);
  return std::llround(std::min(wide * high, most));
}

TEST(Modality, agrees_with_openais_patches_in_doubles) {
  const ModalityRule patches =
      rule(R"("medium": "image", "formula": "patches", "patch": 32, "patches_max": 1536)");
  std::mt19937 random(32);
  for (int round = 0; round < 50'000; ++round) {
    const std::int64_t width = 40 + random() % 8000, height = 40 + random() % 8000;
    EXPECT_EQ(patches.count(image(width, height)).tokens,
              openai_patches(static_cast<double>(width), static_cast<double>(height), 1536))
        << width << " × " << height;
  }
}

TEST(Modality, a_turned_image_counts_the_same_and_none_exceeds_its_bound) {
  std::mt19937_64 random(5);
  for (const ModalityRule& each : shipped().modality_rules()) {
    if (each.medium() != Medium::kImage) continue;
    for (int round = 0; round < 2000; ++round) {
      const std::int64_t most = round % 2 ? kSideMax : 3000;
      const auto width = static_cast<std::int64_t>(1 + random() % static_cast<std::uint64_t>(most));
      const auto height = static_cast<std::int64_t>(1 + random() % static_cast<std::uint64_t>(most));
      const MediaCount upright = each.count(image(width, height));
      EXPECT_EQ(upright.tokens, each.count(image(height, width)).tokens) << each.name();
      EXPECT_GT(upright.tokens, 0);
      EXPECT_LE(upright.tokens, kMediaTokensMax);
      EXPECT_EQ(upright.level, each.level());
    }
  }
}

TEST(Modality, an_unknown_size_is_never_passed_off_as_known) {
  for (const ModalityRule& each : shipped().modality_rules()) {
    if (each.medium() == Medium::kTools) continue;
    EXPECT_EQ(each.count({.medium = each.medium()}).level, Level::kUnverified) << each.name();
  }
  EXPECT_EQ(tokens("gpt-4o", {.medium = Medium::kImage}), 1445);
  EXPECT_EQ(tokens("gemini-2.0-flash", {.medium = Medium::kVideo}), 0);
  EXPECT_EQ(shipped().count_media("not-listed", image(1, 1)).level, Level::kUnverified);
  EXPECT_EQ(tokens("not-listed", image(1, 1)), 0);
}

TEST(Modality, parts_of_a_token_are_rounded_as_the_rule_says) {
  const MediaPart sound{.medium = Medium::kAudio, .duration = Duration{1, 20}};  // 50 ms
  const std::string audio = R"("medium": "audio", "formula": "per_second", "tokens": "10")";
  EXPECT_EQ(rule(audio).count(sound).tokens, 1);
  EXPECT_EQ(rule(audio + R"(, "rounding": "down")").count(sound).tokens, 0);
  EXPECT_EQ(rule(audio + R"(, "rounding": "half_up")").count(sound).tokens, 1);
  EXPECT_EQ(rounded_quotient(7, 2, Rounding::kHalfUp), 4);
  EXPECT_EQ(rounded_quotient(7, 3, Rounding::kHalfUp), 2);
  EXPECT_EQ(rounded_quotient(6, 3, Rounding::kUp), 2);
}

TEST(Modality, tools_count_by_request_and_by_tool) {
  const ModalityRule tools = rule(
      R"("medium": "tools", "formula": "tools", "per_request": 346, "per_request_forced": 313, "per_tool": 5)");
  EXPECT_EQ(tools.count({.medium = Medium::kTools, .tools = 2}).tokens, 356);
  EXPECT_EQ(tools.count({.medium = Medium::kTools, .tools = 2, .tool_forced = true}).tokens, 323);
}

std::string fault(const std::string& members) {
  auto read = ModalityRule::from_json(Json::parse(R"({"name": "r", "source": "s", )" + members + "}"), "/m");
  return read.ok() ? "" : read.error().text();
}

TEST(Modality, an_error_names_the_member_its_value_and_the_rule) {
  const std::string dated = R"("date": "2026-11-25", "medium": "image", )";
  EXPECT_EQ(fault(R"("medium": "image", "formula": "fixed", "tokens": 1)"), "/m/date: is missing");
  EXPECT_EQ(fault(R"("date": "yesterday", "medium": "image", "formula": "fixed", "tokens": 1)"),
            "/m/date: \"yesterday\" must be a date, YYYY-MM-DD");
  EXPECT_EQ(fault(dated + R"("formula": "magic")"),
            "/m/formula: \"magic\" is none of fixed, tiles, patches, grid, area, fixed_or_tiled, per_second, "
            "per_page, tools");
  EXPECT_EQ(fault(dated + R"("formula": "tiles", "tile": 0, "base": 1, "per_tile": 1)"),
            "/m/tile: 0 must be a whole number from 1 to 1000000");
  EXPECT_EQ(fault(dated + R"("formula": "tiles", "tile": 512, "base": 1, "per_tile": 1, "patch": 32)"),
            "/m/patch: does not belong to formula \"tiles\"");
  EXPECT_EQ(fault(dated + R"("formula": "per_second", "tokens": "1")"),
            "/m/formula: \"per_second\" does not measure image");
  EXPECT_EQ(fault(dated + R"("formula": "patches", "patch": 32, "patches_max": 10, "multiplier": 1.62)"),
            "/m/multiplier: 1.62 must be a decimal in quotes");
  EXPECT_EQ(fault(dated + R"("formula": "grid", "factor": 28, "pixels_min": 10, "pixels_max": 5)"),
            "/m/pixels_min: 10 is more than pixels_max, 5");
  EXPECT_EQ(fault(dated + R"("formula": "fixed", "tokens": 18446744073709551615)"),
            "/m/tokens: 18446744073709551615 must be a whole number from 0 to 1000000");
  EXPECT_EQ(fault(dated + R"("formula": "fixed", "tokens": 1, "level": "sure")"),
            "/m/level: \"sure\" is none of proved, estimated");
}

}  // namespace
}  // namespace ciyuan::measure
