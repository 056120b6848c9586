/// access: what the contracts in force say of a call, without making one.

#include <memory>
#include <ostream>

#include "base/file.h"
#include "cli/internal/commands.h"
#include "contract/document.h"

namespace ciyuan::cli {
namespace {

constexpr const char* kFacts[] = {"key",   "model",   "session",  "tenant", "user",
                                  "agent", "purpose", "endpoint", "at"};
constexpr std::size_t kExamplesMax = 10'000;

void print(std::ostream& out, const Json& decision) {
  out << (decision.value("allowed", false) ? "allowed" : "refused");
  if (std::string clause = text_at(decision, "clause"); !clause.empty()) out << " by " << clause;
  out << " (contract " << text_at(decision, "contract") << ")\n";
  if (std::string message = text_at(decision, "message"); !message.empty()) out << "  " << message << "\n";
  const Json& text = member_of(decision, "text");
  for (const char* language : {"en", "zh"})
    if (std::string words = text_at(text, language); !words.empty()) out << "  " << words << "\n";
  for (const Json& rule : decision.value("matched", Json::array()))
    out << "  matched " << rule.get<std::string>() << "\n";
  if (decision.contains("output_tokens_max"))
    out << "  answers of at most " << decision["output_tokens_max"].dump() << " tokens\n";
  Table table({"LIMIT", "UNIT", "LEFT", "OF"});
  table.align_right({2, 3});
  for (const Json& limit : decision.value("limits", Json::array()))
    table.add(
        {text_at(limit, "clause"), text_at(limit, "unit"), text_at(limit, "left"), text_at(limit, "limit")});
  if (!table.empty()) table.print(out);
}

void show(Session& session, const Result<Json>& decision, bool json) {
  if (!decision.ok()) return session.fail(decision.error());
  if (json)
    session.out() << decision->dump() << "\n";
  else
    print(session.out(), *decision);
}

// One example: the facts of a call, and what must come of it.
bool holds(Session& session, const Json& example, std::size_t number, std::string& why) {
  Json facts = example;
  const std::string expected = text_at(example, "expect"), clause = text_at(example, "clause");
  const std::string name = text_at(example, "name");
  for (const char* member : {"expect", "clause", "name"}) facts.erase(member);
  auto decision = session.send_json("POST", "/v1/decisions", facts.dump());
  const std::string which = "example " + std::to_string(number) + (name.empty() ? "" : " (" + name + ")");
  if (!decision.ok()) {
    why = which + ": " + decision.error().text();
    return false;
  }
  const std::string got = decision->value("allowed", false) ? "allow" : "deny",
                    by = text_at(*decision, "clause");
  if (got == expected && (clause.empty() || clause == by)) return true;
  why = which + ": " + got + " by " + (by.empty() ? "no clause" : by) + ", not " + expected +
        (clause.empty() ? "" : " by " + clause);
  return false;
}

void test(Session& session, const std::string& file) {
  auto text = read_file(file, contract::kDocumentBytesMax);
  if (!text.ok()) return session.fail(text.error());
  auto parsed = contract::parse_value(*text);
  if (!parsed.ok()) return session.fail(invalid(file, parsed.error().text()));
  const Json examples = parsed->is_object() ? parsed->value("examples", Json()) : Json();
  if (!examples.is_array() || examples.empty() || examples.size() > kExamplesMax)
    return session.fail(invalid(file, "has no list of 1 to " + std::to_string(kExamplesMax) + " examples"));
  std::size_t failed = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const std::string expected = text_at(examples[i], "expect");
    if (expected != "allow" && expected != "deny")
      return session.fail(invalid(file + " /examples/" + std::to_string(i) + "/expect",
                                  "\"" + expected + "\" is neither allow nor deny"));
    if (std::string why; !holds(session, examples[i], i + 1, why)) {
      session.out() << why << "\n";
      ++failed;
    }
  }
  session.out() << examples.size() - failed << " of " << examples.size() << " examples hold\n";
  if (failed > 0) session.exit_code = 1;
}

}  // namespace

void add_access_commands(CLI::App& app, Session& session) {
  auto* access =
      app.add_subcommand("access", "What the contracts in force say of a call, without making one");
  access->require_subcommand(1);
  auto json = std::make_shared<bool>(false);

  auto* try_command =
      access->add_subcommand("try", "Would this call be allowed, by which rule, within which limits?");
  auto facts = std::make_shared<std::array<std::string, std::size(kFacts)>>();
  for (std::size_t i = 0; i < std::size(kFacts); ++i) {
    auto* option = try_command->add_option("--" + std::string(kFacts[i]), (*facts)[i], "Of the call");
    if (i < 2) option->required();
  }
  auto tokens = std::make_shared<std::int64_t>(0);
  try_command->add_option("--prompt-tokens", *tokens, "Of its prompt")->check(CLI::Range(0, 1'000'000'000));
  try_command->add_flag("--json", *json, "As JSON");
  try_command->footer(
      "Nothing is held, charged or recorded.\nExample:\n"
      "  ciyuan access try --key alice --model smollm2 --purpose support --at 2026-12-01T09:00:00Z");
  try_command->callback([&session, facts, tokens, json] {
    Json body = Json::object();
    for (std::size_t i = 0; i < std::size(kFacts); ++i)
      if (!(*facts)[i].empty()) body[kFacts[i]] = (*facts)[i];
    if (*tokens > 0) body["prompt_tokens"] = *tokens;
    show(session, session.send_json("POST", "/v1/decisions", body.dump()), *json);
  });

  auto* explain = access->add_subcommand("explain", "The decision about a recorded call, made again");
  auto id = std::make_shared<std::string>();
  explain->add_option("RECORD", *id, "Its id")->required();
  explain->add_flag("--json", *json, "As JSON");
  explain->footer("Example:\n  ciyuan access explain 01a22f5e-3fe1-7536-9c38-9f172baab7da");
  explain->callback([&session, id, json] {
    auto decision = session.send_json("GET", "/v1/records/" + percent_encoded(*id) + "/decision");
    show(session, decision, *json);
    if (decision.ok() && !decision->value("same_contract", true))
      session.note("the contract has changed since the call: this is what it says now");
  });

  auto* test_command =
      access->add_subcommand("test", "Check a file of examples with the decisions they must get");
  auto file = std::make_shared<std::string>();
  test_command
      ->add_option("FILE", *file, "YAML or JSON: examples, each with the facts of a call and `expect`")
      ->required();
  test_command->footer(
      "Exit code 1 where one does not hold.\nExample:\n  ciyuan access test examples/access-examples.yaml");
  test_command->callback([&session, file] { test(session, *file); });
}

}  // namespace ciyuan::cli
