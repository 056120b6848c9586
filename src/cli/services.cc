/// serve, standin: the verbs that stay.

#include "cli/internal/commands.h"
#include "cli/serve.h"
#include "standin/standin.h"

namespace ciyuan::cli {
namespace {

void add_serve(CLI::App& app, Session& session) {
  auto* serve = app.add_subcommand("serve", "Run the gateway, its ledger and its control plane");
  auto options = std::make_shared<ServeOptions>();
  serve
      ->add_option("--data", session.address().folder,
                   "Folder of the ledger, the log and the keys; made where missing")
      ->envname("CIYUAN_DATA_FOLDER")
      ->type_name("FOLDER");
  serve->add_option("--listen", options->listen, "Where clients call; port 0 takes a free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  serve
      ->add_option("--admin-listen", options->admin_listen,
                   "Where the control plane listens; keep it on this machine")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  serve
      ->add_option("--tls-cert", options->tls_certificate,
                   "PEM file with the certificate and its chain; a renewed one is picked up")
      ->type_name("FILE");
  serve->add_option("--tls-key", options->tls_key, "PEM file with its key")->type_name("FILE");
  serve
      ->add_option("--origin", options->origin,
                   "Name of the log in receipts, e.g. example.com/ciyuan; chosen once for ever")
      ->check([](const std::string& name) { return name.empty() ? "an empty name would be for ever" : ""; },
              "")
      ->type_name("NAME");
  serve->add_option("--threads", options->threads, "Event loops; 0: one a core")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  serve->add_option("--apply", options->apply, "Documents to put in force at the start; may be repeated")
      ->type_name("FILE");
  serve
      ->add_option("--vocabularies", options->vocabularies,
                   "Folder with vocabularies/ and templates/, if not the usual one")
      ->type_name("FOLDER");
  serve
      ->add_option("--ports-file", options->ports_file,
                   "Write the ports bound as JSON when ready, for scripts")
      ->type_name("FILE");
  serve->add_option("--drain", options->drain_seconds, "How long calls may go on after SIGTERM")
      ->check(CLI::Range(0, 86400))
      ->type_name("SECONDS")
      ->capture_default_str();
  serve->add_flag("--quiet", options->quiet, "No line a call on standard error");
  serve->add_flag("--new-log-state", options->new_log_state,
                  "Go on although the file log.state is lost: only if you know that no older copy of this "
                  "folder is in use");
  serve->footer(
      "Examples:\n"
      "  ciyuan serve --apply examples/demo.yaml --apply data/methods/native-v1.json\n"
      "  ciyuan serve --data /var/lib/ciyuan --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem "
      "--origin example.com/ciyuan\n\n"
      "Clients use it like OpenAI's API: base URL http://127.0.0.1:8080/v1, key from `ciyuan key create`.\n"
      "Caps, prices and what a broken stream costs are written in contracts: see `ciyuan apply --help`.\n"
      "The log on standard error is one JSON object a line and never holds content. SIGTERM or SIGINT drains "
      "and ends it;\n"
      "after a crash, the next start settles every call that was open from its last durable mark.");
  serve->callback([&session, options] {
    options->data_folder = session.address().folder;
    session.exit_code = run_serve(*options);
  });
}

void add_standin(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand(
      "standin", "Run an OpenAI-compatible service without a model, which goes wrong on request");
  auto options = std::make_shared<standin::StandinOptions>();
  command->add_option("--host", options->host, "Address to listen on")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command->add_option("--port", options->port, "Port; 0 takes a free one, and says which")
      ->type_name("PORT")
      ->capture_default_str();
  command->add_option("--model", options->models, "Name of a model it serves; may be repeated")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--text", options->text, "What it says: en, zh, code, or a file")
      ->capture_default_str();
  command->add_option("--tokenizer", options->tokenizer, "How it counts usage: words, or o200k, qwen3, …")
      ->type_name("NAME")
      ->capture_default_str();
  command
      ->add_option("--rate", options->tokens_per_second,
                   "Tokens a second of one answer; 0: as fast as it is read")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("N");
  command->add_option("--chunk", options->tokens_per_chunk, "Tokens in a chunk of a stream")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--tokens", options->answer_tokens, "Length of an answer; 0: of the text")
      ->check(CLI::Range(0, 1'000'000'000))
      ->type_name("N");
  command->add_flag("--ignore-max{false}", options->obey, "Answer on beyond max_tokens");
  command->add_option("--api-key", options->api_key, "Answer 401 to any other key")->type_name("KEY");
  command->add_option("--script", options->script,
                      "How every answer goes wrong, e.g. \"stall=500, break-after=20\"");
  command->footer(
      "Examples:\n"
      "  ciyuan standin --port 8081 --model smollm2 --text zh --rate 40\n"
      "  curl -N 127.0.0.1:8081/v1/chat/completions -H 'X-Standin: tokens=50, break-after=20' \\\n"
      "    -d "
      "'{\"model\":\"smollm2\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'\n\n"
      "A request can bring directives of its own in the header X-Standin or the member \"standin\":\n"
      "  tokens=N rate=N chunk=N reasoning=N flood ignore-max        the answer's shape\n"
      "  lie=+N lie-prompt=+N nousage                                usage that is wrong or missing\n"
      "  stall=MS stall-after=CHUNKS:MS slow-headers=MS              silence\n"
      "  reset break-after=CHUNKS half-close=CHUNKS error-after=CHUNKS garbage empty long-line=BYTES\n"
      "  status=429 retry-after=SECONDS fail-first=N:STATUS:LABEL    errors\n"
      "GET /standin/stats says what was asked and written, GET /standin/last shows the last request.");
  command->callback([&session, options] { session.exit_code = standin::run_standin(*options); });
}

}  // namespace

void add_service_commands(CLI::App& app, Session& session) {
  add_serve(app, session);
  add_standin(app, session);
}

}  // namespace ciyuan::cli
