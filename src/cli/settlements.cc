/// settlement: what both parties sign, step by step. The private keys are read here and never sent.

#include <algorithm>
#include <iterator>
#include <ostream>

#include "base/file.h"
#include "cli/internal/commands.h"
#include "cli/internal/custody.h"
#include "report/settlement.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kNoteBytesMax = 1 << 20;

struct StepOptions {
  std::string step, number, note_file, upheld;
  std::vector<std::string> keys, disputes;
  bool only_sign = false, json = false;
};

// "wrong_count:0.12:ID,ID"
Result<Json> dispute_of(const std::string& text) {
  std::size_t first = text.find(':');
  if (first == text.npos)
    return invalid("--dispute",
                   "\"" + text.substr(0, 80) + "\" is not like REASON:AMOUNT or REASON:AMOUNT:RECORD,RECORD");
  std::size_t second = std::min(text.find(':', first + 1), text.size());
  Json dispute = {{"reason", text.substr(0, first)}, {"amount", text.substr(first + 1, second - first - 1)}};
  for (std::size_t at = second + 1; at < text.size();) {
    std::size_t comma = std::min(text.find(',', at), text.size());
    dispute["records"].push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return dispute;
}

Result<Json> body_for(const StepOptions& options, const Json& invoice) {
  CIYUAN_TRY(Json body, report::step_body(invoice));
  if (options.step == "dispute")
    for (const std::string& text : options.disputes) {
      CIYUAN_TRY(Json dispute, dispute_of(text));
      body["disputes"].push_back(std::move(dispute));
    }
  if (options.step == "resolve") body["upheld"] = options.upheld;
  return body;
}

// Signatures that are there already, and those of the keys at hand.
Result<std::string> note_for(const StepOptions& options, const std::string& text) {
  std::string note = text + "\n";
  if (!options.note_file.empty()) {
    CIYUAN_TRY(std::string present, read_file(options.note_file, kNoteBytesMax));
    CIYUAN_TRY(tlog::Note parsed, tlog::parse_note(present));
    if (parsed.text != text)
      return invalid(options.note_file, "signs something else than this step, which is\n" + text);
    note = present;
  }
  for (const std::string& file : options.keys) {
    CIYUAN_TRY(tlog::NoteSigner key, load_signing_key(file));
    note += key.signature_line(text);
  }
  return note;
}

void step(Session& session, const StepOptions& options) {
  if (options.keys.empty() && options.note_file.empty())
    return session.fail(invalid("--key", "or --note says who signs"));
  std::string number = percent_encoded(options.number);
  auto invoice = session.send_json("GET", "/v1/invoices/" + number);
  if (!invoice.ok()) return session.fail(invoice.error());
  Result<Json> body = body_for(options, *invoice);
  if (!body.ok()) return session.fail(body.error());
  auto text = report::step_text(options.number, options.step, *body);
  if (!text.ok()) return session.fail(text.error());
  Result<std::string> note = note_for(options, *text);
  if (!note.ok()) return session.fail(note.error());
  if (options.only_sign) {
    session.out() << *note;
    return;
  }
  Json request = {{"step", options.step}, {"body", *body}, {"note", *note}};
  auto reply = session.send_json("POST", "/v1/settlements/" + number, request.dump());
  if (!reply.ok()) return session.fail(reply.error());
  const Json& settlement = member_of(*reply, "settlement");
  if (options.json) {
    session.out() << settlement.dump() << "\n";
    return;
  }
  session.out() << options.number << " is " << text_at(settlement, "state");
  if (options.step == "propose")
    session.out() << ", to be disputed until " << text_at(settlement, "dispute_until");
  if (options.step == "dispute") session.out() << " by " << text_at(settlement, "disputed");
  if (options.step == "resolve") session.out() << ", " << text_at(settlement, "upheld") << " upheld";
  if (options.step == "settle") session.out() << ", payable " << text_at(settlement, "payable");
  session.out() << "\n";
  if (reply->value("existed", false)) session.note("the step was taken before, and nothing changed");
}

void keygen(Session& session, const std::string& name, const std::string& file) {
  Result<tlog::NoteSigner> key = make_signing_key(name, file);
  if (!key.ok()) return session.fail(key.error());
  session.out() << key->verifier().text() << "\n";
  session.note("the private half is in " + file + "; put the line above into the Party as settlement_key");
}

void list(Session& session, const std::string& prefix, bool json) {
  Table table({"INVOICE", "CONTRACT", "STATE", "DISPUTED", "UPHELD", "PAYABLE", "DISPUTE UNTIL"});
  table.align_right({3, 4, 5});
  std::string after;
  for (bool more = true; more;) {
    auto reply = session.send_json(
        "GET", "/v1/settlements" + query_of({{"prefix", prefix}, {"after", after}, {"limit", "1000"}}));
    if (!reply.ok()) return session.fail(reply.error());
    for (const Json& one : reply->value("settlements", Json::array())) {
      if (json) session.out() << one.dump() << "\n";
      table.add({text_at(one, "name"), text_at(one, "contract"), text_at(one, "state"),
                 text_at(one, "disputed"), text_at(one, "upheld"), text_at(one, "payable"),
                 text_at(one, "dispute_until")});
    }
    after = text_at(*reply, "next");
    more = !after.empty();
  }
  if (!json) table.print(session.out());
}

void show(Session& session, const std::string& number, bool json) {
  auto reply = session.send_json("GET", "/v1/settlements/" + percent_encoded(number));
  if (!reply.ok()) return session.fail(reply.error());
  session.out() << (json ? reply->dump() : reply->dump(2)) << "\n";
}

struct StepWords {
  const char *name, *help, *example;
};
constexpr StepWords kSteps[] = {
    {"propose", "The provider proposes the invoice for settlement", "--key lantern.key"},
    {"accept", "The consumer accepts it", "--key harbor.key"},
    {"dispute", "The consumer disputes amounts, within the contract's window",
     "--dispute wrong_count:0.12 --key harbor.key"},
    {"resolve", "Both say how much of the dispute is upheld",
     "--upheld 0.10 --key lantern.key --key harbor.key"},
    {"settle", "The provider closes it: what is left is payable", "--key lantern.key"}};

void add_step(CLI::App& settlement, Session& session, const StepWords& words) {
  auto* command = settlement.add_subcommand(words.name, words.help);
  auto options = std::make_shared<StepOptions>();
  options->step = words.name;
  command->add_option("NUMBER", options->number, "The invoice's number")->required();
  command->add_option("--key", options->keys, "File of a private key that signs, from `settlement keygen`");
  command->add_option("--note", options->note_file, "A signed note of this step, to send or to sign further");
  if (options->step == "dispute")
    command
        ->add_option("--dispute", options->disputes,
                     "REASON:AMOUNT or REASON:AMOUNT:RECORD,RECORD; repeatable")
        ->required();
  if (options->step == "resolve")
    command->add_option("--upheld", options->upheld, "The part that the consumer need not pay")->required();
  command->add_flag("--only-sign", options->only_sign,
                    "Print the signed note for the other party, and send nothing");
  command->add_flag("--json", options->json, "Print the settlement as JSON");
  std::string footer =
      std::string("Example:\n  ciyuan settlement ") + words.name + " lantern-2026-000001 " + words.example;
  if (options->step == "dispute")
    footer =
        "Reasons: not_ours, wrong_count, wrong_price, not_delivered, bad_service, charged_twice.\n" + footer;
  command->footer(footer);
  command->callback([&session, options] { step(session, *options); });
}

}  // namespace

