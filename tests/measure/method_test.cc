#include "measure/method.h"

#include "base/file.h"
#include "tests/measure/profile_for_tests.h"

namespace ciyuan::measure {
namespace {

std::string fault(const std::string& members) {
  auto method = Method::from_json(Json::parse(R"({"name": "m", )" + members + "}"));
  return method.ok() ? "" : method.error().path;
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

TEST(Method, names_the_member_at_fault) {
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
