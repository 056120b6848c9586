/// record, explain, log: what was used, why it cost what it cost, and the proof of it.

#include <ostream>
#include <utility>

#include "base/amount.h"
#include "cli/internal/commands.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kPage = 1000;

// What was billed, over all kinds.
std::string billed_tokens(const Json& record) {
  std::uint64_t sum = 0;
  for (const auto& figure : member_of(record, "usage").items())
    sum += figure.value().value("billed", std::uint64_t{0});
  return std::to_string(sum);
}

std::string money_of(const Json& record, bool with_currency = true) {
  // One currency for each contract: the amounts add up as decimals of twelve places.
  Amount sum;
  std::string currency;
  for (const Json& charge : record.value("charges", Json::array())) {
    if (text_at(charge, "currency") == "CIYUAN") continue;  // a package paid it
    auto amount = parse_decimal(text_at(charge, "amount"), 12);
    if (!amount.ok()) return "?";
    sum += *amount;
    currency = text_at(charge, "currency");
  }
  return currency.empty() ? "" : format_decimal(sum, 12) + (with_currency ? " " + currency : "");
}

struct ListOptions {
  std::string contract, key, session, from, to;
  std::size_t limit = 50;
  bool json = false;
};

/// Calls take(record) for each of them, the newest first; false: said why not.
template <class Take>
bool for_each_record(Session& session, const ListOptions& options, const Take& take) {
  std::string after;
  std::size_t seen = 0;
  for (bool more = true; more && seen < options.limit;) {
    const std::size_t page = std::min(kPage, options.limit - seen);
    auto reply = session.send_json("GET", "/v1/records" + query_of({{"contract", options.contract},
                                                                    {"key", options.key},
                                                                    {"session", options.session},
                                                                    {"from", options.from},
                                                                    {"to", options.to},
                                                                    {"after", after},
                                                                    {"limit", std::to_string(page)}}));
    if (!reply.ok()) return session.fail(reply.error()), false;
    for (const Json& row : (*reply)["records"]) {
      ++seen;
      if (!take(row["record"])) return false;
    }
    after = text_at(*reply, "next");
    more = !after.empty();
  }
  return true;
}

void list(Session& session, const ListOptions& options) {
  Table table({"CLOSED", "ID", "KEY", "SESSION", "MODEL", "STATE", "TOKENS", "CIYUAN", "MONEY"});
  table.align_right({6, 7, 8});
  const bool done = for_each_record(session, options, [&](const Json& record) {
    if (options.json) session.out() << record.dump() << "\n";
    table.add({text_at(member_of(record, "times"), "closed").substr(0, 19), text_at(record, "id"),
               text_at(member_of(record, "party"), "key"), text_at(record, "session"),
               text_at(member_of(record, "model"), "asked"), text_at(member_of(record, "outcome"), "state"),
               billed_tokens(record), text_at(record, "ciyuan"), money_of(record)});
    return true;
  });
  if (done && !options.json) table.print(session.out());
}

void show(Session& session, const std::string& id, bool json) {
  auto record = session.send_json("GET", "/v1/records/" + percent_encoded(id));
  if (!record.ok()) return session.fail(record.error());
  session.out() << (json ? record->dump() : record->dump(2)) << "\n";
}

struct ReceiptOptions {
  std::string id, output;
};

void receipt(Session& session, const ReceiptOptions& options) {
  auto reply = session.send("GET", "/v1/records/" + percent_encoded(options.id) + "/receipt");
  if (!reply.ok()) return session.fail(reply.error());
  session.deliver(reply->body, options.output,
                  "; check it with: ciyuan verify " + options.output + " --key FILE (ciyuan log key > FILE)");
}

void show_key(Session& session, const std::string& id) {
  auto reply = session.send_json("GET", "/v1/records/" + percent_encoded(id) + "/key");
  if (!reply.ok()) return session.fail(reply.error());
  session.out() << text_at(*reply, "key") << "\n";
}

void erase(Session& session, const std::string& id, bool json) {
  auto reply = session.send_json("DELETE", "/v1/records/" + percent_encoded(id) + "/key");
  if (!reply.ok()) return session.fail(reply.error());
  if (json) {
    session.out() << reply->dump() << "\n";
  } else if (reply->value("erased_before", false)) {
    session.out() << "the key of " << id << " was erased before\n";
  } else {
    session.out() << "the key of " << id << " is erased; leaf " << text_at(*reply, "leaf") << " of the log\n";
  }
}

