#include "cli/count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "tests/cli/json_output.h"
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
  std::vector<Json> lines() const { return json_lines(out_); }
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
    options_.tokenizers = {tokenizer};
    ASSERT_EQ(run(), 0) << err_;
    EXPECT_EQ(lines().at(0).at("tokens"),
              token::VocabularySet::standard().find(tokenizer).value()->count(text).value);
    EXPECT_EQ(lines().at(0).at("bytes"), text.size());
  }
}

TEST_F(Count, counts_a_file_in_parts_on_several_threads_as_a_whole_text) {
  std::mt19937_64 random(5);
  std::string text;
  while (text.size() < (21 << 20)) {
    text += token::random_text(random, 30);
    if (random() % 4 == 0) text += random() % 2 == 0 ? ".\nThe" : "ends\n";
  }
  write("long.txt", text);
  write("short.txt", "one\ntwo");
  options_.inputs = {path("long.txt"), path("short.txt"), path("a.txt")};
  options_.json = true;
  options_.tokenizers = {"o200k", "qwen3", "gemma3", "p50k"};
  for (const unsigned threads : {1u, 5u}) {
    options_.threads = threads;
    ASSERT_EQ(run(), 0) << err_;
    ASSERT_EQ(lines().size(), 3u);
    for (const std::string& tokenizer : options_.tokenizers) {
      const auto vocabulary = token::VocabularySet::standard().find(tokenizer).value();
      EXPECT_EQ(lines().at(0).at("tokens").at(tokenizer), vocabulary->count(text).value) << tokenizer;
      EXPECT_EQ(lines().at(1).at("tokens").at(tokenizer), vocabulary->count("one\ntwo").value) << tokenizer;
    }
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
  options_.tokenizers = {"gpt-9"};
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("o200k"));
}

TEST_F(Count, asks_the_caller_which_tokenizer_a_model_has) {
  options_.inputs = {path("a.txt")};
  options_.json = true;
  options_.models = {"some-model"};
  EXPECT_EQ(run(), 2) << "no models are known";
  options_.tokenizer_of_model = [](const std::string& model) -> Result<std::string> {
    if (model == "some-model") return std::string("CL100K_base");
    return Error{ErrorCode::kNotFound, "no such model", model};
  };
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_EQ(lines().at(0).at("tokenizer"), "cl100k");
  options_.models = {"another"};
  EXPECT_EQ(run(), 2);
  EXPECT_THAT(err_, HasSubstr("another: no such model"));
  options_.tokenizers = {"o200k"};
  EXPECT_EQ(run(), 2) << "both";
}

TEST_F(Count, refuses_an_endless_word_before_it_takes_the_memory) {
  write("zeros", "");
  std::filesystem::resize_file(path("zeros"), std::uintmax_t{8} << 30);  // sparse
  options_.inputs = {path("zeros")};
  EXPECT_EQ(run(), 2);
  EXPECT_THAT(err_, HasSubstr("this is no text"));
}

std::int64_t tokens_of(const char* tokenizer, std::string_view text) {
  return token::VocabularySet::standard().find(tokenizer).value()->count(text).value;
}

TEST_F(Count, puts_several_tokenizers_side_by_side) {
  options_.inputs = {path("a.txt"), path("b.txt")};
  options_.tokenizers = {"o200k", "Qwen3", "smollm2"};
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_TRUE(out_.starts_with("  o200k   qwen3 smollm2   bytes file\n")) << out_;
  options_.json = true;
  ASSERT_EQ(run(), 0) << err_;
  for (const char* tokenizer : {"o200k", "qwen3", "smollm2"})
    EXPECT_EQ(lines().at(1).at("tokens").at(tokenizer), tokens_of(tokenizer, "词元 tokens\n"));
  options_.tokenizers = {"o200k", "o200k_base"};
  EXPECT_EQ(run(), 2);
  EXPECT_THAT(err_, HasSubstr("--tokenizer: \"o200k\" is given twice"));
}

