#include "dialect/openai_request.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/canonical_json.h"
#include "dialect/internal/openai_key.h"
#include "dialect/internal/top_level.h"

namespace ciyuan::dialect {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kAnswersMax = 128;  // OpenAI's own bound for n
constexpr std::int64_t kPromptsMax = 1 << 16;
constexpr std::int64_t kTokensMax = std::int64_t{1} << 31;
constexpr std::size_t kServiceTierBytesMax = 64;

Result<std::int64_t> whole_number(dom::element value, const char* name, std::int64_t least,
                                  std::int64_t most) {
  std::int64_t number;
  if (value.get_int64().get(number) != simdjson::SUCCESS || number < least || number > most)
    return invalid(name,
                   "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return number;
}

// Members that may change what the chat template renders. A request with one of them is counted the long way.
constexpr std::array<std::string_view, 8> kTemplateMembers = {"tools",
                                                              "functions",
                                                              "documents",
                                                              "chat_template",
                                                              "chat_template_kwargs",
                                                              "add_generation_prompt",
                                                              "continue_final_message",
                                                              "response_format"};

bool is_plain(dom::element messages) {
  dom::array list;
  if (messages.get_array().get(list) != simdjson::SUCCESS) return false;
  for (dom::element item : list) {
    dom::object message;
    if (item.get_object().get(message) != simdjson::SUCCESS) return false;
    bool role = false, content = false;
    for (auto [key, value] : message) {
      if (!value.is_string()) return false;
      bool& seen = key == "role" ? role : content;
      if ((key != "role" && key != "content") || seen) return false;
      seen = true;
    }
    if (!role || !content) return false;
  }
  return true;
}

Status read_limits(dom::object root, RequestFacts& facts) {
  dom::element value;
  if (root["n"].get(value) == simdjson::SUCCESS && !value.is_null()) {
    CIYUAN_TRY(facts.choices, whole_number(value, "n", 1, kAnswersMax));
  }
  facts.answers = facts.choices;
  bool completions = facts.endpoint == Endpoint::kCompletions;
  if (completions && root["best_of"].get(value) == simdjson::SUCCESS && !value.is_null()) {
    CIYUAN_TRY(std::int64_t number, whole_number(value, "best_of", 1, kAnswersMax));
    facts.answers = std::max(facts.answers, number);
  }
  for (const char* name : {"max_completion_tokens", "max_tokens"}) {
    if (root[name].get(value) != simdjson::SUCCESS || value.is_null()) continue;
    // A completion of no token scores its prompt. For a chat, services refuse 0, or read it as no limit.
    CIYUAN_TRY(std::int64_t number, whole_number(value, name, completions ? 0 : 1, kTokensMax));
    facts.output_tokens_max = facts.output_tokens_max ? std::min(*facts.output_tokens_max, number) : number;
  }
  return {};
}

Status read_prompts(dom::element prompt, RequestFacts& facts) {
  dom::array list;
  if (prompt.get_array().get(list) != simdjson::SUCCESS || list.size() == 0) return {};
  if (list.at(0).is_int64()) return {};  // one prompt, as token ids
  std::int64_t count = 0;
  for ([[maybe_unused]] dom::element each : list) ++count;  // size() stops at 2^24
  if (count > kPromptsMax)
    return invalid("prompt", "must be at most " + std::to_string(kPromptsMax) + " prompts");
  facts.prompts = count;
  facts.answers *= count;
  return {};
}

Status check_messages(dom::array messages) {
  std::size_t index = 0;
  for (dom::element message : messages) {
    if (!message.is_object()) return invalid("messages[" + std::to_string(index) + "]", "must be an object");
    ++index;
  }
  return {};
}

// JSON sets no bound on numbers, and this reader does: name the member that is out of it.
Error unreadable(std::string_view body, simdjson::error_code why) {
  bool number = why == simdjson::NUMBER_ERROR;
  if (auto members = top_level_members(body); number && members.ok()) {
    dom::parser parser;
    dom::element value;
    for (const Member& member : *members)
      if (parser.parse(member.value.data(), member.value.size()).get(value) == why)
        return invalid(std::string(member.key), "holds a number that cannot be read, or is too large");
  }
  return invalid("", std::string("the body is not JSON: ") + simdjson::error_message(why));
}

}  // namespace

std::string_view path_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return "chat/completions";
    case Endpoint::kCompletions:
      return "completions";
    case Endpoint::kEmbeddings:
      return "embeddings";
  }
  return "";
}