struct CorrectOptions {
  std::string id, price_book, contract, from, to;
  bool json = false;
};

// Each record of a contract's time, the newest first; what cannot be corrected is named and left alone.
// Stopped anywhere, it is done again: what was corrected already stays as it is.
void correct_all(Session& session, const CorrectOptions& options) {
  const Json body = {{"price_book", options.price_book}};
  std::size_t corrected = 0, left = 0;
  auto correct_one = [&](const Json& record) {
    if (!text_at(member_of(record, "outcome"), "corrects").empty()) return true;
    const std::string id = text_at(record, "id");
    auto reply = session.send_json("POST", "/v1/records/" + percent_encoded(id) + "/correct", body.dump());
    if (!reply.ok() && reply.error().code != ErrorCode::kRefused &&
        reply.error().code != ErrorCode::kConflict)
      return session.fail(reply.error()), false;
    ++(reply.ok() ? corrected : left);
    if (!reply.ok()) session.note(id + " is left as it is: " + reply.error().text());
    if (reply.ok() && options.json) session.out() << reply->dump() << "\n";
    return true;
  };
  const ListOptions all{.contract = options.contract,
                        .key = "",
                        .session = "",
                        .from = options.from,
                        .to = options.to,
                        .limit = SIZE_MAX,
                        .json = false};
  if (!for_each_record(session, all, correct_one)) return;
  if (!options.json)
    session.out() << corrected << " records of " << options.contract << " are corrected, " << left
                  << " left as they were\n";
}

void correct(Session& session, const CorrectOptions& options) {
  if (options.id.empty() == options.contract.empty())
    return session.fail(invalid("RECORD", "or --contract says what is corrected: one of them"));
  if (options.contract.empty() && !(options.from + options.to).empty())
    return session.fail(invalid("--from", "and --to go with --contract"));
  if (!options.contract.empty()) return correct_all(session, options);
  Json body = {{"price_book", options.price_book}};
  auto reply =
      session.send_json("POST", "/v1/records/" + percent_encoded(options.id) + "/correct", body.dump());
  if (!reply.ok()) return session.fail(reply.error());
  if (options.json) {
    session.out() << reply->dump() << "\n";
    return;
  }
  const Json& record = member_of(*reply, "record");
  session.out() << text_at(record, "id") << " stands for " << options.id << ": " << money_of(record) << "\n";
  for (const Json& posting : reply->value("postings", Json::array()))
    session.out() << "  " << text_at(posting, "account") << " " << text_at(posting, "amount") << "\n";
}

std::string tags_line(const Json& party) {
  std::string line;
  for (const auto& tag : member_of(party, "tags").items())
    line += (line.empty() ? "  tagged " : ", ") + tag.key() + "=" + tag.value().get<std::string>();
  return line.empty() ? line : line + "\n";
}

