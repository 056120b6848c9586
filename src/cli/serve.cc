#include "cli/serve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <future>
#include <thread>

#include "admin/alert_timer.h"
#include "admin/api.h"
#include "admin/closing_timer.h"
#include "admin/licences.h"
#include "admin/package_timer.h"
#include "base/canonical_json.h"
#include "base/file.h"
#include "clerk/checkpoint_timer.h"
#include "clerk/clerk.h"
#include "clerk/publisher.h"
#include "cli/internal/custody.h"
#include "cli/internal/service_log.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "record/keys_file.h"
#include "store/store.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

struct Address {
  std::string host;
  unsigned short port = 0;
};

Result<Address> parse_address(const std::string& text, const char* option) {
  std::size_t colon = text.rfind(':');
  auto refuse = [&] {
    return invalid(option, "\"" + text + "\" is not ADDRESS:PORT, e.g. 127.0.0.1:8080 or [::1]:8080");
  };
  if (colon == text.npos || colon == 0) return refuse();
  Address address{text.substr(0, colon), 0};
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos ||
      std::stol(port) > 65535)
    return refuse();
  address.port = static_cast<unsigned short>(std::stol(port));
  return address;
}

// Everything that lives as long as the process, in the order in which it is built; taken down in the reverse
// order.
struct Service {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<record::KeysFile> keys;
  std::unique_ptr<clerk::Clerk> clerk;
  std::unique_ptr<clerk::Publisher> publisher;
  std::string verifier_key;
  std::unique_ptr<measure::Profiles> profiles;
  std::unique_ptr<ServiceLog> log;
  struct Lane {
    http::Loop loop;
    std::unique_ptr<http::Server> server;
    std::thread thread;
  };
  std::vector<std::unique_ptr<Lane>> lanes;
  Lane control;
  // After the loops: its pools leave the loops' lists on their way out.
  std::unique_ptr<gateway::Gateway> gateway;
  std::unique_ptr<admin::Api> admin;
  std::shared_ptr<http::ServerCertificate> certificate;
  std::unique_ptr<clerk::CheckpointTimer> checkpoints;
  std::unique_ptr<admin::PackageTimer> packages;
  std::unique_ptr<admin::ClosingTimer> closings;
  std::unique_ptr<admin::AlertTimer> alerts;
  std::unique_ptr<admin::LicenceTimer> licences;
  Address data_address, control_address;
  std::vector<std::pair<std::string, std::string>> to_apply;  // file and text
};

// How old the checkpoint that strangers are shown may be, beside the time a signature takes.
constexpr Nanoseconds kSignEvery = milliseconds(1000);

// What a first start makes in its folder. Should that start fail, it is taken away again: the log has its
// name for ever, and nobody has seen it yet.
struct FirstStart {
  fs::path folder;
  bool is_new = false;  // this process made the log, and has served nothing of it
  std::vector<fs::path> made;

  explicit FirstStart(fs::path where) : folder(std::move(where)) {
    for (const char* name : {"log.key", "log.vkey", "log.state", "keys.dat", "ciyuan.db", "ciyuan.db-wal",
                             "ciyuan.db-shm", "admin.token", "instance.key", "licence.key"}) {
      std::error_code unreadable;
      if (!fs::exists(folder / name, unreadable) && !unreadable) made.push_back(folder / name);
    }
  }
  // Once the store's lock is held: who finds no log's key then is the one who makes it.
  void begin() {
    std::error_code unreadable;
    bool had_nothing = std::all_of(kOfLog.begin(), kOfLog.end(), [&](const char* name) {
      return std::find(made.begin(), made.end(), folder / name) != made.end();
    });
    is_new = had_nothing && !fs::exists(folder / "log.key", unreadable) && !unreadable;
  }
  void undo() const {
    std::error_code ignored;
    if (!is_new) return;
    for (const fs::path& file : made) fs::remove(file, ignored);
  }

  static constexpr std::array kOfLog = {"log.key", "log.state", "keys.dat", "ciyuan.db"};
};

