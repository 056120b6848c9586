#include "contract/internal/schema_check.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "base/check.h"
#include "contract/internal/parse.h"

namespace ciyuan::contract {

std::string_view embedded_file(std::string_view name);

namespace {

constexpr std::size_t kShownBytesMax = 120;
// The validator's regular expressions recurse once for each character: longer text never reaches them.
constexpr std::size_t kPatternTextMax = 1024;
constexpr std::size_t kTextMax = 16'384;

// Of references within each other; nesting within a file does not count.
constexpr int kSchemaDepthMax = 16;

Json with_references(Json schema, int depth) {
  CIYUAN_CHECK(depth < kSchemaDepthMax, "schemas refer to each other in a circle");
  if (schema.is_object()) {
    if (auto reference = schema.find("$ref"); reference != schema.end()) {
      const std::string& file = reference->get_ref<const std::string&>();
      if (file.starts_with('#')) return schema;  // within one schema: the validator resolves it
      std::string_view text = embedded_file(file);
      CIYUAN_CHECK(!text.empty(), "a schema refers to a file that is not embedded");
      return with_references(Json::parse(text), depth + 1);
    }
    for (auto& member : schema.items()) member.value() = with_references(std::move(member.value()), depth);
  } else if (schema.is_array()) {
    for (Json& item : schema) item = with_references(std::move(item), depth);
  }
  return schema;
}

struct Compiled {
  Json whole;
  valijson::Schema schema;
};

// Compiled once, then only read.
const Compiled* compiled(std::string_view file) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Compiled>, std::less<>> cache;
  std::lock_guard lock(mutex);
  if (auto found = cache.find(file); found != cache.end()) return found->second.get();
  std::string_view text = embedded_file(file);
  if (text.empty()) return nullptr;
  auto entry = std::make_unique<Compiled>();
  entry->whole = with_references(Json::parse(text), 0);
  valijson::adapters::NlohmannJsonAdapter adapter(entry->whole);
  valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(adapter, entry->schema);
  return cache.emplace(std::string(file), std::move(entry)).first->second.get();
}

// Follows one step of the value into the schema; null where the schema says nothing simple about it.
const Json* step_into(const Json* schema, const std::string& token, const Json& parent);

// The branch of "allOf: if/then" that applies to `value`: ours choose by the value of "kind".
const Json* chosen_branch(const Json* schema, const Json& value) {
  auto all = schema->find("allOf");
  if (all == schema->end() || !value.is_object()) return schema;
  for (const Json& branch : *all) {
    if (!branch.contains("if") || !branch.contains("then")) continue;
    const Json* expected = step_into(&branch["if"], "kind", Json::object());
    if (expected != nullptr && expected->contains("const") && value.contains("kind") &&
        (*expected)["const"] == value["kind"])
      return &branch["then"];
  }
  return schema;
}

const Json* step_into(const Json* schema, const std::string& token, const Json& parent) {
  if (schema == nullptr || !schema->is_object()) return nullptr;
  if (parent.is_array()) {
    auto items = schema->find("items");
    return items != schema->end() && items->is_object() ? &*items : nullptr;
  }
  const Json* branch = chosen_branch(schema, parent);
  if (auto properties = branch->find("properties"); properties != branch->end())
    if (auto property = properties->find(token); property != properties->end()) return &*property;
  return nullptr;
}

// What a validator's context ("<root>", "[clauses]", "[1]", "[limit]") names: pointer, value, schema.
struct Place {
  std::string pointer;
  const Json* value = nullptr;
  const Json* schema = nullptr;
};

Place place_of(const std::vector<std::string>& context, const Json& root, const Json& schema) {
  Place place{"", &root, &schema};
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string token = context[i].substr(1, context[i].size() - 2);
    place.schema = step_into(place.schema, token, *place.value);
    place.pointer += "/" + pointer_token(token);
    if (place.value->is_array()) {
      std::size_t index = std::stoul(token);
      if (index >= place.value->size()) break;
      place.value = &(*place.value)[index];
    } else if (place.value->is_object() && place.value->contains(token)) {
      place.value = &(*place.value)[token];
    } else {
      break;
    }
  }
  if (place.schema != nullptr) place.schema = chosen_branch(place.schema, *place.value);
  return place;
}

std::string joined(const Json& values) {
  if (!values.is_array()) return shown(values);
  std::string text;
  for (const Json& value : values) {
    if (!text.empty()) text += ", ";
    text += value.is_string() ? value.get<std::string>() : value.dump();
  }
  return text;
}

std::string between(const std::string& text, char open, char close) {
  std::size_t from = text.find(open), to = text.rfind(close);
  return from == text.npos || to <= from ? std::string() : text.substr(from + 1, to - from - 1);
}

