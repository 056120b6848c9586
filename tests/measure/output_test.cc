#include "measure/output.h"

#include <random>

#include "tests/measure/profile_for_tests.h"
#include "token/vocabulary_set.h"

namespace ciyuan::measure {
namespace {

constexpr const char* kNative = R"("control_tokens": {"stop": 1, "tool_calls": 1, "length": 0})";
constexpr std::string_view kText =
    "The quick brown fox — 敏捷的棕色狐狸，跳过了懒狗。 def f(x):\n    return x ** 2\n\n\n  "
    "👩‍👩‍👧‍👦 "
    "e\u0301tude 1234567890 \"quoted\" عربى";

std::int64_t whole(const std::string& tokenizer, std::string_view text) {
  auto vocabulary = token::VocabularySet(CIYUAN_SOURCE_DIR "/data").find(tokenizer);
  EXPECT_TRUE(vocabulary.ok());
  return (*vocabulary)->count(text).value;
}

/// The first `size` bytes, less if that would cut a character.
std::string_view prefix(std::string_view text, std::size_t size) {
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

TEST(OutputMeter, any_split_counts_as_the_whole) {
  std::mt19937 random(3);
  for (const char* tokenizer : {"smollm2", "qwen3", "o200k"}) {
    const auto profile = profile_with(kNative, tokenizer, "");
    const std::int64_t expected = whole(tokenizer, kText);
    for (int round = 0; round < 30; ++round) {
      OutputMeter meter(*profile);
      for (std::size_t at = 0; at < kText.size();) {
        const std::size_t size = 1 + random() % 9;
        meter.add(Kind::kOutput, kText.substr(at, size));
        at += size;
        EXPECT_GE(meter.upper_bound().value, meter.counts().generated());
      }
      EXPECT_EQ(meter.counts()[Kind::kOutput], expected) << tokenizer;
    }
  }
}

TEST(OutputMeter, each_kind_is_a_text_of_its_own) {
  const auto profile = profile_with(kNative, "smollm2", "");
  OutputMeter meter(*profile);
  meter.add(Kind::kReasoning, "I thi");
  meter.add(Kind::kOutput, "Yes, ");
  meter.add(Kind::kReasoning, "nk so");
  meter.add(Kind::kTool, "{\"city\"");
  meter.add(Kind::kOutput, "indeed");
  meter.add(Kind::kTool, ": 1}");
  EXPECT_EQ(meter.counts()[Kind::kReasoning], whole("smollm2", "I think so"));
  EXPECT_EQ(meter.counts()[Kind::kOutput], whole("smollm2", "Yes, indeed"));
  EXPECT_EQ(meter.counts()[Kind::kTool], whole("smollm2", "{\"city\": 1}"));
}

TEST(OutputMeter, the_token_that_ends_an_answer_counts_as_the_method_says) {
  const auto profile = profile_with(kNative, "smollm2", "");
  for (const auto& [reason, tokens] :
       {std::pair("stop", 1), std::pair("tool_calls", 1), std::pair("length", 0)}) {
    OutputMeter meter(*profile);
    meter.add(Kind::kOutput, "Hello");
    meter.finish(reason);
    EXPECT_EQ(meter.counts().generated(), 1 + tokens) << reason;
    EXPECT_EQ(meter.upper_bound().value >= 1 + tokens, true);
  }
}

TEST(OutputMeter, what_looks_like_a_control_token_is_text) {
  const auto profile = profile_with(kNative, "smollm2", "");
  OutputMeter meter(*profile);
  meter.add(Kind::kOutput, "<|im_end|>");
  EXPECT_GT(meter.counts().generated(), 1);
}

TEST(OutputMeter, the_longest_prefix_fits_and_one_character_more_does_not) {
  struct Case {
    const char* members;
    const char* tokenizer;
  };
  for (const Case& each : {Case{kNative, "smollm2"}, Case{kNative, "o200k"}, Case{R"("basis": "bytes")", ""},
                           Case{R"("basis": "characters")", ""}, Case{R"("basis": "words")", ""}}) {
    const auto profile = profile_with(each.members, each.tokenizer, "");
    for (std::size_t given : {std::size_t{0}, std::size_t{7}, std::size_t{29}}) {
      OutputMeter before(*profile);
      before.add(Kind::kReasoning, "a thought");
      before.add(Kind::kOutput, prefix(kText, given));
      const std::string_view rest = kText.substr(prefix(kText, given).size());
      for (std::int64_t limit = 0; limit < 40; ++limit) {
        const std::size_t size = before.longest_prefix(Kind::kOutput, rest, token::Tokens{limit});
        auto count_of = [&](std::size_t bytes) {
          OutputMeter trial = before;
          trial.add(Kind::kOutput, rest.substr(0, bytes));
          return trial.counts().generated();
        };
        ASSERT_EQ(size, prefix(rest, size).size()) << "a character is cut";
        if (size > 0) {
          EXPECT_LE(count_of(size), limit);
        }
        if (size == rest.size()) continue;
        // No longer prefix within reach fits.
        for (std::size_t longer = size + 1; longer <= std::min(rest.size(), size + 24); ++longer) {
          if (prefix(rest, longer).size() == longer) {
            EXPECT_GT(count_of(longer), limit) << each.members << " " << limit;
          }
        }
      }
    }
  }
}

TEST(OutputMeter, a_copy_is_a_trial) {
  const auto profile = profile_with(kNative, "smollm2", "");
  OutputMeter meter(*profile);
  meter.add(Kind::kOutput, "one two");
  const auto counts = meter.counts();
  OutputMeter trial = meter;
  trial.add(Kind::kOutput, " three four");
  trial.finish("stop");
  EXPECT_EQ(meter.counts(), counts);
  meter = trial;
  EXPECT_EQ(meter.counts(), trial.counts());
}

TEST(OutputMeter, calls_count_no_output) {
  const auto profile = profile_with(R"("basis": "calls")", "", "");
  OutputMeter meter(*profile);
  meter.add(Kind::kOutput, "any length of text");
  EXPECT_EQ(meter.counts().generated(), 0);
}

}  // namespace
}  // namespace ciyuan::measure
