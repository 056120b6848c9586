/// statement, usage, budget, forecast: what was used, in which books, and where it will end.

#include <ostream>
#include <utility>

#include "base/time.h"
#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

struct StatementOptions {
  std::string contract, party, from, to, month, split;
  bool json = false;
};

// The server knows the calendar of the contract; what is no month is told here, before it is asked.
Status check_month(const StatementOptions& options) {
  if (options.month.empty()) return {};
  if (!options.from.empty() || !options.to.empty()) return invalid("--month", "goes without --from and --to");
  Result<TimePoint> first = parse_rfc3339(options.month + "-01T00:00:00Z");
  if (!first.ok() || options.month.size() != 7)
    return invalid("--month", "\"" + options.month + "\" is not like 2026-11");
  return {};
}

void print_split(std::ostream& out, const Json& statement, const std::string& by) {
  Table table({by, "CALLS", "TOKENS", "CIYUAN", "MONEY"});
  table.align_right({1, 2, 3, 4});
  for (const Json& share : statement.value("split", Json::array())) {
    std::string money;
    for (const auto& sum : member_of(share, "money").items())
      money += (money.empty() ? "" : ", ") + sum.value().get<std::string>() + " " + sum.key();
    table.add({text_at(share, by), text_at(share, "calls"), text_at(share, "tokens"),
               text_at(share, "ciyuan"), money});
  }
  out << "\n";
  table.print(out);
}

void print_accounts(std::ostream& out, const Json& statement) {
  Table table({"ACCOUNT", "OPENING", "CHARGED", "CORRECTED", "PAPERS", "PAID", "CLOSING", "UNIT"});
  table.align_right({1, 2, 3, 4, 5, 6});
  for (const Json& account : statement.value("accounts", Json::array()))
    table.add({text_at(account, "account"), text_at(account, "opening"), text_at(account, "charged"),
               text_at(account, "corrected"), text_at(account, "papers"), text_at(account, "paid"),
               text_at(account, "closing"), text_at(account, "unit")});
  if (!table.empty()) {
    out << "\n";
    table.print(out);
  }
  if (statement.value("agrees", true)) {
    out << "records and ledger agree\n";
    return;
  }
  out << "records and ledger do not agree:\n";
  for (const Json& one : statement.value("differences", Json::array()))
    out << "  " << text_at(one, "record") << ": " << text_at(one, "not_in_ledger")
        << " is not in the ledger\n";
}

void print_packages(std::ostream& out, const Json& statement) {
  Table table({"PACKAGE", "SOLD", "EARNED", "EXPIRED", "DEFERRED NOW", "CURRENCY"});
  table.align_right({1, 2, 3, 4});
  for (const Json& one : statement.value("packages", Json::array()))
    table.add({text_at(one, "package"), text_at(one, "sold"), text_at(one, "earned"),
               text_at(one, "breakage"), text_at(one, "deferred"), text_at(one, "currency")});
  if (table.empty()) return;
  out << "\n";
  table.print(out);
}

void print_statement(std::ostream& out, const Json& reply) {
  out << "Contract " << text_at(reply, "contract") << ", from "
      << (reply.contains("from") ? text_at(reply, "from") : "the first call") << " until "
      << (reply.contains("to") ? text_at(reply, "to") : "now") << "\n\n";
  Table table({"MODEL", "KIND", "BILLED", "MEASURED", "REPORTED", "PRICE", "AMOUNT"});
  table.align_right({2, 3, 4, 5, 6});
  for (const Json& line : reply["lines"])
    table.add({text_at(line, "model"),
               text_at(line, "kind") + (line.value("adjustment", false) ? " (correction)" : ""),
               text_at(line, "quantity"), text_at(line, "measured"), text_at(line, "reported"),
               text_at(line, "unit_price"),
               line.contains("amount") ? text_at(line, "amount") + " " + text_at(line, "currency") : ""});
  if (!table.empty()) table.print(out), out << "\n";
  out << text_at(reply, "calls") << " calls";
  const char* separator = ": ";
  for (const auto& state : member_of(reply, "states").items())
    out << std::exchange(separator, ", ") << state.value() << " " << state.key();
  out << "\n";
  separator = "";
  for (const auto& verdict : member_of(reply, "verdicts").items())
    out << std::exchange(separator, ", ") << verdict.value() << " " << verdict.key();
  if (*separator != '\0') out << "\n";
  out << text_at(reply, "ciyuan") << " Ciyuan\n";
  for (const auto& sum : member_of(reply, "money").items())
    out << sum.value().get<std::string>() << " " << sum.key() << "\n";
  print_packages(out, reply);
  print_accounts(out, reply);
}