bool starts(const std::string& text, std::string_view with) { return text.starts_with(with); }

// The validator's sentence turned into ours; empty for the ones that only repeat that something below is
// wrong.
std::string rule_of(const std::string& description, const Place& place) {
  if (starts(description, "Failed to validate") || starts(description, "Failed to any")) return "";
  auto rule = [&](const char* name) -> const Json* {
    return place.schema != nullptr && place.schema->contains(name) ? &(*place.schema)[name] : nullptr;
  };
  std::string title = rule("title") != nullptr ? " (" + (*rule("title")).get<std::string>() + ")" : "";
  if (starts(description, "Missing required property"))
    return "the field " + between(description, '\'', '\'') + " is missing";
  if (starts(description, "Object contains a property")) {
    std::string field = between(description, ':', '.');
    std::string known;
    if (const Json* properties = rule("properties"))
      for (const auto& property : properties->items()) known += (known.empty() ? "" : ", ") + property.key();
    return "unknown field" + field + (known.empty() ? "" : "; known are " + known);
  }
  std::string value = shown(*place.value);
  if (starts(description, "Failed to match against any enum"))
    return value + " is none of " + (rule("enum") != nullptr ? joined(*rule("enum")) : "the allowed values");
  if (starts(description, "Failed to match expected value"))
    return value + " is not " + (rule("const") != nullptr ? shown(*rule("const")) : "the value it must be");
  if (starts(description, "Failed to match regex"))
    return value + " does not match " +
           (rule("pattern") != nullptr ? (*rule("pattern")).get<std::string>() : "the pattern") + title;
  if (starts(description, "Value type not permitted"))
    return value + " is not of the type " +
           (rule("type") != nullptr ? joined(*rule("type")) : "it must have") + title;
  // The validator prints limits as floating-point numbers; the schema has them as written.
  for (auto [name, words] : {std::pair{"minimum", "less than "}, {"maximum", "more than "}})
    if (const Json* limit = rule(name); limit != nullptr && starts(description, "Expected number") &&
                                        place.value->is_number() &&
                                        (*place.value < *limit) == (std::string_view(name) == "minimum"))
      return value + " is " + words + limit->dump() + title;
  std::string sentence = description;
  while (sentence.ends_with('.')) sentence.pop_back();
  return value + ": " + sentence + title;
}

// Text that is too long, found before the validator sees it.
void find_long_text(const Json& value, const Json* schema, const std::string& pointer,
                    std::vector<Fault>& faults) {
  if (value.is_string()) {
    std::size_t size = value.get_ref<const std::string&>().size();
    bool plain = schema != nullptr && !schema->contains("pattern") && !schema->contains("$ref");
    std::size_t size_max = plain ? kTextMax : kPatternTextMax;
    if (size > size_max)
      faults.push_back({pointer, shown(value) + " is longer than " + std::to_string(size_max) + " bytes"});
    return;
  }
  if (!value.is_structured()) return;
  std::size_t index = 0;
  for (const auto& member : value.items()) {
    std::string token = value.is_array() ? std::to_string(index++) : member.key();
    const Json* next = schema != nullptr && schema->is_object() ? step_into(schema, token, value) : nullptr;
    find_long_text(member.value(), next, pointer + "/" + pointer_token(token), faults);
    if (member.key().size() > kPatternTextMax) faults.push_back({pointer, "a key is longer than 1024 bytes"});
  }
}

}  // namespace

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= kShownBytesMax) return text;
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "…";
}

const Json& whole_schema(std::string_view file) {
  static const Json kNone;
  const Compiled* entry = compiled(file);
  return entry != nullptr ? entry->whole : kNone;
}

std::vector<Fault> check_schema(const Json& value, std::string_view file) {
  std::vector<Fault> faults;
  const Compiled* entry = compiled(file);
  if (entry == nullptr) return {{"", "no schema " + std::string(file)}};
  find_long_text(value, &entry->whole, "", faults);
  if (!faults.empty()) return faults;
  try {
    valijson::adapters::NlohmannJsonAdapter target(value);
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    valijson::ValidationResults results;
    if (validator.validate(entry->schema, target, &results)) return {};
    std::set<std::string> seen;
    for (valijson::ValidationResults::Error error; results.popError(error);) {
      Place place = place_of(error.context, value, entry->whole);
      std::string message = rule_of(error.description, place);
      if (!message.empty() && seen.insert(place.pointer + " " + message).second)
        faults.push_back({place.pointer, std::move(message)});
    }
  } catch (const std::exception& error) {
    return {{"", std::string("the schema could not be applied: ") + error.what()}};
  }
  if (faults.empty()) faults.push_back({"", "does not fit its schema " + std::string(file)});
  return faults;
}

}  // namespace ciyuan::contract
