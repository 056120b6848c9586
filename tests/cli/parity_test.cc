#include "cli/internal/parity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/internal/parity_plot.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using testing::HasSubstr;

std::shared_ptr<const token::Vocabulary> vocabulary(const char* name) {
  return token::VocabularySet::standard().find(name).value();
}

class Parity : public testing::Test {
 protected:
  ~Parity() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view content) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  std::string refusal(const std::vector<std::string>& inputs) {
    auto texts = read_parity_texts(inputs);
    return texts.ok() ? "" : texts.error().text();
  }
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("parity_" + std::to_string(::getpid()));
};

ParityText text(const std::string& language, std::vector<std::string> lines) {
  return {language, "", "", std::move(lines)};
}
ParityReport report_of(std::vector<ParityText> texts, const ParityOptions& options = {}) {
  return measure_parity(std::move(texts), {vocabulary("o200k")}, options).value();
}

TEST_F(Parity, the_figures_are_tokens_over_characters_bytes_and_the_bases_tokens) {
  const std::vector<std::string> english = {"Hello world", "What is a token?"},
                                 chinese = {"你好世界", "词元是什么？"};
  ParityReport report = report_of({text("zh", chinese), text("en", english)});
  EXPECT_EQ(report.base, "en");
  EXPECT_EQ(report.lines, 2U);
  for (const ParityRow& row : report.rows) {
    const auto& lines = row.language == "en" ? english : chinese;
    std::int64_t tokens = 0, base = 0;
    for (const std::string& line : lines) tokens += vocabulary("o200k")->count(line).value;
    for (const std::string& line : english) base += vocabulary("o200k")->count(line).value;
    EXPECT_EQ(row.tokens, tokens);
    EXPECT_EQ(row.characters, row.language == "en" ? 27 : 10);
    EXPECT_EQ(row.bytes, row.language == "en" ? 27 : 30);
    EXPECT_DOUBLE_EQ(row.per_1000_characters.value, 1000.0 * tokens / row.characters);
    EXPECT_DOUBLE_EQ(row.per_1000_bytes.value, 1000.0 * tokens / row.bytes);
    EXPECT_DOUBLE_EQ(row.relative.value, static_cast<double>(tokens) / base);
    EXPECT_EQ(report.texts[row.text].language, row.language);
  }
}

