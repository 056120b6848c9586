#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "contract/document.h"
#include "contract/registry.h"
#include "measure/method.h"

namespace ciyuan::contract {
namespace {

std::vector<std::string> shipped() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(CIYUAN_SOURCE_DIR "/data/methods"))
    files.push_back(entry.path().string());
  return files;
}

std::string first_error(const std::string& text) {
  const Reading reading = read_documents(text, "m");
  if (!reading.errors.empty()) return reading.errors[0].text();
  const BuildOutcome outcome = Registry::build(reading.documents);
  return outcome.errors.empty() ? "" : outcome.errors[0].text();
}

TEST(Methods, every_one_that_is_shipped_is_right_dated_and_in_both_languages) {
  EXPECT_GE(shipped().size(), 10U);
  for (const std::string& file : shipped()) {
    auto text = read_file(file, 1 << 20);
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(first_error(*text), "") << file;
    const Json document = read_documents(*text, file).documents.at(0).value;
    EXPECT_EQ(document.at("name").get<std::string>() + ".json",
              std::filesystem::path(file).filename().string());
    EXPECT_NE(document.at("status").get<std::string>().find("not official"), std::string::npos);
    for (const char* language : {"en", "zh"}) EXPECT_FALSE(document.at("text").at(language).empty()) << file;
  }
}

// Every member of the schema can be used: what the schema takes, the reader takes.
TEST(Methods, the_schema_and_the_reader_agree_on_bad_documents) {
  const std::string head =
      R"({"kind": "Method", "name": "m", "version": "1", "date": "2026-11-25", "source": "s", "basis": "native")";
  const std::string bad[] = {
      R"("kinds": ["words"])",
      R"("modality_rules": [{"name": "r", "medium": "image", "formula": "fixed", "tokens": 1, "date": "2026-11-25"}])",
      R"("modality_rules": [{"name": "r", "medium": "image", "formula": "magic", "source": "s", "date": "2026-11-25"}])",
      R"("modality_rules": [{"name": "r", "medium": "image", "formula": "tiles", "source": "s", "date": "2026-11-25", "tile": 0}])",
      R"("tokenizer_sha256": "ABC")",
      R"("unlisted_models": "perhaps")",
      R"("price_ratio": {"currency": "CNY", "per": "token", "rounding": "roughly", "reference": {}, "models": []})",
      R"("models": [{"model": "a", "weights": {"input": "-1"}}])"};
  for (const std::string& members : bad) {
    EXPECT_NE(first_error(head + ", " + members + "}"), "") << members;
    EXPECT_FALSE(measure::Method::from_json(Json::parse(head + ", " + members + "}")).ok()) << members;
  }
  EXPECT_EQ(first_error(head + "}"), "");
}

}  // namespace
}  // namespace ciyuan::contract
