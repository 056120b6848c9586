#include "cli/internal/count_plan.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "contract/document.h"

namespace ciyuan::cli {
namespace {

/// The documents of the --price file that matter here.
struct PriceFile {
  std::optional<price::Book> book;
  struct Model {
    std::string name, tokenizer;
  };
  std::map<std::string, Model, std::less<>> models;  ///< by name and alias
};

Result<PriceFile> read_price_file(const std::string& path) {
  PriceFile prices;
  if (path.empty()) return prices;
  Result<std::string> text = read_file(path, contract::kDocumentBytesMax);
  if (!text.ok()) return invalid("--price", text.error().text());
  const contract::Reading reading = contract::read_documents(*text, path);
  if (!reading.errors.empty()) return invalid("--price", reading.errors.front().text());
  for (const contract::Document& document : reading.documents) {
    if (document.kind == "Model" && document.value.contains("tokenizer")) {
      const PriceFile::Model model{document.name, document.value.at("tokenizer")};
      prices.models.emplace(model.name, model);
      for (const Json& alias : document.value.value("aliases", Json::array()))
        prices.models.emplace(alias.get<std::string>(), model);
    }
    if (document.kind != "PriceBook") continue;
    if (prices.book)
      return invalid("--price", path + " has two price books, " + prices.book->name() + " and " +
                                    document.name + ": give a file with one");
    Result<price::Book> book = price::Book::parse(document.value);
    if (!book.ok())
      return invalid("--price",
                     contract::document_error(document, book.error().path, book.error().message).text());
    prices.book = std::move(*book);
  }
  if (!prices.book) return invalid("--price", path + " has no document of kind PriceBook");
  return prices;
}

Status add_column(CountPlan& plan, const char* option, const std::string& tokenizer, const std::string& model,
                  const PriceFile& prices) {
  CIYUAN_TRY(auto vocabulary, token::VocabularySet::standard().find(tokenizer));
  Column column{model.empty() ? vocabulary->name() : model, 0, std::nullopt};
  if (std::any_of(plan.columns.begin(), plan.columns.end(),
                  [&](const Column& other) { return other.name == column.name; }))
    return invalid(option, "\"" + column.name + "\" is given twice; a column each");
  auto known = std::find(plan.vocabularies.begin(), plan.vocabularies.end(), vocabulary);
  column.vocabulary = static_cast<std::size_t>(known - plan.vocabularies.begin());
  if (known == plan.vocabularies.end()) {
    if (!vocabulary->is_proved())
      plan.notes.push_back("the tokenizer " + vocabulary->name() +
                           " was added without its publisher's vectors: its counts are of level estimated");
    plan.vocabularies.push_back(std::move(vocabulary));
  }
  if (prices.book) {
    auto document = prices.models.find(model);  // an alias costs what its model costs
    const std::optional<price::Rates> rates = prices.book->rates_for(
        document == prices.models.end() ? model : document->second.name, {.at = now()});
    if (!rates || !rates->knows(plan.kind))
      return invalid("--price", prices.book->name() + " has no price for " + std::string(name_of(plan.kind)) +
                                    " tokens of " + model);
    column.rates = *rates;
  }
  plan.columns.push_back(std::move(column));
  return {};
}

// NAME=TOKENIZER, a model of the --price file, or one that the caller knows.
Status add_model(CountPlan& plan, const std::string& written, const CountOptions& options,
                 const PriceFile& prices) {
  const std::size_t equals = written.find('=');
  const std::string model = written.substr(0, equals);
  if (model.empty() || equals + 1 == written.size())
    return invalid("--model", "\"" + written + "\" is neither a model's name nor NAME=TOKENIZER");
  std::string tokenizer;
  if (equals != written.npos) {
    tokenizer = written.substr(equals + 1);
  } else if (auto known = prices.models.find(model); known != prices.models.end()) {
    tokenizer = known->second.tokenizer;
  } else if (options.tokenizer_of_model) {
    CIYUAN_TRY(tokenizer, options.tokenizer_of_model(model));
  } else {
    return invalid("--model",
                   "no models are known here; give --tokenizer, or --model " + model + "=TOKENIZER");
  }
  return add_column(plan, "--model", tokenizer, model, prices);
}

void note_what_may_not_be_meant(CountPlan& plan, const price::Book& book) {
  if (!book.in_force(now()))
    plan.notes.push_back("the price book " + book.name() + " is not in force today; its prices are shown");
  for (const Column& column : plan.columns)
    if (!column.rates->per_request.is_zero())
      plan.notes.push_back(column.name + " has a price for each request, which is not in the cost of tokens");
}

}  // namespace

Result<Amount> CountPlan::cost(const Column& column, token::Tokens tokens) const {
  KindCounts counts;
  counts[kind] = tokens.value;
  CIYUAN_TRY(auto lines, price::charge(*column.rates, counts, 0));
  return price::total(lines);
}

Result<CountPlan> plan_count(const CountOptions& options) {
  CountPlan plan;
  if (!options.models.empty() && !options.tokenizers.empty())
    return invalid("--model", "give tokenizers or models, not both");
  if (!options.price_file.empty() && options.models.empty())
    return invalid("--price", "a price is a model's: give --model NAME, or --model NAME=TOKENIZER");
  std::optional<Kind> kind = kind_named(options.kind);
  if (!kind)
    return invalid("--kind", "\"" + options.kind + "\" is not a kind of token; input and output are");
  plan.kind = *kind;
  for (const std::string& text : options.fields) {
    CIYUAN_TRY(FieldPath field, FieldPath::parse(text));
    plan.fields.push_back(std::move(field));
  }
  if (options.each_line && plan.fields.empty())
    return invalid("--lines", "it shows JSON lines: say with --field which text of each is counted");
  CIYUAN_TRY(const PriceFile prices, read_price_file(options.price_file));
  for (const std::string& model : options.models) CIYUAN_TRY_STATUS(add_model(plan, model, options, prices));
  std::vector<std::string> tokenizers = options.tokenizers;
  if (tokenizers == std::vector<std::string>{"all"}) {
    CIYUAN_TRY(tokenizers, token::VocabularySet::standard().present());
  }
  for (const std::string& tokenizer : tokenizers)
    CIYUAN_TRY_STATUS(add_column(plan, "--tokenizer", tokenizer, "", {}));
  if (plan.columns.empty()) CIYUAN_TRY_STATUS(add_column(plan, "--tokenizer", kDefaultTokenizer, "", {}));
  if (prices.book) {
    plan.currency = prices.book->currency();
    note_what_may_not_be_meant(plan, *prices.book);
  }
  return plan;
}

}  // namespace ciyuan::cli
