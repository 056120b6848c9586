/// contract: check, coverage, explain, diff and sign, on files alone.

#include <algorithm>
#include <memory>
#include <ostream>

#include "base/file.h"
#include "cli/internal/commands.h"
#include "cli/internal/custody.h"
#include "contract/coverage.h"
#include "contract/document.h"
#include "contract/redline.h"
#include "contract/registry.h"
#include "contract/signing.h"

namespace ciyuan::cli {
namespace {

using contract::Document;

Result<std::vector<Document>> read_all(const std::vector<std::string>& files, std::vector<Error>& errors) {
  std::vector<Document> documents;
  for (const std::string& file : files) {
    CIYUAN_TRY(std::string text, read_file(file, contract::kDocumentBytesMax));
    contract::Reading reading = contract::read_documents(text, file);
    errors.insert(errors.end(), reading.errors.begin(), reading.errors.end());
    std::move(reading.documents.begin(), reading.documents.end(), std::back_inserter(documents));
  }
  return documents;
}

/// The one Contract of a file, or the one of this name.
Result<Document> one_contract(const std::string& file, const std::string& name) {
  std::vector<Error> errors;
  CIYUAN_TRY(std::vector<Document> documents, read_all({file}, errors));
  if (!errors.empty()) return errors.front();
  std::erase_if(documents, [&](const Document& document) {
    return document.kind != "Contract" || (!name.empty() && document.name != name);
  });
  if (documents.size() != 1)
    return invalid(file, "has " + std::to_string(documents.size()) + " contracts" +
                             (name.empty() ? "; say which with --name" : " of the name " + name));
  return std::move(documents.front());
}

void check(Session& session, const std::vector<std::string>& files) {
  std::vector<Error> errors;
  auto documents = read_all(files, errors);
  if (!documents.ok()) return session.fail(documents.error());
  if (!errors.empty()) return session.fail(errors);
  const std::size_t count = documents->size();
  contract::BuildOutcome outcome = contract::Registry::build(std::move(*documents));
  if (!outcome.errors.empty()) return session.fail(outcome.errors);
  for (const std::string& warning : outcome.warnings) session.out() << "warning: " << warning << "\n";
  session.out() << count << " documents are right\n";
}

void coverage(Session& session, const Document& document, bool json) {
  Table table({"CLAUSE", "KIND", "COVERAGE", "WHAT IS DONE"});
  std::size_t counts[3] = {};
  for (const contract::ClauseCoverage& one : contract::coverage_of(document.value)) {
    const std::string state(contract::name_of(one.coverage));
    ++counts[static_cast<std::size_t>(one.coverage)];
    if (json)
      session.out() << Json{{"id", one.id},
                            {"kind", one.kind},
                            {"coverage", state},
                            {"what", one.what},
                            {"tests", one.tests}}
                           .dump()
                    << "\n";
    table.add({one.id, one.kind, state, one.what});
  }
  if (json) return;
  table.print(session.out());
  session.out() << counts[0] << " enforced, " << counts[1] << " monitored, " << counts[2] << " manual\n";
}

// The contract's own words, beside what the program makes of them.
void explain(Session& session, const Document& document) {
  std::ostream& out = session.out();
  const Json &title = member_of(document.value, "title"), &parties = member_of(document.value, "parties");
  out << document.name << ", version " << text_at(document.value, "version") << ": "
      << text_at(parties, "provider") << " serves " << text_at(parties, "consumer") << "\n";
  for (const char* language : {"en", "zh"})
    if (std::string words = text_at(title, language); !words.empty()) out << words << "\n";
  const auto covered = contract::coverage_of(document.value);
  const Json& clauses = document.value["clauses"];
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    out << "\n"
        << covered[i].id << " (" << covered[i].kind << ", " << contract::name_of(covered[i].coverage)
        << ")\n";
    const Json& text = member_of(clauses[i], "text");
    bool has_words = false;
    for (const char* language : {"en", "zh"})
      if (std::string words = text_at(text, language); !words.empty())
        out << "  " << words << "\n", has_words = true;
    if (!has_words) out << "  (no words of its own)\n";
    for (const Json& rule : clauses[i].value("rules", Json::array()))
      out << "  · " << text_at(rule, "effect") << " " << text_at(rule, "id") << ": "
          << text_at(member_of(rule, "text"), "en") << "\n";
  }
}

std::string shown(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void diff(Session& session, const Document& before, const Document& after, bool json) {
  const auto changes = contract::redline(before.value, after.value);
  for (const contract::Change& change : changes) {
    if (json) {
      session.out() << Json{{"path", change.path}, {"before", change.before}, {"after", change.after}}.dump()
                    << "\n";
      continue;
    }
    if (change.before.is_null())
      session.out() << "+ " << change.path << "\n    " << shown(change.after) << "\n";
    else if (change.after.is_null())
      session.out() << "- " << change.path << "\n    " << shown(change.before) << "\n";
    else
      session.out() << "~ " << change.path << "\n  - " << shown(change.before) << "\n  + "
                    << shown(change.after) << "\n";
  }
  if (!json) session.out() << changes.size() << (changes.size() == 1 ? " change\n" : " changes\n");
}

Status sign(Session& session, const Document& document, const std::string& key_file,
            const std::string& output) {
  CIYUAN_TRY(const tlog::NoteSigner key, load_signing_key(key_file));
  CIYUAN_TRY(const std::string text, contract::contract_text(document.value));
  CIYUAN_TRY(const Json made, contract::with_signature(document.value, text, key));
  session.deliver(made.dump(2) + "\n", output);
  return {};
}

struct FileOptions {
  std::string file, other, name, key, output;
  bool json = false;
};

/// A subcommand about one contract of a file.
CLI::App* about_one(CLI::App& parent, const char* verb, const char* words,
                    const std::shared_ptr<FileOptions>& options) {
  auto* command = parent.add_subcommand(verb, words);
  command->add_option("FILE", options->file, "Document with the contract (YAML or JSON)")->required();
  command->add_option("--name", options->name, "Of the contract, where the file has several");
  return command;
}

void with_contract(Session& session, const FileOptions& options,
                   const std::function<void(const Document&)>& then) {
  auto document = one_contract(options.file, options.name);
  document.ok() ? then(*document) : session.fail(document.error());
}

void add_diff(CLI::App& parent, Session& session) {
  auto options = std::make_shared<FileOptions>();
  auto* command =
      about_one(parent, "diff", "What changed from one version of a contract to another", options);
  command->add_option("NEWER", options->other, "Document with the later version")->required();
  command->add_flag("--json", options->json, "One change a line, as JSON");
  command->footer(
      "Clauses and rules are compared by their ids, wherever they stand.\nExample:\n"
      "  ciyuan contract diff desk-v1.yaml desk-v2.yaml");
  command->callback([&session, options] {
    with_contract(session, *options, [&](const Document& before) {
      auto after = one_contract(options->other, options->name);
      after.ok() ? diff(session, before, *after, options->json) : session.fail(after.error());
    });
  });
}

void add_sign(CLI::App& parent, Session& session) {
  auto options = std::make_shared<FileOptions>();
  auto* command = about_one(parent, "sign", "Put a party's signature into a contract", options);
  command->add_option("--key", options->key, "File of the private key, from `ciyuan settlement keygen`")
      ->required();
  command->add_option("-o,--output", options->output, "File to write; standard output if not said");
  command->footer(
      "What is signed is the SHA-256 of the contract's canonical JSON without its signatures, as a signed "
      "note. `apply`\n"
      "refuses a signature that is not a party's, or not of the contract as it stands.\nExample:\n"
      "  ciyuan contract sign desk.yaml --key lantern.key -o desk.json");
  command->callback([&session, options] {
    with_contract(session, *options, [&](const Document& document) {
      if (Status done = sign(session, document, options->key, options->output); !done.ok())
        session.fail(done.error());
    });
  });
}

}  // namespace

void add_contract_commands(CLI::App& app, Session& session) {
  auto* parent = app.add_subcommand("contract", "Contracts as files: check, coverage, explain, diff, sign");
  parent->require_subcommand(1);
  auto* check_command =
      parent->add_subcommand("check", "Whether documents are right together, without a server");
  auto files = std::make_shared<std::vector<std::string>>();
  check_command->add_option("FILE", *files, "All documents that refer to each other")->required();
  check_command->footer(
      "An error names file, line, field, value and rule; exit code 2.\nExample:\n"
      "  ciyuan contract check examples/demo.yaml examples/governance.yaml data/methods/native-v1.json");
  check_command->callback([&session, files] { check(session, *files); });

  auto covered = std::make_shared<FileOptions>();
  auto* coverage_command =
      about_one(*parent, "coverage", "What is enforced, what is monitored, what people do", covered);
  coverage_command->add_flag("--json", covered->json,
                             "One clause a line, with the tests that try to break it");
  coverage_command->footer("Example:\n  ciyuan contract coverage examples/governance.yaml");
  coverage_command->callback([&session, covered] {
    with_contract(session, *covered,
                  [&](const Document& document) { coverage(session, document, covered->json); });
  });

  auto explained = std::make_shared<FileOptions>();
  auto* explain_command =
      about_one(*parent, "explain", "A contract in its own words, clause by clause", explained);
  explain_command->footer("Example:\n  ciyuan contract explain examples/governance.yaml");
  explain_command->callback([&session, explained] {
    with_contract(session, *explained, [&](const Document& document) { explain(session, document); });
  });
  add_diff(*parent, session);
  add_sign(*parent, session);
}

}  // namespace ciyuan::cli
