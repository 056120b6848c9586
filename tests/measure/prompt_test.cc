#include "measure/prompt.h"

#include <thread>

#include "base/file.h"
#include "tests/measure/profile_for_tests.h"
#include "token/vocabulary_set.h"

namespace ciyuan::measure {
namespace {

using record::Level;

PromptCount count(const Profile& profile, Endpoint endpoint, const std::string& body,
                  bool plain_chat = false) {
  auto counted = count_prompt(profile, endpoint, body, plain_chat);
  EXPECT_TRUE(counted.ok()) << counted.error().text() << "\n" << body;
  return counted ? *counted : PromptCount{token::Tokens{-1}, Level::kUnverified};
}

std::int64_t with_specials(const std::string& tokenizer, std::string_view text) {
  auto vocabulary = token::VocabularySet(CIYUAN_SOURCE_DIR "/data").find(tokenizer);
  EXPECT_TRUE(vocabulary.ok());
  return (*vocabulary)->count_with_specials(text).value;
}

std::string user(const std::string& content_json) {
  return R"({"model": "m", "messages": [{"role": "user", "content": )" + content_json + "}]}";
}

// What llama.cpp's server (xllamacpp 2026.10, SmolLM2-135M-Instruct) reported as prompt_tokens on 2026-11-24.
TEST(Prompt, equals_what_llama_cpp_reports_for_smollm2) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  const std::pair<const char*, std::int64_t> reported[] = {{R"("")", 30},       {R"("b")", 31},
                                                           {R"("a b")", 32},    {R"("a\nb")", 33},
                                                           {R"("a\n\nb")", 34}, {R"("Say a word")", 33}};
  for (const auto& [content, tokens] : reported) {
    const PromptCount counted = count(*profile, Endpoint::kChat, user(content));
    EXPECT_EQ(counted.tokens.value, tokens) << content;
    EXPECT_EQ(counted.level, Level::kProved);
  }
}

TEST(Prompt, joins_text_parts_as_llama_cpp_does) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  const std::pair<std::vector<const char*>, std::int64_t> reported[] = {
      {{"a", "b"}, 33},   {{"", "b"}, 31},      {{"b", ""}, 32},
      {{"", "", ""}, 30}, {{"a", "", "b"}, 34}, {{"a.", "\\nb"}, 35}};
  for (const auto& [parts, tokens] : reported) {
    std::string content;
    for (const char* part : parts)
      content +=
          (content.empty() ? "" : ", ") + (R"({"type": "text", "text": ")" + std::string(part) + "\"}");
    EXPECT_EQ(count(*profile, Endpoint::kChat, user("[" + content + "]")).tokens.value, tokens) << content;
  }
}