Result<RequestFacts> read_request(Endpoint endpoint, std::string_view body) {
  thread_local dom::parser parser;
  dom::element root;
  if (auto error = parser.parse(body.data(), body.size()).get(root); error != simdjson::SUCCESS)
    return unreadable(body, error);
  CIYUAN_TRY(auto members, top_level_members(body));
  dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS)
    return invalid("", "the body must be a JSON object");

  RequestFacts facts;
  facts.endpoint = endpoint;
  std::string_view text;
  if (object["model"].get_string().get(text) != simdjson::SUCCESS || text.empty() || text.size() > 256)
    return invalid("model", "must be a text of 1 to 256 bytes");
  facts.model = text;
  dom::element value;
  if (object["stream"].get(value) == simdjson::SUCCESS && !value.is_null() &&
      value.get_bool().get(facts.stream) != simdjson::SUCCESS)
    return invalid("stream", "must be true or false");
  if (endpoint == Endpoint::kEmbeddings) facts.stream = false;
  if (object["user"].get_string().get(text) == simdjson::SUCCESS) facts.user = text;
  if (object["service_tier"].get(value) == simdjson::SUCCESS && !value.is_null()) {
    if (value.get_string().get(text) != simdjson::SUCCESS || text.empty() ||
        text.size() > kServiceTierBytesMax)
      return invalid("service_tier", "must be a text of 1 to 64 bytes");
    facts.service_tier = text;
  }
  CIYUAN_TRY_STATUS(read_limits(object, facts));
  if (object.at_pointer("/stream_options/include_usage").get_bool().get(facts.usage_asked) !=
      simdjson::SUCCESS)
    facts.usage_asked = false;
  if (endpoint == Endpoint::kChat) {
    dom::array messages;
    if (object["messages"].get_array().get(messages) != simdjson::SUCCESS || messages.size() == 0)
      return invalid("messages", "must be a list of at least one message");
    CIYUAN_TRY_STATUS(check_messages(messages));
    facts.plain_chat = is_plain(object["messages"].value_unsafe());
    if (std::string key = facts.plain_chat ? "" : internal::misleading_key(object["messages"].value_unsafe());
        !key.empty())
      return invalid("messages", "\"" + key + "\" differs from a member of a message in its letters only");
  } else if (const char* name = endpoint == Endpoint::kCompletions ? "prompt" : "input";
             object[name].get(value) != simdjson::SUCCESS || value.is_null()) {
    return invalid(name, "is missing");
  } else if (endpoint == Endpoint::kCompletions) {
    CIYUAN_TRY_STATUS(read_prompts(value, facts));
    if (object["echo"].get_bool().get(facts.echo) != simdjson::SUCCESS) facts.echo = false;
  }
  if (object["stream_options"].get(value) == simdjson::SUCCESS && !internal::misleading_key(value).empty())
    return invalid("stream_options", "differs from a member of them in its letters only");

  for (const Member& member : members) {
    if (member.key == "model") facts.model_value = member.value;
    if (member.key == "messages") facts.messages_value = member.value;
    if (member.key == "stream_options" && member.value != "null") facts.stream_options_value = member.value;
    if (std::string_view known = internal::taken_for(member.key); !known.empty())
      return invalid(std::string(member.key),
                     "could be taken for \"" + std::string(known) + "\": write it so, or not at all");
    bool is_new = member.key == "max_completion_tokens";
    if ((is_new || member.key == "max_tokens") && member.value == "null") {
      (is_new ? facts.null_max_completion_tokens : facts.null_max_tokens) = member.value;
    } else if (is_new || member.key == "max_tokens") {
      (facts.limit_value.empty() ? facts.limit_value : facts.second_limit_value) = member.value;
    }
    if (std::find(kTemplateMembers.begin(), kTemplateMembers.end(), member.key) != kTemplateMembers.end())
      facts.plain_chat = false;
  }
  return facts;
}

