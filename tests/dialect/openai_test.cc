#include <gtest/gtest.h>

#include "base/json.h"
#include "dialect/openai_answer.h"
#include "dialect/openai_error.h"
#include "dialect/openai_request.h"

namespace ciyuan::dialect {
namespace {

Json cut(std::string_view json, const std::vector<Cut>& cuts, bool stream,
         const std::optional<ReportedUsage>& usage = {}, Endpoint endpoint = Endpoint::kChat) {
  return parse_json(with_cuts(endpoint, json, cuts, stream, usage).value()).value();
}

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
           {R"({"model":"m","max_tokens":1.5,"messages":[{}]})", "max_tokens"},
           {R"({"model":"m","messages":[{}],"max_tokens":1e400})", "max_tokens"},
           {R"({"model":"m","seed":[99999999999999999999999],"messages":[{}]})", "seed"},
           {R"({"model":"m","messages":[{},1]})", "messages[1]"}}) {
    auto facts = read_request(Endpoint::kChat, each.body);
    ASSERT_FALSE(facts.ok()) << each.body;
    EXPECT_EQ(facts.error().path, each.param) << each.body;
  }
  EXPECT_EQ(read_request(Endpoint::kCompletions, R"({"model":"m"})").error().path, "prompt");
  EXPECT_EQ(read_request(Endpoint::kEmbeddings, R"({"model":"m"})").error().path, "input");
}

TEST(Request, a_null_limit_stays_null_beside_the_one_that_is_lowered) {
  auto lowered = [](const std::string& members, const RequestEdit& edit) {
    std::string body = R"({"model":"m",)" + members + R"(,"messages":[{"role":"user","content":"x"}]})";
    return parse_json(edited(body, read_request(Endpoint::kChat, body).value(), edit)).value();
  };
  Json json = lowered(R"("max_tokens":null,"max_completion_tokens":500)", {.output_tokens_max = 3});
  EXPECT_TRUE(json["max_tokens"].is_null());
  EXPECT_EQ(json["max_completion_tokens"], 3);
  EXPECT_EQ(lowered(R"("max_tokens":null)", {.output_tokens_max = 3})["max_tokens"], 3);
  json = lowered(R"("max_tokens":null)", {.output_tokens_max = 3, .limit_member = "max_completion_tokens"});
  EXPECT_TRUE(json["max_tokens"].is_null());
  EXPECT_EQ(json["max_completion_tokens"], 3);
}

TEST(Request, a_limit_of_no_tokens_is_for_completions) {
  EXPECT_EQ(read_request(Endpoint::kChat, R"({"model":"m","max_tokens":0,"messages":[{}]})").error().path,
            "max_tokens");
  EXPECT_EQ(read_request(Endpoint::kCompletions, R"({"model":"m","max_tokens":0,"prompt":"x"})")
                .value()
                .output_tokens_max,
            0);
}

