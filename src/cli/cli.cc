#include "cli/cli.h"

#include <algorithm>
#include <numeric>
#include <ostream>
#include <utility>

#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

void add_commands(CLI::App& app, Session& session) {
  app.name("ciyuan");
  // Exactly one: once it was found, no later word is mistaken for another one ("ciyuan get key").
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");
  // Set before any command is added, since commands take it over: the options below may stand before or
  // behind the verb.
  app.fallthrough();
  app.add_option("--admin", session.address().url, "The control plane; http://127.0.0.1:8090 if not said")
      ->envname("CIYUAN_ADMIN")
      ->type_name("URL");
  app.add_option("--data", session.address().folder,
                 "The service's data folder, for its admin.token; ciyuan-data if not said")
      ->envname("CIYUAN_DATA_FOLDER")
      ->type_name("FOLDER");
  app.footer(
      "A first session:\n"
      "  ciyuan standin --port 8081 --model smollm2 &     a service without a model, if you have none\n"
      "  ciyuan serve --quiet &                           calls on 127.0.0.1:8080, control plane on "
      "127.0.0.1:8090\n"
      "  ciyuan apply -f examples/demo.yaml -f data/methods\n"
      "  export OPENAI_API_KEY=$(ciyuan key create --contract demo --name alice)\n"
      "  curl -N http://127.0.0.1:8080/v1/chat/completions -H \"Authorization: Bearer $OPENAI_API_KEY\" \\\n"
      "    -d "
      "'{\"model\":\"smollm2\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n"
      "  ciyuan record list\n"
      "  ciyuan explain RECORD\n"
      "  ciyuan statement demo\n\n"
      "Each command has a help of its own: ciyuan apply --help. Commands that talk to a running `ciyuan "
      "serve` find it by\n"
      "--admin or CIYUAN_ADMIN, and its token in CIYUAN_ADMIN_TOKEN or in the file admin.token of the data "
      "folder.\n"
      "Results go to standard output, everything else to standard error.\n"
      "Exit codes: 0 done; 1 refused, failed or unreachable; 2 bad usage or input.");
  add_service_commands(app, session);
  add_document_commands(app, session);
  add_account_commands(app, session);
  add_record_commands(app, session);
  add_statement_commands(app, session);
  add_closing_commands(app, session);
  add_suspension_commands(app, session);
  add_access_commands(app, session);
  add_contract_commands(app, session);
  add_invoice_commands(app, session);
  add_settlement_commands(app, session);
  add_equivalence_command(app, session);
  add_licence_commands(app, session);
  add_offline_commands(app, session);
  add_completion_command(app, session);
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

// The command that was meant, as far as the arguments say.
const CLI::App* reached(const CLI::App& app) {
  const CLI::App* current = &app;
  for (auto parsed = current->get_subcommands(); !parsed.empty(); parsed = current->get_subcommands())
    current = parsed.front();
  return current;
}

std::string path_of(const CLI::App* app) {
  std::string path = app->get_name();
  for (const CLI::App* parent = app->get_parent(); parent != nullptr; parent = parent->get_parent())
    path = parent->get_name() + " " + path;
  return path;
}

// How many letters are to be changed, added or left out to make one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t k = 0; k < b.size(); ++k) {
      std::size_t changed = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = std::exchange(row[k + 1], std::min({row[k + 1] + 1, row[k] + 1, changed}));
    }
  }
  return row.back();
}

// "there is no command "nix" …" where a word stands for a command that is none; else the parser's own words.
std::string complaint(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = reached(app);
  std::vector<std::string> left = app.remaining(true);
  auto word =
      std::find_if(left.begin(), left.end(), [](const std::string& one) { return !one.starts_with('-'); });
  if (at->get_require_subcommand_min() == 0 || word == left.end()) return error.what();
  std::string near;
  for (const CLI::App* command : at->get_subcommands({}))
    if (distance(*word, command->get_name()) <= 2 || command->get_name().starts_with(*word))
      near += (near.empty() ? "; is it " : " or ") + command->get_name();
  return path_of(at) + " has no command \"" + *word + "\"" + near;
}

}  // namespace

int run_cli(const std::vector<std::string>& arguments, Console& console) {
  CLI::App app("Meters, prices, limits and proves the use of AI models in tokens (词元, Ciyuan).");
  Session session(console);
  add_commands(app, session);
  try {
    // CLI11 takes the arguments from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    console.out << app.help();
    return kDone;
  } catch (const CLI::CallForAllHelp&) {
    console.out << app.help("", CLI::AppFormatMode::All);
    return kDone;
  } catch (const CLI::ParseError& error) {
    if (arguments.empty()) {
      console.err << app.help();
      return kBadUsage;
    }
    console.err << "ciyuan: " << one_line(complaint(app, error)) << "; see " << path_of(reached(app))
                << " --help\n";
    return kBadUsage;
  }
  console.out.flush();
  if (!console.out && session.exit_code == kDone) {
    console.err << "ciyuan: the output could not be written\n";
    return kFailed;
  }
  return session.exit_code;
}

}  // namespace ciyuan::cli