std::string string_member(std::string_view body, std::string_view name) {
  thread_local dom::parser parser;
  std::string_view text;
  dom::element root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) return {};
  if (root[name].get_string().get(text) != simdjson::SUCCESS) return {};
  return std::string(text);
}

std::vector<std::string> prompt_texts(std::string_view body) {
  thread_local dom::parser parser;
  std::vector<std::string> texts;
  dom::element root;
  std::string_view text;
  dom::array list;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) return texts;
  if (root["prompt"].get_string().get(text) == simdjson::SUCCESS) texts.emplace_back(text);
  if (root["prompt"].get_array().get(list) != simdjson::SUCCESS) return texts;
  for (dom::element item : list) {
    if (item.get_string().get(text) != simdjson::SUCCESS) return {};
    texts.emplace_back(text);
  }
  return texts;
}

std::string edited(std::string_view body, const RequestFacts& facts, const RequestEdit& edit) {
  struct Splice {
    std::size_t at, size;
    std::string text;
  };
  std::vector<Splice> splices;
  auto replace = [&](std::string_view value, std::string text) {
    splices.push_back({static_cast<std::size_t>(value.data() - body.data()), value.size(), std::move(text)});
  };
  std::string added;
  if (edit.model && *edit.model != facts.model) {
    std::string name;
    append_json_string(name, *edit.model);
    replace(facts.model_value, name);
  }
  if (edit.output_tokens_max) {
    std::string limit = std::to_string(*edit.output_tokens_max);
    std::string_view null_limit =
        edit.limit_member == "max_tokens" ? facts.null_max_tokens : facts.null_max_completion_tokens;
    if (facts.limit_value.empty() && !null_limit.empty())
      replace(null_limit, limit);
    else if (facts.limit_value.empty())
      added += ",\"" + edit.limit_member + "\":" + limit;
    if (!facts.limit_value.empty()) replace(facts.limit_value, limit);
    if (!facts.second_limit_value.empty()) replace(facts.second_limit_value, limit);
  }
  if (edit.ask_usage && facts.stream && !facts.usage_asked) {
    if (facts.stream_options_value.starts_with('{')) {
      // Placed first, where a later include_usage:false of the client's would be seen as the duplicate it is
      // not: the member is replaced whole instead, keeping only what OpenAI defines beside it.
      bool obfuscation_off =
          facts.stream_options_value.find("\"include_obfuscation\"") != std::string_view::npos &&
          facts.stream_options_value.find("false") != std::string_view::npos;
      replace(facts.stream_options_value, obfuscation_off
                                              ? R"({"include_usage":true,"include_obfuscation":false})"
                                              : R"({"include_usage":true})");
    } else {
      added += ",\"stream_options\":{\"include_usage\":true}";
    }
  }
  if (splices.empty() && added.empty()) return std::string(body);

  std::sort(splices.begin(), splices.end(), [](const Splice& a, const Splice& b) { return a.at < b.at; });
  std::string out;
  out.reserve(body.size() + 128);
  std::size_t from = 0;
  for (const Splice& splice : splices) {
    out.append(body, from, splice.at - from);
    out += splice.text;
    from = splice.at + splice.size;
  }
  std::size_t end = added.empty() ? body.size() : body.rfind('}');
  out.append(body, from, end - from);
  out += added;
  out.append(body, end);
  return out;
}

}  // namespace ciyuan::dialect
