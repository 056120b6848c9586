#pragma once

/// The control plane: documents, keys, accounts, records and the log over HTTP, as one function from request
/// to response. It knows nothing of sockets: a server mounts it on a listener of its own (127.0.0.1 by
/// default).
///
///   CIYUAN_TRY(auto api, admin::Api::open({.clerk = &clerk, .publisher = &publisher, .reader = …, .token =
///   token, …})); http::Response response = api->handle(head, body);
///
/// The routes and bodies are described in schema/openapi-admin.json, which is served at /openapi.json; a test
/// holds the two together. Errors are problem+json (RFC 9457). Everything but /healthz, /readyz, /metrics,
/// /openapi.json, /checkpoint and /tile/ wants "Authorization: Bearer <token>".
///
/// Where the log refuses the store (clerk::Publisher::refuses), nothing is changed any more, only shown: 503.
///
/// handle() blocks: on the clerk's commit, on the log's signature, on the disk. Any thread but the data
/// plane's loops; requests are served one after the other, under a lock. No call of the data plane waits for
/// it.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "clerk/clerk.h"
#include "clerk/publisher.h"
#include "contract/registry.h"
#include "http/message.h"
#include "record/keys_file.h"
#include "store/store.h"
#include "tlog/note.h"

namespace ciyuan::admin {

struct ApiParts {
  clerk::Clerk* clerk = nullptr;
  clerk::Publisher* publisher = nullptr;
  record::KeysFile* keys = nullptr;       ///< may be null: keys are then neither shown nor erased here
  std::unique_ptr<store::Reader> reader;  ///< used by this object only
  /// The same, for the close of periods: it may read for minutes, and nobody waits for it.
  std::unique_ptr<store::Reader> closing_reader;
  std::string token;                     ///< the bearer token, at least 16 characters
  SecretKey instance_key{};              ///< salts what goes into the log and could be guessed
  std::string verifier_key;              ///< of the log, served at /v1/log so that receipts can be verified
  std::function<std::string()> metrics;  ///< the body of /metrics; may be null
  /// Why no call can be served now; empty: ready. May be null.
  std::function<std::string()> not_ready;
  /// Told of each new registry, the first one included; the gateway swaps its pointer. May be null.
  std::function<void(std::shared_ptr<const contract::Registry>)> use_registry;
  /// Signs vouchers, and checks those that come back; none: there are no vouchers here.
  std::optional<tlog::NoteSigner> licence_key = {};
  std::function<TimePoint()> clock = now;
};

/// What an apply did. Nothing is changed where there are errors.
struct ApplyOutcome {
  std::vector<Error> errors = {};
  std::vector<std::string> warnings = {};
  std::vector<std::string> changed = {};    ///< "Contract/acme"
  std::vector<std::string> unchanged = {};  ///< the same content is in force already
  std::vector<std::string> removed = {};
};

class Api {
 public:
  /// Builds the registry from the stored documents. Where those contradict each other (no apply leaves that,
  /// but an older program's documents may), the registry is empty, every call is refused, trouble() says why,
  /// and applying right documents mends it.
  static Result<std::unique_ptr<Api>> open(ApiParts parts);

  http::Response handle(const http::RequestHead& head, std::string_view body);

  /// Checks the documents of `text` together with what is in force, then makes all of them durable and known
  /// to the log in one commit. The error's message lists all errors.
  Status apply(std::string_view text, std::string_view source, std::string_view actor);
  /// The same from documents already read, with removals ("Kind/name").
  ApplyOutcome apply(std::vector<contract::Document> changes, const std::vector<std::string>& removed,
                     std::string_view actor);

  /// Closes the contract's billing periods that are over at `at`, and posts what was sold, earned and lost of
  /// its packages; when to look again (zero: never, as things stand).
  Result<TimePoint> close_periods(const std::string& contract, TimePoint at);
  /// Ends the vouchers that can be reported no longer.
  Status close_vouchers();

  std::shared_ptr<const contract::Registry> registry() const;
  std::string trouble() const;

 private:
  friend struct Handlers;
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}
  Status load();
  Result<TimePoint> close_over(const std::string& contract, TimePoint at);
  Result<TimePoint> recognise_packages(const std::string& contract, TimePoint at);
  void publish(std::shared_ptr<const contract::Registry> registry);
  ApplyOutcome apply_locked(std::vector<contract::Document> changes, const std::vector<std::string>& removed,
                            std::string_view actor);

  ApiParts parts_;
  mutable std::mutex mutex_;                        // handle() and apply(), one at a time
  std::map<std::string, TimePoint> open_vouchers_;  // by name: until when they can be reported; under mutex_
  bool knows_open_vouchers_ = false;                // those of earlier runs are among them
  std::mutex closing_mutex_;           // close_periods(), one at a time; taken after mutex_ where both are
  mutable std::mutex registry_mutex_;  // what registry() and trouble() read
  std::shared_ptr<const contract::Registry> registry_;
  std::string trouble_;
};

/// One route of the API, for the test that compares them with the OpenAPI document.
struct Route {
  std::string_view method;
  std::string_view path;   ///< "/v1/records/{id}/receipt"
  std::string_view query;  ///< the query parameters it takes: "from, after, limit"
  bool needs_token = true;
};
std::vector<Route> routes();
/// schema/openapi-admin.json as embedded.
std::string_view openapi_text();

}  // namespace ciyuan::admin
