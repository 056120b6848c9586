/// equivalence: the verbs but make, and their help.

#include <algorithm>
#include <ostream>
#include <set>

#include "base/file.h"
#include "base/rounding.h"
#include "cli/internal/commands.h"
#include "cli/internal/custody.h"
#include "cli/internal/equivalence.h"
#include "contract/equivalence.h"
#include "contract/signing.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using measure::Equivalence;
using measure::Value;

std::string figure(const Equivalence& table, const std::string& model, Kind kind, Value value) {
  return format_decimal(table.ciyuan_per_token(model, value)[index_of(kind)], measure::kEquivalenceScale);
}

// One row for all kinds where they have the same figures, else one for each.
std::vector<std::pair<std::string, Kind>> kinds_of(const Equivalence& table, const std::string& model) {
  std::set<std::string> different;
  for (Kind kind : kAllKinds) {
    std::string figures;
    for (Value value : measure::kAllValues) figures += figure(table, model, kind, value) + " ";
    different.insert(figures);
  }
  if (different.size() == 1) return {{"all", Kind::kInput}};
  std::vector<std::pair<std::string, Kind>> kinds;
  for (Kind kind : kAllKinds) kinds.emplace_back(name_of(kind), kind);
  return kinds;
}

// ---- check

Json json_of(const EquivalenceFile& file) {
  Json rows = Json::array();
  for (const std::string& model : file.table.models())
    for (const auto& [name, kind] : kinds_of(file.table, model)) {
      Json row = {{"model", model}, {"kind", name}};
      for (Value value : measure::kAllValues)
        row[std::string(name_of(value))] = figure(file.table, model, kind, value);
      rows.push_back(std::move(row));
    }
  return {{"file", file.file},
          {"name", file.table.name()},
          {"version", file.table.version()},
          {"date", text_at(file.document.value, "date")},
          {"basis", name_of(file.table.basis())},
          {"digest", to_hex(file.document.digest)},
          {"rows", std::move(rows)},
          {"signature_lines", file.document.value.value("signatures", Json::array()).size()}};
}

void print_check(Session& session, const EquivalenceFile& file) {
  session.out() << "Equivalence/" << file.table.name() << " " << file.table.version() << " of "
                << text_at(file.document.value, "date") << ": right; digest " << to_hex(file.document.digest)
                << "\n";
  Table table({"MODEL", "KIND", "LOW", "MIDDLE", "HIGH"});
  table.align_right({2, 3, 4});
  for (const std::string& model : file.table.models())
    for (const auto& [name, kind] : kinds_of(file.table, model))
      table.add({model, name, figure(file.table, model, kind, Value::kLow),
                 figure(file.table, model, kind, Value::kMiddle),
                 figure(file.table, model, kind, Value::kHigh)});
  table.print(session.out());
}

struct CheckOptions {
  std::vector<std::string> files, keys, texts;
  bool json = false;
};

Status check_signers(Session& session, const EquivalenceFile& file, const CheckOptions& options) {
  for (const std::string& text : options.keys) {
    auto key = tlog::VerifierKey::parse(text);
    if (!key.ok()) return invalid("--signed-by", key.error().message);
    Status right = contract::check_equivalence_signature(file.document.value, *key);
    if (!right.ok())
      return Error{ErrorCode::kRefused, right.error().message,
                   file.file + " Equivalence/" + file.table.name()};
    if (!options.json) session.out() << "signed by " << key->name << "\n";
  }
  const std::size_t lines = file.document.value.value("signatures", Json::array()).size();
  if (options.keys.empty() && !options.json && lines > 0)
    session.note(std::to_string(lines) +
                 " signature lines, not checked: --signed-by says whose they must be");
  return {};
}

// Of tables that count texts: what they hold of them makes the middle only.
Status check_text_interval(Session& session, const EquivalenceFile& file, const CheckOptions& options) {
  if (!counts_texts(file.table.basis())) return {};
  std::vector<std::string> inputs = options.texts;
  if (inputs.empty()) inputs = {token::VocabularySet::standard().folder() + "/parity"};
  CIYUAN_TRY(const std::vector<ParityText> texts, read_parity_texts(inputs));
  const Status right = check_interval(file.document.value, texts);
  if (right.ok()) return {};
  if (right.error().code == ErrorCode::kNotFound && options.texts.empty()) {
    session.note("low and high were not made again: " + right.error().text() +
                 " (--text says where the texts are)");
    return {};
  }
  return contract::document_error(file.document, right.error().path, right.error().message);
}

