#include <gtest/gtest.h>

#include "base/json.h"
#include "dialect/openai_answer.h"
#include "dialect/openai_error.h"
#include "dialect/openai_request.h"

namespace ciyuan::dialect {
namespace {

TEST(Request, an_edit_changes_its_values_and_no_other_byte) {
  std::string body =
      "{ \"messages\":[{\"role\":\"user\",\"content\":\"a } \\\" b\"}],\n  \"x-unknown\" : {\"n\":[1.50, "
      "2E+3]},"
      " \"model\": \"m\" , \"max_tokens\" :100}";
  auto facts = read_request(Endpoint::kChat, body).value();
  EXPECT_TRUE(facts.plain_chat);
  EXPECT_EQ(facts.output_tokens_max, 100);
  std::string out = edited(body, facts, {.model = "other", .output_tokens_max = 7});
  std::string expected = body;
  expected.replace(expected.find("\"m\""), 3, "\"other\"");
  expected.replace(expected.find(":100"), 4, ":7");
  EXPECT_EQ(out, expected);
  EXPECT_EQ(edited(body, facts, {}), body);
}

TEST(Request, a_limit_and_usage_are_added_where_the_client_gave_none) {
  std::string body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]} )";
  auto facts = read_request(Endpoint::kChat, body).value();
  std::string out = edited(body, facts, {.output_tokens_max = 5, .ask_usage = true});
  Json json = parse_json(out).value();
  EXPECT_EQ(json["max_tokens"], 5);
  EXPECT_EQ(json["stream_options"]["include_usage"], true);
  body =
      R"({"model":"m","stream":true,"stream_options":{"include_usage":false},"messages":[{"role":"user","content":"x"}]})";
  facts = read_request(Endpoint::kChat, body).value();
  EXPECT_EQ(parse_json(edited(body, facts, {.ask_usage = true})).value()["stream_options"]["include_usage"],
            true);
}

TEST(Request, both_spellings_of_the_limit_are_lowered) {
  std::string body =
      R"({"model":"m","max_tokens":50,"max_completion_tokens":40,"messages":[{"role":"user","content":"x"}]})";
  auto facts = read_request(Endpoint::kChat, body).value();
  EXPECT_EQ(facts.output_tokens_max, 40);
  Json json = parse_json(edited(body, facts, {.output_tokens_max = 3})).value();
  EXPECT_EQ(json["max_tokens"], 3);
  EXPECT_EQ(json["max_completion_tokens"], 3);
}

TEST(Request, refuses_bad_bodies_and_names_the_member) {
  struct Case {
    const char* body;
    const char* param;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"", ""},
           {"[]", ""},
           {"{", ""},
           {"{\"model\":\"m\"} x", ""},
           {R"({"messages":[{"role":"user","content":"x"}]})", "model"},
           {R"({"model":7,"messages":[{"role":"user","content":"x"}]})", "model"},
           {R"({"model":"m","model":"n","messages":[{"role":"user","content":"x"}]})", "model"},
           {R"({"model":"m","mod\u0065l":"n","messages":[{"role":"user","content":"x"}]})", "mod\\u0065l"},
           {R"({"model":"m","messages":[]})", "messages"},
           {R"({"model":"m"})", "messages"},
           {R"({"model":"m","stream":"yes","messages":[{}]})", "stream"},
           {R"({"model":"m","n":0,"messages":[{}]})", "n"},
           {R"({"model":"m","n":1000,"messages":[{}]})", "n"},
           {R"({"model":"m","max_tokens":-1,"messages":[{}]})", "max_tokens"},
           {R"({"model":"m","max_tokens":1.5,"messages":[{}]})", "max_tokens"}}) {
    auto facts = read_request(Endpoint::kChat, each.body);
    ASSERT_FALSE(facts.ok()) << each.body;
    EXPECT_EQ(facts.error().path, each.param) << each.body;
  }
  EXPECT_EQ(read_request(Endpoint::kCompletions, R"({"model":"m"})").error().path, "prompt");
  EXPECT_EQ(read_request(Endpoint::kEmbeddings, R"({"model":"m"})").error().path, "input");
}

TEST(Request, only_the_plainest_chat_is_called_plain) {
  auto plain = [](std::string_view body) { return read_request(Endpoint::kChat, body).value().plain_chat; };
  EXPECT_TRUE(plain(R"({"model":"m","temperature":0,"messages":[{"role":"user","content":"x"}]})"));
  EXPECT_FALSE(plain(R"({"model":"m","tools":[],"messages":[{"role":"user","content":"x"}]})"));
  EXPECT_FALSE(plain(R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})"));
  EXPECT_FALSE(plain(R"({"model":"m","messages":[{"role":"user","content":"x","name":"y"}]})"));
  EXPECT_FALSE(plain(R"({"model":"m","messages":[{"role":"user","content":"x","content":"y"}]})"));
}

TEST(Answer, reads_texts_tools_reasons_and_usage) {
  auto part =
      read_answer(
          Endpoint::kChat,
          R"({"id":"c1","model":"m","created":5,"choices":[{"index":1,"delta":{"content":"\u8bcd","reasoning_content":"r",
    "tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
    "usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}})")
          .value();
  ASSERT_EQ(part.choices.size(), 1U);
  EXPECT_EQ(part.choices[0].index, 1);
  EXPECT_EQ(part.choices[0].content, "词");
  EXPECT_EQ(part.choices[0].reasoning, "r");
  EXPECT_EQ(part.choices[0].tool, "f{}");
  EXPECT_EQ(part.choices[0].finish_reason, "tool_calls");
  EXPECT_EQ(part.usage->cached, 2);
  EXPECT_EQ(part.usage->reasoning, 1);
  EXPECT_TRUE(read_answer(Endpoint::kChat, R"({"error":{"message":"no"}})").value().is_error);
  EXPECT_FALSE(read_answer(Endpoint::kChat, "garbage").ok());
}

TEST(Answer, a_cut_keeps_the_rest_of_the_answer) {
  std::string whole =
      R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"one two three"},"logprobs":{"content":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":9},"extra":true})";
  Json json = parse_json(with_cuts(whole, {{.index = 0, .content = "one", .finish = true}}, false,
                                   ReportedUsage{.prompt = 1, .completion = 1}))
                  .value();
  EXPECT_EQ(json["choices"][0]["message"]["content"], "one");
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(json["choices"][0]["logprobs"].is_null());
  EXPECT_EQ(json["usage"]["completion_tokens"], 1);
  EXPECT_EQ(json["extra"], true);
}

TEST(Error, names_clause_limit_and_what_is_left) {
  Json json = parse_json(to_json({.status = 429,
                                  .message = "cap \"x\"",
                                  .type = "tokens",
                                  .code = "rate_limit_exceeded",
                                  .limit = LimitDetail{.clause = "session-cap",
                                                       .unit = "CIYUAN",
                                                       .limit = "400",
                                                       .left = "0",
                                                       .held = "12"}}))
                  .value();
  EXPECT_EQ(json["error"]["ciyuan"]["clause"], "session-cap");
  EXPECT_EQ(json["error"]["ciyuan"]["left"], "0");
  EXPECT_TRUE(json["error"]["param"].is_null());
}

}  // namespace
}  // namespace ciyuan::dialect
