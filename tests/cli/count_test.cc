#include "cli/count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "tests/token/random_text.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using testing::HasSubstr;

class Count : public testing::Test {
 protected:
  Count() {
    std::filesystem::create_directories(folder_);
    write("a.txt", "hello world");
    write("b.txt", "词元 tokens\n");
  }
  ~Count() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, std::string_view content) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  int run(const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    const int code = run_count(options_, in, out, err);
    out_ = out.str(), err_ = err.str();
    return code;
  }
  std::vector<Json> lines() const {
    std::vector<Json> all;
    std::istringstream in(out_);
    for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line));
    return all;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Json& line : lines())
      all.push_back(std::filesystem::relative(line.at("file").get<std::string>(), folder_).string());
    return all;
  }

  CountOptions options_;
  std::string out_, err_;

 private:
  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("count_" + std::to_string(::getpid()));
};

TEST_F(Count, prints_tokens_bytes_and_file_and_a_total) {
  options_.inputs = {path("a.txt"), path("b.txt")};
  ASSERT_EQ(run(), 0) << err_;
  const auto second = token::VocabularySet::standard().find("o200k").value()->count("词元 tokens\n").value;
  std::istringstream words(out_);
  std::int64_t tokens[3], bytes[3];
  std::string file[3];
  for (int i = 0; i < 3; ++i) words >> tokens[i] >> bytes[i] >> file[i];
  EXPECT_EQ(tokens[0], 2);
  EXPECT_EQ(bytes[0], 11);
  EXPECT_EQ(file[0], path("a.txt"));
  EXPECT_EQ(tokens[1], second);
  EXPECT_EQ(bytes[1], 14);
  EXPECT_EQ(tokens[2], 2 + second);
  EXPECT_EQ(bytes[2], 25);
  EXPECT_EQ(file[2], "total");
  EXPECT_EQ(err_, "");
}

TEST_F(Count, reads_standard_input_when_no_file_is_named) {
  ASSERT_EQ(run("hello world"), 0) << err_;
  EXPECT_EQ(out_, "      2      11\n");
  options_.inputs = {"-"};
  options_.json = true;
  ASSERT_EQ(run("hello world"), 0);
  EXPECT_EQ(lines().at(0), Json({{"file", "-"}, {"tokens", 2}, {"bytes", 11}, {"tokenizer", "o200k"}}));
}

TEST_F(Count, counts_a_file_of_many_blocks_as_a_whole_text) {
  std::mt19937_64 random(3);
  std::string text;
  while (text.size() < (5 << 20)) text += token::random_text(random, 30);
  text += "\xE8\xAF";  // half a character
  write("long.txt", text);
  options_.inputs = {path("long.txt")};
  options_.json = true;
  for (const char* tokenizer : {"o200k", "qwen3", "smollm2"}) {
    options_.tokenizer = tokenizer;
    ASSERT_EQ(run(), 0) << err_;
    EXPECT_EQ(lines().at(0).at("tokens"),
              token::VocabularySet::standard().find(tokenizer).value()->count(text).value);
    EXPECT_EQ(lines().at(0).at("bytes"), text.size());
  }
}

TEST_F(Count, walks_folders_without_hidden_and_binary_files_and_expands_patterns) {
  write("sub/deep/c.md", "three");
  write("sub/.hidden/d.md", "no");
  write("sub/.e", "no");
  write("sub/program", std::string("\x7f"
                                   "ELF\0\0",
                                   6));
  options_.json = true;
  options_.inputs = {path("")};
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_THAT(names(), testing::ElementsAre("a.txt", "b.txt", "sub/deep/c.md"));
  options_.inputs = {path("*.txt")};
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_THAT(names(), testing::ElementsAre("a.txt", "b.txt"));
  options_.inputs = {path("sub/program")};
  EXPECT_EQ(run(), 0) << "a file that is named is counted whatever it holds";
}

TEST_F(Count, keeps_the_order_of_the_input_on_several_threads) {
  std::vector<std::string> wanted;
  for (int i = 0; i < 60; ++i) {
    write("many/" + std::to_string(i), std::string(static_cast<std::size_t>((60 - i) * 2000), 'x') + " end");
    options_.inputs.push_back(path("many/" + std::to_string(i)));
    wanted.push_back("many/" + std::to_string(i));
  }
  options_.json = true;
  options_.threads = 4;
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_EQ(names(), wanted);
}

TEST_F(Count, names_what_it_cannot_count_and_counts_the_rest) {
  options_.inputs = {path("absent.txt"), path("a.txt"), path("*.nothing")};
  options_.json = true;
  EXPECT_EQ(run(), 2);
  EXPECT_THAT(names(), testing::ElementsAre("a.txt"));
  EXPECT_THAT(err_, HasSubstr(path("absent.txt")));
  EXPECT_THAT(err_, HasSubstr(path("*.nothing")));
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 2);
}

TEST_F(Count, refuses_a_tokenizer_that_is_not_there) {
  options_.inputs = {path("a.txt")};
  options_.tokenizer = "gpt-9";
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("o200k"));
}

TEST_F(Count, asks_the_caller_which_tokenizer_a_model_has) {
  options_.inputs = {path("a.txt")};
  options_.json = true;
  options_.model = "some-model";
  EXPECT_EQ(run(), 2) << "no models are known";
  options_.tokenizer_of_model = [](const std::string& model) -> Result<std::string> {
    if (model == "some-model") return std::string("CL100K_base");
    return Error{ErrorCode::kNotFound, "no such model", model};
  };
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_EQ(lines().at(0).at("tokenizer"), "cl100k");
  options_.model = "another";
  EXPECT_EQ(run(), 2);
  EXPECT_THAT(err_, HasSubstr("another: no such model"));
  options_.tokenizer = "o200k";
  EXPECT_EQ(run(), 2) << "both";
}

TEST_F(Count, refuses_an_endless_word_before_it_takes_the_memory) {
  write("zeros", "");
  std::filesystem::resize_file(path("zeros"), std::uintmax_t{8} << 30);  // sparse
  options_.inputs = {path("zeros")};
  EXPECT_EQ(run(), 2);
  EXPECT_THAT(err_, HasSubstr("this is no text"));
}

}  // namespace
}  // namespace ciyuan::cli
