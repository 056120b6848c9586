#include "dialect/internal/openai_key.h"

#include <algorithm>
#include <array>

namespace ciyuan::dialect::internal {
namespace {

namespace dom = simdjson::dom;

// What we read of a request, or what costs tokens behind us.
constexpr std::array<std::string_view, 29> kOfRequest = {"model",
                                                         "messages",
                                                         "prompt",
                                                         "input",
                                                         "suffix",
                                                         "stream",
                                                         "stream_options",
                                                         "max_tokens",
                                                         "n",
                                                         "best_of",
                                                         "echo",
                                                         "max_completion_tokens",
                                                         "user",
                                                         "tools",
                                                         "functions",
                                                         "documents",
                                                         "tool_choice",
                                                         "chat_template",
                                                         "response_format",
                                                         "chat_template_kwargs",
                                                         "reasoning",
                                                         "modalities",
                                                         "prompt_embeds",
                                                         "add_generation_prompt",
                                                         "prediction",
                                                         "min_tokens",
                                                         "ignore_eos",
                                                         "continue_final_message",
                                                         "service_tier"};
constexpr std::array<std::string_view, 23> kOfMessage = {
    "role",      "content",           "name",      "tool_calls", "tool_call_id", "function_call",
    "refusal",   "reasoning_content", "reasoning", "audio",      "type",         "text",
    "image_url", "input_audio",       "file",      "function",   "arguments",    "include_usage",
    "video_url", "audio_url",         "input",     "input_text", "thinking"};

// All names are of small ASCII letters and underscores, so only a key with another byte can vary one.
bool may_mislead(std::string_view key) {
  return std::any_of(key.begin(), key.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c & 0x80) != 0; });
}

std::string folded(std::string_view key) {
  std::string out;
  while (!key.empty()) {
    if (key.starts_with("\u017F")) {
      out += 's';
      key.remove_prefix(2);
    } else if (key.starts_with("\u212A")) {
      out += 'k';
      key.remove_prefix(3);
    } else {
      char c = key.front();
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      key.remove_prefix(1);
    }
  }
  return out;
}

template <std::size_t size>
std::string_view found_in(const std::array<std::string_view, size>& names, std::string_view key) {
  if (!may_mislead(key)) return {};
  auto found = std::find(names.begin(), names.end(), folded(key));
  return found == names.end() ? std::string_view() : *found;
}

}  // namespace

std::string_view taken_for(std::string_view key) { return found_in(kOfRequest, key); }

std::string misleading_key(dom::element value) {
  dom::array list;
  dom::object members;
  if (value.get_array().get(list) == simdjson::SUCCESS) {
    for (dom::element item : list)
      if (std::string key = misleading_key(item); !key.empty()) return key;
  } else if (value.get_object().get(members) == simdjson::SUCCESS) {
    for (auto [key, item] : members) {
      if (!found_in(kOfMessage, key).empty()) return std::string(key);
      if (key == "arguments" || key == "input") continue;  // the caller's own names
      if (std::string inner = misleading_key(item); !inner.empty()) return inner;
    }
  }
  return {};
}

}  // namespace ciyuan::dialect::internal
