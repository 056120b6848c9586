#include "contract/document.h"

#include <algorithm>

#include "base/canonical_json.h"
#include "contract/internal/parse.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

std::string_view embedded_file(std::string_view name);

namespace {

// "PriceBook" → "price-book.json"
std::string schema_file(std::string_view kind) {
  std::string file;
  for (char c : kind) {
    bool capital = c >= 'A' && c <= 'Z';
    if (capital && !file.empty()) file += '-';
    file += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return file + ".json";
}

std::string kinds_in_words() {
  std::string words;
  for (std::string_view kind : kDocumentKinds) words += (words.empty() ? "" : ", ") + std::string(kind);
  return words;
}

// Floats are refused here for values that did not come through parse_text: their text is already lost.
bool holds_float(const Json& value) {
  if (value.is_number_float()) return true;
  if (!value.is_structured()) return false;
  return std::any_of(value.begin(), value.end(), [](const Json& item) { return holds_float(item); });
}

void add_document(ParsedValue parsed, std::string_view source, std::size_t number, Reading& reading) {
  Document document;
  document.value = std::move(parsed.value);
  document.lines = std::move(parsed.lines);
  document.source = source;
  auto fault = [&](std::string_view pointer, std::string message) {
    reading.errors.push_back(document_error(document, pointer, std::move(message)));
  };
  document.name = "document " + std::to_string(number);  // until it has told its own
  if (!document.value.is_object())
    return fault("", shown(document.value) + " is not an object with kind and name");
  const Json& value = document.value;
  if (!value.contains("kind"))
    return fault("", "the field kind is missing; it is one of " + kinds_in_words());
  if (!value["kind"].is_string() || !is_document_kind(value["kind"].get_ref<const std::string&>()))
    return fault("/kind", shown(value["kind"]) + " is none of " + kinds_in_words());
  document.kind = value["kind"].get<std::string>();
  if (value.contains("name") && value["name"].is_string()) document.name = value["name"].get<std::string>();
  if (document.name.size() > 200) document.name.resize(200);
  if (holds_float(value)) return fault("", "holds a floating-point number; write decimals as text");
  std::vector<Fault> faults = check_schema(value, schema_file(document.kind));
  for (Fault& found : faults) fault(found.pointer, std::move(found.message));
  if (!faults.empty()) return;
  if (!value.contains("name") || !value["name"].is_string()) return fault("", "the field name is missing");
  Result<std::string> canonical = canonical_json(value);
  if (!canonical.ok()) return fault("", canonical.error().message);
  document.canonical = std::move(canonical).value();
  document.digest = sha256(document.canonical);
  reading.documents.push_back(std::move(document));
}

void trim(Reading& reading) {
  if (reading.errors.size() <= kDocumentErrorsMax) return;
  std::size_t more = reading.errors.size() - kDocumentErrorsMax;
  reading.errors.resize(kDocumentErrorsMax);
  reading.errors.push_back(invalid("", "and " + std::to_string(more) + " more errors"));
}

}  // namespace

bool is_document_kind(std::string_view kind) {
  return std::find(std::begin(kDocumentKinds), std::end(kDocumentKinds), kind) != std::end(kDocumentKinds);
}

Error document_error(const Document& document, std::string_view pointer, std::string message) {
  std::string where = document.source;
  // The line of the place, or of the nearest thing around it that has one.
  for (std::string around(pointer);; around.resize(around.rfind('/'))) {
    if (auto line = document.lines.find(around); line != document.lines.end()) {
      where += ":" + std::to_string(line->second);
      break;
    }
    if (around.rfind('/') == around.npos) break;
  }
  if (!where.empty()) where += " ";
  where += document.kind.empty() ? document.name : document.id();
  if (!pointer.empty()) where += " " + std::string(pointer);
  return invalid(std::move(where), std::move(message));
}

Reading read_documents(std::string_view text, std::string_view source) {
  Reading reading;
  Result<std::vector<ParsedValue>> parsed = parse_text(text);
  if (!parsed.ok()) {
    Error error = parsed.error();
    error.path = std::string(source) + (error.path.empty() ? "" : ":" + error.path);
    reading.errors.push_back(std::move(error));
    return reading;
  }
  std::size_t number = 0;
  for (ParsedValue& entry : *parsed) {
    if (!entry.value.is_array()) {
      add_document(std::move(entry), source, ++number, reading);
      continue;
    }
    // A list of documents in one: each item's lines are those below its own pointer.
    for (std::size_t i = 0; i < entry.value.size(); ++i) {
      ParsedValue item{std::move(entry.value[i]), {}};
      std::string prefix = "/" + std::to_string(i);
      for (const auto& [pointer, line] : entry.lines)
        if (pointer == prefix || pointer.starts_with(prefix + "/"))
          item.lines.emplace(pointer.substr(prefix.size()), line);
      add_document(std::move(item), source, ++number, reading);
    }
  }
  if (number == 0) reading.errors.push_back(invalid(std::string(source), "holds no document"));
  trim(reading);
  return reading;
}

Result<Json> parse_value(std::string_view text) {
  CIYUAN_TRY(std::vector<ParsedValue> values, parse_text(text));
  if (values.size() != 1) return invalid("", "holds " + std::to_string(values.size()) + " values, not one");
  return std::move(values.front().value);
}

Reading read_document(Json value, std::string_view source) {
  Reading reading;
  add_document({std::move(value), {}}, source, 1, reading);
  trim(reading);
  return reading;
}

std::string_view schema_text(std::string_view kind) {
  return is_document_kind(kind) ? embedded_file(schema_file(kind)) : std::string_view();
}

}  // namespace ciyuan::contract
