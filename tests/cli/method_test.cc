#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "tests/cli/json_output.h"

namespace ciyuan::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class MethodCommand : public testing::Test {
 protected:
  MethodCommand() { std::filesystem::create_directories(folder_); }
  ~MethodCommand() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  std::string method(const std::string& name, const std::string& members) {
    return write(name + ".json", R"({"kind": "Method", "name": ")" + name +
                                     R"(", "version": "1", "date": "2026-11-25", "source": "s", )" + members +
                                     "}");
  }
  int run(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "method");
    std::istringstream in(input);
    std::ostringstream out, err;
    Console console{in, out, err, nullptr};
    const int code = run_cli(arguments, console);
    out_ = out.str(), err_ = err.str();
    return code;
  }
  std::vector<Json> lines() const { return json_lines(out_); }

  std::string out_, err_;

 private:
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("method_" + std::to_string(::getpid()));
};

TEST_F(MethodCommand, list_names_every_shipped_method_with_its_digest) {
  ASSERT_EQ(run({"list", "--json"}), kDone) << err_;
  std::vector<std::string> names;
  for (const Json& line : lines()) {
    names.push_back(line.at("name"));
    EXPECT_EQ(line.at("digest").get<std::string>().size(), 64U);
    EXPECT_TRUE(line.at("text").contains("zh"));
  }
  EXPECT_THAT(names, testing::ElementsAre("burndown-v1", "bytes-v1", "calls-v1", "characters-v1",
                                          "native-media-v1", "native-v1", "price-ratio-v1",
                                          "provider-reported-v1", "reference-o200k-v1", "words-v1"));
  ASSERT_EQ(run({"list"}), kDone);
  EXPECT_THAT(out_, HasSubstr("native-media-v1"));
}

TEST_F(MethodCommand, every_shipped_method_is_right) {
  for (const auto& entry : std::filesystem::directory_iterator(CIYUAN_SOURCE_DIR "/data/methods")) {
    EXPECT_EQ(run({"check", entry.path().string()}), kDone) << err_;
    EXPECT_EQ(err_, "");
  }
}

TEST_F(MethodCommand, check_says_what_is_proved_estimated_and_unverified) {
  ASSERT_EQ(run({"check", "native-media-v1", "provider-reported-v1", "--json"}), kDone) << err_;
  const Json models = lines().at(0).at("models");
  EXPECT_EQ(models[0].at("model"), "gpt-4o");
  EXPECT_EQ(models[0].at("counts").at("text").at("level"), "proved");
  EXPECT_EQ(models[0].at("counts").at("image").at("level"), "estimated");
  EXPECT_EQ(models[0].at("counts").at("image").at("unseen"), 1445);
  EXPECT_EQ(models.back().at("model"), "(any)");
  EXPECT_EQ(lines().at(1).at("models")[0].at("counts").at("text").at("level"), "unverified");
  ASSERT_EQ(run({"check", "burndown-v1"}), kDone);
  EXPECT_THAT(out_, HasSubstr("refused"));
}

TEST_F(MethodCommand, check_names_the_pointer_the_value_and_the_rule) {
  const std::pair<const char*, const char*> bad[] = {
      {R"("basis": "guesses")", "/basis: "},
      {R"("basis": "native", "weights": {"input": "-1"})", "/weights/input: "},
      {R"("basis": "reference")", "/tokenizer: belongs to basis \"reference\", and only there"},
      {R"("basis": "bytes", "modality_rules": [{"name": "r", "medium": "image", "formula": "area", "pixels_per_token": 0, "source": "s", "date": "2026-11-25"}])",
       "/modality_rules/0/pixels_per_token: "},
      {R"("basis": "bytes", "modality_rules": [{"name": "r", "medium": "image", "formula": "area", "source": "s", "date": "2026-11-25"}])",
       "/modality_rules/0/pixels_per_token: is missing"},
      {R"("basis": "bytes", "modalities": {"image": "r"})",
       "/modalities/image: \"r\" names no rule of /modality_rules"},
      {R"("basis": "reference", "tokenizer": "nonesuch")", "/tokenizer: there is no vocabulary \"nonesuch\""},
      {R"("basis": "reference", "tokenizer": "o200k", "tokenizer_sha256": "0000000000000000000000000000000000000000000000000000000000000000")",
       "/tokenizer_sha256: \"0000"}};
  for (const auto& [members, error] : bad) {
    EXPECT_EQ(run({"check", method("bad", members)}), kBadUsage) << members;
    EXPECT_THAT(err_, HasSubstr(error));
    EXPECT_THAT(err_, HasSubstr("Method/bad"));
    EXPECT_EQ(run({"check", method("bad", members), "--json"}), kBadUsage);
    EXPECT_FALSE(lines().at(0).at("errors").empty());
  }
  EXPECT_EQ(run({"check", "nonesuch"}), kBadUsage);
  EXPECT_THAT(err_, HasSubstr("words-v1"));
  EXPECT_EQ(run({"check", "/nowhere/at-all.json"}), kBadUsage);
  EXPECT_EQ(run({"check", CIYUAN_SOURCE_DIR "/examples/demo.yaml"}), kBadUsage);
  EXPECT_THAT(err_, HasSubstr("is not Method"));
}

