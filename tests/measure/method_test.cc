#include "measure/method.h"

#include "base/file.h"
#include "tests/measure/profile_for_tests.h"

namespace ciyuan::measure {
namespace {

std::string fault(const std::string& members) {
  auto method = Method::from_json(Json::parse(R"({"name": "m", )" + members + "}"));
  return method.ok() ? "" : method.error().path;
}

std::string message(const std::string& members) {
  auto method = Method::from_json(Json::parse(R"({"name": "m", )" + members + "}"));
  return method.ok() ? "" : method.error().text();
}

TEST(Method, one_token_is_one_ciyuan_where_nothing_else_is_said) {
  const Method method = method_with("");
  EXPECT_EQ(method.basis(), Basis::kNative);
  for (Amount weight : method.ciyuan_per_token("any")) EXPECT_EQ(weight, Amount(1'000'000));
}

TEST(Method, reads_the_one_that_is_shipped) {
  auto text = read_file(CIYUAN_SOURCE_DIR "/data/methods/native-v1.json", 1 << 20);
  ASSERT_TRUE(text.ok());
  auto method = Method::from_json(*parse_json(*text));
  ASSERT_TRUE(method.ok()) << method.error().text();
  EXPECT_EQ(method->name(), "native-v1");
  EXPECT_EQ(method->control_tokens("any", "stop"), 1);
  EXPECT_EQ(method->control_tokens("any", "tool_calls"), 1);
  EXPECT_EQ(method->control_tokens("any", "length"), 0);
  EXPECT_EQ(method->control_tokens("any", "unheard-of"), 0);
}

TEST(Method, a_models_weights_stand_over_the_general_ones) {
  const Method method = method_with(
      R"("weights": {"input": "0.25", "output": "2"}, "models": [{"model": "big", "weights": {"output": "3.000001"}}])");
  EXPECT_EQ(method.ciyuan_per_token("small")[index_of(Kind::kOutput)], Amount(2'000'000));
  EXPECT_EQ(method.ciyuan_per_token("big")[index_of(Kind::kOutput)], Amount(3'000'001));
  EXPECT_EQ(method.ciyuan_per_token("big")[index_of(Kind::kInput)], Amount(250'000));
  EXPECT_EQ(method.ciyuan_per_token("big")[index_of(Kind::kTool)], Amount(1'000'000));
}

TEST(Method, a_models_control_tokens_replace_the_general_ones) {
  const Method method = method_with(
      R"("control_tokens": {"stop": 1}, "models": [{"model": "none", "control_tokens": {}}, {"model": "same"}])");
  EXPECT_EQ(method.control_tokens("none", "stop"), 0);
  EXPECT_EQ(method.control_tokens("same", "stop"), 1);
}

TEST(Method, control_tokens_are_no_bytes) {
  EXPECT_EQ(method_with(R"("basis": "bytes", "control_tokens": {"stop": 1})").control_tokens("any", "stop"),
            0);
}

TEST(Method, a_kind_that_does_not_count_has_no_weight) {
  const Method method =
      method_with(R"("kinds": ["input", "output"], "models": [{"model": "all", "kinds": ["tool"]}])");
  EXPECT_EQ(method.ciyuan_per_token("any")[index_of(Kind::kInput)], Amount(1'000'000));
  EXPECT_EQ(method.ciyuan_per_token("any")[index_of(Kind::kReasoning)], Amount());
  EXPECT_EQ(method.ciyuan_per_token("all")[index_of(Kind::kInput)], Amount());
  EXPECT_EQ(method.ciyuan_per_token("all")[index_of(Kind::kTool)], Amount(1'000'000));
}

TEST(Method, an_alias_has_the_models_rules_and_an_unlisted_model_may_be_refused) {
  const Method method = method_with(
      R"("unlisted_models": "refuse", "models": [{"model": "a", "aliases": ["b"], "weights": {"input": "7"}}])");
  EXPECT_EQ(method.ciyuan_per_token("b")[index_of(Kind::kInput)], Amount(7'000'000));
  EXPECT_EQ(method.models(), std::vector<std::string>{"a"});
  EXPECT_TRUE(method.covers("b").ok());
  EXPECT_EQ(method.covers("c").error().code, ErrorCode::kNotFound);
  auto profile = test_profiles().profile(method, sha256("refuse"), "c", "smollm2", "");
  EXPECT_EQ(profile.error().path, "/models");
}

// Two thirds cannot be written at six decimals.
std::string price_ratio(const std::string& rounding) {
  return R"("price_ratio": {"currency": "CNY", "per": "1,000 tokens", "rounding": ")" + rounding +
         R"(", "reference": {"model": "r", "kind": "input", "price": "0.003"},
      "models": [{"model": "a", "prices": {"input": "0.002", "output": "0.012", "cache_read": "0.0006"}}]})";
}

TEST(Method, a_price_over_the_reference_price_is_the_weight) {
  const Method method = method_with(price_ratio("half_up"));
  const auto weights = method.ciyuan_per_token("a");
  EXPECT_EQ(weights[index_of(Kind::kInput)], Amount(666'667));
  EXPECT_EQ(weights[index_of(Kind::kCacheWrite)], Amount(666'667));  // priced as input
  EXPECT_EQ(weights[index_of(Kind::kCacheRead)], Amount(200'000));
  EXPECT_EQ(weights[index_of(Kind::kOutput)], Amount(4'000'000));
  EXPECT_EQ(weights[index_of(Kind::kReasoning)], Amount(4'000'000));
  EXPECT_EQ(method.rounded_ratios(), std::vector<std::string>{"/price_ratio/models/0/prices/input"});
  EXPECT_EQ(method_with(price_ratio("up")).ciyuan_per_token("a")[index_of(Kind::kInput)], Amount(666'667));
  EXPECT_EQ(method_with(price_ratio("down")).ciyuan_per_token("a")[index_of(Kind::kInput)], Amount(666'666));
  EXPECT_FALSE(method.covers("unpriced").ok());
}

TEST(Method, a_ratio_that_is_said_to_be_exact_must_be) {
  EXPECT_EQ(message(price_ratio("exact")),
            "/price_ratio/models/0/prices/input: \"0.002\" over the reference price is not exact at six "
            "decimals, and /price_ratio/rounding is \"exact\"");
  EXPECT_EQ(message(R"("weights": {"input": "1"}, )" + price_ratio("up")),
            "/price_ratio: makes the weights itself: /weights must not stand beside it");
  EXPECT_EQ(fault(price_ratio("roughly")), "/price_ratio/rounding");
}

// So that any count times any weight fits an amount.
TEST(Method, a_weight_has_a_bound) {
  EXPECT_EQ(message(R"("weights": {"input": "1000000000000.000001"})"),
            "/weights/input: \"1000000000000.000001\" must be at most 1000000000000");
  EXPECT_EQ(method_with(R"("weights": {"input": "1000000000000"})").ciyuan_per_token("m")[0],
            Amount(Int128{1'000'000'000'000} * 1'000'000));
  EXPECT_EQ(
      message(R"("price_ratio": {"currency": "CNY", "per": "token", "rounding": "up",
                     "reference": {"model": "r", "kind": "input", "price": "0.000000000001"},
                     "models": [{"model": "a", "prices": {"input": "1000", "output": "1"}}]})"),
      "/price_ratio/models/0/prices/input: \"1000\" is more than 1000000000000 times the reference price");
}

TEST(Method, another_vocabulary_or_template_than_the_pinned_one_is_refused) {
  const std::string other(64, 'a');
  const auto plain = profile_with("", "smollm2", "smollm2");
  const std::string right = R"("tokenizer_sha256": ")" + plain->tokenizer_digest_hex() +
                            R"(", "template_sha256": ")" + plain->template_digest_hex() + "\"";
  EXPECT_EQ(profile_with(right, "smollm2", "smollm2")->tokenizer_digest_hex(), plain->tokenizer_digest_hex());
  auto refusal = [&](const std::string& members, const char* chat_template) {
    auto profile =
        test_profiles().profile(method_with(members), sha256(members), "model", "smollm2", chat_template);
    return profile.ok() ? "" : profile.error().text();
  };
  EXPECT_EQ(refusal(R"("tokenizer_sha256": ")" + other + "\"", "smollm2"),
            "/tokenizer_sha256: \"" + other +
                "\" is the vocabulary that the method m counts by; the one in use, smollm2, has " +
                plain->tokenizer_digest_hex());
  EXPECT_EQ(refusal(R"("models": [{"model": "model", "template_sha256": ")" + other + "\"}]", "smollm2"),
            "/models/0/template_sha256: \"" + other +
                "\" is the chat template that the method m counts by; the one in use, smollm2, has " +
                plain->template_digest_hex());
  EXPECT_NE(refusal(right, "").find("has no digest"), std::string::npos);
  EXPECT_EQ(refusal(R"("models": [{"model": "another", "template_sha256": ")" + other + "\"}]", "smollm2"),
            "");
}

TEST(Method, names_the_member_at_fault) {
  EXPECT_EQ(fault(R"("kinds": ["words"])"), "/kinds/0");
  EXPECT_EQ(fault(R"("unlisted_models": "maybe")"), "/unlisted_models");
  EXPECT_EQ(fault(R"("tokenizer_sha256": "12")"), "/tokenizer_sha256");
  EXPECT_EQ(fault(R"("basis": "bytes", "tokenizer_sha256": ")" + std::string(64, '0') + "\""),
            "/tokenizer_sha256");
  EXPECT_EQ(fault(R"("characters": {"unit": "code_point"})"), "/characters");
  EXPECT_EQ(fault(R"("basis": "characters", "characters": {"unit": "grapheme"})"), "/characters/unicode");
  EXPECT_EQ(fault(R"("basis": "characters", "characters": {"unit": "grapheme", "unicode": "5.0"})"),
            "/characters/unicode");
  EXPECT_EQ(fault(R"("basis": "characters", "characters": {"unit": "letter"})"), "/characters/unit");
  EXPECT_EQ(fault(R"("modalities": {"image": "nonesuch"})"), "/modalities/image");
  EXPECT_EQ(fault(R"("modalities": {"smell": "nonesuch"})"), "/modalities/smell");
  EXPECT_EQ(fault(R"("models": [{"model": "a", "aliases": ["a"]}])"), "/models/0/aliases/0");
  EXPECT_EQ(fault(R"("basis": "guesses")"), "/basis");
  EXPECT_EQ(fault(R"("basis": "reference")"), "/tokenizer");
  EXPECT_EQ(fault(R"("basis": "native", "tokenizer": "o200k")"), "/tokenizer");
  EXPECT_EQ(fault(R"("weights": {"input": "-1"})"), "/weights/input");
  EXPECT_EQ(fault(R"("weights": {"input": "0.0000001"})"), "/weights/input");
  EXPECT_EQ(fault(R"("weights": {"inputs": "1"})"), "/weights/inputs");
  EXPECT_EQ(fault(R"("weights": {"input": 0.5})"), "/weights/input");
  EXPECT_EQ(fault(R"("control_tokens": {"stop": -1})"), "/control_tokens/stop");
  EXPECT_EQ(fault(R"("media_tokens": {"image": 1.5})"), "/media_tokens/image");
  EXPECT_EQ(fault(R"("models": [{"model": "a"}, {"model": "a"}])"), "/models/1/model");
  EXPECT_EQ(fault(R"("models": [{"weights": {}}])"), "/models/0/model");
}

}  // namespace
}  // namespace ciyuan::measure
