#include "gateway/gateway.h"

#include "gateway/metered_call.h"
#include "gateway/reads.h"

namespace ciyuan::gateway {
namespace {

std::optional<dialect::Endpoint> endpoint_at(std::string_view path) {
  if (path.starts_with("/v1/")) path.remove_prefix(4);
  for (auto endpoint :
       {dialect::Endpoint::kChat, dialect::Endpoint::kCompletions, dialect::Endpoint::kEmbeddings})
    if (path == dialect::path_of(endpoint)) return endpoint;
  return std::nullopt;
}

http::Response error_response(const dialect::ErrorBody& error) {
  http::Response response;
  response.status = error.status;
  response.headers.add("Content-Type", "application/json");
  response.body = dialect::to_json(error);
  return response;
}

}  // namespace

std::string_view bearer_of(const http::Headers& headers) {
  std::string_view value = headers.get("Authorization");
  if (value.size() < 8 || !http::equal_ignoring_case(value.substr(0, 7), "Bearer ")) return {};
  value.remove_prefix(7);
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

bool is_usable(const contract::KeyPlan& key) {
  return !key.disabled && (key.expires == TimePoint{} || now() < key.expires);
}

Gateway::Gateway(clerk::Clerk& clerk, clerk::Publisher& publisher, measure::Profiles& profiles,
                 GatewayOptions options)
    : clerk_(clerk), publisher_(publisher), profiles_(profiles), options_(std::move(options)) {}

Gateway::~Gateway() = default;

void Gateway::use_registry(std::shared_ptr<const contract::Registry> registry) {
  std::lock_guard lock(registry_mutex_);
  registry_ = std::move(registry);
  registry_version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const contract::Registry> Gateway::registry() const {
  std::lock_guard lock(registry_mutex_);
  return registry_;
}

http::Server::Handler Gateway::handler(http::Loop& loop, std::unique_ptr<store::Reader> reader) {
  workers_.push_back(std::make_unique<Worker>(*this, loop, std::move(reader)));
  for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->upstreams.share_with(i, workers_.size());
  Worker* worker = workers_.back().get();
  return [worker](http::Exchange& exchange) { return worker->handle(exchange); };
}

http::Server::BodyLimit Gateway::body_limit() const {
  return [this](const http::RequestHead& head) {
    std::string_view secret = bearer_of(head.headers);
    if (secret.empty()) return options_.stranger_body_bytes_max;
    auto registry = this->registry();
    const contract::KeyPlan* key = registry->find_key(secret);
    return key != nullptr && is_usable(*key) ? options_.body_bytes_max : options_.stranger_body_bytes_max;
  };
}

Worker::Worker(Gateway& the_gateway, http::Loop& the_loop, std::unique_ptr<store::Reader> the_reader)
    : gateway(the_gateway),
      loop(the_loop),
      mailbox(the_loop, the_gateway.clerk_),
      unsettled(the_loop, mailbox, the_gateway.metrics_, the_gateway.options_.log),
      upstreams(the_loop, the_gateway.metrics_.services),
      reader(std::move(the_reader)) {}

http::Task<> Worker::handle(http::Exchange& exchange) {
  const http::RequestHead& head = exchange.head();
  if (auto endpoint = endpoint_at(head.path())) {
    if (head.method != "POST") {
      auto response = error_response({.status = 405,
                                      .message = "use POST here",
                                      .type = "invalid_request_error",
                                      .code = "method_not_allowed"});
      response.headers.add("Allow", "POST");
      co_await exchange.respond(response);
      co_return;
    }
    if (gateway.draining()) {
      auto response = error_response({.status = 503,
                                      .message = "the gateway is shutting down",
                                      .type = "api_error",
                                      .code = "draining"});
      response.headers.add("Retry-After", "1");
      co_await exchange.respond(response);
      co_return;
    }
    if (gateway.publisher().refuses()) {
      ++gateway.metrics().unavailable;
      auto response = error_response({.status = 503,
                                      .message = "no call is served: " + gateway.trouble(),
                                      .type = "service_unavailable_error",
                                      .code = "not_provable"});
      co_await exchange.respond(response);
      co_return;
    }
    MeteredCall call(*this, exchange, *endpoint);
    co_await call.run();
    co_return;
  }
  co_await exchange.respond(answer_read(*this, head));
}

}  // namespace ciyuan::gateway
