/// account: what is left on every limit, what happened there, and deposits.

#include <algorithm>
#include <ostream>

#include "base/id.h"
#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kPage = 1000;

struct ListOptions {
  std::string prefix;
  std::size_t limit = 200;
  bool json = false;
};

void list(Session& session, const ListOptions& options) {
  Table table({"ACCOUNT", "BALANCE", "FUNDED", "UNIT"});
  table.align_right({1, 2});
  std::string after;
  std::size_t shown = 0;
  for (bool more = true; more && shown < options.limit;) {
    std::size_t page = std::min(kPage, options.limit - shown);
    auto reply = session.send_json(
        "GET", "/v1/accounts" +
                   query_of({{"prefix", options.prefix}, {"after", after}, {"limit", std::to_string(page)}}));
    if (!reply.ok()) return session.fail(reply.error());
    for (const Json& account : (*reply)["accounts"]) {
      ++shown;
      if (options.json) session.out() << account.dump() << "\n";
      table.add({text_at(account, "name"), text_at(account, "balance"), text_at(account, "funded"),
                 text_at(account, "unit")});
    }
    after = text_at(*reply, "next");
    more = !after.empty();
  }
  if (!options.json) table.print(session.out());
  if (!after.empty()) session.note("more follow: --limit, or a longer prefix");
}

struct ShowOptions {
  std::string account, at;
  bool json = false;
};

void show(Session& session, const ShowOptions& options) {
  auto account = session.send_json(
      "GET", "/v1/accounts/" + percent_encoded(options.account) + query_of({{"at", options.at}}));
  if (!account.ok()) return session.fail(account.error());
  if (options.json) {
    session.out() << account->dump() << "\n";
    return;
  }
  Table table({"FIELD", "VALUE"});
  for (const char* field :
       {"name", "unit", "balance", "funded", "credits", "debits", "may_overdraw", "closed"})
    table.add({field, text_at(*account, field)});
  if (account->contains("at")) {
    const Json& then = member_of(*account, "at");
    table.add({"balance at " + text_at(then, "time"), text_at(then, "balance")});
  }
  table.print(session.out());
}

struct DepositOptions {
  std::string account, unit, amount, from, memo, id;
  bool opens_new = false, json = false;
};

void deposit(Session& session, const DepositOptions& options) {
  std::string from = options.from.empty() ? "deposits/" + options.unit : options.from;
  Json body = {
      {"debit", from}, {"credit", options.account}, {"unit", options.unit}, {"amount", options.amount}};
  if (!options.memo.empty()) body["memo"] = options.memo;
  if (options.opens_new) body["new"] = true;
  // Made here, not there: where no answer comes, the posting can be sent again and is made once.
  std::string id = options.id.empty() ? make_uuid7(now()).text() : options.id;
  body["id"] = id;
  auto reply = session.send_json("POST", "/v1/accounts/post", body.dump());
  if (!reply.ok()) {
    session.fail(reply.error());
    ErrorCode code = reply.error().code;
    bool never_posted =
        code == ErrorCode::kInvalid || code == ErrorCode::kConflict || code == ErrorCode::kNotFound;
    if (!never_posted) session.note("posting " + id + ": sending it again with --id is never a second one");
    return;
  }
  if (options.json) {
    session.out() << reply->dump() << "\n";
    return;
  }
  session.out() << options.amount << " " << options.unit << " from " << from << " to " << options.account
                << "; balance " << text_at(member_of(*reply, "credit"), "balance") << " " << options.unit
                << "\n";
  session.note("posting " + text_at(*reply, "id") + ": sending it again with --id changes nothing");
}

void close(Session& session, const std::string& account) {
  auto reply = session.send_json("POST", "/v1/accounts/" + percent_encoded(account) + "/close");
  if (!reply.ok()) return session.fail(reply.error());
  session.out() << account << " is closed\n";
}

struct StatementOptions {
  std::string account, from;
  std::size_t limit = 100;
  bool json = false;
};

void statement(Session& session, const StatementOptions& options) {
  auto reply = session.send_json(
      "GET", "/v1/accounts/" + percent_encoded(options.account) + "/statement" +
                 query_of({{"from", options.from}, {"limit", std::to_string(options.limit)}}));
  if (!reply.ok()) return session.fail(reply.error());
  Table table({"AT", "WHAT", "AMOUNT", "BALANCE", "ID", "MEMO"});
  table.align_right({2, 3});
  for (const Json& line : (*reply)["lines"]) {
    if (options.json) session.out() << line.dump() << "\n";
    table.add({text_at(line, "at"), text_at(line, "kind"), text_at(line, "amount"), text_at(line, "balance"),
               text_at(line, "id"), text_at(line, "memo")});
  }
  if (options.json) return;
  table.print(session.out());
  const Json& account = member_of(*reply, "account");
  session.out() << "balance " << text_at(account, "balance") << " " << text_at(account, "unit") << "\n";
}

}  // namespace