// OpenAI's cookbook, "How to count tokens with tiktoken", example_messages: 129 with cl100k, 124 with o200k.
TEST(Prompt, equals_openais_published_example) {
  const std::string body = R"({"messages": [
    {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
    {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
    {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."}]})";
  const PromptCount cl100k = count(*profile_with("", "cl100k", "openai_chat"), Endpoint::kChat, body);
  EXPECT_EQ(cl100k.tokens.value, 129);
  EXPECT_EQ(cl100k.level, Level::kProved);
  EXPECT_EQ(count(*profile_with("", "o200k", "openai_chat"), Endpoint::kChat, body).tokens.value, 124);
}

TEST(Prompt, the_plain_way_counts_openai_chats_as_the_strict_way) {
  const std::string bodies[] = {
      user(R"("Hello 词元")"), user(R"("")"),
      R"({"messages": [{"role": "system", "content": "\u00e9\n"}, {"content": "b", "role": "user"}]})",
      R"({"messages": []})"};
  for (const char* tokenizer : {"o200k", "cl100k"}) {
    const auto profile = profile_with("", tokenizer, "openai_chat");
    for (const std::string& body : bodies) {
      EXPECT_EQ(count(*profile, Endpoint::kChat, body, true).tokens,
                count(*profile, Endpoint::kChat, body, false).tokens)
          << body;
    }
  }
}

TEST(Prompt, openai_tools_are_an_estimate) {
  const auto profile = profile_with("", "o200k", "openai_chat");
  const std::string messages = R"("messages": [{"role": "user", "content": "Weather?"}])";
  const PromptCount bare = count(*profile, Endpoint::kChat, "{" + messages + "}");
  const PromptCount tools =
      count(*profile, Endpoint::kChat, "{" + messages + R"(, "tools": [{"type": "function", "function":
    {"name": "get_weather", "description": "Now", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]})");
  EXPECT_EQ(bare.level, Level::kProved);
  EXPECT_EQ(tools.level, Level::kEstimated);
  EXPECT_GT(tools.tokens, bare.tokens + token::Tokens{20});
}

TEST(Prompt, a_tools_fields_keep_their_order) {
  const auto profile = profile_with("", "qwen3", "qwen3");
  const std::string head =
      "<|im_start|>system\n# Tools\n\nYou may call one or more functions to assist with the user "
      "query.\n\nYou are provided with "
      "function signatures within <tools></tools> XML tags:\n<tools>\n";
  const std::string tail =
      "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
      "<tool_call></tool_call> "
      "XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": "
      "<args-json-object>}\n</tool_call><|im_end|>\n"
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
  for (const std::string tool :
       {R"({"zeta": 1, "alpha": "词元", "mid": [1.5, true, null]})", R"({"alpha": "\"", "zeta": {}})"}) {
    const PromptCount counted =
        count(*profile, Endpoint::kChat,
              R"({"tools": [)" + tool + R"(], "messages": [{"role": "user", "content": "Hi"}]})");
    EXPECT_EQ(counted.tokens.value, with_specials("qwen3", head + tool + tail));
  }
}

TEST(Prompt, renders_each_shipped_template) {
  const std::string body =
      R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]})";
  const std::tuple<const char*, const char*, const char*> prompts[] = {
      {"smollm2", "smollm2",
       "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
      {"qwen3", "qwen3",
       "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
      {"qwen2.5", "qwen2.5",
       "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
      {"deepseek_v3", "deepseek_v3", "<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hi<｜Assistant｜>"},
      {"llama3", "llama3",
       "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe "
       "brief.<|eot_id|><|start_header_id|>user"
       "<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"}};
  for (const auto& [tokenizer, chat_template, prompt] : prompts) {
    const auto profile = profile_with("", tokenizer, chat_template);
    EXPECT_EQ(count(*profile, Endpoint::kChat, body).tokens.value, with_specials(tokenizer, prompt))
        << chat_template;
    EXPECT_EQ(count(*profile, Endpoint::kChat, body, true).tokens.value, with_specials(tokenizer, prompt))
        << chat_template;
  }
}

TEST(Prompt, members_for_the_template_reach_it) {
  const auto profile = profile_with("", "qwen3", "qwen3");
  const PromptCount thinking = count(*profile, Endpoint::kChat, user(R"("Hi")"));
  const PromptCount silent = count(
      *profile, Endpoint::kChat,
      R"({"chat_template_kwargs": {"enable_thinking": false}, "messages": [{"role": "user", "content": "Hi"}]})");
  EXPECT_EQ(silent.tokens.value, thinking.tokens.value + with_specials("qwen3", "<think>\n\n</think>\n\n"));
}

TEST(Prompt, refuses_what_two_readers_could_read_in_two_ways) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  for (const char* body : {R"({"messages": [{"role": "user", "content": "a", "content": "b"}]})",
                           R"({"messages": [], "messages": []})"}) {
    EXPECT_FALSE(count_prompt(*profile, Endpoint::kChat, body, false).ok()) << body;
  }
}

TEST(Prompt, says_what_the_template_says) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  auto counted = count_prompt(*profile, Endpoint::kChat,
                              R"({"messages": [{"role": "user", "content": {"a": 1}}]})", false);
  ASSERT_FALSE(counted.ok());
  EXPECT_EQ(counted.error().path, "messages");
  EXPECT_NE(counted.error().message.find("template"), std::string::npos);
  EXPECT_FALSE(count_prompt(*profile, Endpoint::kChat, R"({"messages": "hi"})", false).ok());
  EXPECT_FALSE(count_prompt(*profile, Endpoint::kChat, R"({})", false).ok());
}