void statement(Session& session, const StatementOptions& options) {
  if (Status month = check_month(options); !month.ok()) return session.fail(month.error());
  if (options.contract.empty() == options.party.empty())
    return session.fail(invalid("CONTRACT", "or --party says whose statement: one of them"));
  if (!options.party.empty() && !options.split.empty())
    return session.fail(invalid("--split", "is for a contract's statement"));
  std::string path = options.party.empty() ? "/v1/contracts/" + percent_encoded(options.contract)
                                           : "/v1/parties/" + percent_encoded(options.party);
  auto reply = session.send_json("GET", path + "/statement" +
                                            query_of({{"from", options.from},
                                                      {"to", options.to},
                                                      {"period", options.month},
                                                      {"split", options.split}}));
  if (!reply.ok()) return session.fail(reply.error());
  std::ostream& out = session.out();
  if (options.json) {
    out << reply->dump() << "\n";
  } else if (options.party.empty()) {
    print_statement(out, *reply);
    if (!options.split.empty()) print_split(out, *reply, options.split);
  } else {
    for (const Json& one : reply->value("contracts", Json::array())) print_statement(out, one), out << "\n";
    out << "Party " << options.party << ": " << text_at(*reply, "ciyuan") << " Ciyuan\n";
    for (const auto& sum : member_of(*reply, "money").items())
      out << sum.value().get<std::string>() << " " << sum.key() << "\n";
  }
}

struct ExportOptions {
  std::string contract, period, format = "csv", output;
};

void export_usage(Session& session, const ExportOptions& options) {
  auto reply = session.send("GET", "/v1/contracts/" + percent_encoded(options.contract) + "/usage" +
                                       query_of({{"period", options.period}, {"format", options.format}}));
  if (!reply.ok()) return session.fail(reply.error());
  session.deliver(reply->body, options.output);
}

void forecast(Session& session, const std::string& contract, const std::string& unit, bool json) {
  auto reply = session.send_json(
      "GET", "/v1/contracts/" + percent_encoded(contract) + "/forecast" + query_of({{"unit", unit}}));
  if (!reply.ok()) return session.fail(reply.error());
  if (json) {
    session.out() << reply->dump() << "\n";
    return;
  }
  std::string in = " " + text_at(*reply, "unit");
  session.out() << "until now      " << text_at(*reply, "spent") << in << "\n"
                << "end of month   " << text_at(*reply, "expected") << in << "\n"
                << text_at(*reply, "interval_percent") << " in 100        " << text_at(*reply, "low")
                << " to " << text_at(*reply, "high") << in << "\n"
                << "(" << text_at(*reply, "method") << "; " << text_at(*reply, "history_days") << " days)\n";
}

// Whether the channel was told, and when; or why not.
void print_notice(std::ostream& out, const Json& notice) {
  std::string about = text_at(notice, "about"), problem = text_at(notice, "problem");
  out << "  " << (about == "forecast" ? "forecast" : about + " %") << ": ";
  if (notice.contains("sent_at"))
    out << "sent to " << text_at(notice, "channel") << " at " << text_at(notice, "sent_at");
  else if (text_at(notice, "state") == "given-up")
    out << "given up after " << text_at(notice, "attempts") << " attempts";
  else
    out << "not sent yet, " << text_at(notice, "attempts") << " attempts, the next at "
        << text_at(notice, "next_at");
  out << (problem.empty() ? "" : " (" + problem + ")") << "\n";
}

void print_budget(std::ostream& out, const Json& state) {
  std::string in = " " + text_at(state, "unit");
  out << text_at(state, "budget") << ": " << text_at(state, "spent") << " of " << text_at(state, "amount")
      << in << " (" << text_at(state, "percent") << " %), " << text_at(state, "burn_per_day") << " a day\n";
  for (const Json& alert : state.value("alerts", Json::array()))
    if (alert.contains("reached_at"))
      out << "  " << text_at(alert, "percent") << " % reached at " << text_at(alert, "reached_at") << "\n";
  for (const Json& notice : state.value("notices", Json::array())) print_notice(out, notice);
  const Json& seen = member_of(state, "forecast");
  if (seen.contains("expected"))
    out << "  end of month " << text_at(seen, "expected") << in << " (" << text_at(seen, "low") << " to "
        << text_at(seen, "high") << "); over the budget: " << text_at(seen, "over") << "\n";
  else
    out << "  no forecast: " << text_at(state, "forecast_missing") << "\n";
}

