/// apply, get, delete, key: what operators write.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "base/canonical_json.h"
#include "base/file.h"
#include "cli/internal/commands.h"
#include "contract/document.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

/// "contract", "contracts", "price-book" → "Contract", "PriceBook".
Result<std::string> kind_of(const std::string& text) {
  auto plain = [](std::string_view word) {
    std::string letters;
    for (char c : word)
      if (c != '-' && c != '_') letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return letters;
  };
  std::string wanted = plain(text), known;
  for (std::string_view kind : contract::kDocumentKinds) {
    std::string name = plain(kind);
    std::string many =
        name.ends_with('y') && name != "key" ? name.substr(0, name.size() - 1) + "ies" : name + "s";
    if (wanted == name || wanted == many) return std::string(kind);
    known += (known.empty() ? "" : ", ") + std::string(kind);
  }
  return invalid("KIND", "\"" + text + "\" is none of " + known);
}

// A folder stands for the YAML and JSON files in it, sorted.
Result<std::vector<std::string>> files_of(const std::vector<std::string>& given) {
  std::vector<std::string> files;
  for (const std::string& path : given) {
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      std::string extension = entry.path().extension().string();
      if (extension == ".yaml" || extension == ".yml" || extension == ".json")
        inside.push_back(entry.path().string());
    }
    if (error) return system_error("list", path, error.value());
    if (inside.empty()) return invalid(path, "holds no .yaml, .yml or .json file");
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

// The server knows documents, not files: find the file and line of what it complains about.
Error with_source(Error error, const std::vector<contract::Document>& documents) {
  for (const contract::Document& document : documents) {
    std::size_t at = error.path.find(document.id());
    if (at == error.path.npos) continue;
    std::size_t end = at + document.id().size();
    if (end < error.path.size() && error.path[end] != ' ') continue;
    std::string pointer = end < error.path.size() ? error.path.substr(end + 1) : "";
    Error found = contract::document_error(document, pointer, error.message);
    found.code = error.code;
    return found;
  }
  return error;
}

struct ApplyOptions {
  std::vector<std::string> files;
  bool dry_run = false, json = false;
};

void apply(Session& session, const ApplyOptions& options) {
  auto files = files_of(options.files);
  if (!files.ok()) return session.fail(files.error());
  std::vector<contract::Document> documents;
  std::vector<Error> errors;
  for (const std::string& file : *files) {
    Result<std::string> text = std::string();
    if (file == "-")
      *text = std::string(std::istreambuf_iterator<char>(session.console().in), {});
    else
      text = read_file(file, contract::kDocumentBytesMax);
    if (!text.ok()) {
      errors.push_back(invalid(text.error().path.empty() ? file : text.error().path, text.error().message));
      continue;
    }
    contract::Reading reading = contract::read_documents(*text, file == "-" ? "standard input" : file);
    errors.insert(errors.end(), reading.errors.begin(), reading.errors.end());
    std::move(reading.documents.begin(), reading.documents.end(), std::back_inserter(documents));
  }
  if (!errors.empty()) return session.fail(errors);
  std::string body = "[";
  for (const contract::Document& document : documents)
    body += (body.size() == 1 ? "" : ",") + document.canonical;
  body += "]";
  std::vector<Error> listed;
  auto reply =
      session.send_json("POST", options.dry_run ? "/v1/apply?dry_run=true" : "/v1/apply", body, &listed);
  if (!reply.ok()) {
    if (listed.empty()) return session.fail(reply.error());
    for (Error& error : listed) session.fail(with_source(std::move(error), documents));
    return;
  }
  for (const Json& warning : (*reply)["warnings"]) session.note("warning: " + warning.get<std::string>());
  if (options.json) {
    session.out() << reply->dump() << "\n";
  } else if (options.dry_run) {
    session.out() << documents.size() << " documents are right; nothing was applied\n";
  } else {
    for (const Json& id : (*reply)["changed"]) session.out() << id.get<std::string>() << " applied\n";
    for (const Json& id : (*reply)["unchanged"]) session.out() << id.get<std::string>() << " unchanged\n";
  }
}

struct GetOptions {
  std::string kind, name;
  bool json = false, history = false;
};

void get(Session& session, const GetOptions& options) {
  std::string kind;
  if (!options.kind.empty()) {
    auto found = kind_of(options.kind);
    if (!found.ok()) return session.fail(found.error());
    kind = *found;
  }
  if (!options.name.empty()) {
    std::string target = "/v1/documents/" + kind + "/" + percent_encoded(options.name) +
                         (options.history ? "?history=true" : "");
    auto document = session.send_json("GET", target);
    if (!document.ok()) return session.fail(document.error());
    if (!options.history || options.json) {
      session.out() << (options.json ? document->dump() : document->dump(2)) << "\n";
      return;
    }
    Table table({"LEAF", "AT", "BY", "DIGEST"});
    table.align_right({0});
    for (const Json& version : (*document)["versions"])
      table.add({text_at(version, "leaf"), text_at(version, "at"), text_at(version, "actor"),
                 version.value("deleted", false) ? "(deleted)" : text_at(version, "digest")});
    return table.print(session.out());
  }
  auto list = session.send_json("GET", "/v1/documents" + query_of({{"kind", kind}}));
  if (!list.ok()) return session.fail(list.error());
  Table table({"KIND", "NAME", "APPLIED", "DIGEST"});
  for (const Json& document : (*list)["documents"]) {
    if (options.json) session.out() << document.dump() << "\n";
    table.add({text_at(document, "kind"), text_at(document, "name"),
               text_at(document, "at").substr(0, 19) + "Z", text_at(document, "digest").substr(0, 16)});
  }
  if (!options.json) table.print(session.out());
}

void remove(Session& session, const std::string& kind_text, const std::string& name) {
  auto kind = kind_of(kind_text);
  if (!kind.ok()) return session.fail(kind.error());
  std::vector<Error> listed;
  auto reply =
      session.send_json("DELETE", "/v1/documents/" + *kind + "/" + percent_encoded(name), "", &listed);
  if (reply.ok()) {
    session.out() << *kind << "/" << name << " deleted\n";
  } else if (listed.empty()) {
    session.fail(reply.error());
  } else {
    // What still refers to the document makes the set wrong; the command itself was well-formed.
    for (Error& error : listed) {
      if (error.code == ErrorCode::kInvalid) error.code = ErrorCode::kRefused;
      session.fail(error);
    }
  }
}

struct KeyOptions {
  std::string name, contract, expires, note;
  bool json = false, quiet = false;
};

// Nobody has seen the secret of a key that could not be printed: it must not stay in force.
void take_back_key(Session& session, const std::string& name) {
  auto deleted = session.send_json("DELETE", "/v1/documents/Key/" + percent_encoded(name));
  session.fail(Error{ErrorCode::kUnavailable,
                     "the secret of the key \"" + name + "\" could not be written; " +
                         (deleted.ok() ? "the key was deleted again"
                                       : "delete the key, which is in force: " + deleted.error().text()),
                     "standard output"});
}

void create_key(Session& session, const KeyOptions& options) {
  Json body = {{"name", options.name}, {"contract", options.contract}};
  if (!options.expires.empty()) body["expires"] = options.expires;
  if (!options.note.empty()) body["note"] = options.note;
  std::vector<Error> listed;
  auto reply = session.send_json("POST", "/v1/keys", body.dump(), &listed);
  if (!reply.ok()) return listed.empty() ? session.fail(reply.error()) : session.fail(listed);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error like a full disk
  session.out() << (options.json ? reply->dump() : text_at(*reply, "secret")) << "\n";
  session.out().flush();
  if (!session.out()) return take_back_key(session, options.name);
  if (!options.json && !options.quiet)
    session.note("This is the only time the secret of the key \"" + options.name +
                 "\" is shown; only its SHA-256 is kept.");
}

void add_key_command(CLI::App& app, Session& session) {
  auto* key = app.add_subcommand("key", "Make keys for clients");
  key->require_subcommand(1);
  auto* create = key->add_subcommand("create", "Make a key; its secret is printed once");
  auto options = std::make_shared<KeyOptions>();
  create->add_option("--contract", options->contract, "The contract that its calls fall under")->required();
  create->add_option("--name", options->name, "Name of the key, as records show it")->required();
  create->add_option("--expires", options->expires, "Date or RFC 3339 time from which it is refused");
  create->add_option("--note", options->note, "Words for yourself");
  create->add_flag("-q,--quiet", options->quiet, "Print the secret and nothing else");
  create->add_flag("--json", options->json, "Print {name, contract, secret} as JSON");
  create->footer(
      "The secret goes to standard output, everything else to standard error, so that this works:\n"
      "  export OPENAI_API_KEY=$(ciyuan key create --contract demo --name alice)\n\n"
      "To disable a key, apply its document with disabled: true; to remove it: ciyuan delete key alice.\n"
      "Caps of the key's own are fields of its document: ciyuan get key alice > alice.json, edit, ciyuan "
      "apply -f alice.json");
  create->callback([&session, options] { create_key(session, *options); });
}

}  // namespace

