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
                        ->add_option("-t,--tokenizer", options->tokenizer,
                                     std::string("o200k, cl100k, qwen3, deepseek_v3, llama3, smollm2, …; ") +
                                         kDefaultTokenizer + " if not said")
                        ->type_name("NAME");
  command->add_option("-m,--model", options->model, "The tokenizer of this model of the running gateway")
      ->type_name("NAME")
      ->excludes(tokenizer);
  command->add_option("--threads", options->threads, "Files counted at once; 0: one a core")
      ->check(CLI::Range(0, 64))
      ->type_name("N");
  command->add_flag("--json", options->json, "One JSON object a line: file, tokens, bytes, tokenizer");
  command->footer(
      "Examples:\n"
      "  ciyuan count README.md\n"
      "  ciyuan count --tokenizer qwen3 src docs\n"
      "  curl -s https://example.com | ciyuan count -t llama3\n"
      "  ciyuan count --model smollm2 --json '*.txt'\n\n"
      "The figures are the gateway's own: exact, by the tokenizer's real vocabulary, special tokens counted "
      "as text.\n"
      "Folders are walked through without hidden and binary files. An unknown name lists the tokenizers "
      "there are.");
  command->callback([&session, options] { session.exit_code = count(session, *options); });
}

}  // namespace ciyuan::cli