void add_settlement_commands(CLI::App& app, Session& session) {
  auto* settlement = app.add_subcommand("settlement", "Two parties sign off an invoice, or dispute it");
  settlement->require_subcommand(1);
  settlement->footer(
      "proposed → accepted, or disputed → resolved; then settled. Each step is a signed note over the digest "
      "of "
      "the\ninvoice, its records and the log's checkpoint, and becomes a leaf of the log.");
  auto* keygen_command = settlement->add_subcommand("keygen", "Make a party's key for settlements");
  auto keygen_options = std::make_shared<std::pair<std::string, std::string>>();
  keygen_command
      ->add_option("NAME", keygen_options->first, "What the key is called: the party's domain or name")
      ->required();
  keygen_command->add_option("-o,--output", keygen_options->second, "File for the private half")->required();
  keygen_command->footer("Example:\n  ciyuan settlement keygen lantern.example -o lantern.key");
  keygen_command->callback(
      [&session, keygen_options] { keygen(session, keygen_options->first, keygen_options->second); });
  for (const StepWords& words : kSteps) add_step(*settlement, session, words);

  auto* list_command = settlement->add_subcommand("list", "Settlements and their states");
  auto list_options = std::make_shared<std::pair<std::string, bool>>();
  list_command->add_option("PREFIX", list_options->first, "Only invoices whose number begins so");
  list_command->add_flag("--json", list_options->second, "One JSON object a line");
  list_command->footer("Example:\n  ciyuan settlement list");
  list_command->callback(
      [&session, list_options] { list(session, list_options->first, list_options->second); });
  auto* show_command = settlement->add_subcommand("show", "One settlement, with its signed steps");
  auto show_options = std::make_shared<std::pair<std::string, bool>>();
  show_command->add_option("NUMBER", show_options->first, "The invoice's number")->required();
  show_command->add_flag("--json", show_options->second, "On one line");
  show_command->footer("Example:\n  ciyuan settlement show lantern-2026-000001");
  show_command->callback(
      [&session, show_options] { show(session, show_options->first, show_options->second); });
}

}  // namespace ciyuan::cli
