/// suspend, resume: stops calls, those that run as well, and lets them go on.

#include <algorithm>
#include <memory>
#include <ostream>

#include "base/canonical_json.h"
#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

/// Members of the document's `of`, and the options of the same names.
constexpr const char* kNames[] = {"contract", "key", "session", "tenant", "user", "agent", "model"};

struct SuspendOptions {
  std::string of[std::size(kNames)];
  std::string name, until, reason, reason_zh, downgrade;
  bool drain = false;
};

// "contract-acme-key-k1": a name that says what it is of, of the characters that names have.
std::string name_for(const Json& of) {
  std::string name;
  for (const auto& [what, value] : of.items())
    name += (name.empty() ? "" : "-") + what + "-" + value.get<std::string>();
  for (char& c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_letter && c != '.') c = '-';
  }
  return name.substr(0, 64);
}

void suspend(Session& session, const SuspendOptions& options) {
  Json of = Json::object();
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (!options.of[i].empty()) of[kNames[i]] = options.of[i];
  if (of.empty())
    return session.fail(invalid("--contract", "say what is suspended: --contract, --key, --session, …"));
  Json document = {{"kind", "Suspension"},
                   {"name", options.name.empty() ? name_for(of) : options.name},
                   {"of", of},
                   {"effect", !options.downgrade.empty() ? "downgrade"
                              : options.drain            ? "drain"
                                                         : "suspend"},
                   {"reason", {{"en", options.reason}}}};
  if (!options.reason_zh.empty()) document["reason"]["zh"] = options.reason_zh;
  if (!options.downgrade.empty()) document["model"] = options.downgrade;
  if (!options.until.empty()) document["effective"] = {{"until", options.until}};
  std::vector<Error> listed;
  auto reply = session.send_json("POST", "/v1/apply", Json::array({document}).dump(), &listed);
  if (!reply.ok()) return listed.empty() ? session.fail(reply.error()) : session.fail(listed);
  session.out() << "Suspension/" << document["name"].get<std::string>() << " in force\n";
}

void resume(Session& session, const std::string& name) {
  auto reply = session.send_json("DELETE", "/v1/documents/Suspension/" + percent_encoded(name));
  if (!reply.ok()) return session.fail(reply.error());
  session.out() << "Suspension/" << name << " taken away\n";
}

}  // namespace

void add_suspension_commands(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("suspend", "Stop the calls of a contract, key, session, …, those that run too");
  auto options = std::make_shared<SuspendOptions>();
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    command->add_option("--" + std::string(kNames[i]), options->of[i],
                        "Its calls; with others, those that all match");
  command->add_option("--reason", options->reason, "What refused clients are told")->required();
  command->add_option("--reason-zh", options->reason_zh, "The same in Chinese");
  command->add_option("--name", options->name, "Of the suspension; else made of what it is of");
  command->add_option("--until", options->until, "A date or an RFC 3339 time; else until it is taken away");
  auto* drain = command->add_flag("--drain", options->drain, "Refuse new calls, and let streams run on");
  command->add_option("--downgrade", options->downgrade, "Serve new calls with this model instead")
      ->excludes(drain);
  command->footer(
      "Streams end within one quantum, well-formed, charged for what was delivered.\nExample:\n"
      "  ciyuan suspend --contract demo --reason 'Under review.'\n  ciyuan resume contract-demo");
  command->callback([&session, options] { suspend(session, *options); });
  auto* resume_command = app.add_subcommand("resume", "Take a suspension away");
  auto name = std::make_shared<std::string>();
  resume_command->add_option("NAME", *name, "Of the suspension")->required();
  resume_command->footer("Example:\n  ciyuan get suspensions\n  ciyuan resume contract-demo");
  resume_command->callback([&session, name] { resume(session, *name); });
}

}  // namespace ciyuan::cli