void add_account_commands(CLI::App& app, Session& session) {
  auto* account =
      app.add_subcommand("account", "Limits and balances: every cap is an account, every use a transfer");
  account->require_subcommand(1);
  account->footer(
      "Accounts are named for what they limit:\n"
      "  cap/CONTRACT/CLAUSE/session=ID     a session's cap\n"
      "  cap/CONTRACT/CLAUSE/2026-11-01T…   a calendar window's cap\n"
      "  prepaid/CONTRACT/CLAUSE/CNY        a balance, filled by deposits\n"
      "  receivable/CONSUMER/CNY            what a consumer owes, as a negative balance\n"
      "  revenue/PROVIDER/CNY, used/…       where charges and counts go");

  auto* list_command = account->add_subcommand("list", "Accounts and what is left on them");
  auto list_options = std::make_shared<ListOptions>();
  list_command->add_option("PREFIX", list_options->prefix, "Only accounts whose name begins so");
  list_command->add_option("--limit", list_options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000));
  list_command->add_flag("--json", list_options->json, "One JSON object a line");
  list_command->footer("Example:\n  ciyuan account list cap/demo/");
  list_command->callback([&session, list_options] { list(session, *list_options); });

  auto* show_command = account->add_subcommand("show", "One account");
  auto show_options = std::make_shared<ShowOptions>();
  show_command->add_option("ACCOUNT", show_options->account, "Its name")->required();
  show_command->add_option("--at", show_options->at, "And its balance at this date or time");
  show_command->add_flag("--json", show_options->json, "As JSON");
  show_command->footer(
      "Examples:\n  ciyuan account show receivable/harbor/CNY\n"
      "  ciyuan account show receivable/harbor/CNY --at 2026-12-01");
  show_command->callback([&session, show_options] { show(session, *show_options); });

  auto* deposit_command =
      account->add_subcommand("deposit", "Move an amount to an account, e.g. to fill a prepaid balance");
  auto deposit_options = std::make_shared<DepositOptions>();
  deposit_command->add_option("ACCOUNT", deposit_options->account, "Account that receives")
      ->required()
      ->check([](const std::string& name) { return name.empty() ? "an account's name is not empty" : ""; },
              "");
  deposit_command->add_option("--unit", deposit_options->unit, "CIYUAN, REQUEST or a currency code")
      ->required();
  deposit_command->add_option("AMOUNT,--amount", deposit_options->amount, "A decimal: 10.00");
  deposit_command->add_option("--from", deposit_options->from,
                              "Account that gives; deposits/UNIT if not said");
  deposit_command->add_option("--memo", deposit_options->memo, "Why, for the statement");
  deposit_command->add_option("--id", deposit_options->id, "UUID: the same one again posts nothing twice");
  deposit_command->add_flag("--new", deposit_options->opens_new,
                            "Open ACCOUNT if need be: one of your own books, which no contract names");
  deposit_command->add_flag("--json", deposit_options->json, "Print the outcome as JSON");
  deposit_command->footer(
      "Example:\n  ciyuan account deposit prepaid/demo-prepaid/balance/CNY --unit CNY --amount 10.00 --memo "
      "\"invoice 7\"");
  deposit_command->callback([&session, deposit_options] {
    if (deposit_options->amount.empty()) throw CLI::RequiredError("AMOUNT, or --amount AMOUNT,");
    deposit(session, *deposit_options);
  });

  auto* close_command = account->add_subcommand(
      "close", "Close an account for good: one without a balance that no open call holds on");
  auto closed = std::make_shared<std::string>();
  close_command->add_option("ACCOUNT", *closed, "Its name")->required();
  close_command->footer("Example:\n  ciyuan account close prepaid/demo-prepaid/balance/CNY");
  close_command->callback([&session, closed] { close(session, *closed); });

  auto* statement_command = account->add_subcommand("statement", "An account's entries, newest first");
  auto statement_options = std::make_shared<StatementOptions>();
  statement_command->add_option("ACCOUNT", statement_options->account, "Its name")->required();
  statement_command->add_option("--from", statement_options->from, "Date or time to go back to");
  statement_command->add_option("--limit", statement_options->limit, "At most so many")
      ->check(CLI::Range(1, 1000));
  statement_command->add_flag("--json", statement_options->json, "One JSON object a line");
  statement_command->footer("Example:\n  ciyuan account statement cap/demo/session-cap/CIYUAN/session=s1");
  statement_command->callback([&session, statement_options] { statement(session, *statement_options); });
}

}  // namespace ciyuan::cli
