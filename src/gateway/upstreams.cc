#include "gateway/upstreams.h"

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "http/tls.h"

namespace ciyuan::gateway {
namespace {

constexpr std::int64_t kSecretKept = seconds(10).count;  // a rotated key is taken up within this time
constexpr std::int64_t kRestFirst = milliseconds(500).count;
constexpr std::int64_t kRestMost = seconds(30).count;
constexpr std::size_t kSecretBytesMax = 64 * 1024;

std::string fingerprint_of(const contract::Upstream& upstream) {
  return upstream.url + '\n' + upstream.tls_ca_file + '\n' + upstream.tls_server_name + '\n' +
         std::to_string(upstream.tls_verify) + std::to_string(upstream.connect_timeout.count) + '/' +
         std::to_string(upstream.first_byte_timeout.count) + '/' +
         std::to_string(upstream.idle_timeout.count) + '/' + std::to_string(upstream.connections_max);
}

Result<std::string> read_secret(const contract::Upstream& upstream) {
  std::string secret;
  if (!upstream.api_key_env.empty()) {
    const char* value = std::getenv(upstream.api_key_env.c_str());
    if (value == nullptr)
      return Error{ErrorCode::kUnavailable,
                   "the environment variable " + upstream.api_key_env + " is not set", "api_key"};
    secret = value;
  } else if (!upstream.api_key_file.empty()) {
    CIYUAN_TRY(secret, read_file(upstream.api_key_file, kSecretBytesMax));
  }
  while (secret.ends_with('\n') || secret.ends_with('\r') || secret.ends_with(' ')) secret.pop_back();
  if (secret.find_first_of("\r\n") != secret.npos)
    return Error{ErrorCode::kInvalid, "the secret of " + upstream.name + " has a line break", "api_key"};
  return secret;
}

}  // namespace

Result<Upstreams::Service*> Upstreams::service(const contract::Upstream& upstream) {
  std::unique_ptr<Service>& slot = services_[upstream.name];
  std::string fingerprint = fingerprint_of(upstream);
  if (slot && slot->fingerprint != fingerprint) retired_.push_back(std::move(slot));
  if (!slot) {
    http::ClientOptions options;
    CIYUAN_TRY(options.url, http::parse_url(upstream.url));
    if (options.url.tls) {
      CIYUAN_TRY(options.tls, http::client_tls(upstream.tls_ca_file));
    }
    options.verify = upstream.tls_verify;
    options.server_name = upstream.tls_server_name;
    options.connect_timeout = upstream.connect_timeout;
    options.first_byte_timeout = upstream.first_byte_timeout;
    options.idle_timeout = upstream.idle_timeout;
    options.idle_max = static_cast<std::size_t>(upstream.connections_max);
    auto made = std::make_unique<Service>();
    made->base_path = options.url.path.ends_with("/v1") ? options.url.path : options.url.path + "/v1";
    made->fingerprint = std::move(fingerprint);
    made->pool = std::make_unique<http::Pool>(loop_, std::move(options));
    slot = std::move(made);
  }
  std::int64_t now_ns = http::monotonic_ns();
  if (slot->secret_read_ns == 0 || now_ns - slot->secret_read_ns > kSecretKept) {
    slot->secret_read_ns = now_ns;
    auto secret = read_secret(upstream);
    slot->authorization_problem = secret ? "" : secret.error().text();
    if (secret) slot->authorization = secret->empty() ? "" : "Bearer " + *secret;
  }
  if (!slot->authorization_problem.empty())
    return Error{ErrorCode::kUnavailable, slot->authorization_problem, upstream.name};
  return slot.get();
}

void Upstreams::failed(Service& service) {
  int failures = std::min(++service.health.failures, 8);
  service.health.rest_until_ns = http::monotonic_ns() + std::min(kRestFirst << (failures - 1), kRestMost);
}

bool Upstreams::rests(const Service& service) const {
  return http::monotonic_ns() < service.health.rest_until_ns;
}

}  // namespace ciyuan::gateway
