/// equivalence make: its options and help.

#include <algorithm>

#include "base/file.h"
#include "base/time.h"
#include "cli/internal/commands.h"
#include "cli/internal/equivalence.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using measure::EquivalenceBasis;

constexpr std::size_t kDateLength = 10;

struct MakeOptions {
  EquivalenceRequest request;
  std::string basis, book, output;
  std::vector<std::string> models, texts, languages, unit_weights, figures;
};

// NAME=VALUE, or NAME alone.
std::pair<std::string, std::string> named_value(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Status read_figures(MakeOptions& options) {
  for (const std::string& text : options.figures) {
    const auto [what, value] = named_value(text);
    EquivalenceRequest::Declared declared;
    declared.model = what;
    // Names of models hold colons too: only the name of a kind behind the last one is a kind.
    if (const std::size_t colon = what.rfind(':'); colon != what.npos && kind_named(what.substr(colon + 1)))
      declared.model = what.substr(0, colon), declared.kind = what.substr(colon + 1);
    auto figures = figures_in(value);
    if (!figures.ok()) return invalid("--figure", text + ": " + figures.error().message);
    declared.figures = *figures;
    options.request.declared.push_back(std::move(declared));
  }
  return {};
}

Status read_unit_weights(MakeOptions& options) {
  for (const std::string& text : options.unit_weights) {
    const auto [unit, value] = named_value(text);
    auto weight = parse_decimal(value, measure::kEquivalenceScale);
    if (!weight.ok() || *weight <= Amount())
      return invalid("--unit-weight",
                     "\"" + text + "\" is not like bytes=0.25: a unit and a decimal above 0");
    options.request.weights[unit] = *weight;
  }
  return {};
}

Status read_texts(MakeOptions& options) {
  std::vector<std::string> inputs = options.texts;
  if (inputs.empty()) inputs = {token::VocabularySet::standard().folder() + "/parity"};
  CIYUAN_TRY(options.request.texts, read_parity_texts(inputs));
  if (options.languages.empty()) return {};
  std::vector<ParityText> chosen;
  for (const std::string& language : options.languages) {
    auto found = std::find_if(options.request.texts.begin(), options.request.texts.end(),
                              [&](const ParityText& text) { return text.language == language; });
    if (found == options.request.texts.end())
      return invalid("--language", "\"" + language + "\" is none of the texts' languages");
    chosen.push_back(*found);
  }
  options.request.texts = std::move(chosen);
  return {};
}

Status read_book(MakeOptions& options) {
  const std::string& file = options.book;
  CIYUAN_TRY(const std::string text, read_file(file, contract::kDocumentBytesMax));
  contract::Reading read = contract::read_documents(text, file);
  if (!read.errors.empty()) return read.errors.front();
  for (contract::Document& document : read.documents) {
    if (document.kind != "PriceBook") continue;
    if (options.request.book) return invalid("--book", file + " has several price books");
    options.request.book = std::move(document);
  }
  if (!options.request.book) return invalid("--book", file + " has no document of kind PriceBook");
  return {};
}

Status make(Session& session, MakeOptions options) {
  EquivalenceRequest& request = options.request;
  request.basis = measure::equivalence_basis_named(options.basis).value_or(EquivalenceBasis::kIdentity);
  for (const std::string& text : options.models) {
    auto [model, tokenizer] = named_value(text);
    request.models.emplace_back(model, tokenizer.empty() ? model : tokenizer);
  }
  if (request.date.empty()) request.date = to_rfc3339(now()).substr(0, kDateLength);
  if (request.source.empty()) request.source = "ciyuan equivalence make --basis " + options.basis;
  CIYUAN_TRY_STATUS(read_figures(options));
  CIYUAN_TRY_STATUS(read_unit_weights(options));
  if (counts_texts(request.basis)) CIYUAN_TRY_STATUS(read_texts(options));
  if (!options.book.empty()) CIYUAN_TRY_STATUS(read_book(options));
  CIYUAN_TRY(const Json table, make_equivalence(request));
  session.deliver(table.dump(2) + "\n", options.output);
  return {};
}

}  // namespace