TEST_F(MethodCommand, diff_is_by_model_and_kind_and_by_what_counts) {
  EXPECT_EQ(run({"diff", "native-v1", "native-v1"}), kDone);
  EXPECT_EQ(out_, "the two count the same\n");
  const std::string rule =
      R"("formula": "area", "pixels_per_token": 750, "medium": "image", "source": "s", "date": "2026-11-25")";
  const std::string one = method("one", R"("basis": "native", "modality_rules": [{"name": "a", )" + rule +
                                            R"(}], "modalities": {"image": "a"})");
  const std::string renamed = method("two", R"("basis": "native", "modality_rules": [{"name": "b", )" + rule +
                                                R"(}], "modalities": {"image": "b"})");
  EXPECT_EQ(run({"diff", one, renamed}), kDone) << out_;
  const std::string heavier =
      method("three", R"("basis": "native", "models": [{"model": "m", "weights": {"output": "3"}}])");
  ASSERT_EQ(run({"diff", "native-v1", heavier, "--usage", "input=10,output=5", "--json"}), kFailed) << err_;
  const Json diff = lines().at(0);
  EXPECT_FALSE(diff.at("equal"));
  EXPECT_EQ(diff.at("differences")[2],
            Json({{"model", "m"}, {"what", "weight of output"}, {"a", "1"}, {"b", "3"}}));
  EXPECT_EQ(diff.at("sample")[1],
            Json({{"model", "m"}, {"what", "input=10,output=5"}, {"a", "15 Ciyuan"}, {"b", "25 Ciyuan"}}));
  for (const char* usage : {"input", "input=-1", "words=1", "input=1.5", "=", "input=9999999999999"})
    EXPECT_EQ(run({"diff", "native-v1", "bytes-v1", "--usage", usage}), kBadUsage) << usage;
  EXPECT_EQ(run({"diff", "native-v1", "nonesuch"}), kBadUsage);
}

// 26 bytes of the request's text, 16 of the answer's.
constexpr const char* kLine =
    R"({"model": "smollm2", "request": {"messages": [{"role": "user", "content": "What is a token, friend? Eh"}]}, "answer": "A piece of text."})"
    "\n";

TEST_F(MethodCommand, recount_prints_both_the_difference_and_the_levels) {
  ASSERT_EQ(run({"recount", "--method", "characters-v1", "--under", "bytes-v1", "--json"}, kLine), kDone)
      << err_;
  const Json row = lines().at(0);
  EXPECT_EQ(row.at("a").at("counts"), Json({{"input", 27}, {"output", 16}}));
  EXPECT_EQ(row.at("a").at("ciyuan"), "12.9");
  EXPECT_EQ(row.at("b").at("ciyuan"), "10.75");
  EXPECT_EQ(row.at("difference"), "-2.15");
  EXPECT_EQ(row.at("b").at("levels").at("input"), "proved");
}

TEST_F(MethodCommand, recount_under_the_same_method_gives_the_same_figures) {
  for (const char* name : {"native-v1", "native-media-v1", "words-v1", "calls-v1", "provider-reported-v1"}) {
    ASSERT_EQ(run({"recount", CIYUAN_SOURCE_DIR "/examples/calls.jsonl", "--method", name, "--under", name,
                   "-m", "gpt-4o=o200k:openai_chat", "--lines", "--json"}),
              kDone)
        << err_;
    EXPECT_EQ(lines().size(), 4U);
    for (const Json& line : lines()) {
      EXPECT_EQ(line.at("a"), line.at("b")) << name;
      EXPECT_EQ(line.at("difference"), "0");
    }
  }
}

TEST_F(MethodCommand, recount_names_a_line_that_cannot_be_counted_and_leaves_it_out) {
  const std::string bad[] = {"{",
                             "[]",
                             "{}",
                             R"({"model": "smollm2"})",
                             R"({"text": "no model"})",
                             R"({"model": "smollm2", "request": 7})",
                             R"({"model": "smollm2", "request": "{"})",
                             R"({"model": "smollm2", "request": {"messages": 1}})",
                             R"({"model": "smollm2", "request": {"messages": []}, "answer": 3})",
                             R"({"model": "nonesuch", "text": "a"})"};
  for (const std::string& line : bad) {
    EXPECT_EQ(run({"recount", "--under", "bytes-v1", "--json"}, kLine + line + "\n\n"), kBadUsage) << line;
    EXPECT_THAT(err_, HasSubstr("standard input:2: "));
    EXPECT_EQ(lines().at(0).at("calls"), 1);
  }
  EXPECT_EQ(run({"recount", "--under", "price-ratio-v1"}, kLine), kBadUsage);
  EXPECT_THAT(err_, HasSubstr("/models: \"smollm2\" is not among the models"));
  EXPECT_EQ(run({"recount", "--under", "bytes-v1", "-m", "smollm2"}, kLine), kBadUsage);
  EXPECT_EQ(run({"recount", "--under", "bytes-v1", "/nowhere.jsonl"}), kBadUsage);
  EXPECT_EQ(run({"recount", "--under", "bytes-v1", "--documents", "/nowhere"}, kLine), kBadUsage);
  EXPECT_EQ(run({"recount"}, kLine), kBadUsage);
}

TEST_F(MethodCommand, recount_takes_models_from_documents_and_requests_as_texts) {
  const std::string request =
      R"({"request": "{\"model\": \"smollm2\", \"messages\": [{\"role\": \"user\", \"content\": \"b\"}]}", "answer": "b", "finish_reason": "length"})";
  ASSERT_EQ(run({"recount", "--under", "native-v1", "--documents", CIYUAN_SOURCE_DIR "/examples/demo.yaml",
                 "--json"},
                request),
            kDone)
      << err_;
  // As llama.cpp's server reports for "b" (tests/measure/prompt_test.cc); cut off, so without an end.
  EXPECT_EQ(lines().at(0).at("a").at("counts"), Json({{"input", 31}, {"output", 1}}));
  // A model of no template's name: its texts alone, an estimate.
  ASSERT_EQ(run({"recount", "--under", "native-v1", "-m", "smollm2=smollm2", "--json"}, kLine), kDone)
      << err_;
  EXPECT_EQ(lines().at(0).at("a").at("levels").at("input"), "estimated");
}

}  // namespace
}  // namespace ciyuan::cli
