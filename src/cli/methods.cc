#include "cli/internal/methods.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

fs::path shipped_folder() { return fs::path(token::VocabularySet::standard().folder()) / "methods"; }

bool is_file_name(const std::string& word) {
  return word.find('/') != word.npos || word.ends_with(".json") || word.ends_with(".yaml") ||
         word.ends_with(".yml");
}

std::string text_by(const measure::Method& method) {
  const measure::CharacterRule& rule = method.characters();
  switch (method.basis()) {
    case measure::Basis::kNative:
      return "tokens of the model's own tokenizer";
    case measure::Basis::kReference:
      return "tokens of " + method.reference_tokenizer();
    case measure::Basis::kBytes:
      return "bytes of UTF-8";
    case measure::Basis::kCharacters:
      return std::string(rule.grapheme ? "grapheme clusters" : "code points") + ", Han " +
             std::to_string(rule.han) + ", others " + std::to_string(rule.other);
    case measure::Basis::kWords:
      return "words";
    case measure::Basis::kCalls:
      return "calls";
    case measure::Basis::kProviderReported:
      return "the service's own figure";
  }
  return "";
}

/// As the profiles say it of a call; of a model's own tokenizer the method knows nothing.
record::Level text_level(const measure::Method& method) {
  if (method.basis() == measure::Basis::kProviderReported) return record::Level::kUnverified;
  if (method.basis() != measure::Basis::kReference) return record::Level::kProved;
  const auto reference = token::VocabularySet::standard().find(method.reference_tokenizer());
  return reference.ok() && !(*reference)->is_proved() ? record::Level::kEstimated : record::Level::kProved;
}

}  // namespace

MethodReading read_methods(const std::string& word) {
  MethodReading reading;
  const std::string path = is_file_name(word) ? word : (shipped_folder() / (word + ".json")).string();
  const Result<std::string> text = read_file(path, contract::kDocumentBytesMax);
  if (!text.ok()) {
    std::string known;
    for (const std::string& each : shipped_methods())
      known += (known.empty() ? "" : ", ") + fs::path(each).stem().string();
    reading.errors.push_back(
        is_file_name(word) ? invalid(word, text.error().message)
                           : invalid(word, "is no file and no method that is shipped; these are " + known));
    return reading;
  }
  contract::Reading read = contract::read_documents(*text, is_file_name(word) ? word : word + ".json");
  reading.errors = std::move(read.errors);
  for (contract::Document& document : read.documents) {
    if (document.kind != "Method") {
      reading.errors.push_back(
          contract::document_error(document, "/kind", "\"" + document.kind + "\" is not Method"));
      continue;
    }
    Result<measure::Method> method = measure::Method::from_json(document.value);
    if (!method.ok())
      reading.errors.push_back(
          contract::document_error(document, method.error().path, method.error().message));
    else
      reading.methods.push_back({word, std::move(document), std::move(*method)});
  }
  return reading;
}

Result<MethodFile> read_method(const std::string& word, const std::string& option) {
  MethodReading reading = read_methods(word);
  if (!reading.errors.empty()) return invalid(option, reading.errors.front().text());
  if (reading.methods.size() != 1)
    return invalid(
        option, word + " has " + std::to_string(reading.methods.size()) + " methods: give a file with one");
  return std::move(reading.methods.front());
}

std::vector<std::string> shipped_methods() {
  std::vector<std::string> files;
  std::error_code code;
  for (fs::directory_iterator at(shipped_folder(), code); !code && at != fs::directory_iterator();
       at.increment(code))
    if (at->path().extension() == ".json") files.push_back(at->path().string());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<CountedThing> counted_things(const measure::Method& method, const std::string& model) {
  using record::Level;
  const bool reported = method.basis() == measure::Basis::kProviderReported;
  std::vector<CountedThing> things = {{"text", text_by(method), text_level(method), {}, {}}};
  if (method.basis() == measure::Basis::kCalls) return things;  // a call is one whatever it carries
  for (int i = 0; i <= static_cast<int>(measure::Medium::kTools); ++i) {
    const auto medium = static_cast<measure::Medium>(i);
    const std::string what(measure::name_of(medium));
    if (const measure::ModalityRule* rule = method.modality_rule(model, medium)) {
      CountedThing thing{what,
                         rule->name() + " (" + std::string(rule->formula_name()) + ")",
                         reported ? Level::kUnverified : rule->level(),
                         {},
                         rule->figures()};
      if (medium != measure::Medium::kTools) thing.unseen = rule->unknown_tokens();
      things.push_back(std::move(thing));
    } else if (auto stated = method.media_tokens().find(what); stated != method.media_tokens().end()) {
      const std::string figure = std::to_string(stated->second);
      things.push_back(
          {what, figure + " each", reported ? Level::kUnverified : Level::kEstimated, {}, figure});
    }
  }
  return things;
}

std::string weights_in_words(const measure::Method& method, const std::string& model) {
  const auto weights = method.ciyuan_per_token(model);
  auto decimal = [&](Kind kind) { return format_decimal(weights[index_of(kind)], 6); };
  if (std::all_of(weights.begin(), weights.end(), [&](Amount weight) { return weight == weights[0]; }))
    return decimal(Kind::kInput);
  std::string words;
  for (Kind kind : kAllKinds) {
    // Reasoning and tool calls are output, cache writes input, where nothing else is said: so in most
    // methods.
    const Kind whole = is_generated(kind) ? Kind::kOutput : Kind::kInput;
    if (kind != whole && weights[index_of(kind)] == weights[index_of(whole)]) continue;
    words += (words.empty() ? "" : ", ") + std::string(name_of(kind)) + " " + decimal(kind);
  }
  return words;
}

}  // namespace ciyuan::cli