void check(Session& session, const CheckOptions& options) {
  for (const std::string& name : options.files) {
    const EquivalenceFiles files = read_equivalences(name);
    for (const EquivalenceFile& file : files.tables) {
      if (Status right = check_text_interval(session, file, options); !right.ok()) {
        session.fail(right.error());
        continue;
      }
      options.json ? void(session.out() << json_of(file).dump() << '\n') : print_check(session, file);
      if (Status right = check_signers(session, file, options); !right.ok()) session.fail(right.error());
    }
    session.fail(files.errors);
  }
}

void add_check(CLI::App& parent, Session& session) {
  auto* command = parent.add_subcommand("check", "Whether tables are right and signed, and what they say");
  auto options = std::make_shared<CheckOptions>();
  command->add_option("FILE", options->files, "Documents (YAML or JSON)")->required();
  command->add_option("--signed-by", options->keys, "A verifier key that must have signed. May be repeated")
      ->type_name("KEY")
      ->allow_extra_args(false);
  command
      ->add_option("--text", options->texts,
                   "The texts that were counted: LANGUAGE=FILE, or a folder of LANGUAGE.txt files. None: the "
                   "Universal Declaration of Human Rights")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "One JSON object a line");
  command->footer(
      "Example:\n  ciyuan equivalence check parity.json --signed-by lantern.example+3d5f…+AW…\n\n"
      "Each figure is made again of what the table holds, and of the texts where those are here. An error "
      "names the JSON pointer (in "
      "YAML the line,\n"
      "too), the value and the rule; exit code 2. A signature that is missing or wrong: 1.");
  command->callback([&session, options] { check(session, *options); });
}

// ---- sign

Result<EquivalenceFile> one_table(const std::string& name) {
  EquivalenceFiles files = read_equivalences(name);
  if (!files.errors.empty()) return files.errors.front();
  if (files.tables.size() != 1)
    return invalid(name, "has " + std::to_string(files.tables.size()) + " tables: give a file with one");
  return std::move(files.tables.front());
}

Status sign(Session& session, const std::string& name, const std::string& key_file,
            const std::string& output) {
  CIYUAN_TRY(const EquivalenceFile file, one_table(name));
  CIYUAN_TRY(const tlog::NoteSigner key, load_signing_key(key_file));
  CIYUAN_TRY(const std::string text, contract::equivalence_text(file.document.value));
  CIYUAN_TRY(const Json table, contract::with_signature(file.document.value, text, key));
  session.deliver(table.dump(2) + "\n", output);
  return {};
}

void add_sign(CLI::App& parent, Session& session) {
  auto* command = parent.add_subcommand("sign", "Put a party's signature into a table");
  struct SignOptions {
    std::string file, key, output;
  };
  auto options = std::make_shared<SignOptions>();
  command->add_option("FILE", options->file, "The table, signed by others or not")->required();
  command->add_option("--key", options->key, "File of the private key, from `ciyuan settlement keygen`")
      ->required();
  command->add_option("-o,--output", options->output, "File to write; standard output if not said");
  command->footer(
      "Example:\n  ciyuan equivalence sign parity.json --key lantern.key -o parity.json\n\n"
      "What is signed is the SHA-256 of the table's canonical JSON without its signatures, as a signed "
      "note.");
  command->callback([&session, options] {
    if (Status done = sign(session, options->file, options->key, options->output); !done.ok())
      session.fail(done.error());
  });
}

// ---- diff

// Half up at two decimals, away from zero.
std::string percent_between(Amount first, Amount second) {
  const std::optional<Amount> hundredths = difference_of_percent(first, second);
  if (!hundredths) return "";
  return (second < first ? "" : "+") + format_decimal(*hundredths, 2);
}

Status diff(Session& session, const std::string& first_name, const std::string& second_name, bool json) {
  CIYUAN_TRY(const EquivalenceFile first, one_table(first_name));
  CIYUAN_TRY(const EquivalenceFile second, one_table(second_name));
  Table table({"MODEL", "KIND", "VALUE", "A", "B", "%"});
  table.align_right({3, 4, 5});
  Json rows = Json::array();
  std::vector<std::string> models = first.table.models();
  for (const std::string& model : second.table.models())
    if (!first.table.covers(model)) models.push_back(model);
  auto add = [&](const std::string& model, std::string_view kind, std::string_view value,
                 const std::string& a, const std::string& b, const std::string& percent) {
    table.add({model, std::string(kind), std::string(value), a, b, percent});
    rows.push_back(
        {{"model", model}, {"kind", kind}, {"value", value}, {"a", a}, {"b", b}, {"percent", percent}});
  };
  for (const std::string& model : models) {
    if (!first.table.covers(model) || !second.table.covers(model)) {
      add(model, "all", "all", first.table.covers(model) ? "a row" : "none",
          second.table.covers(model) ? "a row" : "none", "");
      continue;
    }
    for (Kind kind : kAllKinds)
      for (Value value : measure::kAllValues) {
        const Amount a = first.table.ciyuan_per_token(model, value)[index_of(kind)],
                     b = second.table.ciyuan_per_token(model, value)[index_of(kind)];
        if (a != b)
          add(model, name_of(kind), name_of(value), figure(first.table, model, kind, value),
              figure(second.table, model, kind, value), percent_between(a, b));
      }
  }
  if (json)
    session.out() << Json{{"a", to_hex(first.document.digest)},
                          {"b", to_hex(second.document.digest)},
                          {"rows", rows}}
                         .dump()
                  << "\n";
  else if (rows.empty())
    session.out() << "the same figures for the same models\n";
  else
    table.print(session.out());
  if (!rows.empty()) session.exit_code = kFailed;
  return {};
}

