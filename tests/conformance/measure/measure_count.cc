// Counts requests and answers as told on standard input, for compare_server.py. Arguments: method file,
// tokenizer, template. Each line is {"endpoint": "chat" | "completions" | "embeddings", "body": the request
// as text, "texts":
// [[kind, text], …] of one answer in its pieces, "finish": reason}; the answer is {"prompt": …, "completion":
// …} or
// {"error": …}. A line {"ids": […], "text": …} is answered with {"bytes": hex of the ids' text, "canonical":
// ids of the text}.

#include <iostream>
#include <string>

#include "base/file.h"
#include "measure/output.h"
#include "measure/prompt.h"
#include "token/vocabulary_set.h"

namespace {

using namespace ciyuan;

Result<Json> answer(const measure::Profile& profile, const Json& line) {
  const std::string name = line.value("endpoint", "chat");
  const auto endpoint = name == "chat"          ? measure::Endpoint::kChat
                        : name == "completions" ? measure::Endpoint::kCompletions
                                                : measure::Endpoint::kEmbeddings;
  CIYUAN_TRY(measure::PromptCount prompt,
             measure::count_prompt(profile, endpoint, line["body"].get_ref<const std::string&>(), false));
  measure::OutputMeter meter(profile);
  for (const Json& piece : line.value("texts", Json::array())) {
    const auto kind = kind_named(piece[0].get<std::string>());
    if (!kind) return invalid("texts", "no such kind");
    meter.add(*kind, piece[1].get_ref<const std::string&>());
  }
  meter.finish(line.value("finish", ""));
  return Json{{"prompt", prompt.tokens.value}, {"completion", meter.counts().generated()}};
}

Result<Json> tokens(const token::Vocabulary& vocabulary, const Json& line) {
  CIYUAN_TRY(std::string bytes, vocabulary.decode(line["ids"].get<std::vector<token::TokenId>>()));
  return Json{{"bytes", to_hex(bytes_of(bytes))},
              {"canonical", vocabulary.encode(line["text"].get_ref<const std::string&>())}};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  auto text = read_file(arguments[1], 1 << 20);
  if (!text) return std::cerr << text.error().text() << '\n', 2;
  auto document = parse_json(*text);
  if (!document) return std::cerr << document.error().text() << '\n', 2;
  auto method = measure::Method::from_json(*document);
  if (!method) return std::cerr << method.error().text() << '\n', 2;
  measure::Profiles profiles("");
  auto profile = profiles.profile(*method, Digest{}, "model", arguments[2], arguments[3]);
  if (!profile) return std::cerr << profile.error().text() << '\n', 2;
  auto vocabulary = token::VocabularySet::standard().find(arguments[2]);
  if (!vocabulary) return std::cerr << vocabulary.error().text() << '\n', 2;
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line, nullptr, false);
    if (!request.is_object()) return 2;
    auto counts = request.contains("ids") ? tokens(**vocabulary, request) : answer(**profile, request);
    std::cout << (counts ? *counts : Json{{"error", counts.error().text()}}).dump() << '\n' << std::flush;
  }
}