void add_equivalence_make(CLI::App& parent, Session& session) {
  auto* command = parent.add_subcommand("make", "Make a table of equivalence");
  auto options = std::make_shared<MakeOptions>();
  EquivalenceRequest& request = options->request;
  command->add_option("TEXT", options->texts,
                      "Where texts are counted: LANGUAGE=FILE, or a folder of LANGUAGE.txt files. None: the "
                      "Universal Declaration of Human Rights in 26 languages");
  command->add_option("--basis", options->basis, "What makes the tokens of models comparable")
      ->required()
      ->check(CLI::IsMember({"identity", "reference_tokenizer", "price_ratio", "burndown", "capacity",
                             "bytes", "han_characters"}));
  command->add_option("--name", request.name, "The table's name")->required();
  command->add_option("--table-version", request.version, "Its version")->capture_default_str();
  command->add_option("--date", request.date, "Its date; today if not said")->type_name("YYYY-MM-DD");
  auto* provider =
      command->add_option("--provider", request.provider, "For whom it is: the provider's Party");
  auto* consumer = command->add_option("--consumer", request.consumer, "And the consumer's");
  provider->needs(consumer);
  consumer->needs(provider);
  command->add_option("--from", request.from, "In force from this date on");
  command->add_option("--until", request.until, "In force until this date, which is not in it");
  command->add_option("--source", request.source, "Where it comes from, in words");
  command
      ->add_option("-m,--model", options->models,
                   "A row; its name is taken for its tokenizer if not said. May be repeated")
      ->type_name("NAME[=TOKENIZER]")
      ->allow_extra_args(false)
      ->required();
  command->add_option("-t,--tokenizer", request.tokenizer, "The reference tokenizer")->type_name("NAME");
  command->add_option("--language", options->languages, "Only these of the texts: a,b or repeated")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      ->add_option("--unit-weight", options->unit_weights,
                   "Ciyuan for one unit; tokens=1, bytes=0.25, han=0.6 and other=0.3 if not said")
      ->type_name("UNIT=DECIMAL")
      ->allow_extra_args(false);
  command->add_option("--resamples", request.resamples, "Of the bootstrap")
      ->check(CLI::Range(kResamplesMin, kResamplesMax))
      ->capture_default_str();
  command->add_option("--seed", request.seed, "Of the bootstrap: the same seed, the same figures")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 52))
      ->capture_default_str();
  command->add_option("--book", options->book, "File with the PriceBook of a price ratio")->type_name("FILE");
  command->add_option("--reference", request.reference, "The model of which one token is one Ciyuan");
  command->add_option("--hardware", request.hardware, "One unit of the hardware that capacities are of");
  command
      ->add_option("--figure", options->figures,
                   "Tokens a second (capacity) or Ciyuan for a token (burndown), one figure or three. May be "
                   "repeated")
      ->type_name("MODEL[:KIND]=LOW/MIDDLE/HIGH")
      ->allow_extra_args(false);
  command->add_option("-o,--output", options->output, "File to write; standard output if not said");
  command->footer(
      "Examples:\n"
      "  ciyuan equivalence make --basis reference_tokenizer -t o200k --name parity -m smollm2 -m qwen3\n"
      "  ciyuan equivalence make --basis han_characters --language zh-Hans,en --name han -m qwen3\n"
      "  ciyuan equivalence make --basis price_ratio --book examples/prices.yaml --reference long-reader "
      "--name "
      "prices -m long-reader -m cacher\n"
      "  ciyuan equivalence make --basis capacity --hardware \"one H100 80 GB\" --reference small --name "
      "cards "
      "-m small -m large \\\n"
      "    --figure small=2200/2400/2500 --figure large=310/330/350\n"
      "  ciyuan equivalence make --basis burndown --name burn -m large --figure large=1 --figure "
      "large:output=5\n\n"
      "Texts: middle is the ratio of the sums, low and high its 95 % interval by bootstrap over lines. All "
      "figures have six\n"
      "decimals, rounded half up; what they were made of stands in the table, and whoever reads it makes "
      "them "
      "again.");
  command->callback([&session, options] {
    if (Status done = make(session, *options); !done.ok()) session.fail(done.error());
  });
}

}  // namespace ciyuan::cli