TEST_F(Parity, an_interval_is_as_wide_as_the_spread_of_the_lines) {
  std::vector<std::string> one(400, "hello"), spread;
  for (int i = 0; i < 400; ++i) spread.push_back(i % 2 == 0 ? "hello" : "hello hello hello");
  ParityReport report = report_of({text("en", one), text("xx", spread)}, {.resamples = 20'000});
  const Interval relative = report.rows[1].relative;  // the mean of 400 lines of 1 or 3 tokens
  EXPECT_EQ(relative.value, 2);
  EXPECT_NEAR(relative.low, 2 - 1.96 / 20, 0.01);
  EXPECT_NEAR(relative.high, 2 + 1.96 / 20, 0.01);
}

TEST_F(Parity, the_interval_of_the_relative_cost_draws_the_same_lines_from_both_languages) {
  std::vector<std::string> once, twice;
  for (int i = 0; i < 50; ++i) {
    std::string line = "hello";
    for (int k = 0; k < i; ++k) line += " hello";
    once.push_back(line), twice.push_back(line + " " + line);
  }
  ParityReport report = report_of({text("en", once), text("xx", twice)});
  EXPECT_EQ(report.rows[1].relative.low, 2);
  EXPECT_EQ(report.rows[1].relative.high, 2) << "each line costs twice as much, whichever are drawn";
}

TEST_F(Parity, the_same_seed_gives_the_same_figures_and_another_seed_others) {
  auto texts = read_parity_texts({std::string(CIYUAN_SOURCE_DIR) + "/data/parity"}).value();
  const std::string first = parity_json(report_of(texts)).dump();
  EXPECT_EQ(parity_json(report_of(texts)).dump(), first);
  EXPECT_NE(parity_json(report_of(texts, {.seed = 2})).at("rows"), Json::parse(first).at("rows"));
  // What the generator draws is fixed by the C++ standard, so these hold on every machine.
  const Json rows = Json::parse(first).at("rows");
  auto german =
      std::find_if(rows.begin(), rows.end(), [](const Json& row) { return row.at("language") == "de"; });
  ASSERT_NE(german, rows.end());
  EXPECT_EQ(german->at("relative"), Json({{"value", 1.28937}, {"low", 1.248575}, {"high", 1.338039}}));
}

TEST_F(Parity, the_corpus_is_what_its_manifest_says) {
  const std::string folder = std::string(CIYUAN_SOURCE_DIR) + "/data/parity";
  const Json manifest = parse_json(read_file(folder + "/manifest.json", 1 << 20).value()).value();
  EXPECT_EQ(manifest.at("languages").size(), 26U);
  for (const Json& entry : manifest.at("languages")) {
    const std::string content =
        read_file(folder + "/" + entry.at("file").get<std::string>(), 1 << 20).value();
    EXPECT_EQ(to_hex(sha256(content)), entry.at("sha256")) << entry;
  }
  auto texts = read_parity_texts({folder});
  ASSERT_TRUE(texts.ok()) << texts.error().text();
  EXPECT_EQ(texts->size(), 26U);
  EXPECT_EQ(texts->front().lines.size(), 30U);
  EXPECT_EQ(texts->front().name_zh, "阿姆哈拉语");
}

TEST_F(Parity, a_line_that_is_empty_in_one_language_is_left_out_in_all) {
  ParityReport report = report_of({text("en", {"a", "b", "c"}), text("fr", {"a", " ", "c"})});
  EXPECT_EQ(report.lines, 2U);
  EXPECT_EQ(report.lines_left_out, 1U);
  EXPECT_EQ(report.rows[0].characters, 2);
  EXPECT_FALSE(measure_parity({text("en", {""}), text("fr", {"a"})}, {vocabulary("o200k")}, {}).ok());
}

TEST_F(Parity, refuses_what_is_not_parallel_and_says_which_and_why) {
  const std::string two = write("two.txt", "one\ntwo\n"), three = write("three.txt", "one\r\ntwo\r\nthree"),
                    odd = write("odd.txt", "one\n\xE8\xAF\n");
  EXPECT_EQ(refusal({"en=" + two, "fr=" + two}), "");
  EXPECT_THAT(refusal({"en=" + two, "fr=" + three}), HasSubstr("fr has 3 lines and en 2"));
  EXPECT_THAT(refusal({"en=" + two, "en=" + two}), HasSubstr("en is given twice"));
  EXPECT_THAT(refusal({"en=" + odd}), HasSubstr("line 2 is not UTF-8"));
  EXPECT_THAT(refusal({"en=/nowhere"}), HasSubstr("en=/nowhere"));
  EXPECT_THAT(refusal({"=" + two}), HasSubstr("a language tag"));
  EXPECT_THAT(refusal({two}), HasSubstr("neither LANGUAGE=FILE nor a folder"));
  std::filesystem::create_directories(folder_ / "empty");
  EXPECT_THAT(refusal({(folder_ / "empty").string()}), HasSubstr("no file named LANGUAGE.txt"));
  auto wrong = measure_parity({text("en", {"a"})}, {vocabulary("o200k")}, {.base = "fr"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().text(), "--base: \"fr\" is none of the languages: en");
}

TEST_F(Parity, the_plot_has_a_bar_and_a_whisker_for_each_row_and_says_its_title_twice) {
  ParityText english = text("en", {"one", "two three"}), other = text("xx", {"one two", "three"});
  other.name = "A <b> & \"c\"";
  auto report = measure_parity({english, other}, {vocabulary("o200k"), vocabulary("qwen3")}, {}).value();
  for (ParityAxis axis : {ParityAxis::kCharacters, ParityAxis::kBytes, ParityAxis::kRelative}) {
    const std::string svg = parity_svg(report, axis);
    EXPECT_TRUE(svg.starts_with("<svg ")) << svg;
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
    EXPECT_THAT(svg,
                HasSubstr(axis == ParityAxis::kRelative ? "Tokens for the same text" : "Tokens per 1,000"));
    EXPECT_THAT(svg, HasSubstr("词元数"));
    EXPECT_THAT(svg, HasSubstr("A &lt;b&gt; &amp; &quot;c&quot;"));
    std::size_t bars = 0;
    for (std::size_t at = 0; (at = svg.find("height=\"13.0\"", at)) != svg.npos; ++at) ++bars;
    EXPECT_EQ(bars, 4U);
  }
}

}  // namespace
}  // namespace ciyuan::cli
