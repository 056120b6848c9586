/// invoice: written once, shown as JSON, HTML or PDF, credited by notes.

#include <ostream>

#include "base/id.h"
#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

struct CreateOptions {
  std::string contract, period;
  bool json = false;
};

void create(Session& session, const CreateOptions& options) {
  Json body = {{"contract", options.contract}, {"period", options.period}};
  auto reply = session.send_json("POST", "/v1/invoices", body.dump());
  if (!reply.ok()) return session.fail(reply.error());
  const Json& invoice = member_of(*reply, "invoice");
  if (options.json) {
    session.out() << invoice.dump() << "\n";
    return;
  }
  session.out() << text_at(invoice, "name") << "  " << text_at(invoice, "gross") << " "
                << text_at(invoice, "currency") << ", due " << text_at(invoice, "due") << "\n";
  if (reply->value("existed", false)) session.note("it was written before, and is as it was");
}

struct ShowOptions {
  std::string number, format = "json", output;
};

// Credit notes are known by the C before their digits.
std::string path_of(const std::string& number) {
  std::size_t dash = number.rfind('-');
  bool credits = dash != number.npos && number.compare(dash, 2, "-C") == 0;
  return std::string(credits ? "/v1/credit-notes/" : "/v1/invoices/") + percent_encoded(number);
}

void show(Session& session, const ShowOptions& options) {
  auto reply = session.send("GET", path_of(options.number) + query_of({{"format", options.format}}));
  if (!reply.ok()) return session.fail(reply.error());
  session.deliver(reply->body, options.output);
}

void list(Session& session, const std::string& prefix, bool json) {
  Table table({"NUMBER", "ISSUED", "CONTRACT", "PERIOD", "GROSS", "CURRENCY", "DUE"});
  table.align_right({4});
  for (const auto& [path, member] :
       {std::pair{"/v1/invoices", "invoices"}, std::pair{"/v1/credit-notes", "credit_notes"}}) {
    std::string after;
    for (bool more = true; more;) {
      auto reply = session.send_json(
          "GET", path + query_of({{"prefix", prefix}, {"after", after}, {"limit", "1000"}}));
      if (!reply.ok()) return session.fail(reply.error());
      for (const Json& one : reply->value(member, Json::array())) {
        if (json) session.out() << one.dump() << "\n";
        bool credits = text_at(one, "kind") == "CreditNote";
        table.add({text_at(one, "name"), text_at(one, "issued").substr(0, 10),
                   text_at(member_of(one, "contract"), "name"), text_at(member_of(one, "period"), "name"),
                   (credits ? "-" : "") + text_at(one, "gross"), text_at(one, "currency"),
                   credits ? "for " + text_at(one, "invoice") : text_at(one, "due")});
      }
      after = text_at(*reply, "next");
      more = !after.empty();
    }
  }
  if (!json) table.print(session.out());
}

struct CreditOptions {
  std::string number, amount, reason, text, id;
  bool json = false;
};

void credit(Session& session, const CreditOptions& options) {
  // Made here: where no answer comes, the same note can be asked for again and is written once.
  std::string id = options.id.empty() ? make_uuid7(now()).text() : options.id;
  Json body = {{"amount", options.amount}, {"reason", options.reason}, {"id", id}};
  if (!options.text.empty()) body["text"] = options.text;
  auto reply =
      session.send_json("POST", "/v1/invoices/" + percent_encoded(options.number) + "/credit", body.dump());
  if (!reply.ok()) {
    session.fail(reply.error());
    if (reply.error().code == ErrorCode::kUnavailable || reply.error().code == ErrorCode::kTimeout)
      session.note("sending it again with --id " + id + " is never a second note");
    return;
  }
  const Json& note = member_of(*reply, "credit_note");
  if (options.json)
    session.out() << note.dump() << "\n";
  else
    session.out() << text_at(note, "name") << "  " << text_at(note, "gross") << " "
                  << text_at(note, "currency") << " credited on " << options.number << "\n";
}

}  // namespace

void add_invoice_commands(CLI::App& app, Session& session) {
  auto* invoice = app.add_subcommand("invoice", "Invoices and credit notes: numbered, posted, in the log");
  invoice->require_subcommand(1);
  auto* create_command = invoice->add_subcommand("create", "Invoice a period that is over");
  auto create_options = std::make_shared<CreateOptions>();
  create_command->add_option("CONTRACT", create_options->contract, "Its name")->required();
  create_command->add_option("--period", create_options->period, "2026-11, 2026-11-05, 2026 or A..B")
      ->required();
  create_command->add_flag("--json", create_options->json, "Print the invoice as JSON");
  create_command->footer(
      "The same period again gives the invoice that is there. Its terms (tax, currency, days) are those of "
      "the\n"
      "contract's settlement clause.\nExample:\n  ciyuan invoice create demo --period 2026-11");
  create_command->callback([&session, create_options] { create(session, *create_options); });

  auto* show_command = invoice->add_subcommand("show", "One invoice or credit note");
  auto show_options = std::make_shared<ShowOptions>();
  show_command->add_option("NUMBER", show_options->number, "Its number")->required();
  show_command->add_option("--format", show_options->format, "json, html or pdf; json if not said");
  show_command->add_option("-o,--output", show_options->output, "File to write; standard output if not said");
  show_command->footer("Example:\n  ciyuan invoice show lantern-2026-000001 --format pdf -o invoice.pdf");
  show_command->callback([&session, show_options] { show(session, *show_options); });

  auto* list_command = invoice->add_subcommand("list", "Invoices and credit notes");
  auto list_options = std::make_shared<std::pair<std::string, bool>>();
  list_command->add_option("PREFIX", list_options->first, "Only numbers that begin so: lantern-2026-");
  list_command->add_flag("--json", list_options->second, "One JSON object a line");
  list_command->footer("Example:\n  ciyuan invoice list lantern-2026-");
  list_command->callback(
      [&session, list_options] { list(session, list_options->first, list_options->second); });

  auto* credit_command = invoice->add_subcommand("credit", "Credit a part or all of an invoice");
  auto credit_options = std::make_shared<CreditOptions>();
  credit_command->add_option("NUMBER", credit_options->number, "The invoice's number")->required();
  credit_command->add_option("--amount", credit_options->amount, "With tax, in the invoice's currency")
      ->required();
  credit_command
      ->add_option("--reason", credit_options->reason,
                   "service_failure, price_error, counting_error, goodwill, dispute_upheld or other")
      ->required();
  credit_command->add_option("--text", credit_options->text, "Why, in words");
  credit_command->add_option("--id", credit_options->id,
                             "Of the request: the same again writes no second note");
  credit_command->add_flag("--json", credit_options->json, "Print the credit note as JSON");
  credit_command->footer(
      "Example:\n  ciyuan invoice credit lantern-2026-000001 --amount 1.20 --reason service_failure");
  credit_command->callback([&session, credit_options] { credit(session, *credit_options); });
}

}  // namespace ciyuan::cli