void explain(Session& session, const std::string& id, bool json) {
  auto reply = session.send_json("GET", "/v1/records/" + percent_encoded(id) + "/explain");
  if (!reply.ok()) return session.fail(reply.error());
  if (json) {
    session.out() << reply->dump() << "\n";
    return;
  }
  const Json& record = member_of(*reply, "record");
  const Json& documents = member_of(*reply, "documents");
  std::ostream& out = session.out();
  const Json& party = member_of(record, "party");
  out << "Call " << text_at(record, "id") << ", leaf " << text_at(*reply, "leaf") << " of the log\n"
      << "  by the key " << text_at(party, "key") << " of " << text_at(party, "party") << ", session "
      << text_at(record, "session") << "\n"
      << tags_line(party) << "  for the model " << text_at(member_of(record, "model"), "asked")
      << ", answered by " << text_at(member_of(record, "upstream"), "name") << "\n"
      << "  " << text_at(*reply, "outcome") << "\n";
  if (std::string verdict = text_at(*reply, "verdict"); !verdict.empty()) out << "  " << verdict << "\n";
  out << "\nCounted\n";
  Table usage({"  KIND", "MEASURED", "REPORTED", "BILLED", "LEVEL", "BY"});
  usage.align_right({1, 2, 3});
  for (const auto& figure : member_of(record, "usage").items()) {
    const Json& value = figure.value();
    usage.add({"  " + figure.key(), text_at(value, "measured"), text_at(value, "reported"),
               text_at(value, "billed"), text_at(value, "level"), text_at(value, "counted_by")});
  }
  usage.print(out);
  const Json& method = member_of(documents, "method");
  if (method.contains("name"))
    out << "  under the method " << text_at(method, "name") << " " << text_at(method, "version") << ": "
        << text_at(record, "ciyuan") << " Ciyuan\n";
  const Json& equivalence = member_of(record, "equivalence");
  for (const char* role : {"billed", "parallel"}) {
    const Json& rating = member_of(equivalence, role);
    if (rating.empty()) continue;
    out << (std::string_view(role) == "billed" ? "  of which " : "  beside it ")
        << (text_at(rating, "kind") == "Method" ? "the method " : "the table ") << text_at(rating, "name")
        << " " << text_at(rating, "version") << " makes " << text_at(rating, "low") << ", "
        << text_at(rating, "middle") << ", " << text_at(rating, "high") << "; " << text_at(rating, "value")
        << (std::string_view(role) == "billed" ? " bills\n" : " would bill\n");
  }
  const Json& book = member_of(documents, "price_book");
  if (book.contains("name")) {
    out << "\nPriced by " << text_at(book, "name") << " " << text_at(book, "version") << "\n";
    for (const Json& sum : (*reply)["sums"]) out << "  " << sum.get<std::string>() << "\n";
    out << "  together " << money_of(record) << "\n";
  }
  if (!(*reply)["clauses_fired"].empty()) out << "\nClauses that fired\n";
  for (const Json& fired : (*reply)["clauses_fired"]) {
    out << "  " << text_at(fired, "id") << "\n";
    const Json& words = member_of(member_of(fired, "clause"), "text");
    for (const char* language : {"en", "zh"})
      if (std::string text = text_at(words, language); !text.empty()) out << "    " << text << "\n";
  }
}

void add_log_command(CLI::App& app, Session& session) {
  auto* log = app.add_subcommand("log", "The transparency log: its public key and its newest checkpoint");
  log->require_subcommand(1);
  log->footer("The key is what a receipt is verified with. Get it once, over a way you trust, and keep it.");
  for (const char* what : {"key", "checkpoint"}) {
    auto* command = log->add_subcommand(what, std::string_view(what) == "key"
                                                  ? "The log's verifier key (C2SP signed-note)"
                                                  : "The newest signed checkpoint (C2SP tlog-checkpoint)");
    command->footer(std::string("Example:\n  ciyuan log ") + what);
    command->callback([&session, what] {
      auto reply = session.send_json("GET", "/v1/log");
      if (!reply.ok()) return session.fail(reply.error());
      bool key = std::string_view(what) == "key";
      session.out() << text_at(*reply, key ? "verifier_key" : "checkpoint") << (key ? "\n" : "");
    });
  }
}

}  // namespace

