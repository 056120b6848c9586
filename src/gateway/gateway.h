#pragma once

/// The data plane: an OpenAI-compatible service that forwards each call to the model's own service, and lets
/// nothing through that is not measured, priced, held, settled, recorded and provable.
///
///   Gateway gateway({.registry = registry, .clerk = *clerk, …});
///   http::Server server(loop, options, gateway.handler(loop), gateway.body_limit());
///
/// One Gateway for the process, one Worker for each event loop. The registry is swapped whole when documents
/// change; a call keeps the one it began with.

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "clerk/clerk.h"
#include "clerk/publisher.h"
#include "contract/registry.h"
#include "gateway/mailbox.h"
#include "gateway/metrics.h"
#include "gateway/recent_answers.h"
#include "gateway/seats.h"
#include "gateway/unsettled_calls.h"
#include "gateway/upstreams.h"
#include "http/server.h"
#include "measure/profiles.h"
#include "store/store.h"

namespace ciyuan::gateway {

struct GatewayOptions {
  std::size_t body_bytes_max = 32 << 20;           ///< of a request with a usable key
  std::size_t stranger_body_bytes_max = 64 << 10;  ///< of any other
  std::size_t answer_bytes_max = 64 << 20;    ///< of an unstreamed answer: it is held whole until settled
  std::size_t event_bytes_max = 8 << 20;      ///< of one event of a stream
  std::function<void(std::string_view)> log;  ///< one JSON line; called on any loop's thread; may be null
  /// Keys the digest of a body under an Idempotency-Key, which is kept: a plain one could be guessed (P8).
  SecretKey instance_key{};
};

constexpr std::size_t kLargePromptThreads = 2;  ///< count what would hold up a loop

class Worker;

class Gateway {
 public:
  Gateway(clerk::Clerk& clerk, clerk::Publisher& publisher, measure::Profiles& profiles,
          GatewayOptions options);
  ~Gateway();

  /// Any thread. Takes effect for the calls that begin after it; streams that run only ask it whether they
  /// are stopped.
  void use_registry(std::shared_ptr<const contract::Registry> registry);
  std::shared_ptr<const contract::Registry> registry() const;
  /// Another number for each registry: cheap to ask for at every event of a stream.
  std::uint64_t registry_version() const { return registry_version_.load(std::memory_order_acquire); }

  /// The handler and body limit of a server on this loop. Call once for each loop, before it runs.
  http::Server::Handler handler(http::Loop& loop, std::unique_ptr<store::Reader> reader);
  http::Server::BodyLimit body_limit() const;

  /// Answers 503 to new calls and lets open ones end. Any thread.
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }

  /// Why nothing can be served now, or proved, in a sentence; empty where all is well.
  std::string trouble() const {
    std::string why = clerk_.trouble();
    return why.empty() ? publisher_.trouble() : why;
  }

  Metrics& metrics() { return metrics_; }
  clerk::Publisher& publisher() { return publisher_; }
  const GatewayOptions& options() const { return options_; }

 private:
  friend class Worker;
  friend class MeteredCall;
  clerk::Clerk& clerk_;
  clerk::Publisher& publisher_;
  measure::Profiles& profiles_;
  GatewayOptions options_;
  Metrics metrics_;
  RecentAnswers recent_;
  Seats seats_;
  std::atomic<bool> draining_{false};
  mutable std::mutex registry_mutex_;
  std::shared_ptr<const contract::Registry> registry_;
  std::atomic<std::uint64_t> registry_version_{0};
  std::vector<std::unique_ptr<Worker>> workers_;
  // After the workers: what it still counts uses them.
  http::asio::thread_pool large_prompts_{kLargePromptThreads};
};

/// A loop's share of the gateway.
class Worker {
 public:
  Worker(Gateway& gateway, http::Loop& loop, std::unique_ptr<store::Reader> reader);

  http::Task<> handle(http::Exchange& exchange);

  Gateway& gateway;
  http::Loop& loop;
  LoopMailbox mailbox;
  UnsettledCalls unsettled;
  Upstreams upstreams;
  std::unique_ptr<store::Reader> reader;
};

/// "Bearer ck-…" → the secret; empty where there is none.
std::string_view bearer_of(const http::Headers& headers);

/// False for a key that is disabled or has expired: it may neither call nor read.
bool is_usable(const contract::KeyPlan& key);

}  // namespace ciyuan::gateway
