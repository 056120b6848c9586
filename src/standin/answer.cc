#include "standin/answer.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/time.h"

namespace ciyuan::standin {
namespace {

constexpr std::uint64_t kChoicesMax = 128;
constexpr std::uint64_t kAnswerTokensMax = 50'000'000;

Planned refused(unsigned status, std::string message, std::string param, std::string code = {}) {
  Planned planned;
  planned.refused = true;
  planned.refusal = refusal_of_status(status);
  planned.refusal.message = std::move(message);
  planned.refusal.param = std::move(param);
  if (!code.empty()) planned.refusal.code = std::move(code);
  return planned;
}

std::uint64_t number_or(const Json& object, const char* name, std::uint64_t otherwise) {
  auto member = object.find(name);
  return member != object.end() && member->is_number_unsigned() ? member->get<std::uint64_t>() : otherwise;
}

bool flag_of(const Json& object, const char* name) {
  auto member = object.find(name);
  return member != object.end() && member->is_boolean() && member->get<bool>();
}

/// All text of a content: a string, or the text parts of an array.
std::string text_of(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (content.is_array()) {
    for (const Json& part : content) {
      if (part.is_object() && part.contains("text") && part["text"].is_string())
        text += part["text"].get<std::string>();
    }
  }
  return text;
}

std::uint64_t prompt_tokens_of(Form form, const Json& request, const TextCutter& cutter) {
  std::uint64_t tokens = 0;
  if (form == Form::kChat) {
    for (const Json& message : request["messages"]) {
      if (message.is_object() && message.contains("content"))
        tokens += cutter.count(text_of(message["content"]));
    }
    return tokens;
  }
  const Json& prompt = request["prompt"];
  if (prompt.is_string()) return cutter.count(prompt.get<std::string>());
  if (prompt.is_array()) {
    for (const Json& one : prompt) {
      if (one.is_string())
        tokens += cutter.count(one.get<std::string>());
      else if (one.is_number())
        ++tokens;
      else if (one.is_array())
        tokens += one.size();
    }
  }
  return tokens;
}

/// The tool to call: the one that tool_choice names, or the first. Empty where the answer is text.
std::string tool_called(const Json& request) {
  auto tools = request.find("tools");
  if (tools == request.end() || !tools->is_array() || tools->empty()) return {};
  auto choice = request.find("tool_choice");
  if (choice != request.end()) {
    if (*choice == "none") return {};
    if (choice->is_object() && choice->contains("function")) return (*choice)["function"].value("name", "");
  }
  const Json& messages = request["messages"];
  if (!messages.empty() && messages.back().value("role", "") == "tool") return {};
  const Json& tool = tools->front();
  return tool.is_object() && tool.contains("function") ? tool["function"].value("name", "") : std::string();
}

Part part_of(const Piece& piece, bool ascii) {
  return {ascii ? piece.escaped_ascii : piece.escaped, piece.tokens, false};
}

/// The first pieces of the text with at most so many tokens, put together into chunks.
std::vector<Part> parts_of(const std::vector<Piece>& pieces, std::uint64_t tokens, const Script& script,
                           std::uint64_t chunk) {
  std::vector<Part> parts;
  for (const Piece& piece : pieces) {
    if (piece.tokens > tokens) break;
    tokens -= piece.tokens;
    Part part = part_of(piece, script.ascii);
    if (!parts.empty() && parts.back().tokens + part.tokens <= chunk) {
      parts.back().escaped += part.escaped;
      parts.back().tokens += part.tokens;
    } else {
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

/// The answer of a tool call: the last message's text comes back as the argument `text`.
std::vector<Part> argument_parts(const Json& request, const TextCutter& cutter, const Script& script) {
  std::string arguments = Json{{"text", text_of(request["messages"].back().value("content", Json()))}}.dump();
  std::vector<Part> parts;
  for (const Piece& piece : cutter.cut(arguments))
    parts.push_back({json_escaped(piece.text, script.ascii), piece.tokens, false});
  return parts;
}

std::uint64_t total_tokens(const std::vector<Part>& parts) {
  std::uint64_t tokens = 0;
  for (const Part& part : parts) tokens += part.tokens;
  return tokens;
}

/// Opening of an event or body: {"id":…,"object":…,"created":…,"model":…,
std::string head(const Plan& plan, std::string_view object) {
  return "{\"id\":\"" + plan.id + "\",\"object\":\"" + std::string(object) +
         "\",\"created\":" + std::to_string(plan.created) + ",\"model\":\"" +
         json_escaped(plan.model, false) + "\",\"system_fingerprint\":\"fp_standin\",";
}

std::string_view chunk_object(const Plan& plan) {
  return plan.form == Form::kChat ? "chat.completion.chunk" : "text_completion";
}

std::string logprobs_of(const Plan& plan, const std::vector<Part>& parts) {
  std::string entries;
  for (const Part& part : parts) {
    if (!entries.empty()) entries += ',';
    entries += plan.form == Form::kChat ? "{\"token\":\"" + part.escaped +
                                              "\",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[]}"
                                        : "\"" + part.escaped + "\"";
  }
  return plan.form == Form::kChat ? "{\"content\":[" + entries + "],\"refusal\":null}"
                                  : "{\"tokens\":[" + entries + "]}";
}

std::string usage_of(const Plan& plan, std::uint64_t completion_tokens) {
  auto off = [](std::uint64_t tokens, std::int64_t by) {
    return std::max<std::int64_t>(0, static_cast<std::int64_t>(tokens) + by);
  };
  std::int64_t prompt = off(plan.prompt_tokens, plan.script.lie_prompt);
  std::int64_t completion = off(completion_tokens, plan.script.lie);
  return "\"usage\":{\"prompt_tokens\":" + std::to_string(prompt) +
         ",\"completion_tokens\":" + std::to_string(completion) +
         ",\"total_tokens\":" + std::to_string(prompt + completion) +
         ",\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_"
         "tokens\":" +
         std::to_string(std::min(plan.script.reasoning, completion_tokens)) + "}}";
}

std::string joined(const Plan& plan, bool reasoning) {
  std::string text;
  PartCursor cursor(plan);
  while (const Part* part = cursor.next()) {
    if (part->reasoning == reasoning) text += part->escaped;
  }
  return text;
}

std::vector<Part> all_parts(const Plan& plan) {
  std::vector<Part> parts;
  PartCursor cursor(plan);
  while (const Part* part = cursor.next()) parts.push_back(*part);
  return parts;
}

std::string call_id(const Plan& plan, std::uint64_t choice) {
  return "call_" + plan.id + "_" + std::to_string(choice);
}

/// A choice's content in an unstreamed answer: "message":{…} or "text":"…".
std::string whole_choice(const Plan& plan, std::uint64_t choice) {
  std::string text = joined(plan, false);
  if (plan.form == Form::kCompletion) return "\"text\":\"" + text + "\"";
  if (!plan.tool_name.empty()) {
    return "\"message\":{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":"
           "\"" +
           call_id(plan, choice) + "\",\"type\":\"function\",\"function\":{\"name\":\"" +
           json_escaped(plan.tool_name, false) + "\",\"arguments\":\"" + text + "\"}}]}";
  }
  std::string reasoning = joined(plan, true);
  return "\"message\":{\"role\":\"assistant\",\"content\":\"" + text + "\"" +
         (reasoning.empty() ? "" : ",\"reasoning_content\":\"" + reasoning + "\"") +
         ",\"refusal\":null,\"annotations\":[]}";
}

}  // namespace

const Part* PartCursor::next() {
  const std::vector<Part>* parts = round_ < plan_.rounds || plan_.endless ? &plan_.round : &plan_.rest;
  if (at_ == parts->size() && parts == &plan_.round) {
    ++round_;
    at_ = 0;
    if (round_ >= plan_.rounds && !plan_.endless) parts = &plan_.rest;
  }
  if (at_ == parts->size()) return nullptr;
  current_ = (*parts)[at_++];
  tokens_before_ += current_.tokens;
  current_.reasoning = tokens_before_ <= plan_.script.reasoning;
  return &current_;
}

const std::vector<Piece>& Texts::by_name(const std::string& name) const {
  return name == "en" ? en : name == "zh" ? zh : name == "code" ? code : own;
}

Refusal refusal_of_status(unsigned status) {
  switch (status) {
    case 400:
      return {400, "The stand-in was told to refuse this request.", "invalid_request_error", "", ""};
    case 401:
      return {401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key", ""};
    case 403:
      return {403, "Country, region, or territory not supported.", "request_forbidden", "unsupported_country",
              ""};
    case 404:
      return {404, "The model does not exist or you do not have access to it.", "invalid_request_error",
              "model_not_found", "model"};
    case 429:
      return {429, "Rate limit reached for requests.", "requests", "rate_limit_exceeded", ""};
    case 503:
      return {503, "The engine is currently overloaded, please try again later.", "server_error", "", ""};
    default:
      return {status, "The server had an error while processing your request.", "server_error", "", ""};
  }
}

std::string Refusal::body() const {
  auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return Json{
      {"error", {{"message", message}, {"type", type}, {"param", or_null(param)}, {"code", or_null(code)}}}}
      .dump();
}

Planned plan_answer(Form form, const Json& request, const Script& script, const StandinOptions& options,
                    const TextCutter& cutter, const Texts& texts, std::uint64_t number) {
  if (!request.is_object()) return refused(400, "the body must be a JSON object", "");
  auto model = request.find("model");
  if (model == request.end() || !model->is_string())
    return refused(400, "you must provide a model parameter", "model");
  if (std::find(options.models.begin(), options.models.end(), model->get<std::string>()) ==
      options.models.end()) {
    return refused(404, "The model `" + model->get<std::string>() + "` does not exist.", "model");
  }
  const char* input = form == Form::kChat ? "messages" : "prompt";
  if (!request.contains(input))
    return refused(400, std::string("missing required parameter: ") + input, input);
  if (form == Form::kChat && (!request["messages"].is_array() || request["messages"].empty())) {
    return refused(400, "messages must be an array with at least one message", "messages");
  }
  Planned planned;
  Plan& plan = planned.plan;
  plan.form = form;
  plan.script = script;
  plan.stream = flag_of(request, "stream");
  plan.include_usage = plan.stream && request.contains("stream_options") &&
                       request["stream_options"].is_object() &&
                       flag_of(request["stream_options"], "include_usage");
  auto logprobs = request.find("logprobs");
  plan.logprobs = logprobs != request.end() &&
                  (logprobs->is_number() || (logprobs->is_boolean() && logprobs->get<bool>()));
  plan.choices = number_or(request, "n", 1);
  if (plan.choices < 1 || plan.choices > kChoicesMax) return refused(400, "n must be between 1 and 128", "n");
  plan.id = (form == Form::kChat ? "chatcmpl-standin-" : "cmpl-standin-") + std::to_string(number);
  plan.model = model->get<std::string>();
  plan.created = now().ns / 1'000'000'000;
  plan.prompt_tokens = prompt_tokens_of(form, request, cutter);

  const std::vector<Piece>& text = texts.by_name(script.text);
  std::uint64_t natural = script.tokens.value_or(options.answer_tokens);
  if (natural == 0 && !script.tokens) {
    for (const Piece& piece : text) natural += piece.tokens;
  }
  std::uint64_t limit = kAnswerTokensMax;
  if (options.obey && !script.ignore_max && !script.flood) {
    limit = std::min(
        {limit, number_or(request, "max_tokens", limit), number_or(request, "max_completion_tokens", limit)});
  }
  if (form == Form::kChat) plan.tool_name = tool_called(request);
  std::uint64_t chunk = std::max<std::uint64_t>(1, script.chunk.value_or(options.tokens_per_chunk));
  plan.endless = script.flood && plan.stream;
  if (script.flood) natural = std::max<std::uint64_t>(natural, 100'000);
  if (plan.tool_name.empty()) {
    std::uint64_t tokens = std::min(natural, limit), once = 0;
    for (const Piece& piece : text) once += piece.tokens;
    plan.round = parts_of(text, once, script, chunk);
    plan.rounds = tokens / once;
    plan.rest = parts_of(text, tokens % once, script, chunk);
    plan.finish_reason = natural > limit ? "length" : "stop";
  } else {
    plan.rest = argument_parts(request, cutter, script);
    plan.finish_reason = "tool_calls";
  }
  plan.completion_tokens = plan.rounds * total_tokens(plan.round) + total_tokens(plan.rest);
  return planned;
}

std::string whole_body(const Plan& plan) {
  std::string body =
      head(plan, plan.form == Form::kChat ? "chat.completion" : "text_completion") + "\"choices\":[";
  for (std::uint64_t choice = 0; choice < plan.choices; ++choice) {
    if (choice > 0) body += ',';
    body += "{\"index\":" + std::to_string(choice) + "," + whole_choice(plan, choice) +
            ",\"logprobs\":" + (plan.logprobs ? logprobs_of(plan, all_parts(plan)) : "null") +
            ",\"finish_reason\":\"" + plan.finish_reason + "\"}";
  }
  body += "]";
  if (!plan.script.no_usage) body += "," + usage_of(plan, plan.completion_tokens * plan.choices);
  return body + "}";
}

std::string first_event(const Plan& plan, std::uint64_t choice) {
  std::string delta = plan.tool_name.empty()
                          ? R"("content":"")"
                          : R"("content":null,"tool_calls":[{"index":0,"id":")" + call_id(plan, choice) +
                                R"(","type":"function","function":{"name":")" +
                                json_escaped(plan.tool_name, false) + R"(","arguments":""}}])";
  return head(plan, chunk_object(plan)) + "\"choices\":[{\"index\":" + std::to_string(choice) +
         ",\"delta\":{\"role\":\"assistant\"," + delta + "},\"logprobs\":null,\"finish_reason\":null}]}";
}

std::string part_event(const Plan& plan, std::uint64_t choice, const Part& part) {
  std::string event =
      head(plan, chunk_object(plan)) + "\"choices\":[{\"index\":" + std::to_string(choice) + ",";
  if (plan.form == Form::kCompletion) {
    event += "\"text\":\"" + part.escaped + "\"";
  } else if (!plan.tool_name.empty()) {
    event +=
        "\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"" + part.escaped + "\"}}]}";
  } else {
    event += std::string("\"delta\":{\"") + (part.reasoning ? "reasoning_content" : "content") + "\":\"" +
             part.escaped + "\"}";
  }
  return event + ",\"logprobs\":" + (plan.logprobs ? logprobs_of(plan, {part}) : "null") +
         ",\"finish_reason\":null}]}";
}

std::string last_event(const Plan& plan, std::uint64_t choice) {
  return head(plan, chunk_object(plan)) + "\"choices\":[{\"index\":" + std::to_string(choice) + "," +
         (plan.form == Form::kChat ? "\"delta\":{}" : "\"text\":\"\"") +
         ",\"logprobs\":null,\"finish_reason\":\"" + plan.finish_reason + "\"}]}";
}

std::string usage_event(const Plan& plan, std::uint64_t generated_tokens) {
  return head(plan, chunk_object(plan)) + "\"choices\":[]," + usage_of(plan, generated_tokens) + "}";
}

std::string framed(const Script& script, std::string_view json) {
  std::string_view end = script.crlf ? "\r\n" : "\n";
  std::string event;
  event.reserve(json.size() + 16);
  if (script.comments) event.append(": still here").append(end).append(end);
  if (script.multi_data && json.size() > 1 && json.front() == '{') {
    event.append("data: {").append(end);
    json.remove_prefix(1);
  }
  return event.append("data: ").append(json).append(end).append(end);
}

std::string models_body(const StandinOptions& options) {
  Json data = Json::array();
  for (const std::string& model : options.models) {
    data.push_back({{"id", model}, {"object", "model"}, {"created", 1700000000}, {"owned_by", "standin"}});
  }
  return Json{{"object", "list"}, {"data", data}}.dump();
}

Planned plan_embeddings(const Json& request, const TextCutter& cutter, std::string& body) {
  if (!request.is_object() || !request.contains("input"))
    return refused(400, "missing required parameter: input", "input");
  Json inputs = request["input"].is_array() ? request["input"] : Json::array({request["input"]});
  if (!inputs.empty() && inputs[0].is_number()) inputs = Json::array({inputs});
  bool base64 = request.value("encoding_format", "float") == "base64";
  std::uint64_t dimensions = std::clamp<std::uint64_t>(number_or(request, "dimensions", 8), 1, 4096);
  Json data = Json::array();
  std::uint64_t tokens = 0;
  for (const Json& input : inputs) {
    tokens += input.is_string() ? cutter.count(input.get<std::string>()) : input.size();
    std::vector<float> vector(dimensions);
    std::size_t seed = std::hash<std::string>{}(input.dump());
    for (float& one : vector) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      one = static_cast<float>(seed >> 48) / 65536.0f - 0.5f;
    }
    std::string_view raw(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
    Json embedding = base64 ? Json(to_base64(bytes_of(raw))) : Json(vector);
    data.push_back({{"object", "embedding"}, {"index", data.size()}, {"embedding", std::move(embedding)}});
  }
  body = Json{{"object", "list"},
              {"data", std::move(data)},
              {"model", request.value("model", "standin")},
              {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}}
             .dump();
  Planned planned;
  planned.plan.prompt_tokens = tokens;
  return planned;
}

}  // namespace ciyuan::standin
