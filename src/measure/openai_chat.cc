#include "measure/internal/openai_chat.h"

namespace ciyuan::measure {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::int64_t kTokensPerName = 1;
constexpr std::int64_t kTokensRoundTools = 12;  // the system text that introduces the declarations

std::string type_text(const OrderedJson& schema, int depth) {
  if (!schema.is_object() || depth > 32) return "any";
  if (schema.contains("enum") && schema["enum"].is_array()) {
    std::string out;
    for (const auto& value : schema["enum"]) out += (out.empty() ? "" : " | ") + value.dump();
    return out;
  }
  std::string type =
      schema.contains("type") && schema["type"].is_string() ? schema["type"].get<std::string>() : "any";
  if (type == "integer") return "number";
  if (type == "array") return type_text(schema.value("items", OrderedJson::object()), depth + 1) + "[]";
  if (type != "object" || !schema.contains("properties") || !schema["properties"].is_object()) return type;
  std::string out = "{\n";
  OrderedJson required = schema.value("required", OrderedJson::array());
  for (const auto& [name, property] : schema["properties"].items()) {
    if (property.is_object() && property.contains("description") && property["description"].is_string())
      out += "// " + property["description"].get<std::string>() + "\n";
    bool needed = false;
    for (const auto& each : required) needed = needed || each == name;
    out += name + (needed ? ": " : "?: ") + type_text(property, depth + 1) + ",\n";
  }
  return out + "}";
}

std::string declarations(const OrderedJson& request) {
  std::string out = "namespace functions {\n\n";
  auto declare = [&](const OrderedJson& function) {
    if (!function.is_object()) return;
    if (function.contains("description") && function["description"].is_string())
      out += "// " + function["description"].get<std::string>() + "\n";
    std::string name =
        function.contains("name") && function["name"].is_string() ? function["name"].get<std::string>() : "";
    out += "type " + name + " = (_: " + type_text(function.value("parameters", OrderedJson::object()), 0) +
           ") => any;\n\n";
  };
  if (request.contains("tools") && request["tools"].is_array())
    for (const auto& tool : request["tools"])
      if (tool.is_object() && tool.contains("function")) declare(tool["function"]);
  if (request.contains("functions") && request["functions"].is_array())
    for (const auto& function : request["functions"]) declare(function);
  return out + "} // namespace functions";
}

}  // namespace

PromptCount count_openai_chat(const token::Vocabulary& vocabulary, const OrderedJson& request) {
  PromptCount sum{token::Tokens{kOpenAiTokensToPrime}, record::Level::kProved};
  for (const auto& message : request["messages"]) {
    sum.tokens.value += kOpenAiTokensPerMessage;
    if (!message.is_object()) continue;
    for (const auto& [key, value] : message.items()) {
      if (key == "name") sum.tokens.value += kTokensPerName;
      if (value.is_string()) {
        sum.tokens += vocabulary.count(value.get_ref<const std::string&>());
      } else if (!value.is_null()) {
        sum.tokens += vocabulary.count(value.dump());
        sum.level = record::Level::kEstimated;
      }
    }
  }
  if (request.contains("tools") || request.contains("functions")) {
    sum.tokens += vocabulary.count(declarations(request));
    sum.tokens.value += kTokensRoundTools;
    sum.level = record::Level::kEstimated;
  }
  return sum;
}

}  // namespace ciyuan::measure
