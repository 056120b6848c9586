/// method: the verbs and their help; listing and checking methods.

#include <ostream>

#include "cli/internal/commands.h"
#include "cli/internal/methods.h"
#include "measure/profiles.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kDigestShown = 16;

struct CheckOptions {
  std::vector<std::string> files;
  bool json = false;
};

// Its own models, then one that stands for every other.
std::vector<std::string> models_of(const measure::Method& method) {
  std::vector<std::string> models = method.models();
  models.emplace_back(kOtherModels);
  return models;
}

Json json_of(const MethodFile& file) {
  Json models = Json::array();
  for (const std::string& model : models_of(file.method)) {
    if (!file.method.covers(model).ok()) {
      models.push_back({{"model", model}, {"counted", false}});
      continue;
    }
    Json counts = Json::object(), weights = Json::object();
    for (const CountedThing& thing : counted_things(file.method, model)) {
      counts[thing.what] = {{"by", thing.by}, {"level", record::name_of(thing.level)}};
      if (thing.unseen) counts[thing.what]["unseen"] = *thing.unseen;
    }
    for (Kind kind : kAllKinds)
      weights[std::string(name_of(kind))] =
          format_decimal(file.method.ciyuan_per_token(model)[index_of(kind)], 6);
    models.push_back({{"model", model}, {"counted", true}, {"counts", counts}, {"weights", weights}});
  }
  return {{"file", file.file},
          {"name", file.method.name()},
          {"version", text_at(file.document.value, "version")},
          {"date", text_at(file.document.value, "date")},
          {"basis", measure::name_of(file.method.basis())},
          {"digest", file.digest_hex()},
          {"rounded", file.method.rounded_ratios()},
          {"models", models}};
}

void print_check(Session& session, const MethodFile& file) {
  session.out() << "Method/" << file.method.name() << " " << text_at(file.document.value, "version") << " of "
                << text_at(file.document.value, "date") << ": right; digest " << file.digest_hex() << "\n";
  Table table({"MODEL", "COUNTS", "BY", "LEVEL", "SIZE UNSEEN", "CIYUAN EACH"});
  table.align_right({4});
  for (const std::string& model : models_of(file.method)) {
    if (!file.method.covers(model).ok()) {
      table.add({model, "nothing", "refused", "", "", ""});
      continue;
    }
    bool first = true;
    for (const CountedThing& thing : counted_things(file.method, model)) {
      table.add({first ? model : "", thing.what, thing.by, std::string(record::name_of(thing.level)),
                 thing.unseen ? std::to_string(*thing.unseen) : "",
                 first ? weights_in_words(file.method, model) : ""});
      first = false;
    }
  }
  table.print(session.out());
  for (const std::string& ratio : file.method.rounded_ratios())
    session.out() << "rounded at six decimals: " << ratio << "\n";
}

// A tokenizer that the method itself names must be here, with the pinned digest.
Status check_reference(const MethodFile& file) {
  if (file.method.basis() != measure::Basis::kReference) return {};
  measure::Profiles profiles("");
  const std::vector<std::string> models = models_of(file.method);
  auto profile = profiles.profile(file.method, file.document.digest, models.front(), "", "");
  if (profile.ok()) return {};
  const std::string& path = profile.error().path;
  return contract::document_error(file.document, path.starts_with('/') ? path : "/tokenizer",
                                  profile.error().message);
}

void check(Session& session, const CheckOptions& options) {
  for (const std::string& word : options.files) {
    MethodReading reading = read_methods(word);
    for (const MethodFile& file : reading.methods) {
      Status here = check_reference(file);
      if (!here.ok())
        reading.errors.push_back(here.error());
      else if (options.json)
        session.out() << json_of(file).dump() << '\n';
      else
        print_check(session, file);
    }
    session.fail(reading.errors);
    if (!options.json || reading.errors.empty()) continue;
    Json errors = Json::array();
    for (const Error& error : reading.errors)
      errors.push_back({{"path", error.path}, {"message", error.message}});
    session.out() << Json{{"file", word}, {"errors", errors}}.dump() << '\n';
  }
}

void list(Session& session, bool json) {
  Table table({"NAME", "VERSION", "DATE", "COUNTS", "MODELS", "DIGEST"});
  table.align_right({4});
  for (const std::string& path : shipped_methods()) {
    const MethodReading reading = read_methods(path);
    session.fail(reading.errors);
    for (const MethodFile& file : reading.methods) {
      const std::string basis(measure::name_of(file.method.basis()));
      if (json)
        session.out() << Json{{"name", file.method.name()},
                              {"version", text_at(file.document.value, "version")},
                              {"date", text_at(file.document.value, "date")},
                              {"basis", basis},
                              {"models", file.method.models()},
                              {"digest", file.digest_hex()},
                              {"file", path},
                              {"text", member_of(file.document.value, "text")}}
                             .dump()
                      << '\n';
      table.add({file.method.name(), text_at(file.document.value, "version"),
                 text_at(file.document.value, "date"), basis, std::to_string(file.method.models().size()),
                 file.digest_hex().substr(0, kDigestShown)});
    }
  }
  if (!json) table.print(session.out());
}

