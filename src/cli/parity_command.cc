/// parity: the verb's options and help, and its table.

#include <cstdio>
#include <map>
#include <ostream>

#include "base/file.h"
#include "cli/count.h"
#include "cli/internal/commands.h"
#include "cli/internal/parity_plot.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

struct ParityCommand {
  std::vector<std::string> texts, tokenizers;
  ParityOptions options;
  std::string plot, axis = "characters";
  bool json = false;
};

const std::map<std::string, ParityAxis> kAxes = {{"characters", ParityAxis::kCharacters},
                                                 {"bytes", ParityAxis::kBytes},
                                                 {"relative", ParityAxis::kRelative}};

Result<std::vector<std::shared_ptr<const token::Vocabulary>>> vocabularies_of(
    std::vector<std::string> names) {
  token::VocabularySet& set = token::VocabularySet::standard();
  if (names.empty()) names = {kDefaultTokenizer};
  if (names == std::vector<std::string>{"all"}) {
    CIYUAN_TRY(names, set.present());
  }
  std::vector<std::shared_ptr<const token::Vocabulary>> vocabularies;
  for (const std::string& name : names) {
    CIYUAN_TRY(auto vocabulary, set.find(name));
    for (const auto& other : vocabularies)
      if (other == vocabulary) return invalid("--tokenizer", "\"" + vocabulary->name() + "\" is given twice");
    vocabularies.push_back(std::move(vocabulary));
  }
  return vocabularies;
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}
std::string between(const Interval& interval, int decimals) {
  return fixed(interval.low, decimals) + "–" + fixed(interval.high, decimals);
}

void print_table(const ParityReport& report, std::ostream& out) {
  Table table({"LANGUAGE", "TOKENIZER", "PER 1,000 CHARACTERS", "95 %", "PER 1,000 BYTES", "95 %",
               "× " + report.base, "95 %"});
  table.align_right({2, 3, 4, 5, 6, 7});
  for (const ParityRow& row : report.rows)
    table.add({row.language, row.tokenizer, fixed(row.per_1000_characters.value, 1),
               between(row.per_1000_characters, 1), fixed(row.per_1000_bytes.value, 1),
               between(row.per_1000_bytes, 1), fixed(row.relative.value, 2), between(row.relative, 2)});
  table.print(out);
}

Status run(Session& session, const ParityCommand& command) {
  std::vector<std::string> inputs = command.texts;
  if (inputs.empty()) inputs = {token::VocabularySet::standard().folder() + "/parity"};
  CIYUAN_TRY(auto vocabularies, vocabularies_of(command.tokenizers));
  CIYUAN_TRY(auto texts, read_parity_texts(inputs));
  CIYUAN_TRY(const ParityReport report, measure_parity(std::move(texts), vocabularies, command.options));
  if (!command.plot.empty()) {
    Status written = write_file_atomically(command.plot, parity_svg(report, kAxes.at(command.axis)));
    if (!written.ok()) return invalid("--plot", written.error().text());
  }
  if (report.lines_left_out > 0)
    session.note(std::to_string(report.lines_left_out) +
                 " lines have no text in one language or another: left out");
  if (command.json)
    session.out() << parity_json(report).dump() << '\n';
  else
    print_table(report, session.out());
  return {};
}

}  // namespace

void add_parity_command(CLI::App& app, Session& session) {
  auto* parity = app.add_subcommand("parity", "What the same text costs in each language, in tokens");
  auto command = std::make_shared<ParityCommand>();
  parity->add_option(
      "TEXT", command->texts,
      "LANGUAGE=FILE, or a folder of LANGUAGE.txt files; line by line they say the same. None: the "
      "Universal Declaration of Human Rights in 26 languages");
  parity
      ->add_option("-t,--tokenizer", command->tokenizers,
                   std::string("Several: a,b or repeated; all: every one there is; ") + kDefaultTokenizer +
                       " if not said")
      ->type_name("NAME")
      ->delimiter(',')
      ->allow_extra_args(false);
  parity
      ->add_option("--base", command->options.base,
                   "The language others are compared with; en, else the first")
      ->type_name("LANGUAGE");
  parity->add_option("--plot", command->plot, "Write a bar plot (SVG) to this file")->type_name("FILE.svg");
  parity->add_option("--axis", command->axis, "What the plot shows: characters, bytes or relative")
      ->check(CLI::IsMember({"characters", "bytes", "relative"}))
      ->capture_default_str();
  parity->add_option("--resamples", command->options.resamples, "Of the bootstrap")
      ->check(CLI::Range(kResamplesMin, kResamplesMax))
      ->type_name("N")
      ->capture_default_str();
  parity->add_option("--seed", command->options.seed, "Of the bootstrap: the same seed, the same figures")
      ->type_name("N")
      ->capture_default_str();
  parity->add_flag("--json", command->json, "One JSON object");
  parity->footer(
      "Examples:\n"
      "  ciyuan parity\n"
      "  ciyuan parity -t o200k,qwen3,deepseek_v3 --base zh-Hans\n"
      "  ciyuan parity -t all --plot parity.svg --axis relative\n"
      "  ciyuan parity en=news.en zh=news.zh --json\n\n"
      "Characters are Unicode code points. Columns: tokens for 1,000 characters, for 1,000 bytes, and tokens "
      "for one of the\n"
      "base language's for the same lines; each with its 95 % interval, by bootstrap over lines. The "
      "cheapest "
      "language is\n"
      "first. A line that is empty in one language is left out in all.");
  parity->callback([&session, command] {
    Status done = run(session, *command);
    if (done.ok()) return;
    session.console().err << "ciyuan parity: " << done.error().text() << "\n";
    session.exit_code = kBadUsage;
  });
}

}  // namespace ciyuan::cli
