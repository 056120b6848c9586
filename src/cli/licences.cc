/// licence: vouchers for devices without a connection, their counter, and what they report. The device's key
/// is read here and never sent; `meter` and `show` need no server.

#include <CLI/CLI.hpp>
#include <istream>
#include <ostream>

#include "base/file.h"
#include "base/id.h"
#include "base/time.h"
#include "cli/internal/commands.h"
#include "cli/internal/custody.h"
#include "licence/meter.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kVoucherBytesMax = 1 << 20;
constexpr std::size_t kLineBytesMax = 4096;

std::string decimal(Amount amount) { return format_decimal(amount, licence::kCiyuanScale); }

void keygen(Session& session, const std::string& name, const std::string& file) {
  Result<tlog::NoteSigner> key = make_signing_key(name, file);
  if (!key.ok()) return session.fail(key.error());
  session.out() << key->verifier().text() << "\n";
  session.note("the private half is in " + file + "; put the line above among the Licence's devices");
}

struct IssueOptions {
  std::string licence, device, ciyuan, until, quantum, output, id;
};

void issue(Session& session, const IssueOptions& options) {
  Json wanted = {{"device", options.device}, {"ciyuan", options.ciyuan}};
  if (!options.until.empty()) wanted["until"] = options.until;
  if (!options.quantum.empty()) wanted["quantum"] = options.quantum;
  // Made here, not there: where no answer comes, the same voucher can be asked for again.
  const std::string id = options.id.empty() ? make_uuid7(now()).text() : options.id;
  wanted["id"] = id;
  auto reply = session.send_json("POST", "/v1/licences/" + percent_encoded(options.licence) + "/vouchers",
                                 wanted.dump());
  if (!reply.ok()) {
    session.fail(reply.error());
    if (reply.error().code == ErrorCode::kUnavailable || reply.error().code == ErrorCode::kInternal)
      session.note("voucher " + id + ": asking again with --id never gives a second one");
    return;
  }
  session.deliver(text_at(*reply, "note"), options.output, "ciyuan licence meter");
  session.note("the server's key, for --server: " + text_at(*reply, "server_key"));
}

void print_voucher(std::ostream& out, const Json& one) {
  out << text_at(one, "name") << " for " << text_at(one, "device") << ", " << text_at(one, "state") << ": "
      << text_at(one, "used") << " of " << text_at(one, "ciyuan") << " Ciyuan used, "
      << text_at(one, "statements") << " statements, until " << text_at(one, "until") << "\n";
  for (const Json& refused : one.value("refused", Json::array()))
    out << "  refused at " << text_at(refused, "at") << ": " << text_at(refused, "why") << "\n";
}

void show(Session& session, const std::string& name, bool json) {
  auto reply = session.send_json("GET", "/v1/licences/" + percent_encoded(name));
  if (!reply.ok()) return session.fail(reply.error());
  std::ostream& out = session.out();
  if (json) {
    out << reply->dump() << "\n";
    return;
  }
  out << name << ": " << text_at(*reply, "ciyuan") << " Ciyuan from " << text_at(*reply, "from") << " until "
      << text_at(*reply, "until") << "\n";
  for (const Json& seat : reply->value("seats", Json::array()))
    if (!seat.contains("released"))
      out << "  seat " << text_at(seat, "holder") << ", since " << text_at(seat, "assigned") << "\n";
  for (const Json& voucher : reply->value("vouchers", Json::array())) print_voucher(out, voucher);
}

void report(Session& session, const std::string& file, bool close, bool json) {
  Result<std::string> chain = read_file(file, licence::kChainBytesMax);
  if (!chain.ok()) return session.fail(chain.error());
  auto reply =
      session.send_json("POST", std::string("/v1/licence-reports") + (close ? "?close=true" : ""), *chain);
  if (!reply.ok()) return session.fail(reply.error());
  if (json) {
    session.out() << reply->dump() << "\n";
    return;
  }
  if (text_at(*reply, "standing") == "same") session.note("all of it was reported before");
  session.out() << text_at(*reply, "posted") << " Ciyuan posted\n";
  print_voucher(session.out(), member_of(*reply, "voucher"));
}

struct MeterOptions {
  std::string file, voucher, key, server;
  bool finish = false;
};