Status open_stores(Service& service, const ServeOptions& options, FirstStart& first) {
  fs::path folder = options.data_folder;
  std::error_code error;
  if (!fs::exists(folder) && (!fs::create_directories(folder, error) || ::chmod(folder.c_str(), 0700) != 0))
    return Error{ErrorCode::kUnavailable, error ? error.message() : "cannot set its permissions",
                 folder.string()};
  CIYUAN_TRY(service.store, store::open_sqlite(folder / "ciyuan.db"));
  first.begin();
  CIYUAN_TRY(auto reader, service.store->reader());
  CIYUAN_TRY(store::Head head, reader->head());
  CIYUAN_TRY(record::KeysFile keys, record::KeysFile::open(folder / "keys.dat", head.key_slots));
  service.keys = std::make_unique<record::KeysFile>(std::move(keys));
  bool is_new_log = head.log_size == 0 && !fs::exists(folder / "log.state", error);
  CIYUAN_TRY(tlog::NoteSigner signer, load_log_key(folder, options.origin, is_new_log));
  service.verifier_key = signer.verifier().text();
  std::string origin = signer.verifier().name;
  if (head.log_size > 0 && !options.new_log_state && !fs::exists(folder / "log.state", error) && !error)
    return Error{
        ErrorCode::kNotFound,
        "it says how far the log was signed, and is no longer here: bring it back from a backup; or, if "
        "you know that no older copy of this folder is in use, start once with --new-log-state",
        (folder / "log.state").string()};
  CIYUAN_TRY(service.publisher,
             clerk::Publisher::open(std::move(reader), folder / "log.state", std::move(signer), origin,
                                    options.new_log_state, service.keys.get()));
  // Before the clerk adds to it: what it finds may be an older copy, and the log knows. The refusal stays
  // with the publisher, and keeps the data plane closed.
  (void)service.publisher->checkpoint();
  CIYUAN_TRY(service.clerk, clerk::Clerk::start(*service.store, service.keys.get(), {}));
  return {};
}

// Figures of the stores, beside the gateway's own.
std::string store_metrics(const Service& service) {
  auto gauge = [](const char* name, const char* help, std::uint64_t value) {
    return "# HELP ciyuan_" + std::string(name) + " " + help + "\n# TYPE ciyuan_" + name + " gauge\nciyuan_" +
           name + " " + std::to_string(value) + "\n";
  };
  return gauge("log_leaves", "Leaves of the transparency log.", service.clerk->stats().log_size) +
         gauge("log_refused", "1 where the store contradicts the log that was signed.",
               service.publisher->refuses() ? 1 : 0) +
         gauge("keys_damaged", "Commitment keys found damaged at the start.", service.keys->damaged());
}

Status build_planes(Service& service, const ServeOptions& options) {
  fs::path folder = options.data_folder;
  service.profiles = std::make_unique<measure::Profiles>(options.vocabularies);
  service.log = std::make_unique<ServiceLog>(STDERR_FILENO);
  gateway::GatewayOptions gateway_options;
  CIYUAN_TRY(gateway_options.instance_key, load_instance_key(folder));
  if (!options.quiet)
    gateway_options.log = [log = service.log.get()](std::string_view line) { log->write(line); };
  service.gateway = std::make_unique<gateway::Gateway>(*service.clerk, *service.publisher, *service.profiles,
                                                       std::move(gateway_options));
  CIYUAN_TRY(std::string token, load_admin_token(folder));
  CIYUAN_TRY(auto reader, service.store->reader());
  admin::ApiParts parts;
  parts.clerk = service.clerk.get();
  parts.publisher = service.publisher.get();
  parts.keys = service.keys.get();
  parts.reader = std::move(reader);
  CIYUAN_TRY(parts.closing_reader, service.store->reader());
  parts.token = token;
  parts.instance_key = service.gateway->options().instance_key;
  parts.verifier_key = service.verifier_key;
  CIYUAN_TRY(tlog::VerifierKey log_key, tlog::VerifierKey::parse(service.verifier_key));
  CIYUAN_TRY(parts.licence_key, load_licence_key(folder, log_key.name));
  parts.metrics = [&service] { return service.gateway->metrics().text() + store_metrics(service); };
  parts.not_ready = [&service] {
    return service.gateway->draining() ? std::string("draining") : service.gateway->trouble();
  };
  parts.use_registry = [&service](std::shared_ptr<const contract::Registry> registry) {
    service.gateway->use_registry(std::move(registry));
  };
  CIYUAN_TRY(service.admin, admin::Api::open(std::move(parts)));
  for (const auto& [file, text] : service.to_apply)
    CIYUAN_TRY_STATUS(service.admin->apply(text, file, "serve --apply"));
  return {};
}

// Everything that the options name, before anything is made in the data folder.
Status check_options(Service& service, const ServeOptions& options) {
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return invalid("--tls-cert", "certificate and key belong together");
  CIYUAN_TRY(service.data_address, parse_address(options.listen, "--listen"));
  CIYUAN_TRY(service.control_address, parse_address(options.admin_listen, "--admin-listen"));
  // Loops share the port, which would let a second process share it too, and take half of the calls.
  for (const Address* address : {&service.data_address, &service.control_address})
    CIYUAN_TRY_STATUS(http::check_port_is_free(address->host, address->port));
  for (const std::string& file : options.apply) {
    Result<std::string> text = read_file(file, contract::kDocumentBytesMax);
    if (!text.ok()) return invalid("--apply", "\"" + file + "\": " + text.error().message);
    contract::Reading reading = contract::read_documents(*text, file);
    if (!reading.errors.empty()) return reading.errors[0];
    service.to_apply.emplace_back(file, std::move(*text));
  }
  if (!options.tls_certificate.empty()) {
    CIYUAN_TRY(service.certificate, http::ServerCertificate::load(options.tls_certificate, options.tls_key));
  }
  return {};
}

