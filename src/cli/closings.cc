/// closing: the close of billing periods.

#include <memory>
#include <ostream>

#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

void list(Session& session, const std::string& contract, bool json) {
  auto reply = session.send_json("GET", "/v1/contracts/" + percent_encoded(contract) + "/closings");
  if (!reply.ok()) return session.fail(reply.error());
  Table table({"PERIOD", "CAPTURED", "DIFFERENCE", "CHARGED", "PAID", "OWED", "CURRENCY"});
  table.align_right({1, 2, 3, 4, 5});
  for (const Json& one : reply->value("closings", Json::array())) {
    if (json) session.out() << one.dump() << "\n";
    table.add({text_at(member_of(one, "period"), "name"), text_at(one, "captured"),
               text_at(one, "difference"), text_at(one, "charged"), text_at(one, "paid"),
               text_at(one, "owed"), text_at(one, "currency")});
  }
  if (!json) table.print(session.out());
}

void preview(Session& session, const std::string& contract, bool json) {
  auto reply = session.send_json("GET", "/v1/contracts/" + percent_encoded(contract) + "/closing");
  if (!reply.ok()) return session.fail(reply.error());
  std::ostream& out = session.out();
  if (json) {
    out << reply->dump() << "\n";
    return;
  }
  const std::string in = " " + text_at(*reply, "currency");
  out << "If " << text_at(member_of(*reply, "period"), "name") << " ended now (it ends at "
      << text_at(*reply, "ends") << "):\n\n";
  Table table({"RULE", "LINE", "MODEL", "KIND", "QUANTITY", "AMOUNT"});
  table.align_right({4, 5});
  for (const Json& line : reply->value("lines", Json::array()))
    table.add({text_at(line, "rule"), text_at(line, "line"), text_at(line, "model"), text_at(line, "kind"),
               text_at(line, "quantity"), text_at(line, "amount")});
  if (!table.empty()) table.print(out), out << "\n";
  out << text_at(*reply, "captured") << in << " charged as calls closed, " << text_at(*reply, "difference")
      << in << " to come at the close: " << text_at(*reply, "charged") << in << "\n";
}

}  // namespace

void add_closing_commands(CLI::App& app, Session& session) {
  auto* closing = app.add_subcommand(
      "closing", "What price books say of whole billing periods: steps, minimum, commitment");
  closing->require_subcommand(1);
  auto* list_command = closing->add_subcommand("list", "The closed periods of a contract");
  auto contract = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  list_command->add_option("CONTRACT", *contract, "Its name")->required();
  list_command->add_flag("--json", *json, "One closing a line, as JSON");
  list_command->footer("Example:\n  ciyuan closing list demo");
  list_command->callback([&session, contract, json] { list(session, *contract, *json); });
  auto* preview_command = closing->add_subcommand("preview", "The running period as if it ended now");
  preview_command->add_option("CONTRACT", *contract, "Its name")->required();
  preview_command->add_flag("--json", *json, "As JSON");
  preview_command->footer(
      "Periods are closed by themselves within seconds of their end; nothing is posted here.\nExample:\n"
      "  ciyuan closing preview demo");
  preview_command->callback([&session, contract, json] { preview(session, *contract, *json); });
}

}  // namespace ciyuan::cli