Result<licence::Meter> open_meter(const MeterOptions& options) {
  CIYUAN_TRY(tlog::VerifierKey server, tlog::VerifierKey::parse(options.server));
  CIYUAN_TRY(tlog::NoteSigner device, load_signing_key(options.key));
  std::string voucher;
  if (!options.voucher.empty()) {
    CIYUAN_TRY(voucher, read_file(options.voucher, kVoucherBytesMax));
  }
  return licence::Meter::open(options.file, voucher, {&server, 1}, device, now());
}

// {"model":"smollm2","input":12,"output":30}: kinds of token beside the model.
Result<std::pair<std::string, KindCounts>> read_call(const std::string& line) {
  if (line.size() > kLineBytesMax)
    return invalid("", "is longer than " + std::to_string(kLineBytesMax) + " bytes");
  CIYUAN_TRY(Json call, parse_json(line));
  if (!call.is_object()) return invalid("", "is no object with model and numbers of tokens");
  std::pair<std::string, KindCounts> read;
  for (const auto& member : call.items()) {
    if (member.key() == "model" && member.value().is_string()) {
      read.first = member.value().get<std::string>();
      continue;
    }
    std::optional<Kind> kind = kind_named(member.key());
    if (!kind || !member.value().is_number_unsigned() ||
        member.value().get<std::uint64_t>() > static_cast<std::uint64_t>(licence::kTokensMax))
      return invalid(member.key().substr(0, 60), member.value().dump().substr(0, 60) +
                                                     " is neither a model nor a number of tokens of a kind");
    read.second[*kind] = member.value().get<std::int64_t>();
  }
  if (read.first.empty()) return invalid("model", "is missing");
  return read;
}

Json answer_to(licence::Meter& meter, const std::string& line) {
  Result<Amount> left = Error{};
  auto call = read_call(line);
  if (call.ok())
    left = meter.count(call->first, call->second, now());
  else
    left = call.error();
  if (left.ok()) return {{"passed", true}, {"left", decimal(*left)}};
  return {{"passed", false}, {"path", left.error().path}, {"error", left.error().message}};
}

// A line in, a line out; what is answered as passed is on the disk.
void meter(Session& session, const MeterOptions& options) {
  Result<licence::Meter> meter = open_meter(options);
  if (!meter.ok()) return session.fail(meter.error());
  if (options.finish) {
    if (Status finished = meter->finish(now()); !finished.ok()) return session.fail(finished.error());
    session.out() << decimal(meter->used()) << " of " << decimal(meter->voucher().ciyuan)
                  << " Ciyuan used; the voucher is used no further\n";
    return;
  }
  std::string line;
  while (std::getline(session.console().in, line)) {
    if (line.empty()) continue;
    session.out() << answer_to(*meter, line).dump() << "\n" << std::flush;
  }
  if (Status closed = meter->close(now()); !closed.ok()) session.fail(closed.error());
}

void inspect(Session& session, const std::string& file, const std::string& server_key) {
  Result<tlog::VerifierKey> server = tlog::VerifierKey::parse(server_key);
  if (!server.ok()) return session.fail(invalid("--server", server.error().message));
  Result<std::string> text = read_file(file, licence::kChainBytesMax);
  if (!text.ok()) return session.fail(text.error());
  Result<licence::Chain> chain = licence::read_chain(*text, {&*server, 1});
  if (!chain.ok()) return session.fail(chain.error());
  const licence::Voucher& voucher = chain->voucher;
  const licence::Statement last = chain->statements.empty() ? licence::Statement() : chain->statements.back();
  session.out() << "voucher " << voucher.id.text() << " of the licence " << voucher.licence << " for "
                << voucher.device.name << "\n"
                << decimal(last.ciyuan) << " of " << decimal(voucher.ciyuan) << " Ciyuan used, "
                << decimal(last.marked - last.ciyuan) << " marked ahead, " << decimal(last.unaccounted)
                << " unaccounted after stops\n"
                << chain->statements.size() << " statements, signed and in order; until "
                << to_rfc3339(voucher.until) << ", to be reported by " << to_rfc3339(voucher.report_by)
                << "\n";
}