void add_list(CLI::App& method, Session& session) {
  auto* command = method.add_subcommand("list", "The methods that are shipped");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One JSON object a line, with the text in both languages");
  command->footer("Example:\n  ciyuan method list");
  command->callback([&session, json] { list(session, *json); });
}

void add_check(CLI::App& method, Session& session) {
  auto* command = method.add_subcommand("check", "Whether methods are right, and what in them is exact");
  auto options = std::make_shared<CheckOptions>();
  command->add_option("FILE", options->files, "Documents (YAML or JSON), or names of shipped methods")
      ->required();
  command->add_flag("--json", options->json, "One JSON object a line: the method, or the errors");
  command->footer(
      "Examples:\n  ciyuan method check my-method.json\n  ciyuan method check native-media-v1 --json\n\n"
      "An error names the JSON pointer (in YAML the line, too), the value and the rule; exit code 2. LEVEL "
      "says "
      "how well\n"
      "a count is known: proved, estimated or unverified; a chat of a model without a template is an "
      "estimate "
      "at best.\n"
      "Where an image's size cannot be seen its count is unverified, and SIZE UNSEEN is taken. What has no "
      "rule "
      "counts\n"
      "nothing and is unverified.");
  command->callback([&session, options] { check(session, *options); });
}

void add_diff(CLI::App& method, Session& session) {
  auto* command = method.add_subcommand("diff", "What two methods count otherwise, by model and kind");
  auto options = std::make_shared<DiffOptions>();
  command->add_option("A", options->first, "A file, or the name of a shipped method")->required();
  command->add_option("B", options->second, "Another one")->required();
  command->add_option("--usage", options->usage, "Sample usage that both weigh")
      ->type_name("KIND=N,…")
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "Example:\n  ciyuan method diff native-v1 native-media-v1\n\n"
      "Texts, names, dates and sources are no differences. Exit code 0: they count the same; 1: they do not; "
      "2: one is\n"
      "not right. Where the two count in different units, repeat real calls: ciyuan method recount.");
  command->callback([&session, options] { diff_methods(session, *options); });
}

void add_recount(CLI::App& method, Session& session) {
  auto* command = method.add_subcommand("recount", "Count calls again under another method");
  auto options = std::make_shared<RecountOptions>();
  command->add_option(
      "FILE", options->inputs,
      "JSON lines: {\"model\", \"request\", \"answer\"} or {\"model\", \"text\"}; standard input if none");
  command->add_option("--method", options->method, "As they were counted")
      ->type_name("A")
      ->capture_default_str();
  command->add_option("--under", options->under, "As they are counted again")->type_name("B")->required();
  command
      ->add_option("-m,--model", options->models,
                   "How a model is counted; its name is taken for its tokenizer and template if not said. "
                   "May be repeated")
      ->type_name("NAME=TOKENIZER[:TEMPLATE]")
      ->allow_extra_args(false);
  command
      ->add_option("--documents", options->documents,
                   "Documents (YAML or JSON) with Models, as apply takes them")
      ->type_name("FILE");
  command->add_flag("--lines", options->each_line, "Rows for each call, named FILE:NUMBER");
  command->add_flag("--json", options->json, "One JSON object a line");
  command->footer(
      "Examples:\n"
      "  ciyuan method recount calls.jsonl --under bytes-v1\n"
      "  ciyuan method recount calls.jsonl --method native-v1 --under mine.json -m gpt-4o=o200k:openai_chat "
      "--lines\n\n"
      "A request is the body as it was sent: an object, or a text with its JSON. Beside \"answer\" may "
      "stand\n"
      "\"reasoning\", \"tool\" and \"finish_reason\" (\"stop\" if not said). A line that cannot be counted "
      "under both is named\n"
      "and left out, with exit code 2.");
  command->callback([&session, options] { recount(session, *options); });
}

}  // namespace

void add_method_command(CLI::App& app, Session& session) {
  auto* method = app.add_subcommand("method", "Methods of counting: list, check, compare, count again");
  method->require_subcommand(1);
  add_list(*method, session);
  add_check(*method, session);
  add_diff(*method, session);
  add_recount(*method, session);
}

}  // namespace ciyuan::cli
