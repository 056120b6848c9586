/// verify, version: what needs no server. (Also here: count_command.cc, method_command.cc, parity_command.cc,
/// calibrate_command.cc)

#include <ostream>

#include "cli/internal/commands.h"
#include "cli/verify.h"

namespace ciyuan::cli {
namespace {

constexpr std::string_view kVersion = CIYUAN_VERSION;

void add_verify(CLI::App& app, Session& session) {
  auto* verify =
      app.add_subcommand("verify", "Check a receipt offline, with nothing but the operator's public key");
  auto options = std::make_shared<VerifyOptions>();
  verify->add_option("RECEIPT", options->receipt, "File, or - for standard input")->capture_default_str();
  verify
      ->add_option("--key", options->keys,
                   "Verifier key (name+id+base64), or a file with one a line; may be repeated")
      ->required();
  verify->add_option("--request", options->request_file, "File with the bytes said to be the request");
  verify->add_option("--answer", options->answer_file, "File with the bytes said to be the answer");
  verify->add_option("--record-key", options->key_hex,
                     "The record's commitment key in hexadecimal (ciyuan record key), for the two above");
  verify->add_flag("--json", options->json, "One JSON object on a line");
  verify->footer(
      "Example:\n  ciyuan log key > log.vkey\n  ciyuan record receipt ID -o call.receipt\n  ciyuan verify "
      "call.receipt --key log.vkey\n\n"
      "Exit code 0: everything holds; 1: it is a receipt, and something in it does not hold; 2: it is no "
      "receipt.\n"
      "The formats are C2SP's (signed-note, tlog-checkpoint, tlog-proof): tools that are not ours check them "
      "as well.");
  verify->callback([&session, options] {
    session.exit_code =
        run_verify(*options, session.console().in, session.console().out, session.console().err);
  });
}

}  // namespace

void add_offline_commands(CLI::App& app, Session& session) {
  add_count_command(app, session);
  add_method_command(app, session);
  add_price_command(app, session);
  add_vocab_command(app, session);
  add_parity_command(app, session);
  add_calibrate_command(app, session, kVersion);
  add_verify(app, session);
  auto* version = app.add_subcommand("version", "The program's version");
  version->callback([&session] { session.out() << "ciyuan " << kVersion << "\n"; });
}

}  // namespace ciyuan::cli
