#include "standin/answer.h"

#include <gtest/gtest.h>

#include "standin/http_text.h"

namespace ciyuan::standin {
namespace {

struct AnswerTest : testing::Test {
  Planned plan(const std::string& body, const std::string& directives = {}) {
    Script script;
    EXPECT_TRUE(script.add(directives).ok());
    return plan_answer(Form::kChat, *parse_json(body), script, options, cutter, texts, 1);
  }
  static std::string chat(const std::string& more) {
    return R"({"model":"standin","messages":[{"role":"user","content":"two words"}])" + more + "}";
  }

  StandinOptions options;
  TextCutter cutter = *TextCutter::make("words");
  Texts texts{cutter.cut("one two three"), cutter.cut("a b"), cutter.cut("词元"), cutter.cut("def f")};
};

TEST_F(AnswerTest, pieces_put_together_are_the_text) {
  for (std::string text : {"one  two\nthree ", "", " ", "词元 and 词", "trailing \n"}) {
    std::string whole;
    std::uint64_t tokens = 0;
    for (const Piece& piece : cutter.cut(text)) whole += piece.text, tokens += piece.tokens;
    EXPECT_EQ(whole, text);
    EXPECT_EQ(tokens, cutter.count(text));
  }
}

TEST_F(AnswerTest, obeys_the_lower_of_both_limits_and_says_length) {
  Planned planned = plan(chat(R"(,"max_tokens":9,"max_completion_tokens":2)"));
  EXPECT_EQ(planned.plan.completion_tokens, 2u);
  EXPECT_EQ(planned.plan.finish_reason, "length");
  EXPECT_EQ(planned.plan.prompt_tokens, 2u);
}

TEST_F(AnswerTest, repeats_the_text_for_longer_answers) {
  EXPECT_EQ(plan(chat(""), "tokens=100").plan.completion_tokens, 100u);
  for (const char* script :
       {"tokens=100", "tokens=100,chunk=2", "tokens=7,chunk=70", "tokens=0", "tokens=3"}) {
    Plan one = plan(chat(""), script).plan;
    std::uint64_t tokens = 0;
    PartCursor cursor(one);
    while (const Part* part = cursor.next()) tokens += part->tokens;
    EXPECT_EQ(tokens, one.completion_tokens) << script;
  }
}

TEST_F(AnswerTest, reasoning_comes_first_and_is_kept_apart) {
  Json body = *parse_json(whole_body(plan(chat(""), "tokens=4,reasoning=2").plan));
  EXPECT_EQ(body["choices"][0]["message"]["reasoning_content"], "one two");
  EXPECT_EQ(body["choices"][0]["message"]["content"], " threeone");
}

TEST_F(AnswerTest, ignores_the_limit_when_told_to) {
  EXPECT_EQ(plan(chat(R"(,"max_tokens":1)"), "ignore-max,tokens=5").plan.completion_tokens, 5u);
}

TEST_F(AnswerTest, lies_about_usage_by_the_number_told) {
  Json body = *parse_json(whole_body(plan(chat(""), "tokens=5,lie=+10").plan));
  EXPECT_EQ(body["usage"]["completion_tokens"], 15);
  EXPECT_FALSE(parse_json(whole_body(plan(chat(""), "nousage").plan))->contains("usage"));
}

TEST_F(AnswerTest, calls_the_first_tool_with_the_words_of_the_user) {
  Planned planned = plan(chat(R"(,"tools":[{"type":"function","function":{"name":"look"}}])"));
  Json message = (*parse_json(whole_body(planned.plan)))["choices"][0]["message"];
  EXPECT_EQ(message["tool_calls"][0]["function"]["name"], "look");
  Json arguments = *parse_json(message["tool_calls"][0]["function"]["arguments"].get<std::string>());
  EXPECT_EQ(arguments["text"], "two words");
}

TEST_F(AnswerTest, every_event_and_body_is_json_with_and_without_escapes) {
  for (const char* script : {"text=zh", "text=zh,ascii", "text=code"}) {
    Plan one = plan(chat(R"(,"logprobs":true,"n":2)"), script).plan;
    EXPECT_TRUE(parse_json(whole_body(one)).ok());
    EXPECT_TRUE(parse_json(first_event(one, 1)).ok());
    EXPECT_TRUE(parse_json(part_event(one, 1, one.round.front())).ok());
    EXPECT_TRUE(parse_json(last_event(one, 1)).ok());
    EXPECT_TRUE(parse_json(usage_event(one, 3)).ok());
  }
}

TEST_F(AnswerTest, refuses_as_the_real_service_does) {
  EXPECT_EQ(plan(R"({"model":"other","messages":[]})").refusal.status, 404u);
  EXPECT_EQ(plan(R"({"messages":[]})").refusal.status, 400u);
  EXPECT_EQ(plan(R"({"model":"standin","messages":[]})").refusal.status, 400u);
  EXPECT_EQ(plan(chat(R"(,"n":0)")).refusal.status, 400u);
}

TEST(HttpText, frames_chunks_with_their_size_in_hexadecimal) {
  EXPECT_EQ(chunk_text("0123456789abcdef!"), "11\r\n0123456789abcdef!\r\n");
}

}  // namespace
}  // namespace ciyuan::standin
