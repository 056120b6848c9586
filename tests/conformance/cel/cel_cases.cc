// Reads expressions with their variables, a line of JSON each, and writes what src/cel makes of each:
// {"type": …, "value": …}, {"type": …, "fault": …} or {"error": …} where it does not compile. Values are
// written as cel.expr.Value in protobuf's JSON, which the published cases use.

#include <deque>
#include <iostream>
#include <limits>

#include "base/bytes.h"
#include "base/json.h"
#include "cel/internal/civil_time.h"
#include "cel/internal/number.h"
#include "cel/program.h"

using namespace ciyuan;
using namespace ciyuan::cel;

namespace {

const std::string kTypes = "type.googleapis.com/";

/// Values of a case, and what they are views of.
class Reader {
 public:
  Value value(const Json& json) {
    const std::string& form = json.begin().key();
    const Json& held = json.begin().value();
    if (form == "boolValue") return Value::boolean(held.get<bool>());
    if (form == "int64Value") return Value::integer(std::stoll(held.get<std::string>()));
    if (form == "uint64Value") return Value::unsigned_integer(std::stoull(held.get<std::string>()));
    if (form == "doubleValue")
      return Value::real(held.is_string() ? *parse_double(held.get<std::string>()) : held.get<double>());
    if (form == "stringValue") return Value::string(texts_.emplace_back(held.get<std::string>()));
    if (form == "bytesValue") {
      return Value::bytes(texts_.emplace_back(text_of(*from_base64(held.get<std::string>()))));
    }
    if (form == "listValue") {
      std::vector<Value> items;
      for (const Json& item : held.value("values", Json::array())) items.push_back(value(item));
      return Value::list(lists_.emplace_back(std::move(items)));
    }
    if (form == "mapValue") {
      std::vector<Entry> entries;
      for (const Json& entry : held.value("entries", Json::array()))
        entries.push_back({value(entry["key"]), value(entry["value"])});
      return *Value::map(maps_.emplace_back(std::move(entries)));
    }
    if (form == "objectValue" && held["@type"] == kTypes + "google.protobuf.Duration")
      return parse_duration(held["value"].get<std::string>());
    if (form == "objectValue") return parse_timestamp(held["value"].get<std::string>());
    return Value::null();
  }

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<Value>> lists_;
  std::deque<std::vector<Entry>> maps_;
};

Json written(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return {{"boolValue", value.boolean()}};
    case Kind::kInt:
      return {{"int64Value", std::to_string(value.integer())}};
    case Kind::kUint:
      return {{"uint64Value", std::to_string(value.unsigned_integer())}};
    case Kind::kDouble:
      return {{"doubleValue", double_text(value.real())}};
    case Kind::kString:
      return {{"stringValue", value.text()}};
    case Kind::kBytes:
      return {{"bytesValue", to_base64(bytes_of(value.text()))}};
    case Kind::kType:
      return {{"typeValue", name_of(value.named_type())}};
    case Kind::kDuration:
      return {{"objectValue",
               {{"@type", kTypes + "google.protobuf.Duration"}, {"value", duration_text(value.integer())}}}};
    case Kind::kTimestamp:
      return {{"objectValue",
               {{"@type", kTypes + "google.protobuf.Timestamp"},
                {"value", timestamp_text(value.seconds(), value.nanoseconds())}}}};
    case Kind::kList: {
      Json values = Json::array();
      for (const Value& item : value.items()) values.push_back(written(item));
      return {{"listValue", {{"values", values}}}};
    }
    case Kind::kMap: {
      Json entries = Json::array();
      for (const Entry& entry : value.entries())
        entries.push_back({{"key", written(entry.key)}, {"value", written(entry.value)}});
      return {{"mapValue", {{"entries", entries}}}};
    }
    default:
      return {{"nullValue", nullptr}};
  }
}

Json answer(const Json& asked) {
  Environment environment;
  Reader reader;
  for (const auto& [name, type] : asked["types"].items()) {
    const Result<Type> parsed = Type::parse(type.get<std::string>());
    if (!parsed.ok()) return {{"error", parsed.error().text()}};
    if (const Status declared = environment.declare(name, *parsed); !declared.ok())
      return {{"error", declared.error().text()}};
  }
  Activation activation(environment);
  for (const auto& [name, value] : asked["values"].items())
    activation.set(*environment.slot(name), reader.value(value));
  Options options;
  options.checked = asked["checked"].get<bool>();
  const Result<Program> program = Program::compile(asked["expr"].get<std::string>(), environment, options);
  if (!program.ok()) return {{"error", program.error().text()}};
  Json made = {{"type", program->type().text()}};
  Arena arena;
  const Result<Value> found = program->evaluate(activation, arena);
  if (found.ok()) {
    made["value"] = written(*found);
  } else {
    made["fault"] = found.error().text();
    if (found.error().code == ErrorCode::kTooLarge) made["spent"] = true;
  }
  return made;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const Result<Json> asked = parse_json(line);
    if (!asked.ok()) return std::cerr << asked.error().text() << "\n", 1;
    std::cout << answer(*asked).dump() << "\n";
  }
}
