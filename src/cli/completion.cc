#include "cli/internal/completion.h"

#include <ostream>
#include <vector>

#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

struct Word {
  std::string text, help;
};
/// A place in the tree: what can be written after "ciyuan account deposit".
struct Place {
  std::string path;  ///< "account deposit"; "" for the program itself
  std::vector<Word> words;
};

std::string one_line(std::string text) {
  text = text.substr(0, text.find('\n'));
  std::string plain;
  for (char c : text)
    if (c != '\'' && c != '"' && c != '`' && c != ':' && c != '$' && c != '\\') plain += c;
  return plain;
}

void collect(const CLI::App& app, const std::string& path, std::vector<Place>& places) {
  Place place{path, {}};
  auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children)
    place.words.push_back({child->get_name(), one_line(child->get_description())});
  for (const CLI::Option* option : app.get_options()) {
    // One that may also stand without its name has names all the same.
    for (const std::string& name : option->get_lnames())
      place.words.push_back({"--" + name, one_line(option->get_description())});
    for (const std::string& name : option->get_snames())
      place.words.push_back({"-" + name, one_line(option->get_description())});
  }
  places.push_back(std::move(place));
  for (const CLI::App* child : children)
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), places);
}

// The words typed so far that are subcommands make the place; each shell has the same walk in its own words.
std::string bash_script(const std::vector<Place>& places) {
  std::string script =
      "# bash completion of ciyuan. Load it with: source <(ciyuan completion bash)\n"
      "_ciyuan() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" known i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    known=\"${path:+$path }${COMP_WORDS[i]}\"\n"
      "    case \"$known\" in\n      ";
  bool first = true;
  for (const Place& place : places)
    if (!place.path.empty()) {
      script += (first ? "" : "|") + ("\"" + place.path + "\"");
      first = false;
    }
  script += ") path=\"$known\" ;;\n    esac\n  done\n  local words=\"\"\n  case \"$path\" in\n";
  for (const Place& place : places) {
    script += "    \"" + place.path + "\") words=\"";
    for (std::size_t i = 0; i < place.words.size(); ++i) script += (i == 0 ? "" : " ") + place.words[i].text;
    script += "\" ;;\n";
  }
  return script +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -o bashdefault -F _ciyuan ciyuan\n";
}

std::string zsh_script(const std::vector<Place>& places) {
  std::string script =
      "#compdef ciyuan\n"
      "# zsh completion of ciyuan. Load it with: source <(ciyuan completion zsh)\n"
      "_ciyuan() {\n"
      "  local place=\"\" known i\n"
      "  local -a found\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    known=\"${place:+$place }${words[i]}\"\n"
      "    case \"$known\" in\n      ";
  bool first = true;
  for (const Place& place : places)
    if (!place.path.empty()) {
      script += (first ? "" : "|") + ("\"" + place.path + "\"");
      first = false;
    }
  script += ") place=\"$known\" ;;\n    esac\n  done\n  case \"$place\" in\n";
  for (const Place& place : places) {
    script += "    \"" + place.path + "\") found=(";
    for (const Word& word : place.words) script += " '" + word.text + ":" + word.help + "'";
    script += " ) ;;\n";
  }
  return script +
         "  esac\n"
         "  _describe 'ciyuan' found\n"
         "  _files\n"
         "}\n"
         "if [ \"$funcstack[1]\" = \"_ciyuan\" ]; then _ciyuan \"$@\"; else compdef _ciyuan ciyuan; fi\n";
}

std::string fish_script(const std::vector<Place>& places) {
  std::string known;
  for (const Place& place : places)
    if (!place.path.empty()) known += " '" + place.path + "'";
  std::string script =
      "# fish completion of ciyuan. Load it with: ciyuan completion fish | source\n"
      "function __ciyuan_place\n"
      "  set -l place ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    set -l next (string trim -- \"$place $word\")\n"
      "    if contains -- \"$next\"" +
      known +
      "\n"
      "      set place \"$next\"\n"
      "    end\n"
      "  end\n"
      "  test \"$place\" = \"$argv[1]\"\n"
      "end\n";
  for (const Place& place : places)
    for (const Word& word : place.words) {
      std::string how = word.text.starts_with("--")  ? "-l " + word.text.substr(2)
                        : word.text.starts_with("-") ? "-s " + word.text.substr(1)
                                                     : "-a " + word.text;
      script += "complete -c ciyuan -n \"__ciyuan_place '" + place.path + "'\" " + how + " -d '" + word.help +
                "'\n";
    }
  return script;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  std::vector<Place> places;
  collect(app, "", places);
  if (shell == "zsh") return zsh_script(places);
  if (shell == "fish") return fish_script(places);
  return bash_script(places);
}

void add_completion_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n  source <(ciyuan completion bash)\n  ciyuan completion fish > "
      "~/.config/fish/completions/ciyuan.fish");
  command->callback([&app, &session, shell] { session.out() << completion_script(app, *shell); });
}

}  // namespace ciyuan::cli