TEST_F(Count, counts_the_texts_of_the_fields_of_json_lines) {
  write("chats.jsonl",
        "{\"m\":[{\"c\":\"Hello world\"},{\"c\":\"词元\"}],\"a/b\":{\"~\":\"x\"}}\n"
        "\r\n"
        "{\"m\":[{\"c\":\"tokens \\u8bcd\"},{\"c\":null},{\"tool\":1}],\"a/b\":{\"~\":\"y z\"}}");
  options_.inputs = {path("")};
  options_.json = true;
  auto expect = [&](std::vector<std::string> fields, const std::vector<std::string>& texts) {
    options_.fields = std::move(fields);
    ASSERT_EQ(run(), 0) << err_;
    EXPECT_THAT(names(), testing::ElementsAre("chats.jsonl")) << "of a folder, JSON lines only";
    std::int64_t tokens = 0;
    std::size_t bytes = 0;
    for (const std::string& text : texts) tokens += tokens_of("o200k", text), bytes += text.size();
    EXPECT_EQ(lines().at(0).at("tokens"), tokens);
    EXPECT_EQ(lines().at(0).at("bytes"), bytes);
    EXPECT_EQ(lines().at(0).at("lines"), 2);
  };
  expect({"m.0.c"}, {"Hello world", "tokens 词"});
  expect({"/m/0/c"}, {"Hello world", "tokens 词"});
  expect({"m.*.c"}, {"Hello world", "词元", "tokens 词"});
  expect({"m.1.c", "/a~1b/~0"}, {"词元", "x", "y z"});
}

TEST_F(Count, shows_each_json_line_with_its_number) {
  options_.fields = {"t"};
  options_.each_line = true;
  ASSERT_EQ(run("{\"t\":\"hello world\"}\n\n{\"t\":\"hello\"}\n"), 0) << err_;
  EXPECT_EQ(out_, "      2      11 -:1\n      1       5 -:3\n      3      16 total\n");
}

TEST_F(Count, json_lines_give_the_same_rows_in_the_same_order_on_any_number_of_threads) {
  std::mt19937_64 random(7);
  std::string file;
  for (int i = 0; file.size() < (6 << 20); ++i)
    file += i % 97 == 5 ? "no json\n"
                        : Json{{"t", std::to_string(i) + token::random_text(random, 60)}}.dump(
                              -1, ' ', false, Json::error_handler_t::replace) +
                              "\n";
  write("many.jsonl", file);
  options_.inputs = {path("many.jsonl")};
  options_.fields = {"t"};
  options_.tokenizers = {"o200k", "qwen3"};
  for (bool each_line : {true, false}) {
    options_.each_line = each_line;
    options_.threads = 1;
    EXPECT_EQ(run(), 2);
    const std::string out = out_, err = err_;
    for (unsigned threads : {2, 5}) {
      options_.threads = threads;
      EXPECT_EQ(run(), 2);
      EXPECT_EQ(out_, out);
      EXPECT_EQ(err_, err);
    }
  }
}

TEST_F(Count, names_json_lines_it_cannot_count_by_their_numbers_and_counts_the_rest) {
  write("c.jsonl",
        "{\"t\":\"hello\"}\n{\"t\":\n{\"u\":1}\n{\"t\":7}\n{\"t\":\"\\ud800\"}\n[1]\n{\"t\":\"a\",\"t\":"
        "\"b\"}\n");
  options_.inputs = {path("c.jsonl")};
  options_.fields = {"t"};
  options_.json = true;
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(lines().at(0).at("lines"), 1);
  EXPECT_EQ(lines().at(0).at("malformed_lines"), 6);
  for (const char* said : {"c.jsonl:2: not JSON", "c.jsonl:3: there is no field t",
                           "c.jsonl:4: the field t is no text but number", "c.jsonl:5: not JSON",
                           "c.jsonl:6: there is no field t", "c.jsonl:7: JSON object has the key"})
    EXPECT_THAT(err_, HasSubstr(said));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "no json\n";
  write("c.jsonl", many);
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 21);
  EXPECT_THAT(err_, HasSubstr("and 980 more such lines"));
}