// Runs the server's listen() on its own loop before the loop's thread starts: nothing else touches it yet.
Status open_lanes(Service& service, const ServeOptions& options) {
  Address& data = service.data_address;
  const Address& control = service.control_address;
  unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::size_t threads = options.threads > 0 ? static_cast<std::size_t>(options.threads) : cores;
  for (std::size_t i = 0; i < threads; ++i) {
    auto lane = std::make_unique<Service::Lane>();
    CIYUAN_TRY(auto reader, service.store->reader());
    http::ServerOptions server_options;
    server_options.address = data.host;
    server_options.port = data.port;
    server_options.certificate = service.certificate;
    auto handler = service.gateway->handler(lane->loop, std::move(reader));
    lane->server = std::make_unique<http::Server>(lane->loop, server_options, std::move(handler),
                                                  service.gateway->body_limit());
    CIYUAN_TRY_STATUS(lane->server->listen());
    data.port = lane->server->port();  // the first one picked it where it was 0
    service.lanes.push_back(std::move(lane));
  }
  http::ServerOptions control_options;
  control_options.address = control.host;
  control_options.port = control.port;
  service.control.server = std::make_unique<http::Server>(
      service.control.loop, control_options,
      [api = service.admin.get()](http::Exchange& exchange) -> http::Task<> {
        http::Response response = api->handle(exchange.head(), exchange.body());
        co_await exchange.respond(response);
      },
      [](const http::RequestHead&) { return contract::kDocumentBytesMax + 4096; });
  return service.control.server->listen();
}

std::size_t running_exchanges(Service& service) {
  std::size_t running = 0;
  for (auto& lane : service.lanes) {
    std::promise<std::size_t> promise;
    http::asio::post(lane->loop.context(), [&] { promise.set_value(lane->server->running_exchanges()); });
    running += promise.get_future().get();
  }
  return running;
}