void add_record_commands(CLI::App& app, Session& session) {
  auto* record = app.add_subcommand("record", "Usage records and their receipts");
  record->require_subcommand(1);
  auto* list_command = record->add_subcommand("list", "Records, newest first");
  auto list_options = std::make_shared<ListOptions>();
  list_command->add_option("--contract", list_options->contract, "Only this contract's");
  list_command->add_option("--key", list_options->key, "Only this key's");
  list_command->add_option("--session", list_options->session, "Only this session's");
  list_command->add_option("--from", list_options->from, "Closed at or after this date or time");
  list_command->add_option("--to", list_options->to, "Closed before this date or time");
  list_command->add_option("--limit", list_options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000));
  list_command->add_flag("--json", list_options->json, "One JSON object a line");
  list_command->footer(
      "Examples:\n  ciyuan record list --session s1\n  ciyuan record list --contract demo --json --limit "
      "1000 | wc -l");
  list_command->callback([&session, list_options] { list(session, *list_options); });

  auto* show_command = record->add_subcommand("show", "One record, as it was sealed");
  auto show_options = std::make_shared<std::pair<std::string, bool>>();
  show_command->add_option("RECORD", show_options->first, "Its id")->required();
  show_command->add_flag("--json", show_options->second, "On one line");
  show_command->footer("Example:\n  ciyuan record show 0198a000-0000-7000-8000-000000000001");
  show_command->callback(
      [&session, show_options] { show(session, show_options->first, show_options->second); });

  auto* receipt_command =
      record->add_subcommand("receipt", "The record's proof, which anyone can check offline");
  auto receipt_options = std::make_shared<ReceiptOptions>();
  receipt_command->add_option("RECORD", receipt_options->id, "Its id")->required();
  receipt_command->add_option("-o,--output", receipt_options->output,
                              "File to write; standard output if not said");
  receipt_command->footer(
      "Example:\n  ciyuan record receipt ID -o call.receipt\n  ciyuan log key > log.vkey\n  ciyuan verify "
      "call.receipt --key log.vkey");
  receipt_command->callback([&session, receipt_options] { receipt(session, *receipt_options); });

  auto* key_command = record->add_subcommand(
      "key", "The record's commitment key, with which prompt and answer can be checked");
  auto key_options = std::make_shared<std::string>();
  key_command->add_option("RECORD", *key_options, "Its id")->required();
  key_command->footer(
      "Who has it can confirm a guess of the prompt or the answer, and no other record's.\n"
      "Example:\n  ciyuan verify call.receipt --key log.vkey --request prompt.json --record-key \"$(ciyuan "
      "record key ID)\"");
  key_command->callback([&session, key_options] { show_key(session, *key_options); });

  auto* erase_command = record->add_subcommand(
      "erase", "Erase the record's commitment key for good: nothing can confirm its content any more");
  auto erase_options = std::make_shared<std::pair<std::string, bool>>();
  erase_command->add_option("RECORD", erase_options->first, "Its id")->required();
  erase_command->add_flag("--json", erase_options->second, "Print the outcome as JSON");
  erase_command->footer(
      "The record stays, with its figures and its place in the log; the log says who erased the key and "
      "when. "
      "Copies\nof keys.dat in backups still hold it.\n"
      "Example:\n  ciyuan record erase 0198a000-0000-7000-8000-000000000001");
  erase_command->callback(
      [&session, erase_options] { erase(session, erase_options->first, erase_options->second); });

  auto* correct_command = record->add_subcommand(
      "correct",
      "Re-rate a closed record under a price book: a new record, and the difference on the accounts");
  auto correct_options = std::make_shared<CorrectOptions>();
  correct_command->add_option("RECORD", correct_options->id, "Its id");
  correct_command->add_option("--contract", correct_options->contract, "All records of this contract");
  correct_command->add_option("--from", correct_options->from,
                              "With --contract: closed at this time or later");
  correct_command->add_option("--to", correct_options->to, "With --contract: closed before this time");
  correct_command->add_option("--price-book", correct_options->price_book, "Name of a price book in force")
      ->required();
  correct_command->add_flag("--json", correct_options->json, "Print the outcome as JSON");
  correct_command->footer(
      "The old record stays as it was; statements count the new one in its place. Spending caps keep what "
      "the "
      "day's\nprice made of them. Sent again, it changes nothing.\n"
      "Example:\n  ciyuan record correct 0198a000-0000-7000-8000-000000000001 --price-book prices-2026-12\n"
      "  ciyuan record correct --contract demo --from 2026-12-01 --to 2026-12-05 --price-book "
      "prices-2026-12");
  correct_command->callback([&session, correct_options] { correct(session, *correct_options); });

  auto* explain_command = app.add_subcommand(
      "explain", "Why a call came out as it did: counts, prices, clauses, by the documents of that day");
  auto explain_options = std::make_shared<std::pair<std::string, bool>>();
  explain_command->add_option("RECORD", explain_options->first, "Id of the record")->required();
  explain_command->add_flag("--json", explain_options->second, "As JSON");
  explain_command->footer("Example:\n  ciyuan explain 0198a000-0000-7000-8000-000000000001");
  explain_command->callback(
      [&session, explain_options] { explain(session, explain_options->first, explain_options->second); });

  add_log_command(app, session);
}

}  // namespace ciyuan::cli