TEST(Prompt, an_image_counts_by_the_methods_rule_or_is_unverified) {
  const std::string body =
      user(R"([{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "data:"}}])");
  const PromptCount unknown = count(*profile_with("", "smollm2", "smollm2"), Endpoint::kChat, body);
  EXPECT_EQ(unknown.tokens.value, 31);
  EXPECT_EQ(unknown.level, Level::kUnverified);
  const PromptCount stated =
      count(*profile_with(R"("media_tokens": {"image": 765})", "smollm2", "smollm2"), Endpoint::kChat, body);
  EXPECT_EQ(stated.tokens.value, 31 + 765);
  EXPECT_EQ(stated.level, Level::kEstimated);
}

TEST(Prompt, a_completion_is_its_text_with_control_tokens_or_its_ids) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  EXPECT_EQ(count(*profile, Endpoint::kCompletions, R"({"prompt": "a b c"})").tokens.value, 3);
  EXPECT_EQ(count(*profile, Endpoint::kCompletions, R"({"prompt": "<|im_start|>"})").tokens.value, 1);
  EXPECT_EQ(count(*profile, Endpoint::kCompletions, R"({"prompt": ["a", "a b c"]})").tokens.value, 4);
  EXPECT_EQ(count(*profile, Endpoint::kCompletions, R"({"prompt": [1, 2, 3]})").tokens.value, 3);
  EXPECT_EQ(count(*profile, Endpoint::kCompletions, R"({"prompt": [[1, 2], [3]]})").tokens.value, 3);
  EXPECT_EQ(count(*profile, Endpoint::kEmbeddings, R"({"input": ["a", "a b c"]})").tokens.value, 4);
  EXPECT_FALSE(count_prompt(*profile, Endpoint::kCompletions, R"({"prompt": {"a": 1}})", false).ok());
  EXPECT_FALSE(count_prompt(*profile, Endpoint::kEmbeddings, R"({"prompt": "a"})", false).ok());
}

TEST(Prompt, other_bases_count_the_texts) {
  const std::string body =
      R"({"messages": [{"role": "system", "content": "词元 ok"}, {"role": "user", "content": [{"type": "text", "text": "a b"}]}]})";
  EXPECT_EQ(count(*profile_with(R"("basis": "bytes")", "", ""), Endpoint::kChat, body).tokens.value, 9 + 3);
  EXPECT_EQ(count(*profile_with(R"("basis": "characters")", "", ""), Endpoint::kChat, body).tokens.value,
            5 + 3);
  EXPECT_EQ(count(*profile_with(R"("basis": "words")", "", ""), Endpoint::kChat, body).tokens.value, 3 + 2);
  EXPECT_EQ(count(*profile_with(R"("basis": "calls")", "", ""), Endpoint::kChat, body).tokens.value, 1);
  EXPECT_EQ(
      count(*profile_with(R"("basis": "reference", "tokenizer": "o200k")", "", ""), Endpoint::kChat, body)
          .level,
      Level::kProved);
}

std::string refused_at(const std::string& members, Endpoint endpoint = Endpoint::kChat,
                       const std::string& basis = "") {
  const auto profile = profile_with(basis, basis.empty() ? "smollm2" : "", basis.empty() ? "smollm2" : "");
  const std::string body =
      R"({"prompt": "a", "messages": [{"role": "user", "content": "Hi"}], )" + members + "}";
  auto counted = count_prompt(*profile, endpoint, body, false);
  return counted ? "counted" : counted.error().path;
}