void budget(Session& session, const std::string& name, bool json) {
  auto reply = session.send_json("GET", "/v1/budgets" + (name.empty() ? "" : "/" + percent_encoded(name)));
  if (!reply.ok()) return session.fail(reply.error());
  Json states = name.empty() ? reply->value("budgets", Json::array()) : Json::array({*reply});
  for (const Json& state : states)
    json ? void(session.out() << state.dump() << "\n") : print_budget(session.out(), state);
}

}  // namespace

void add_statement_commands(CLI::App& app, Session& session) {
  auto* statement_command = app.add_subcommand(
      "statement", "What a contract or a party used in a period, and what that moved on the accounts");
  auto statement_options = std::make_shared<StatementOptions>();
  statement_command->add_option("CONTRACT", statement_options->contract, "Its name");
  statement_command->add_option("--party", statement_options->party, "All contracts of this party instead");
  statement_command->add_option(
      "--month", statement_options->month,
      "A month of the contract's settlement calendar (UTC if it has none): 2026-11");
  statement_command->add_option("--from", statement_options->from, "First date or time, inclusive");
  statement_command->add_option("--to", statement_options->to, "Last date or time, exclusive");
  statement_command->add_option("--split", statement_options->split,
                                "The money by key, session, model, upstream, day or tag:NAME as well");
  statement_command->add_flag("--json", statement_options->json, "As JSON");
  statement_command->footer(
      "Examples:\n  ciyuan statement demo --month 2026-11 --split key\n  ciyuan statement demo --month "
      "2026-11 --split tag:team\n  ciyuan statement demo --from "
      "2026-11-01 --to 2026-11-08 --json\n  ciyuan statement --party harbor --month 2026-11");
  statement_command->callback([&session, statement_options] {
    if (statement_options->contract.empty() && statement_options->party.empty())
      throw CLI::RequiredError("CONTRACT, or --party PARTY,");
    statement(session, *statement_options);
  });

  auto* usage_command = app.add_subcommand("usage", "The use of a period in formats that others read");
  usage_command->require_subcommand(1);
  auto* export_command = usage_command->add_subcommand("export", "CSV, FOCUS 1.2 or TMF635");
  auto export_options = std::make_shared<ExportOptions>();
  export_command->add_option("CONTRACT", export_options->contract, "Its name")->required();
  export_command->add_option("--period", export_options->period, "2026, 2026-11, 2026-11-05 or A..B")
      ->required();
  export_command->add_option("--format", export_options->format, "csv, focus or tmf635; csv if not said");
  export_command->add_option("-o,--output", export_options->output,
                             "File to write; standard output if not said");
  export_command->footer("Example:\n  ciyuan usage export demo --period 2026-11 --format focus -o focus.csv");
  export_command->callback([&session, export_options] { export_usage(session, *export_options); });

  auto* budget_command =
      app.add_subcommand("budget", "Budgets: spent, alerts, burn rate, and the month's end");
  auto budget_options = std::make_shared<std::pair<std::string, bool>>();
  budget_command->add_option("BUDGET", budget_options->first, "Only this one");
  budget_command->add_flag("--json", budget_options->second, "One JSON object a line");
  budget_command->footer("Example:\n  ciyuan budget team-a");
  budget_command->callback(
      [&session, budget_options] { budget(session, budget_options->first, budget_options->second); });

  auto* forecast_command = app.add_subcommand("forecast", "What this month will have cost, with an interval");
  struct ForecastOptions {
    std::string contract, unit;
    bool json = false;
  };
  auto forecast_options = std::make_shared<ForecastOptions>();
  forecast_command->add_option("CONTRACT", forecast_options->contract, "Its name")->required();
  forecast_command->add_option("--unit", forecast_options->unit,
                               "CIYUAN, or the currency, which it is if not said");
  forecast_command->add_flag("--json", forecast_options->json, "As JSON");
  forecast_command->footer("Example:\n  ciyuan forecast demo --unit CIYUAN");
  forecast_command->callback([&session, forecast_options] {
    forecast(session, forecast_options->contract, forecast_options->unit, forecast_options->json);
  });
}

}  // namespace ciyuan::cli