TEST(Request, answers_are_those_of_all_prompts) {
  auto facts = [](const char* members) {
    return read_request(Endpoint::kCompletions, R"({"model":"m",)" + std::string(members) + "}").value();
  };
  EXPECT_EQ(facts(R"("prompt":["a","b","c"],"n":2)").answers, 6);
  EXPECT_EQ(facts(R"("prompt":[[1,2],[3]],"best_of":4)").answers, 8);
  EXPECT_EQ(facts(R"("prompt":[[1,2],[3]],"best_of":4)").choices, 1);
  EXPECT_EQ(facts(R"("prompt":[1,2,3])").answers, 1);
  EXPECT_EQ(facts(R"("prompt":"a","echo":true)").echo, true);
  EXPECT_EQ(read_request(Endpoint::kChat, R"({"model":"m","best_of":4,"messages":[{}]})").value().answers, 1);
  EXPECT_EQ(prompt_texts(R"({"prompt":["a","b"]})"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(prompt_texts(R"({"prompt":[[1],[2]]})").empty());
}

TEST(Request, a_key_that_a_lenient_reader_takes_for_another_is_refused) {
  const std::string head = R"({"model":"m","messages":[{"role":"user","content":"x"}],)";
  for (const char* key :
       {"Model", "MAX_TOKENS", "Messages", "N", "me\u017F\u017Fages", "max_to\u212Aens", "Stream"}) {
    auto facts = read_request(Endpoint::kChat, head + '"' + key + "\":1}");
    ASSERT_FALSE(facts.ok()) << key;
    EXPECT_EQ(facts.error().path, key);
  }
  EXPECT_TRUE(
      read_request(Endpoint::kChat, head + R"("X-Model":1,"Content":2,"größe":3,"extraBody":4})").ok());
  EXPECT_FALSE(read_request(Endpoint::kChat, head + R"("stream_options":{"Include_Usage":false}})").ok());
  auto message = [](const std::string& members) {
    return read_request(Endpoint::kChat, R"({"model":"m","messages":[{"role":"user",)" + members + "}]}");
  };
  EXPECT_EQ(message(R"("content":"x","Content":"y")").error().path, "messages");
  EXPECT_FALSE(message(R"("content":"x","\u0043ontent":"y")").ok());
  EXPECT_FALSE(message(R"("content":[{"type":"text","text":"x","Text":"y"}])").ok());
  EXPECT_TRUE(message(R"("content":"x","tool_calls":[{"function":{"arguments":{"Content":1}}}],"X":1)").ok());
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
  Json json = cut(whole, {{.content = "one"}}, false, ReportedUsage{.prompt = 1, .completion = 1});
  EXPECT_EQ(json["choices"][0]["message"]["content"], "one");
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(json["choices"][0]["logprobs"].is_null());
  EXPECT_EQ(json["usage"]["completion_tokens"], 1);
  EXPECT_EQ(json["extra"], true);
}

TEST(Answer, every_text_of_a_message_is_read_once) {
  auto read = [](const std::string& message, const char* name = "delta") {
    return read_answer(Endpoint::kChat,
                       R"({"choices":[{"index":0,")" + std::string(name) + "\":" + message + "}]}")
        .value()
        .choices.at(0);
  };
  ChoiceText text = read(R"({"tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"in"}}]})");
  EXPECT_EQ(text.tool, "fin");
  EXPECT_EQ(read(R"({"function_call":{"name":"f","arguments":"{}"}})").tool, "f{}");
  text =
      read(R"({"role":"assistant","content":[{"type":"text","text":"a"},{"type":"x","deep":[{"y":"b"}]}]})");
  EXPECT_EQ(text.content, "ab");
  text = read(R"({"content":null,"audio":{"id":"a1","data":"QUJD","transcript":"hi"},"refusal":"no"})",
              "message");
  EXPECT_EQ(text.other, "QUJDhino");
  EXPECT_EQ(read(R"({"images":[{"type":"image_url","image_url":{"url":"data:x"}}]})").other, "data:x");
  EXPECT_EQ(
      read(
          R"({"reasoning":"r","reasoning_content":"r","reasoning_details":[{"type":"reasoning.text","text":"r"}]})")
          .reasoning,
      "r");
  EXPECT_EQ(read(R"({"reasoning":"r","reasoning_content":"s"})").reasoning, "rs");
  EXPECT_EQ(read(R"({"id":")" + std::string(65, 'x') + "\"}").other.size(), 65U) << "too long for a label";
}

TEST(Answer, members_given_twice_are_all_read) {
  auto part = read_answer(Endpoint::kChat,
                          R"({"choices":[{"delta":{"content":"a","content":"b"},"delta":{"content":"c"}}],)"
                          R"("choices":[{"index":1,"delta":{"content":"d"}}]})")
                  .value();
  ASSERT_EQ(part.choices.size(), 2U);
  EXPECT_EQ(part.choices[0].content, "abc");
  EXPECT_EQ(part.choices[1].content, "d");
}