void add_document_commands(CLI::App& app, Session& session) {
  auto* apply_command = app.add_subcommand("apply", "Check documents and put them in force, all or nothing");
  auto apply_options = std::make_shared<ApplyOptions>();
  apply_command->add_option("-f,--file,FILE", apply_options->files,
                            "File, folder, or - for standard input, here or behind -f; may be repeated");
  apply_command->add_flag("--dry-run", apply_options->dry_run, "Only check");
  apply_command->add_flag("--json", apply_options->json, "Print the outcome as JSON");
  apply_command->footer(
      "Examples:\n"
      "  ciyuan apply -f examples/demo.yaml -f data/methods\n"
      "  ciyuan get contract demo | ciyuan apply -f - --dry-run\n\n"
      "A file holds YAML (several documents, --- between them) or JSON. Every error is listed with file, "
      "line, field,\n"
      "value and rule; unless all is right, nothing is applied. Kinds: Party, Upstream, Model, Method, "
      "PriceBook,\n"
      "ExchangeRates, Equivalence, Contract, Package, Licence, Key, AlertChannel, Budget. Their fields are "
      "described by\nthe JSON Schemas in schema/.");
  apply_command->callback([&session, apply_options] {
    if (apply_options->files.empty()) throw CLI::RequiredError("FILE, or -f FILE,");
    apply(session, *apply_options);
  });

  auto* get_command = app.add_subcommand("get", "Show documents in force");
  auto get_options = std::make_shared<GetOptions>();
  get_command->add_option("KIND", get_options->kind,
                          "party, upstream, model, method, pricebook, contract or key");
  get_command->add_option("NAME", get_options->name, "One document, whole");
  get_command->add_flag("--history", get_options->history, "Its versions, newest first");
  get_command->add_flag("--json", get_options->json, "One JSON object a line");
  get_command->footer(
      "Examples:\n  ciyuan get\n  ciyuan get contracts\n  ciyuan get contract demo\n  ciyuan get contract "
      "demo --history");
  get_command->callback([&session, get_options] { get(session, *get_options); });

  auto* delete_command =
      app.add_subcommand("delete", "Take a document out of force; its history stays in the log");
  auto what = std::make_shared<std::pair<std::string, std::string>>();
  delete_command->add_option("KIND", what->first, "Kind of the document")->required();
  delete_command->add_option("NAME", what->second, "Its name")->required();
  delete_command->footer(
      "Example:\n  ciyuan delete key alice\n\nRefused while another document refers to it.");
  delete_command->callback([&session, what] { remove(session, what->first, what->second); });
  add_key_command(app, session);
}

}  // namespace ciyuan::cli