TEST(Prompt, a_client_cannot_choose_how_its_prompt_is_made) {
  EXPECT_EQ(refused_at(R"("chat_template_kwargs": {"messages": []})"), "chat_template_kwargs.messages");
  EXPECT_EQ(refused_at(R"("chat_template_kwargs": {"add_generation_prompt": false})"),
            "chat_template_kwargs.add_generation_prompt");
  EXPECT_EQ(refused_at(R"("chat_template_kwargs": [1])"), "chat_template_kwargs");
  EXPECT_EQ(refused_at(R"("chat_template_kwargs": {"enable_thinking": false})"), "counted");
  EXPECT_EQ(refused_at(R"("chat_template": "{{ 1 }}")"), "chat_template");
  EXPECT_EQ(refused_at(R"("chat_template": null)"), "counted");
  EXPECT_EQ(refused_at(R"("continue_final_message": true)"), "continue_final_message");
  EXPECT_EQ(refused_at(R"("add_generation_prompt": 0)"), "add_generation_prompt");
  EXPECT_EQ(refused_at(R"("prompt_embeds": "AAAA")", Endpoint::kCompletions), "prompt_embeds");
  for (const char* basis : {R"("basis": "calls")", R"("basis": "bytes")"})
    EXPECT_EQ(refused_at(R"("chat_template": "x")", Endpoint::kChat, basis), "chat_template") << basis;
}

TEST(Prompt, the_generation_prompt_counts_where_it_is_asked_for) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  const std::string head = R"({"messages": [{"role": "user", "content": "Hi"}])";
  EXPECT_EQ(count(*profile, Endpoint::kChat, head + R"(, "add_generation_prompt": true})").tokens.value,
            count(*profile, Endpoint::kChat, head + "}").tokens.value);
  EXPECT_EQ(count(*profile, Endpoint::kChat, head + R"(, "add_generation_prompt": false})").tokens.value +
                with_specials("smollm2", "<|im_start|>assistant\n"),
            count(*profile, Endpoint::kChat, head + "}").tokens.value);
}

TEST(Prompt, texts_of_parts_that_are_not_known_count_as_an_estimate) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  for (const char* part :
       {R"({"type": "input_text", "text": "a b c"})", R"({"type": "refusal", "refusal": "a b c"})",
        R"({"type": "text", "text": "", "more": {"deep": ["a b c"]}})"}) {
    const PromptCount counted = count(*profile, Endpoint::kChat, user("[" + std::string(part) + "]"));
    EXPECT_EQ(counted.tokens.value, 30 + 3) << part;
    EXPECT_EQ(counted.level, Level::kEstimated) << part;
  }
  const PromptCount cached =
      count(*profile, Endpoint::kChat,
            user(R"([{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}])"));
  EXPECT_EQ(cached.tokens.value, 31);
  EXPECT_EQ(cached.level, Level::kProved);
  EXPECT_EQ(count(*profile, Endpoint::kChat,
                  user(R"([{"type": "image_url", "image_url": {"url": "data:"}, "text": "a b c"}])"))
                .tokens.value,
            30 + 3);
}

TEST(Prompt, without_a_template_all_texts_of_a_request_count) {
  const auto bytes = profile_with(R"("basis": "bytes")", "", "");
  const PromptCount counted =
      count(*bytes, Endpoint::kChat, R"({"messages": [{"role": "assistant", "content": "abc",
    "name": "de", "reasoning_content": "f", "tool_calls": [{"id": "x", "type": "function", "function":
    {"name": "g", "arguments": "{}"}}]}], "tools": [{"a":1}], "functions": []})");
  EXPECT_EQ(counted.tokens.value, 3 + 2 + 1 + 1 + 2 + 9);
  EXPECT_EQ(counted.level, Level::kEstimated);
  EXPECT_GT(count(*profile_with("", "smollm2", ""), Endpoint::kChat,
                  R"({"messages": [{"role": "user", "content": "b"}], "tools": [{"name": "c"}]})")
                .tokens.value,
            1);
  EXPECT_GT(count(*profile_with("", "smollm2", "smollm2"), Endpoint::kChat,
                  R"({"messages": [{"role": "user", "content": "b"}], "functions": [{"name": "c"}]})")
                .tokens.value,
            31);
}