void add_diff(CLI::App& parent, Session& session) {
  auto* command = parent.add_subcommand("diff", "What two tables say otherwise, by model, kind and value");
  struct DiffTables {
    std::string first, second;
    bool json = false;
  };
  auto options = std::make_shared<DiffTables>();
  command->add_option("A", options->first, "A file with one table")->required();
  command->add_option("B", options->second, "Another one")->required();
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "Example:\n  ciyuan equivalence diff parity-2026.json parity-2027.json\n\n"
      "Exit code 0: the same figures; 1: not; 2: one is not right.");
  command->callback([&session, options] {
    if (Status done = diff(session, options->first, options->second, options->json); !done.ok())
      session.fail(done.error());
  });
}

// ---- compare

struct CompareOptions {
  std::string contract, period, with;
  bool json = false;
};

void compare(Session& session, const CompareOptions& options) {
  auto reply =
      session.send_json("GET", "/v1/contracts/" + percent_encoded(options.contract) + "/equivalence" +
                                   query_of({{"period", options.period}, {"with", options.with}}));
  if (!reply.ok()) return session.fail(reply.error());
  std::ostream& out = session.out();
  if (options.json) {
    out << reply->dump() << "\n";
    return;
  }
  const Json& other = member_of(*reply, "table");
  out << text_at(*reply, "contract") << " under " << (text_at(other, "kind") == "Method" ? "the method " : "")
      << text_at(other, "name") << " " << text_at(other, "version") << " (" << text_at(other, "basis")
      << "), for comparison: nothing was posted\n";
  Table table({"MODEL", "KIND", "TOKENS", "BILLED", "LOW", "MIDDLE", "HIGH", "%"});
  table.align_right({2, 3, 4, 5, 6, 7});
  auto add = [&](const Json& row) {
    table.add({text_at(row, "model"), text_at(row, "kind"), text_at(row, "tokens"), text_at(row, "billed"),
               text_at(row, "low"), text_at(row, "middle"), text_at(row, "high"),
               text_at(row, "difference_percent")});
  };
  for (const Json& row : reply->value("rows", Json::array())) add(row);
  Json totals = member_of(*reply, "totals");
  totals["model"] = "in all";
  add(totals);
  table.print(out);
  out << text_at(*reply, "calls") << " calls\n";
  for (const auto& [model, calls] : member_of(*reply, "uncovered").items())
    out << calls << " calls of " << model << ", for which it has no figures, are left out\n";
  const Json& unexplained = member_of(*reply, "unexplained");
  if (text_at(unexplained, "calls") != "0")
    out << text_at(unexplained, "calls") << " records have " << text_at(unexplained, "ciyuan")
        << " Ciyuan that the documents they name do not explain\n";
}

void add_compare(CLI::App& parent, Session& session) {
  auto* command = parent.add_subcommand(
      "compare",
      "What a contract's calls would have been in Ciyuan under another table or method; posts nothing");
  auto options = std::make_shared<CompareOptions>();
  command->add_option("CONTRACT", options->contract, "Its name")->required();
  command->add_option("--period", options->period, "2026, 2026-11, 2026-11-05 or A..B")->required();
  command
      ->add_option("--with", options->with,
                   "Name of an Equivalence or a Method that was applied: parity, Method/native-v1")
      ->required();
  command->add_flag("--json", options->json, "As JSON");
  command->footer("Example:\n  ciyuan equivalence compare deal --period 2026-11 --with parity");
  command->callback([&session, options] { compare(session, *options); });
}

}  // namespace

void add_equivalence_command(CLI::App& app, Session& session) {
  auto* equivalence = app.add_subcommand(
      "equivalence", "Tables that turn a model's tokens into Ciyuan: make, check, sign, compare");
  equivalence->require_subcommand(1);
  add_equivalence_make(*equivalence, session);
  add_check(*equivalence, session);
  add_sign(*equivalence, session);
  add_diff(*equivalence, session);
  add_compare(*equivalence, session);
}

}  // namespace ciyuan::cli
