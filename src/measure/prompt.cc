#include "measure/prompt.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/json.h"
#include "measure/internal/media_part.h"
#include "measure/internal/openai_chat.h"
#include "measure/internal/profile.h"

namespace ciyuan::measure {
namespace {

using jinja::Global;
using jinja::Value;

std::int64_t count_text(const LoadedProfile& profile, std::string_view text) {
  if (!profile.by_tokens()) return count_plain(profile.method, text);
  return profile.vocabulary->count(text).value;
}

// A prompt that goes to the model as it is: services read control tokens in it as themselves.
std::int64_t count_raw(const LoadedProfile& profile, std::string_view text) {
  if (!profile.by_tokens()) return count_plain(profile.method, text);
  return profile.vocabulary->count_with_specials(text).value;
}

record::Level worse(record::Level a, record::Level b) { return std::max(a, b); }

// "prompt" or "input": a text, token ids, or a list of either.
Result<PromptCount> count_input(const LoadedProfile& profile, const Json& value, const char* member) {
  PromptCount sum;
  auto add = [&](const Json& item) -> Status {
    if (item.is_string()) {
      sum.tokens.value += count_raw(profile, item.get_ref<const std::string&>());
    } else if (item.is_array() &&
               std::all_of(item.begin(), item.end(), [](const Json& id) { return id.is_number_integer(); })) {
      sum.tokens.value += static_cast<std::int64_t>(item.size());
      if (!profile.by_tokens()) sum.level = record::Level::kUnverified;  // ids have no bytes or characters
    } else {
      return invalid(member, "must be a text, a list of texts, or lists of token ids");
    }
    return {};
  };
  bool list = value.is_array() && !value.empty() && !value[0].is_number_integer();
  if (!list) {
    CIYUAN_TRY_STATUS(add(value));
    return sum;
  }
  for (const Json& item : value) CIYUAN_TRY_STATUS(add(item));
  return sum;
}

// Members of a part that carry a medium or are labels, not text; `cache_control` says how long to keep it.
constexpr std::array<std::string_view, 15> kNotText = {
    "type",      "id",    "role",  "index", "image_url", "input_audio", "audio",        "audio_url",
    "video_url", "video", "image", "file",  "file_data", "detail",      "cache_control"};

// Every text in a value, at any depth, but those under the names given.
template <class Visit>
void for_each_text(const nlohmann::ordered_json& value, const Visit& visit) {
  if (value.is_string()) return visit(value.get_ref<const std::string&>());
  for (const auto& [key, item] : value.items()) {
    bool skipped = value.is_object() && std::find(kNotText.begin(), kNotText.end(), key) != kNotText.end();
    if (!skipped && (item.is_structured() || item.is_string())) for_each_text(item, visit);
  }
}

// What the service does with these texts is not known here: they are counted as they stand.
void add_estimate(const LoadedProfile& profile, const nlohmann::ordered_json& value, PromptCount& extra) {
  for_each_text(value, [&](const std::string& text) {
    extra.tokens.value += count_text(profile, text);
    if (!text.empty()) extra.level = worse(extra.level, record::Level::kEstimated);
  });
}

// Declarations that no template writes out: their names count too.
void add_json(const LoadedProfile& profile, const nlohmann::ordered_json& value, PromptCount& extra) {
  if (!value.is_structured() || value.empty()) return;
  extra.tokens.value += count_text(profile, value.dump());
  extra.level = worse(extra.level, record::Level::kEstimated);
}

void add_media(const LoadedProfile& profile, const MediaPart& part, PromptCount& extra) {
  const MediaCount counted = profile.method.count_media(profile.model, part);
  extra.tokens.value += counted.tokens;
  extra.level = worse(extra.level, counted.level);
}

// Joins text parts of a message's content into one text, as services do before they render; counts the
// others. Before each part that is not the first text stands a line's end, for templates: so do llama.cpp's
// server (measured, tests/conformance/measure) and, but for empty first parts, vLLM. Texts of other parts
// (input_text, refusal, thinking, …) count as they stand, an estimate.
Status join_parts(const LoadedProfile& profile, nlohmann::ordered_json& message, std::size_t index,
                  PromptCount& extra) {
  if (!message.is_object() || !message.contains("content") || !message["content"].is_array()) return {};
  std::string joined;
  for (auto& part : message["content"]) {
    if (!part.is_object() || !part.contains("type") || !part["type"].is_string())
      return invalid("messages[" + std::to_string(index) + "].content", "each part must have a type");
    std::string type = part["type"];
    if (type == "text" && part.contains("text") && part["text"].is_string()) {
      if (!joined.empty() && profile.rule == PromptRule::kTemplate) joined += '\n';
      joined += part["text"].get_ref<const std::string&>();
      part.erase("text");
    } else if (const auto medium = medium_of(type)) {
      add_media(profile, read_media_part(*medium, part), extra);
      part.erase("source");  // how Anthropic's parts carry it
    }
    add_estimate(profile, part, extra);
  }
  message["content"] = joined;
  return {};
}

// Names that the services' own code passes to the template: of two with one name, the last would win.
constexpr std::array<std::string_view, 16> kReserved = {
    "messages",        "tools",         "documents",        "bos_token",
    "eos_token",       "chat_template", "conversation",     "add_generation_prompt",
    "tokenize",        "truncation",    "max_length",       "continue_final_message",
    "raise_exception", "strftime_now",  "tokenizer_kwargs", "functions"};

// What would let a client choose how its prompt is made, and so how it is counted.
Status refuse_own_templates(const nlohmann::ordered_json& request) {
  auto given = [&](const char* name) { return request.contains(name) && !request[name].is_null(); };
  if (given("chat_template")) return invalid("chat_template", "is the model's own here, not the client's");
  if (given("continue_final_message") && request["continue_final_message"] != false)
    return invalid("continue_final_message", "is not supported here");
  if (given("add_generation_prompt") && !request["add_generation_prompt"].is_boolean())
    return invalid("add_generation_prompt", "must be true or false");
  if (!given("chat_template_kwargs")) return {};
  if (!request["chat_template_kwargs"].is_object())
    return invalid("chat_template_kwargs", "must be an object");
  for (const auto& [name, value] : request["chat_template_kwargs"].items())
    if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end())
      return invalid("chat_template_kwargs." + name, "is not the client's to set");
  return {};
}

Result<std::int64_t> render_and_count(const LoadedProfile& profile, std::string_view body,
                                      jinja::Heap& heap) {
  CIYUAN_TRY(Value request, jinja::parse_value(body, heap));
  // Refused above where it is given and not a boolean; null is as good as absent.
  Value asked = request.get("add_generation_prompt");
  bool prompts_answer = !asked.is(jinja::Kind::kBoolean) || asked.as_boolean();
  std::vector<Global> globals = {{"messages", request.get("messages")},
                                 {"add_generation_prompt", Value::boolean(prompts_answer)},
                                 {"bos_token", Value::string(profile.bos_token)},
                                 {"eos_token", Value::string(profile.eos_token)}};
  if (Value tools = request.get("tools"); !tools.is_undefined()) globals.emplace_back("tools", tools);
  if (Value documents = request.get("documents"); !documents.is_undefined())
    globals.emplace_back("documents", documents);
  if (Value extra = request.get("chat_template_kwargs"); extra.is_dict())
    for (const jinja::Entry& entry : extra.entries())
      if (entry.key.is_string()) globals.emplace_back(entry.key.text(), entry.value);
  jinja::RenderOptions options;
  options.now_seconds = std::time(nullptr);
  std::string prompt;
  auto rendered = profile.chat_template->render(globals, heap, prompt, options);
  if (!rendered)
    return invalid("messages", "the model's chat template refuses them: " + rendered.error().text());
  return profile.vocabulary->count_with_specials(prompt).value;
}

// Without a template: the texts of the messages. What else they carry (names, tool calls, reasoning) is
// counted as it stands, tools as their JSON; how a service writes these is not known.
PromptCount count_texts(const LoadedProfile& profile, nlohmann::ordered_json& request) {
  PromptCount sum;
  for (auto& message : request["messages"]) {
    if (!message.is_object()) continue;
    if (message.contains("content") && message["content"].is_string()) {
      sum.tokens.value += count_text(profile, message["content"].get_ref<const std::string&>());
      message.erase("content");
    }
    add_estimate(profile, message, sum);
  }
  for (const char* name : {"tools", "functions", "documents"})
    if (request.contains(name)) add_json(profile, request[name], sum);
  // Bytes, characters and words of the texts are what such a method counts; tokens without a template are not
  // all.
  if (profile.by_tokens() && profile.method.basis() != Basis::kReference)
    sum.level = worse(sum.level, record::Level::kEstimated);
  return sum;
}

// The same as count_openai_chat, for messages of a role and a content each and a request without tools.
Result<PromptCount> count_plain_openai_chat(const LoadedProfile& profile, std::string_view body,
                                            jinja::Heap& heap) {
  CIYUAN_TRY(Value request, jinja::parse_value(body, heap));
  PromptCount sum{token::Tokens{kOpenAiTokensToPrime}, record::Level::kProved};
  const Value messages = request.get("messages");
  if (!messages.has_items()) return invalid("messages", "must be a list");
  for (const Value& message : messages.items()) {
    sum.tokens.value += kOpenAiTokensPerMessage;
    for (const char* member : {"role", "content"}) {
      const Value value = message.get(member);
      if (!value.is_string()) return invalid("messages", "must have a role and a content");
      sum.tokens += profile.vocabulary->count(value.text());
    }
  }
  return sum;
}

Result<PromptCount> count_chat(const LoadedProfile& profile, std::string_view body, bool plain_chat) {
  thread_local jinja::Heap heap;
  heap.clear();
  PromptCount count;
  if (plain_chat && profile.method.basis() == Basis::kCalls)
    return PromptCount{token::Tokens{1}, record::Level::kProved};
  if (plain_chat && profile.rule == PromptRule::kTemplate) {
    CIYUAN_TRY(count.tokens.value, render_and_count(profile, body, heap));
    return count;
  }
  if (plain_chat && profile.rule == PromptRule::kOpenAiChat)
    return count_plain_openai_chat(profile, body, heap);
  CIYUAN_TRY(Json strict, parse_json(body));  // refuses repeated keys
  auto request = nlohmann::ordered_json::parse(body.begin(), body.end(), nullptr, false);
  if (!request.is_object() || !request.contains("messages") || !request["messages"].is_array())
    return invalid("messages", "must be a list");
  CIYUAN_TRY_STATUS(refuse_own_templates(request));
  if (profile.method.basis() == Basis::kCalls) return PromptCount{token::Tokens{1}, record::Level::kProved};
  PromptCount extra;
  bool joined = false;
  for (std::size_t i = 0; i < request["messages"].size(); ++i) {
    auto& message = request["messages"][i];
    joined = joined || (message.is_object() && message.contains("content") && message["content"].is_array());
    CIYUAN_TRY_STATUS(join_parts(profile, message, i, extra));
  }
  // The declarations themselves are counted with the texts; this is what a service writes round them.
  const auto tools = read_tools(request);
  if (tools && profile.method.modality_rule(profile.model, Medium::kTools) != nullptr)
    add_media(profile, *tools, extra);
  if (profile.rule == PromptRule::kTemplate) {
    CIYUAN_TRY(count.tokens.value,
               render_and_count(profile, joined ? request.dump() : std::string(body), heap));
    if (request.contains("functions")) add_json(profile, request["functions"], extra);
  } else if (profile.rule == PromptRule::kOpenAiChat) {
    count = count_openai_chat(*profile.vocabulary, request);
  } else {
    count = count_texts(profile, request);
  }
  count.tokens += extra.tokens;
  count.level = worse(count.level, extra.level);
  return count;
}

}  // namespace

