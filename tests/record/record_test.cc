#include "record/record.h"

#include <gtest/gtest.h>

#include "base/canonical_json.h"
#include "sample.h"

namespace ciyuan::record {
namespace {

TEST(Record, is_the_canonical_json_that_base_would_write) {
  std::mt19937_64 random(20261124);
  for (int i = 0; i < 2000; ++i) {
    std::string json = to_json(random_record(random));
    Result<Json> parsed = parse_json(json);
    ASSERT_TRUE(parsed.ok()) << parsed.error().text() << "\n" << json;
    ASSERT_EQ(canonical_json(*parsed).value(), json);
  }
}

TEST(Record, names_the_place_of_each_group) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    EncodedRecord encoded = encode(random_record(random));
    Json parsed = parse_json(encoded.json).value();
    EXPECT_EQ(parsed.size(), kGroups.size() + (encoded.has(kOptionalGroup) ? 2 : 1));
    for (std::size_t group = 0; group < kGroups.size(); ++group)
      if (encoded.has(group))
        ASSERT_EQ(encoded.value(group), canonical_json(parsed[std::string(kGroups[group])]).value());
  }
}

TEST(Record, is_read_back_whole) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 500; ++i) {
    UsageRecord record = random_record(random);
    Result<UsageRecord> again = parse_record(to_json(record));
    ASSERT_TRUE(again.ok()) << again.error().text();
    ASSERT_EQ(*again, record);
  }
}

TEST(Record, has_the_members_that_the_design_names) {
  Json json = parse_json(to_json(sample_record())).value();
  EXPECT_EQ(json["v"], "ciyuan/record/v1");
  EXPECT_EQ(json["times"]["accepted"], "2026-11-23T08:00:00.000000001Z");
  EXPECT_EQ(json["usage"]["input"]["reported"], 12);
  EXPECT_FALSE(json["usage"]["output"].contains("reported"));
  EXPECT_EQ(json["usage"]["output"]["level"], "proved");
  EXPECT_EQ(json["charges"][1]["amount"], "0.001440");
  EXPECT_EQ(json["ciyuan"], "252.000000");
  EXPECT_EQ(json["outcome"]["state"], "completed");
  EXPECT_EQ(json["digests"]["tokenizer"], to_hex(sha256("tokenizer")));
}

TEST(Record, refuses_what_is_not_its_own_form) {
  std::string good = to_json(sample_record());
  ASSERT_TRUE(parse_record(good).ok());
  auto replaced = [&](std::string_view from, std::string_view to) {
    std::string copy = good;
    copy.replace(copy.find(from), from.size(), to);
    return copy;
  };
  EXPECT_EQ(parse_record(replaced("\"billed\":12", "\"billed\":-12")).error().path, "usage");
  EXPECT_EQ(parse_record(replaced("\"billed\":12", "\"billed\":12.5")).error().path, "usage");
  EXPECT_EQ(parse_record(replaced("\"proved\"", "\"certain\"")).error().path, "usage");
  EXPECT_EQ(parse_record(replaced("\"completed\"", "\"done\"")).error().path, "outcome");
  EXPECT_EQ(parse_record(replaced("\"asked\":", "\"asked \":")).error().path, "model");
  EXPECT_EQ(parse_record(replaced("\"party\":\"acme\"", "\"party\":\"acme\",\"x\":1")).error().path, "party");
  EXPECT_FALSE(parse_record(replaced("record/v1", "record/v2")).ok());
  EXPECT_FALSE(parse_record(replaced("{", "{ ")).ok());
  EXPECT_FALSE(parse_record(replaced("\"charges\":[", "\"charges\":[1,")).ok());
  EXPECT_FALSE(parse_record(replaced("0198f0a1-", "0198F0A1-")).ok());
  EXPECT_FALSE(parse_record("{}").ok());
  EXPECT_FALSE(parse_record("[]").ok());
  for (std::size_t length = 0; length < good.size(); length += 3)
    EXPECT_FALSE(parse_record(good.substr(0, length)).ok());
}

TEST(Record, without_equivalence_is_as_it_always_was) {
  UsageRecord record = sample_record();
  EXPECT_EQ(parse_json(to_json(record)).value()["equivalence"]["billed"]["middle"], "252.000000");
  record.equivalence->parallel.reset();
  EXPECT_FALSE(parse_json(to_json(record)).value()["equivalence"].contains("parallel"));
  record.equivalence.reset();
  std::string json = to_json(record);
  EXPECT_EQ(json.find("equivalence"), json.npos);
  EXPECT_EQ(*parse_record(json), record);
  for (std::string_view wrong : {"null", "{}", "[]", "{\"billed\":{}}", "\"table\""}) {
    std::string bad = json;
    bad.insert(bad.find("\"exposure\""), "\"equivalence\":" + std::string(wrong) + ",");
    EXPECT_EQ(parse_record(bad).error().path, "equivalence") << wrong;
  }
}

TEST(Record, tells_its_verdict_and_older_ones_have_none) {
  UsageRecord record = sample_record();
  EXPECT_FALSE(parse_json(to_json(record)).value()["outcome"].contains("verdict"));
  for (Verdict verdict :
       {Verdict::kVerified, Verdict::kWithinTolerance, Verdict::kDisputed, Verdict::kUnverifiable}) {
    record.verdict = verdict;
    std::string json = to_json(record);
    EXPECT_EQ(parse_json(json).value()["outcome"]["verdict"], std::string(name_of(verdict)));
    EXPECT_EQ(parse_record(json)->verdict, verdict);
    EXPECT_EQ(parse_verdict(name_of(verdict)), verdict);
  }
  std::string bad = to_json(record);
  bad.replace(bad.find("unverifiable"), 12, "unbelievable");
  EXPECT_EQ(parse_record(bad).error().path, "outcome");
}

TEST(Record, stays_json_whatever_a_service_reports) {
  UsageRecord record = sample_record();
  record.usage["input"].reported = ~0ULL;
  record.model_answered = "bad \xFF\xC3 bytes";
  Result<Json> json = parse_json(to_json(record));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["usage"]["input"]["reported"], 9007199254740991);
  EXPECT_EQ((*json)["model"]["answered"], "bad \xEF\xBF\xBD\xEF\xBF\xBD bytes");
}

}  // namespace
}  // namespace ciyuan::record
