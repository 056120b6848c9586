#include "gateway/upstreams.h"

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "http/tls.h"

namespace ciyuan::gateway {
namespace {

constexpr std::int64_t kSecretKept = seconds(10).count;  // a rotated key is taken up within this time
constexpr std::size_t kSecretBytesMax = 64 * 1024;

std::string fingerprint_of(const contract::Upstream& upstream) {
  return upstream.url + '\n' + upstream.tls_ca_file + '\n' + upstream.tls_server_name + '\n' +
         std::to_string(upstream.tls_verify) + std::to_string(upstream.connect_timeout.count) + '/' +
         std::to_string(upstream.first_byte_timeout.count) + '/' +
         std::to_string(upstream.idle_timeout.count) + '/' + std::to_string(upstream.total_timeout.count) +
         '/' + std::to_string(upstream.connections_max) + '\n' + upstream.api_key_env + '\n' +
         upstream.api_key_file;
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
  if (slot && slot->fingerprint != fingerprint) {
    std::erase_if(retired_, [](const auto& old) { return !old->pool->in_use(); });
    retired_.push_back(std::move(slot));
  }
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
    options.total_timeout = upstream.total_timeout;
    options.connections_max = share_of(upstream.connections_max);
    auto made = std::make_unique<Service>();
    made->base_path = options.url.path.ends_with("/v1") ? options.url.path : options.url.path + "/v1";
    made->fingerprint = std::move(fingerprint);
    made->health = &health_.of(upstream.name);
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

void Upstreams::share_with(std::size_t index, std::size_t loops) {
  index_ = index;
  loops_ = loops;
}

std::size_t Upstreams::share_of(int connections_max) const {
  auto all = static_cast<std::size_t>(connections_max);
  return std::max<std::size_t>(1, all / loops_ + (index_ < all % loops_ ? 1 : 0));
}

}  // namespace ciyuan::gateway