Result<PromptCount> count_prompt(const Profile& profile, Endpoint endpoint, std::string_view body,
                                 bool plain_chat) {
  const LoadedProfile& known = loaded(profile);
  Result<PromptCount> count = invalid("", "");
  if (endpoint == Endpoint::kChat) {
    count = count_chat(known, body, plain_chat);
  } else {
    CIYUAN_TRY(Json request, parse_json(body));
    const char* member = endpoint == Endpoint::kCompletions ? "prompt" : "input";
    if (!request.is_object() || !request.contains(member)) return invalid(member, "is missing");
    if (request.contains("prompt_embeds") && !request["prompt_embeds"].is_null())
      return invalid("prompt_embeds", "cannot be counted");
    bool calls = known.method.basis() == Basis::kCalls;
    count = calls ? PromptCount{token::Tokens{1}, record::Level::kProved}
                  : count_input(known, request[member], member);
    if (count && !calls && request.contains("suffix") && request["suffix"].is_string()) {
      // The markers that a service puts round prompt and suffix are its own.
      count->tokens.value += count_raw(known, request["suffix"].get_ref<const std::string&>());
      count->level = worse(count->level, record::Level::kEstimated);
    }
  }
  if (count) count->level = worse(count->level, known.text_level());
  if (count && known.bills_reported()) count->level = record::Level::kUnverified;
  return count;
}

}  // namespace ciyuan::measure
