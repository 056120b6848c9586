/// The JSON that the gateway itself puts into an answer: choices cut short, the chunks that end a cut stream.

#include <simdjson.h>

#include "base/canonical_json.h"
#include "base/check.h"
#include "dialect/internal/answer_json.h"
#include "dialect/openai_answer.h"

namespace ciyuan::dialect {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kRoleBytesMax = 64;

std::string chunk_head(Endpoint endpoint, const AnswerPart& like) {
  std::string out = "{\"id\":";
  append_json_string(out, like.id);
  out += endpoint == Endpoint::kChat ? ",\"object\":\"chat.completion.chunk\""
                                     : ",\"object\":\"text_completion\"";
  out += ",\"created\":" + std::to_string(like.created) + ",\"model\":";
  append_json_string(out, like.model);
  return out;
}

void append_cut_message(std::string& out, dom::object choice, const Cut& cut, bool stream) {
  out += stream ? ",\"delta\":{" : ",\"message\":{";
  dom::object message;
  bool known = choice[stream ? "delta" : "message"].get_object().get(message) == simdjson::SUCCESS;
  std::string_view role;
  if (known && message["role"].get_string().get(role) == simdjson::SUCCESS && role.size() <= kRoleBytesMax) {
    out += "\"role\":";
    append_json_string(out, role);
    out += ',';
  }
  out += "\"content\":";
  append_json_string(out, cut.content);
  if (!cut.reasoning.empty()) {
    bool new_name = known && message["reasoning"].is_string() && !message["reasoning_content"].is_string();
    out += new_name ? ",\"reasoning\":" : ",\"reasoning_content\":";
    append_json_string(out, cut.reasoning);
  }
  out += '}';
}

std::string cut_choice(Endpoint endpoint, dom::object choice, const Cut& cut, bool stream) {
  std::string out = "{\"index\":" + std::to_string(cut.index);
  if (endpoint == Endpoint::kCompletions) {
    out += ",\"text\":";
    append_json_string(out, cut.content);
  } else {
    append_cut_message(out, choice, cut, stream);
  }
  return out + ",\"logprobs\":null,\"finish_reason\":" + (stream ? "null}" : "\"length\"}");
}

std::string usage_json(const ReportedUsage& usage) {
  return "{\"prompt_tokens\":" + std::to_string(usage.prompt) +
         ",\"completion_tokens\":" + std::to_string(usage.completion) +
         ",\"total_tokens\":" + std::to_string(usage.prompt + usage.completion) + "}";
}

// The escape's four digits, or -1 where `at` does not begin one.
int escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (char c : text.substr(at + 2, 4)) {
    int digit = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool is_high(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

std::string without_lone_surrogates(std::string_view json) {
  std::string out(json);
  for (std::size_t at = out.find('\\'); at != out.npos && at + 1 < out.size(); at = out.find('\\', at)) {
    int unit = escaped_unit(out, at);
    if (is_high(unit) && is_low(escaped_unit(out, at + 6))) {
      at += 12;
    } else {
      if (is_high(unit) || is_low(unit)) out.replace(at, 6, "\\ufffd");
      at += unit < 0 ? 2 : 6;
    }
  }
  return out;
}

}  // namespace

Result<dom::object> internal::parse_answer(dom::parser& parser, std::string_view json) {
  dom::element element;
  auto error = parser.parse(json.data(), json.size()).get(element);
  if (error == simdjson::STRING_ERROR) error = parser.parse(without_lone_surrogates(json)).get(element);
  if (error != simdjson::SUCCESS)
    return invalid("", std::string("the service's answer is not JSON: ") + simdjson::error_message(error));
  dom::object root;
  if (element.get_object().get(root) != simdjson::SUCCESS)
    return invalid("", "the service's answer is not a JSON object");
  return root;
}

Result<std::string> with_cuts(Endpoint endpoint, std::string_view json, const std::vector<Cut>& cuts,
                              bool stream, const std::optional<ReportedUsage>& usage) {
  thread_local dom::parser parser;
  CIYUAN_TRY(dom::object root, internal::parse_answer(parser, json));
  std::string choices;
  std::size_t written = 0;
  internal::for_each_choice(root, [&](dom::object choice, std::int64_t) {
    CIYUAN_CHECK(written < cuts.size(), "there is a cut for each choice that was read");
    const Cut& cut = cuts[written];
    if (written++ != 0) choices += ',';
    choices += cut.whole ? simdjson::minify(choice) : cut_choice(endpoint, choice, cut, stream);
  });
  std::string out = "{\"choices\":[" + choices + ']';
  for (auto [key, value] : root) {
    if (key == "choices" || key == "usage") continue;
    out += ',';
    append_json_string(out, key);
    out += ':';
    out += simdjson::minify(value);
  }
  if (usage) out += ",\"usage\":" + usage_json(*usage);
  return out + '}';
}

std::string error_alone(std::string_view json) {
  thread_local dom::parser parser;
  auto root = internal::parse_answer(parser, json);
  dom::element error;
  if (!root || (*root)["error"].get(error) != simdjson::SUCCESS) return R"({"error":{}})";
  return "{\"error\":" + simdjson::minify(error) + "}";
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
  return chunk_head(endpoint, like) + ",\"choices\":[],\"usage\":" + usage_json(usage) + "}";
}

}  // namespace ciyuan::dialect