// The bytes of a sample by its name, in base64.
std::string sample(const std::string& name) {
  auto text = read_file(CIYUAN_SOURCE_DIR "/tests/measure/media.json", 1 << 20);
  EXPECT_TRUE(text.ok());
  const Json files = parse_json(*text)->at("files");
  for (const Json& file : files)
    if (file.at("name") == name) return file.at("base64");
  ADD_FAILURE() << name;
  return "";
}

std::shared_ptr<const Profile> media_profile(const std::string& model) {
  auto text = read_file(CIYUAN_SOURCE_DIR "/data/methods/native-media-v1.json", 1 << 20);
  EXPECT_TRUE(text.ok());
  auto profile = test_profiles().profile(*Method::from_json(*parse_json(*text)), sha256(*text), model,
                                         "o200k", "openai_chat");
  EXPECT_TRUE(profile.ok()) << profile.error().text();
  return *profile;
}

// What a part adds to the same chat without it.
PromptCount added(const std::string& model, const std::string& part) {
  const auto profile = media_profile(model);
  const std::string text = R"({"type": "text", "text": "What is this?"})";
  PromptCount counted = count(*profile, Endpoint::kChat, user("[" + text + ", " + part + "]"));
  counted.tokens.value -= count(*profile, Endpoint::kChat, user("[" + text + "]")).tokens.value;
  return counted;
}
std::string picture(const std::string& url, const std::string& more = "") {
  return R"({"type": "image_url", "image_url": {"url": ")" + url + "\"" + more + "}}";
}

TEST(Prompt, an_image_counts_by_its_size_where_the_request_carries_it) {
  const std::string png = "data:image/png;base64," + sample("png");     // 1024 × 768
  EXPECT_EQ(added("gpt-4o", picture(png)).tokens.value, 85 + 4 * 170);  // 2 × 2 tiles
  EXPECT_EQ(added("gpt-4o", picture(png)).level, Level::kEstimated);
  EXPECT_EQ(added("gpt-4o", picture(png, R"(, "detail": "low")")).tokens.value, 85);
  EXPECT_EQ(added("gemini-2.5-pro", picture(png)).tokens.value, 2 * 258);
  EXPECT_EQ(added("claude-sonnet-4", picture(png)).tokens.value, 1049);  // 786432 / 750 = 1048.6
  EXPECT_EQ(added("claude-sonnet-4",
                  R"({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ")" +
                      sample("png") + "\"}}")
                .tokens.value,
            1049);
  EXPECT_EQ(added("gpt-4.1-mini", picture(png)).tokens.value, 1245);  // 32 × 24 × 1.62 = 1244.16
  EXPECT_EQ(added("qwen3-vl", picture(png)).tokens.value, 32 * 24 + 2);
}

TEST(Prompt, a_medium_whose_size_is_not_seen_is_unverified) {
  const PromptCount remote = added("gpt-4o", picture("https://example.com/a.png"));
  EXPECT_EQ(remote.tokens.value, 1445);
  EXPECT_EQ(remote.level, Level::kUnverified);
  EXPECT_EQ(added("gpt-4o", picture("data:image/png;base64,!!!!")).level, Level::kUnverified);
  EXPECT_EQ(added("gpt-4o", R"({"type": "file", "file": {"file_id": "f"}})").level, Level::kUnverified);
  EXPECT_EQ(added("not-listed", picture("data:image/png;base64," + sample("png"))).level, Level::kUnverified);
}