TEST_F(Count, reads_json_lines_that_are_longer_than_a_block_up_to_a_limit) {
  std::string text;
  while (text.size() < (3 << 20)) text += "one two three 词元 ";
  write("long.jsonl", Json{{"t", text}}.dump() + "\n" + Json{{"t", "end"}}.dump());
  write("endless.jsonl", "");
  std::filesystem::resize_file(path("endless.jsonl"), (64 << 20) + 1);
  options_.inputs = {path("long.jsonl"), path("endless.jsonl")};
  options_.fields = {"t"};
  options_.json = true;
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(lines().at(0).at("tokens"), tokens_of("o200k", text) + tokens_of("o200k", "end"));
  EXPECT_THAT(err_, HasSubstr("endless.jsonl: line 1 is longer than 64 MiB"));
}

constexpr const char* kBook = R"(kind: PriceBook
name: prices
version: "1"
date: "2026-11-01"
source: made up
currency: CNY
per_tokens: 1000000
prices:
  - {model: small, kind: input, price: "0.000001"}
  - {model: small, kind: output, price: "3.30"}
  - {model: big, kind: input, price: "34567890.654321"}
)";

TEST_F(Count, shows_what_each_models_tokens_cost_to_the_last_decimal) {
  write("prices.yaml", kBook);
  options_.inputs = {path("a.txt")};
  options_.models = {"small=o200k", "big=o200k"};
  options_.price_file = path("prices.yaml");
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("small            CNY     big            CNY   bytes file\n"));
  options_.json = true;
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_EQ(lines().at(0).at("tokens"), Json({{"small", 2}, {"big", 2}}));
  EXPECT_EQ(lines().at(0).at("cost"), Json({{"small", "0.000000000002"}, {"big", "69.135781308642"}}));
  EXPECT_EQ(lines().at(0).at("currency"), "CNY");
  options_.models = {"small=o200k"};
  options_.kind = "reasoning";
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_EQ(lines().at(0).at("cost"), "0.0000066") << "reasoning without a line costs what output costs";
}

TEST_F(Count, finds_a_models_tokenizer_and_price_in_the_documents_of_the_price_file) {
  options_.inputs = {path("a.txt")};
  options_.price_file = std::string(CIYUAN_SOURCE_DIR) + "/examples/demo.yaml";
  options_.json = true;
  for (const char* model : {"smollm2", "smollm2-135m-instruct"}) {
    options_.models = {model};
    ASSERT_EQ(run(), 0) << err_;
    EXPECT_EQ(lines().at(0).at("tokenizer"), "smollm2");
    EXPECT_EQ(lines().at(0).at("cost"), "0.000004");
  }
}

TEST_F(Count, wrong_options_are_a_line_that_names_option_and_rule) {
  write("prices.yaml", kBook);
  write("two.yaml", std::string(kBook) + "---\n" + kBook);
  write("none.yaml", "kind: Party\nname: a\n");
  const CountOptions plain;
  auto refused = [&](CountOptions options, const std::string& said) {
    options_ = std::move(options);
    options_.inputs = {path("a.txt")};
    EXPECT_EQ(run(), 2);
    EXPECT_EQ(out_, "");
    EXPECT_TRUE(err_.starts_with("ciyuan count: " + said)) << err_;
    EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << err_;
  };
  for (const char* field : {"", "a..b", ".a", "a.", "/a~2"}) {
    CountOptions options;
    options.fields = {field};
    refused(options, std::string("--field: \"") + field + "\"");
  }
  CountOptions options;
  options.each_line = true;
  refused(options, "--lines: ");
  options = {};
  options.kind = "cats";
  refused(options, "--kind: \"cats\"");
  options = {};
  options.price_file = path("prices.yaml");
  refused(options, "--price: a price is a model's");
  for (const char* model : {"=o200k", "small="}) {
    options.models = {model};
    refused(options, std::string("--model: \"") + model + "\"");
  }
  options.models = {"other=o200k"};
  refused(options, "--price: prices has no price for input tokens of other");
  options.kind = "output";
  options.models = {"big=o200k"};
  refused(options, "--price: prices has no price for output tokens of big");
  options.price_file = path("absent.yaml");
  refused(options, "--price: " + path("absent.yaml"));
  options.price_file = path("two.yaml");
  refused(options, "--price: " + path("two.yaml"));
  options.price_file = path("none.yaml");
  refused(options, "--price: " + path("none.yaml") + " has no document of kind PriceBook");
}

}  // namespace
}  // namespace ciyuan::cli
