#include "contract/internal/parse.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <sstream>
#include <stdexcept>

#include "base/bytes.h"
#include "base/decimal_json.h"
#include "contract/document.h"

namespace ciyuan::contract {
namespace {

// The plain scalars of YAML 1.2's core schema; everything else is text. Old YAML's yes/no/on/off and 1:30
// stay text.
Json scalar_of(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  bool leading_zero = digits.size() > 1 && digits[0] == '0';
  if (!digits.empty() && !leading_zero && digits.find_first_not_of("0123456789") == digits.npos) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return value;
  }
  return text;
}

// What yaml-cpp throws carries a mark; what we throw inside the walk does as well, so one catch serves both.
struct YamlWalk {
  std::size_t nodes = 0;
  std::map<std::string, int> lines;

  Json value_of(const YAML::Node& node, const std::string& pointer, std::size_t depth) {
    if (++nodes > kDocumentNodesMax)
      throw YAML::Exception(node.Mark(), "more than " + std::to_string(kDocumentNodesMax) + " values");
    if (depth > kJsonDepthMax)
      throw YAML::Exception(node.Mark(), "nested deeper than " + std::to_string(kJsonDepthMax));
    if (node.Mark().line >= 0) lines.emplace(pointer, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return nullptr;
      case YAML::NodeType::Scalar:
        // Tag "?" marks a plain scalar, "!" a quoted one; an explicit tag (!!str) means text to us as well.
        return node.Tag() == "?" ? scalar_of(node.Scalar()) : Json(node.Scalar());
      case YAML::NodeType::Sequence: {
        Json array = Json::array();
        std::size_t index = 0;
        for (const YAML::Node& item : node)
          array.push_back(value_of(item, pointer + "/" + std::to_string(index++), depth + 1));
        return array;
      }
      case YAML::NodeType::Map: {
        Json object = Json::object();
        for (const auto& member : node) {
          if (!member.first.IsScalar())
            throw YAML::Exception(member.first.Mark(), "a key must be a plain word");
          const std::string& key = member.first.Scalar();
          if (object.contains(key))
            throw YAML::Exception(member.first.Mark(), "the key \"" + key + "\" stands twice in one object");
          object[key] = value_of(member.second, pointer + "/" + pointer_token(key), depth + 1);
        }
        return object;
      }
    }
    return nullptr;
  }
};

// A first reading that keeps nothing: yaml-cpp builds whatever it reads, and at some broken beginnings (a
// comma) it reads one empty document after the other without end.
class BoundedReading final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_start_)
      throw YAML::Exception(mark, "a document begins with a character that begins nothing");
    last_start_ = mark.pos;
    count(mark);
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    count(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void enter(const YAML::Mark& mark) {
    count(mark);
    if (++depth_ > kJsonDepthMax)
      throw YAML::Exception(mark, "nested deeper than " + std::to_string(kJsonDepthMax));
  }
  // A key and its value are two events and one value.
  void count(const YAML::Mark& mark) {
    if (++events_ > 2 * kDocumentNodesMax)
      throw YAML::Exception(mark, "more than " + std::to_string(kDocumentNodesMax) + " values");
  }

  int last_start_ = -1;
  std::size_t events_ = 0, depth_ = 0;
};

Result<std::vector<ParsedValue>> parse_yaml(std::string_view text) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    BoundedReading bounds;
    while (parser.HandleNextDocument(bounds)) {
    }
    std::vector<ParsedValue> values;
    std::size_t nodes = 0;
    for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
      if (node.IsNull()) continue;
      YamlWalk walk{nodes, {}};
      Json value = walk.value_of(node, "", 0);
      nodes = walk.nodes;
      values.push_back({std::move(value), std::move(walk.lines)});
    }
    return values;
  } catch (const YAML::Exception& error) {
    return invalid(error.mark.line >= 0 ? std::to_string(error.mark.line + 1) : "", "not YAML: " + error.msg);
  } catch (const std::exception& error) {
    return invalid("", std::string("not YAML: ") + error.what());
  }
}

}  // namespace

std::string pointer_token(std::string_view name) {
  std::string token;
  for (char c : name) {
    if (c == '~')
      token += "~0";
    else if (c == '/')
      token += "~1";
    else
      token += c;
  }
  return token;
}

Result<std::vector<ParsedValue>> parse_text(std::string_view text) {
  if (text.size() > kDocumentBytesMax)
    return Error{ErrorCode::kTooLarge, "longer than " + std::to_string(kDocumentBytesMax) + " bytes", ""};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) return invalid("", "the text is not UTF-8");
  if (text.find('\0') != text.npos) return invalid("", "the text holds a zero byte");
  std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || (text[first] != '{' && text[first] != '[')) return parse_yaml(text);
  Result<Json> value = parse_json_keeping_decimals(text, kDocumentNodesMax);
  if (!value.ok()) {
    // JSON documents with "---" between them are a YAML stream.
    if (text.find("\n---") != text.npos) return parse_yaml(text);
    return value.error();
  }
  std::vector<ParsedValue> values;
  values.push_back({std::move(value).value(), {}});
  return values;
}

}  // namespace ciyuan::contract