TEST(Answer, choices_without_a_usable_index_take_their_place) {
  auto part = read_answer(Endpoint::kChat,
                          R"({"choices":[{"delta":{}},{"index":"0","delta":{}},{"index":null,"delta":{}}]})")
                  .value();
  ASSERT_EQ(part.choices.size(), 3U);
  EXPECT_EQ(part.choices[1].index, 1);
  EXPECT_EQ(part.choices[2].index, 2);
}

TEST(Answer, a_lone_surrogate_is_read_as_a_replacement_character) {
  auto content = [](const char* text) {
    return read_answer(Endpoint::kChat, R"({"choices":[{"delta":{"content":")" + std::string(text) + "\"}}]}")
        .value()
        .choices.at(0)
        .content;
  };
  EXPECT_EQ(content(R"(a\ud83d)"), "a\uFFFD");
  EXPECT_EQ(content(R"(\uDE00b)"), "\uFFFDb");
  EXPECT_EQ(content(R"(\ud83d\ude00\ud83d)"), "\U0001F600\uFFFD");
  EXPECT_EQ(content(R"(\\ud83d\ud83d)"), "\\ud83d\uFFFD");
  EXPECT_FALSE(read_answer(Endpoint::kChat, R"({"choices":"\ud8)").ok());
}

TEST(Answer, a_cut_choice_carries_nothing_but_the_texts_it_was_given) {
  std::string event =
      R"({"id":"c","usage":{"completion_tokens":9},"choices":[{"index":0,"delta":{"role":"assistant","content":["one two"],
      "reasoning":"deep","refusal":"secret","audio":{"data":"secret"},"reasoning_details":[{"text":"secret"}],
      "tool_calls":[{"function":{"arguments":"secret"}}]},"token_ids":[1,2],"logprobs":{"content":[{"token":"secret"}]},
      "finish_reason":"stop"}]})";
  Json json = cut(event, {{.content = "one", .reasoning = "de"}}, true);
  EXPECT_EQ(json, (Json{{"id", "c"},
                        {"choices",
                         {{{"index", 0},
                           {"delta", {{"role", "assistant"}, {"content", "one"}, {"reasoning", "de"}}},
                           {"logprobs", nullptr},
                           {"finish_reason", nullptr}}}}}));
  Json text = cut(R"({"choices":[{"text":"one two","index":0}]})", {{.content = "one"}}, true, {},
                  Endpoint::kCompletions);
  EXPECT_EQ(text["choices"][0]["text"], "one");
}

TEST(Answer, cuts_go_by_place_and_whole_choices_stay) {
  std::string answer =
      R"({"choices":[{"index":0,"message":{"content":"a"},"logprobs":{"content":[]},"finish_reason":"stop"},
      {"index":"0","message":{"content":"bb"},"finish_reason":"stop"},{"index":0,"message":{"content":"cc"}}]})";
  Json json = cut(answer, {{.whole = true}, {.index = 1, .content = "b"}, {.content = "c"}}, false);
  EXPECT_EQ(json["choices"][0], parse_json(answer).value()["choices"][0]);
  EXPECT_EQ(json["choices"][1]["message"]["content"], "b");
  EXPECT_EQ(json["choices"][1]["finish_reason"], "length");
  EXPECT_EQ(json["choices"][2]["message"]["content"], "c");
}

TEST(Answer, what_cannot_be_read_is_never_passed_on_as_a_cut) {
  EXPECT_FALSE(with_cuts(Endpoint::kChat, R"({"choices":[)", {}, true, {}).ok());
  // More than a double holds: one parser takes it, another does not.
  EXPECT_FALSE(read_answer(Endpoint::kChat, R"({"x":1e999,"choices":[{"delta":{"content":"a"}}]})").ok());
}

TEST(Answer, an_absurd_usage_figure_is_bounded) {
  auto part = read_answer(Endpoint::kChat,
                          R"({"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":-1}})")
                  .value();
  EXPECT_EQ(part.usage->prompt, std::int64_t{1} << 53);
  EXPECT_EQ(part.usage->completion, 0);
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