// Ends a lane: no coroutine may be left in its loop when what it uses goes away.
void end_lane(Service::Lane& lane) {
  constexpr int kLooksMost = 1500;  // 15 s: longer than a connection may take to be made
  for (int i = 0; i < kLooksMost; ++i) {
    std::promise<std::size_t> left;
    http::asio::post(lane.loop.context(), [&] {
      lane.server->close_all();
      left.set_value(lane.server->connections());
    });
    if (left.get_future().get() == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  lane.loop.stop();
  lane.thread.join();
}

// A second signal ends the wait for running calls.
void drain(Service& service, const ServeOptions& options, const sigset_t& signals) {
  service.gateway->drain();
  for (auto& lane : service.lanes) http::asio::post(lane->loop.context(), [&lane] { lane->server->drain(); });
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options.drain_seconds);
  constexpr timespec kLook{0, 20'000'000};
  while (running_exchanges(service) > 0 && std::chrono::steady_clock::now() < until &&
         sigtimedwait(&signals, nullptr, &kLook) < 0)
    continue;
  service.clerk->open_no_more();
  // All at once: what takes its time to end does so on each lane side by side.
  for (auto& lane : service.lanes)
    http::asio::post(lane->loop.context(), [&lane] { lane->server->close_all(); });
  for (auto& lane : service.lanes) end_lane(*lane);
  end_lane(service.control);
  service.clerk->stop();
  service.checkpoints.reset();
  // The last calls are under a checkpoint before we go, so that their receipts can be had from the folder's
  // files.
  if (auto checkpoint = service.publisher->checkpoint(); !checkpoint)
    service.log->event("checkpoint", checkpoint.error().text());
}

// Whether keys.dat is the file that the store goes with, in words; empty where it is. The slots that are
// missing tell an older file or a new one; the newest record tells one of another history, and files whose
// keys have no slots.
std::string missing_keys(Service& service) {
  if (std::uint64_t missing = service.keys->missing(); missing > 0)
    return "keys.dat lacks " + std::to_string(missing) + " slots that the store's records name";
  auto reader = service.store->reader();
  if (!reader) return "";
  auto rows = (*reader)->records({.rows_max = 1});
  if (!rows || rows->empty()) return "";
  Result<SecretKey> key = clerk::find_key(**reader, rows->front(), *service.keys);
  if (key || key.error().code != ErrorCode::kNotFound) return "";
  return "keys.dat does not hold the key of the newest record, " + rows->front().id.text();
}

// What the start found in the folder that somebody has to look at.
void report_findings(Service& service) {
  if (std::string trouble = service.publisher->trouble(); !trouble.empty())
    service.log->event(service.publisher->refuses() ? "data-plane-closed" : "log-not-signed", trouble);
  if (std::string missing = missing_keys(service); !missing.empty())
    service.log->event("keys-missing", missing +
                                           ": bring the file back, or they can be proved, and no longer "
                                           "opened");
  if (std::uint64_t damaged = service.keys->damaged(); damaged > 0)
    service.log->event("keys-damaged", std::to_string(damaged) +
                                           " commitment keys in keys.dat are damaged: their records can be "
                                           "proved, and no longer opened");
}

Status start_timers(Service& service) {
  service.packages = std::make_unique<admin::PackageTimer>([&service] { return service.gateway->registry(); },
                                                           *service.clerk, [] { return now(); });
  service.closings = std::make_unique<admin::ClosingTimer>(
      *service.admin, [] { return now(); },
      [log = service.log.get()](std::string_view trouble) {
        log->event(trouble.empty() ? "periods-closed-again" : "period-not-closed", trouble);
      });
  admin::AlertParts parts;
  CIYUAN_TRY(parts.reader, service.store->reader());
  parts.clerk = service.clerk.get();
  parts.registry = [&service] { return service.gateway->registry(); };
  parts.clock = [] { return now(); };
  parts.trouble = [log = service.log.get()](std::string_view trouble) {
    log->event(trouble.empty() ? "budgets-watched-again" : "budgets-not-watched", trouble);
  };
  service.alerts = std::make_unique<admin::AlertTimer>(std::move(parts));
  service.licences = std::make_unique<admin::LicenceTimer>(
      *service.admin, [log = service.log.get()](std::string_view trouble) {
        log->event(trouble.empty() ? "vouchers-closed-again" : "vouchers-not-closed", trouble);
      });
  return {};
}

Status run(const ServeOptions& options, Service& service, FirstStart& first) {
  CIYUAN_TRY_STATUS(check_options(service, options));
  // Signals are waited for by this thread alone: block them before any other thread exists.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  CIYUAN_TRY_STATUS(open_stores(service, options, first));
  CIYUAN_TRY_STATUS(build_planes(service, options));
  CIYUAN_TRY_STATUS(open_lanes(service, options));
  report_findings(service);
  service.checkpoints = std::make_unique<clerk::CheckpointTimer>(
      *service.publisher, *service.clerk, kSignEvery, [log = service.log.get()](std::string_view trouble) {
        log->event(trouble.empty() ? "log-signed-again" : "log-not-signed", trouble);
      });
  CIYUAN_TRY_STATUS(start_timers(service));
  first.is_new = false;  // from here on it may be seen
  for (auto& lane : service.lanes) lane->thread = std::thread([&lane] { lane->loop.run(); });
  service.control.thread = std::thread([&service] { service.control.loop.run(); });

  unsigned short data_port = service.lanes[0]->server->port(), control_port = service.control.server->port();
  if (!options.ports_file.empty()) {
    CIYUAN_TRY_STATUS(
        write_file_atomically(options.ports_file, "{\"data\":" + std::to_string(data_port) +
                                                      ",\"admin\":" + std::to_string(control_port) +
                                                      ",\"pid\":" + std::to_string(::getpid()) + "}\n"));
  }
  clerk::ClerkStats stats = service.clerk->stats();
  service.log->event(
      "serving",
      "data plane on port " + std::to_string(data_port) + ", control plane on port " +
          std::to_string(control_port) + ", log of " + std::to_string(stats.log_size) + " leaves" +
          (stats.interrupted == 0 ? ""
                                  : ", " + std::to_string(stats.interrupted) + " interrupted calls settled"));
  int signal = 0;
  sigwait(&signals, &signal);
  service.closings.reset();
  service.alerts.reset();
  service.licences.reset();
  service.packages.reset();
  service.log->event("draining", "at most " + std::to_string(options.drain_seconds) + " s");
  drain(service, options, signals);
  service.log->event("stopped", "");
  return {};
}

}  // namespace

int run_serve(const ServeOptions& options) {
  Service service;
  FirstStart first(options.data_folder);
  auto ended = run(options, service, first);
  if (ended) return 0;
  if (first.is_new && service.clerk) service.clerk->stop();
  first.undo();
  std::fprintf(stderr, "ciyuan serve: %s\n", ended.error().text().c_str());
  // Threads that were started end with the process; nothing of theirs is worth waiting for.
  std::fflush(stderr);
  std::_Exit(ended.error().code == ErrorCode::kInvalid ? 2 : 1);
}

}  // namespace ciyuan::cli