void add_server_commands(CLI::App& licence, Session& session) {
  auto* issue_command =
      licence.add_subcommand("issue", "A voucher: so many Ciyuan for a device, until a date");
  auto issue_options = std::make_shared<IssueOptions>();
  issue_command->add_option("LICENCE", issue_options->licence, "Its name")->required();
  issue_command->add_option("DEVICE", issue_options->device, "Name of one of its devices")->required();
  issue_command->add_option("--ciyuan", issue_options->ciyuan, "That the device may use")->required();
  issue_command->add_option("--until", issue_options->until, "Date or time; the licence's end if not said");
  issue_command->add_option(
      "--quantum", issue_options->quantum,
      "Ciyuan marked ahead of use, which a crash may count too much; a thousandth if not said");
  issue_command->add_option("--id", issue_options->id, "UUID: the same one again gives the same voucher");
  issue_command->add_option("-o,--output", issue_options->output,
                            "File to write; standard output if not said");
  issue_command->footer(
      "Example:\n  ciyuan licence issue workshop cutter-1 --ciyuan 500 -o cutter-1.voucher");
  issue_command->callback([&session, issue_options] { issue(session, *issue_options); });

  auto* report_command = licence.add_subcommand("report", "Brings a device's chain to the server");
  auto report_options = std::make_shared<std::tuple<std::string, bool, bool>>();
  report_command->add_option("FILE", std::get<0>(*report_options), "The device's chain")->required();
  report_command->add_flag(
      "--close", std::get<1>(*report_options),
      "Refuse a chain that does not end with the device's last statement, which closes the "
      "voucher: its rest is the licence's again");
  report_command->add_flag("--json", std::get<2>(*report_options), "As JSON");
  report_command->footer("Example:\n  ciyuan licence report cutter-1.chain");
  report_command->callback([&session, report_options] {
    report(session, std::get<0>(*report_options), std::get<1>(*report_options), std::get<2>(*report_options));
  });

  auto* show_command = licence.add_subcommand("show", "A licence's seats and vouchers");
  auto show_options = std::make_shared<std::pair<std::string, bool>>();
  show_command->add_option("LICENCE", show_options->first, "Its name")->required();
  show_command->add_flag("--json", show_options->second, "As JSON");
  show_command->footer("Example:\n  ciyuan licence show workshop");
  show_command->callback(
      [&session, show_options] { show(session, show_options->first, show_options->second); });
}

void add_device_commands(CLI::App& licence, Session& session) {
  auto* keygen_command = licence.add_subcommand("keygen", "Make a device's key; needs no server");
  auto keygen_options = std::make_shared<std::pair<std::string, std::string>>();
  keygen_command->add_option("NAME", keygen_options->first, "What the device is called")->required();
  keygen_command->add_option("-o,--output", keygen_options->second, "File for the private half")->required();
  keygen_command->footer("Example:\n  ciyuan licence keygen cutter-1 -o cutter-1.key");
  keygen_command->callback(
      [&session, keygen_options] { keygen(session, keygen_options->first, keygen_options->second); });

  auto* meter_command = licence.add_subcommand(
      "meter", "Counts calls against a voucher; needs no server. A JSON line in for each call, a line out");
  auto meter_options = std::make_shared<MeterOptions>();
  meter_command->add_option("FILE", meter_options->file, "The device's chain; begun where it is not there")
      ->required();
  meter_command->add_option("--voucher", meter_options->voucher, "File of the voucher; needed to begin");
  meter_command->add_option("--key", meter_options->key, "File of the device's private key")->required();
  meter_command->add_option("--server", meter_options->server, "The server's key, as `issue` told it")
      ->required();
  meter_command->add_flag(
      "--finish", meter_options->finish,
      "Count nothing: write the chain's last statement, so that a report closes the voucher");
  meter_command->footer(
      "Example:\n  echo '{\"model\":\"smollm2\",\"input\":12,\"output\":30}' | ciyuan licence meter "
      "cutter-1.chain "
      "--voucher\n      cutter-1.voucher --key cutter-1.key --server KEY");
  meter_command->callback([&session, meter_options] { meter(session, *meter_options); });

  auto* inspect_command = licence.add_subcommand("inspect", "Checks a device's chain; needs no server");
  auto inspect_options = std::make_shared<std::pair<std::string, std::string>>();
  inspect_command->add_option("FILE", inspect_options->first, "The device's chain")->required();
  inspect_command->add_option("--server", inspect_options->second, "The server's key")->required();
  inspect_command->footer("Example:\n  ciyuan licence inspect cutter-1.chain --server KEY");
  inspect_command->callback(
      [&session, inspect_options] { inspect(session, inspect_options->first, inspect_options->second); });
}

}  // namespace

void add_licence_commands(CLI::App& app, Session& session) {
  auto* licence =
      app.add_subcommand("licence", "Licences: seats, and devices that count without a connection");
  licence->require_subcommand(1);
  add_server_commands(*licence, session);
  add_device_commands(*licence, session);
}

}  // namespace ciyuan::cli
