#include "dialect/openai_answer.h"

#include <simdjson.h>

#include <algorithm>

#include "dialect/internal/answer_json.h"

namespace ciyuan::dialect {
namespace {

namespace dom = simdjson::dom;

// Labels are no output; a text that is too long for a label is one, whatever it is called.
constexpr std::size_t kLabelBytesMax = 64;
// A figure beyond this is no count of tokens; sums of a few stay far within 64 bits.
constexpr std::int64_t kReportedMax = std::int64_t{1} << 53;

bool is_label(std::string_view key, dom::element value) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS || text.size() > kLabelBytesMax) return false;
  return key == "role" || key == "id" || key == "type" || key == "index" || key == "format";
}

// Every text in the value, at any depth (the parser bounds it).
void append_texts(dom::element value, std::string& out) {
  std::string_view text;
  dom::array list;
  dom::object members;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    out += text;
  } else if (value.get_array().get(list) == simdjson::SUCCESS) {
    for (dom::element item : list) append_texts(item, out);
  } else if (value.get_object().get(members) == simdjson::SUCCESS) {
    for (auto [key, item] : members)
      if (!is_label(key, item)) append_texts(item, out);
  }
}

void read_message(dom::object message, ChoiceText& read) {
  for (auto [key, value] : message) {
    if (is_label(key, value)) continue;
    if (key == "content") {
      append_texts(value, read.content);
    } else if (key == "tool_calls" || key == "function_call") {
      append_texts(value, read.tool);
    } else if (key.starts_with("reasoning")) {
      std::string text;
      append_texts(value, text);
      if (text != read.reasoning) read.reasoning += text;
    } else {
      append_texts(value, read.other);
    }
  }
}

// Members are walked, not looked up: of two with one name, the client may read the other.
ChoiceText read_choice(dom::object choice, std::int64_t place) {
  ChoiceText read{.index = place};
  for (auto [key, value] : choice) {
    std::int64_t index;
    std::string_view reason;
    if (key == "index" && value.get_int64().get(index) == simdjson::SUCCESS) {
      read.index = index;
    } else if (key == "finish_reason" && value.get_string().get(reason) == simdjson::SUCCESS) {
      read.finish_reason = reason;
    } else if (key == "text") {
      append_texts(value, read.content);
    } else if (key == "delta" || key == "message") {
      dom::object message;
      if (value.get_object().get(message) == simdjson::SUCCESS)
        read_message(message, read);
      else
        append_texts(value, read.other);
    }
  }
  return read;
}

std::optional<ReportedUsage> read_usage(dom::object root) {
  dom::object usage;
  if (root["usage"].get_object().get(usage) != simdjson::SUCCESS) return std::nullopt;
  ReportedUsage reported;
  auto read = [&](const char* pointer, std::int64_t& value) {
    std::int64_t number;
    if (usage.at_pointer(pointer).get_int64().get(number) == simdjson::SUCCESS && number >= 0)
      value = std::min(number, kReportedMax);
  };
  read("/prompt_tokens", reported.prompt);
  read("/completion_tokens", reported.completion);
  read("/prompt_tokens_details/cached_tokens", reported.cached);
  read("/completion_tokens_details/reasoning_tokens", reported.reasoning);
  return reported;
}

}  // namespace

Result<AnswerPart> read_answer(Endpoint endpoint, std::string_view json) {
  thread_local dom::parser parser;
  CIYUAN_TRY(dom::object root, internal::parse_answer(parser, json));
  AnswerPart part;
  std::string_view text;
  if (root["id"].get_string().get(text) == simdjson::SUCCESS) part.id = text;
  if (root["model"].get_string().get(text) == simdjson::SUCCESS) part.model = text;
  if (root["created"].get_int64().get(part.created) != simdjson::SUCCESS) part.created = 0;
  dom::element error;
  if (root["error"].get(error) == simdjson::SUCCESS && !error.is_null()) {
    part.is_error = true;
    if (error["message"].get_string().get(text) == simdjson::SUCCESS) part.error_message = text;
  }
  if (endpoint != Endpoint::kEmbeddings) {
    internal::for_each_choice(root, [&](dom::object choice, std::int64_t place) {
      part.choices.push_back(read_choice(choice, place));
    });
  }
  part.usage = read_usage(root);
  return part;
}

}  // namespace ciyuan::dialect
