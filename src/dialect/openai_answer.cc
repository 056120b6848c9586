#include "dialect/openai_answer.h"

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"

namespace ciyuan::dialect {
namespace {

namespace dom = simdjson::dom;
using OrderedJson = nlohmann::ordered_json;

void append_text(dom::object object, const char* name, std::string& out) {
  std::string_view text;
  if (object[name].get_string().get(text) == simdjson::SUCCESS) out += text;
}

void read_tool_calls(dom::object message, std::string& out) {
  dom::array calls;
  if (message["tool_calls"].get_array().get(calls) == simdjson::SUCCESS) {
    for (dom::element call : calls) {
      dom::object function;
      if (call["function"].get_object().get(function) != simdjson::SUCCESS) continue;
      append_text(function, "name", out);
      append_text(function, "arguments", out);
    }
  }
  dom::object function;
  if (message["function_call"].get_object().get(function) == simdjson::SUCCESS) {
    append_text(function, "name", out);
    append_text(function, "arguments", out);
  }
}

ChoiceText read_choice(dom::object choice) {
  ChoiceText read;
  if (choice["index"].get_int64().get(read.index) != simdjson::SUCCESS) read.index = 0;
  std::string_view reason;
  if (choice["finish_reason"].get_string().get(reason) == simdjson::SUCCESS) read.finish_reason = reason;
  append_text(choice, "text", read.content);
  dom::object message;
  if (choice["delta"].get_object().get(message) != simdjson::SUCCESS &&
      choice["message"].get_object().get(message) != simdjson::SUCCESS)
    return read;
  append_text(message, "content", read.content);
  append_text(message, "refusal", read.content);
  append_text(message, "reasoning_content", read.reasoning);
  if (read.reasoning.empty()) append_text(message, "reasoning", read.reasoning);
  read_tool_calls(message, read.tool);
  return read;
}

std::optional<ReportedUsage> read_usage(dom::object root) {
  dom::object usage;
  if (root["usage"].get_object().get(usage) != simdjson::SUCCESS) return std::nullopt;
  ReportedUsage reported;
  auto read = [&](const char* pointer, std::int64_t& value) {
    std::int64_t number;
    if (usage.at_pointer(pointer).get_int64().get(number) == simdjson::SUCCESS && number >= 0) value = number;
  };
  read("/prompt_tokens", reported.prompt);
  read("/completion_tokens", reported.completion);
  read("/prompt_tokens_details/cached_tokens", reported.cached);
  read("/completion_tokens_details/reasoning_tokens", reported.reasoning);
  return reported;
}

void cut_message(OrderedJson& message, const Cut& cut) {
  if (message.contains("content") && message["content"].is_string()) message["content"] = cut.content;
  for (const char* name : {"reasoning_content", "reasoning"})
    if (message.contains(name) && message[name].is_string()) message[name] = cut.reasoning;
  if (cut.drop_tool) {
    message.erase("tool_calls");
    message.erase("function_call");
  }
}

std::string chunk_head(Endpoint endpoint, const AnswerPart& like) {
  std::string out = "{\"id\":";
  append_json_string(out, like.id);
  out += endpoint == Endpoint::kChat ? ",\"object\":\"chat.completion.chunk\""
                                     : ",\"object\":\"text_completion\"";
  out += ",\"created\":" + std::to_string(like.created) + ",\"model\":";
  append_json_string(out, like.model);
  return out;
}

}  // namespace

Result<AnswerPart> read_answer(Endpoint endpoint, std::string_view json) {
  thread_local dom::parser parser;
  dom::element element;
  dom::object root;
  if (auto error = parser.parse(json.data(), json.size()).get(element); error != simdjson::SUCCESS)
    return invalid("", std::string("the service's answer is not JSON: ") + simdjson::error_message(error));
  if (element.get_object().get(root) != simdjson::SUCCESS)
    return invalid("", "the service's answer is not a JSON object");
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
  dom::array choices;
  if (endpoint != Endpoint::kEmbeddings && root["choices"].get_array().get(choices) == simdjson::SUCCESS) {
    for (dom::element item : choices) {
      dom::object choice;
      if (item.get_object().get(choice) == simdjson::SUCCESS) part.choices.push_back(read_choice(choice));
    }
  }
  part.usage = read_usage(root);
  return part;
}

std::string with_cuts(std::string_view json, const std::vector<Cut>& cuts, bool stream,
                      const std::optional<ReportedUsage>& usage) {
  OrderedJson root = OrderedJson::parse(json.begin(), json.end(), nullptr, false);
  if (!root.is_object() || !root.contains("choices")) return std::string(json);
  for (OrderedJson& choice : root["choices"]) {
    if (!choice.is_object()) continue;
    std::int64_t index = choice.value("index", std::int64_t{0});
    for (const Cut& cut : cuts) {
      if (cut.index != index) continue;
      if (choice.contains("text") && choice["text"].is_string()) choice["text"] = cut.content;
      const char* part = stream ? "delta" : "message";
      if (choice.contains(part) && choice[part].is_object()) cut_message(choice[part], cut);
      // Log probabilities of tokens that are not delivered would carry them past the cap.
      if (choice.contains("logprobs")) choice["logprobs"] = nullptr;
      if (cut.finish) choice["finish_reason"] = "length";
    }
  }
  if (usage) {
    root["usage"] = {{"prompt_tokens", usage->prompt},
                     {"completion_tokens", usage->completion},
                     {"total_tokens", usage->prompt + usage->completion}};
  }
  return root.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string final_chunk(Endpoint endpoint, const AnswerPart& like, const std::vector<std::int64_t>& choices) {
  std::string out = chunk_head(endpoint, like) + ",\"choices\":[";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i != 0) out += ',';
    out += "{\"index\":" + std::to_string(choices[i]);
    out += endpoint == Endpoint::kChat ? ",\"delta\":{}" : ",\"text\":\"\"";
    out += ",\"logprobs\":null,\"finish_reason\":\"length\"}";
  }
  return out + "]}";
}

std::string usage_chunk(Endpoint endpoint, const AnswerPart& like, const ReportedUsage& usage) {
  return chunk_head(endpoint, like) +
         ",\"choices\":[],\"usage\":{\"prompt_tokens\":" + std::to_string(usage.prompt) +
         ",\"completion_tokens\":" + std::to_string(usage.completion) +
         ",\"total_tokens\":" + std::to_string(usage.prompt + usage.completion) + "}}";
}

}  // namespace ciyuan::dialect
