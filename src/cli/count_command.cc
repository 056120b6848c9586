/// count: the verb's options and help, and finding a model's tokenizer through the control plane.

#include <unistd.h>

#include <iostream>

#include "cli/count.h"
#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

// By the model's name, else by one of its aliases.
Result<std::string> tokenizer_of(Session& session, const std::string& model) {
  auto document = session.send_json("GET", "/v1/documents/Model/" + percent_encoded(model));
  if (document.ok()) return text_at(*document, "tokenizer");
  if (document.error().code != ErrorCode::kNotFound) return document.error();
  CIYUAN_TRY(Json models, session.send_json("GET", "/v1/documents?kind=Model"));
  std::string known;
  for (const Json& listed : models["documents"]) {
    std::string name = text_at(listed, "name");
    CIYUAN_TRY(Json other, session.send_json("GET", "/v1/documents/Model/" + percent_encoded(name)));
    for (const Json& alias : other.value("aliases", Json::array()))
      if (alias == model) return text_at(other, "tokenizer");
    known += (known.empty() ? "" : ", ") + name;
  }
  return Error{ErrorCode::kNotFound,
               "\"" + model + "\" is no model of this gateway" + (known.empty() ? "" : "; it has " + known),
               "--model"};
}

int count(Session& session, CountOptions options) {
  bool unreachable = false;
  options.tokenizer_of_model = [&](const std::string& model) {
    Result<std::string> tokenizer = tokenizer_of(session, model);
    // The words were right, the service was not there: that is another exit code than bad input.
    unreachable = !tokenizer.ok() && tokenizer.error().code != ErrorCode::kNotFound &&
                  tokenizer.error().code != ErrorCode::kInvalid;
    return tokenizer;
  };
  Console& console = session.console();
  // Figures for people only where people look.
  options.header = !options.json && &console.out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
  options.progress = &console.err == &std::cerr && ::isatty(STDERR_FILENO) == 1;
  int code = run_count(options, console.in, console.out, console.err);
  return unreachable ? kFailed : code;
}

}  // namespace

void add_count_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("count", "Count tokens, as wc counts words");
  auto options = std::make_shared<CountOptions>();
  command->add_option(
      "FILE", options->inputs,
      "Files, folders, patterns, or - for standard input, which is also read if none is given");
  auto* tokenizer = command
                        ->add_option("-t,--tokenizer", options->tokenizers,
                                     std::string("o200k, cl100k, qwen3, deepseek_v3, llama3, gemma3, …; ") +
                                         kDefaultTokenizer +
                                         " if not said. Several: a,b or repeated; all: each that is here")
                        ->type_name("NAME");
  auto* model = command
                    ->add_option("-m,--model", options->models,
                                 "The tokenizer of this model: NAME=TOKENIZER, or a Model document of the "
                                 "--price file, or a model of the running gateway. Several: a,b or repeated")
                    ->type_name("NAME")
                    ->excludes(tokenizer);
  auto* field = command
                    ->add_option("--field", options->fields,
                                 "Count this text of each JSON line: messages.0.content, messages.*.content, "
                                 "or the JSON pointer /messages/0/content. Repeat it for more")
                    ->type_name("PATH");
  for (CLI::Option* list : {tokenizer, model, field}) list->allow_extra_args(false);
  for (CLI::Option* list : {tokenizer, model}) list->delimiter(',');
  command->add_flag("--lines", options->each_line, "A row for each JSON line, named FILE:NUMBER");
  command
      ->add_option("--price", options->price_file,
                   "Documents (YAML or JSON) with a price book: what each model's tokens cost, exactly")
      ->type_name("BOOK");
  command->add_option("--kind", options->kind, "What the tokens are priced as: input, output, cache_read, …")
      ->type_name("KIND")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Files, or JSON lines, counted at once; 0: one a core")
      ->check(CLI::Range(0, 64))
      ->type_name("N");
  command->add_flag("--json", options->json,
                    "One JSON object a line: file, tokens (by name if several), bytes, …");
  command->footer(
      "Examples:\n"
      "  ciyuan count README.md\n"
      "  ciyuan count --tokenizer qwen3 src docs\n"
      "  curl -s https://example.com | ciyuan count -t llama3\n"
      "  ciyuan count --model smollm2 --json '*.txt'\n"
      "  ciyuan count -t o200k,qwen3,deepseek_v3 README.md\n"
      "  ciyuan count --model smollm2 --price examples/demo.yaml README.md\n"
      "  ciyuan count --model gpt-4o=o200k,qwen-max=qwen3 --price prices.yaml README.md\n"
      "  ciyuan count --field 'messages.*.content' --lines chats.jsonl\n\n"
      "The figures are the gateway's own: exact, by the tokenizer's real vocabulary, special tokens counted "
      "as text.\n"
      "Folders are walked through without hidden and binary files; with --field, their .jsonl and .ndjson "
      "files\n"
      "are. A line that is no JSON or lacks the field is named by its number and left out, with exit code "
      "2.\n"
      "Prices are the documents that `ciyuan apply` takes; the cost is exact, without what a book asks for "
      "each request.\n"
      "An unknown name lists the tokenizers there are.");
  command->callback([&session, options] { session.exit_code = count(session, *options); });
}

}  // namespace ciyuan::cli
