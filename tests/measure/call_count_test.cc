#include "measure/call_count.h"

#include <random>

#include "base/file.h"
#include "measure/output.h"
#include "tests/measure/profile_for_tests.h"

namespace ciyuan::measure {
namespace {

const char* const kMethods[] = {"native-v1", "native-media-v1",     "reference-o200k-v1",
                                "bytes-v1",  "characters-v1",       "words-v1",
                                "calls-v1",  "provider-reported-v1"};

std::shared_ptr<const Profile> shipped(const std::string& name) {
  auto text = read_file(CIYUAN_SOURCE_DIR "/data/methods/" + name + ".json", 1 << 20);
  EXPECT_TRUE(text.ok());
  auto profile = test_profiles().profile(*Method::from_json(*parse_json(*text)), sha256(*text), "smollm2",
                                         "smollm2", "smollm2");
  EXPECT_TRUE(profile.ok()) << profile.error().text();
  return *profile;
}

const CallText kCall{
    .request = R"({"messages": [{"role": "user", "content": "你好, world! 👨‍👩‍👧"}]})",
    .output = "词元 is a token.\n",
    .reasoning = "Think of क्षि first.",
    .finish_reason = "stop"};

// Worked by hand: a Han character is two units, what a reader sees as one character is one.
TEST(CallCount, counts_a_call_under_another_method) {
  const CallCount characters = *count_call(*shipped("characters-v1"), kCall);
  EXPECT_EQ(characters.counts[Kind::kInput], 2 * 2 + 10);   // ", world! " are nine, the family is one
  EXPECT_EQ(characters.counts[Kind::kOutput], 2 * 2 + 13);  // " is a token.\n"
  EXPECT_EQ(characters.counts[Kind::kReasoning], 17);       // "Think of " and " first." round one
  EXPECT_EQ(characters.ciyuan, Amount((14 + 17 + 17) * 300'000));
  const CallCount calls = *count_call(*shipped("calls-v1"), kCall);
  EXPECT_EQ(calls.counts[Kind::kInput], 1);
  EXPECT_EQ(calls.ciyuan, Amount(1'000'000));
}

TEST(CallCount, the_same_method_gives_the_same_figures_and_other_methods_their_own_levels) {
  for (const char* name : kMethods) {
    const auto profile = shipped(name);
    const CallCount once = *count_call(*profile, kCall), again = *count_call(*profile, kCall);
    EXPECT_EQ(once.counts, again.counts) << name;
    EXPECT_EQ(once.ciyuan, again.ciyuan) << name;
    const auto level =
        std::string(name).starts_with("provider") ? record::Level::kUnverified : record::Level::kProved;
    EXPECT_EQ(once.input_level, level) << name;
    EXPECT_EQ(once.output_level, level) << name;
  }
}

// What the gateway counts piece by piece is what a recount finds in the whole.
TEST(CallCount, an_answer_in_any_pieces_counts_as_the_whole) {
  std::mt19937 random(3);
  for (const char* name : kMethods) {
    const auto profile = shipped(name);
    const CallCount whole = *count_call(*profile, kCall);
    for (int round = 0; round < 50; ++round) {
      OutputMeter meter(*profile);
      for (auto [kind, text] :
           {std::pair(Kind::kOutput, kCall.output), std::pair(Kind::kReasoning, kCall.reasoning)})
        for (std::size_t at = 0; at < text.size();) {
          const std::size_t size = std::min<std::size_t>(1 + random() % 5, text.size() - at);
          meter.add(kind, text.substr(at, size));
          at += size;
        }
      meter.finish("stop");
      KindCounts counts = meter.counts();
      counts[Kind::kInput] = whole.counts[Kind::kInput];
      EXPECT_EQ(counts, whole.counts) << name;
      EXPECT_EQ(ciyuan_of(*profile, counts), whole.ciyuan) << name;
    }
  }
}

TEST(CallCount, units_of_texts_add_up_where_a_unit_ends_between_them) {
  for (const char* name : {"bytes-v1", "characters-v1", "words-v1"}) {
    const auto profile = shipped(name);
    auto count = [&](std::string_view text) {
      return count_call(*profile, {.output = text})->counts[Kind::kOutput];
    };
    EXPECT_EQ(count("one 词 two\n") + count("元 three"), count("one 词 two\n元 three")) << name;
  }
}

TEST(CallCount, a_request_that_cannot_be_counted_is_refused_by_its_member) {
  const auto refused = count_call(*shipped("native-v1"), {.request = R"({"messages": 1})"});
  EXPECT_EQ(refused.error().path, "messages");
}

}  // namespace
}  // namespace ciyuan::measure