TEST(Prompt, sounds_count_by_the_second_and_documents_by_the_page) {
  const PromptCount sound =
      added("gpt-4o", R"({"type": "input_audio", "input_audio": {"format": "wav", "data": ")" +
                          sample("wav, 8 kHz mono") + "\"}}");
  EXPECT_EQ(sound.tokens.value, 1);  // 800 / 8000 s × 10
  EXPECT_EQ(sound.level, Level::kEstimated);
  const PromptCount pages =
      added("gemini-2.5-pro", R"({"type": "file", "file": {"file_data": "data:application/pdf;base64,)" +
                                  sample("pdf, three pages") + "\"}}");
  EXPECT_EQ(pages.tokens.value, 3 * 258);
}

TEST(Prompt, tools_count_what_the_service_writes_round_them) {
  auto request = [](const char* more) {
    return std::string(R"({"messages": [{"role": "user", "content": "b"}], "tools": [{"type": "function",
        "function": {"name": "f"}}])") +
           more + "}";
  };
  const auto plain = profile_with("", "o200k", "openai_chat"), claude = media_profile("claude-sonnet-4");
  const std::int64_t texts = count(*plain, Endpoint::kChat, request("")).tokens.value;
  EXPECT_EQ(count(*claude, Endpoint::kChat, request("")).tokens.value, texts + 346);
  EXPECT_EQ(count(*claude, Endpoint::kChat, request(R"(, "tool_choice": "required")")).tokens.value,
            texts + 313);
}

TEST(Prompt, a_suffix_counts) {
  const PromptCount counted = count(*profile_with("", "smollm2", "smollm2"), Endpoint::kCompletions,
                                    R"({"prompt": "a b c", "suffix": "a b c"})");
  EXPECT_EQ(counted.tokens.value, 6);
  EXPECT_EQ(counted.level, Level::kEstimated);
}

TEST(Prompt, a_call_is_read_strictly_where_calls_are_what_counts) {
  const auto calls = profile_with(R"("basis": "calls")", "", "");
  EXPECT_FALSE(count_prompt(*calls, Endpoint::kChat, R"({"messages": [], "messages": []})", false).ok());
  EXPECT_FALSE(count_prompt(*calls, Endpoint::kCompletions, R"({"prompt": "a", "prompt": "b"})", false).ok());
  EXPECT_EQ(count(*calls, Endpoint::kCompletions, R"({"prompt": ["a", "b"]})").tokens.value, 1);
}

TEST(Prompt, what_the_provider_reports_is_unverified) {
  EXPECT_EQ(count(*profile_with(R"("basis": "provider_reported")", "smollm2", "smollm2"), Endpoint::kChat,
                  user(R"("b")"))
                .level,
            Level::kUnverified);
}

TEST(Prompt, without_a_template_the_count_is_an_estimate) {
  EXPECT_EQ(count(*profile_with("", "smollm2", ""), Endpoint::kChat, user(R"("b")")).level,
            Level::kEstimated);
}

TEST(Prompt, a_missing_tokenizer_or_template_is_named) {
  auto profile = test_profiles().profile(method_with(""), sha256("x"), "model", "nonesuch", "");
  ASSERT_FALSE(profile.ok());
  EXPECT_EQ(profile.error().code, ErrorCode::kNotFound);
  profile = test_profiles().profile(method_with(""), sha256("x"), "model", "smollm2", "nonesuch");
  ASSERT_FALSE(profile.ok());
  EXPECT_NE(profile.error().message.find("nonesuch"), std::string::npos);
}

TEST(Prompt, threads_share_a_profile) {
  const auto profile = profile_with("", "smollm2", "smollm2");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        auto counted = count_prompt(*profile, Endpoint::kChat, user(R"("a b")"), round % 2 == 0);
        if (!counted.ok() || counted->tokens.value != 32) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ciyuan::measure
