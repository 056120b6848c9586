/// What `ciyuan equivalence check` makes again of texts.

#include <algorithm>

#include "cli/internal/equivalence.h"
#include "price/book.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {

bool counts_texts(measure::EquivalenceBasis basis) {
  return basis == measure::EquivalenceBasis::kReferenceTokenizer ||
         basis == measure::EquivalenceBasis::kBytes || basis == measure::EquivalenceBasis::kHanCharacters;
}

Status check_interval(const Json& table, const std::vector<ParityText>& texts) {
  const Json interval = table.value("interval", Json::object()), corpus = table.at("corpus");
  if (!interval.contains("resamples") || !interval.contains("seed"))
    return Error{ErrorCode::kNotFound, "is missing: nothing says how low and high were made", "/interval"};
  EquivalenceRequest request;
  request.basis =
      measure::equivalence_basis_named(table.at("basis").get<std::string>()).value_or(request.basis);
  request.name = table.at("name"), request.version = table.at("version"), request.date = table.at("date");
  request.source = table.at("source");
  request.tokenizer = table.value("tokenizer", "");
  request.resamples = interval["resamples"].get<unsigned>();
  request.seed = interval["seed"].get<std::uint64_t>();
  for (const auto& [unit, weight] : table.at("weights").items()) {
    CIYUAN_TRY(request.weights[unit], price::decimal_of(weight, measure::kEquivalenceScale));
  }
  for (const Json& text : corpus["texts"]) {
    auto found = std::find_if(texts.begin(), texts.end(),
                              [&](const ParityText& one) { return one.language == text.at("language"); });
    if (found == texts.end())
      return Error{ErrorCode::kNotFound, text.at("language").dump() + " is none of the texts here",
                   "/corpus/texts/" + std::to_string(request.texts.size())};
    request.texts.push_back(*found);
  }
  for (const Json& row : table.at("models")) {
    request.models.emplace_back(row.at("model"), row.value("tokenizer", ""));
    if (!token::VocabularySet::standard().find(request.models.back().second).ok())
      return Error{ErrorCode::kNotFound, row.value("tokenizer", Json()).dump() + " is no tokenizer here",
                   "/models/" + std::to_string(request.models.size() - 1) + "/tokenizer"};
  }
  CIYUAN_TRY(const Json made, make_equivalence(request));
  for (std::size_t i = 0; i < corpus["texts"].size(); ++i)
    if (made["corpus"]["texts"][i] != corpus["texts"][i])
      return Error{ErrorCode::kNotFound, corpus["texts"][i].dump() + " is another text here",
                   "/corpus/texts/" + std::to_string(i)};
  for (std::size_t i = 0; i < made["models"].size(); ++i)
    for (const char* value : {"low", "high"}) {
      const Json &said = table["models"][i].at(value), &is = made["models"][i].at(value);
      CIYUAN_TRY(const Amount figure, price::decimal_of(said, measure::kEquivalenceScale));
      CIYUAN_TRY(const Amount again, price::decimal_of(is, measure::kEquivalenceScale));
      if (figure != again)
        return invalid("/models/" + std::to_string(i) + "/" + value,
                       said.dump() + " is not what the texts give: " + is.dump());
    }
  return {};
}

}  // namespace ciyuan::cli
