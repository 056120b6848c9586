#pragma once

/// The services behind the gateway, as one loop sees them: a pool of connections each, and whether they
/// answer.

#include <memory>
#include <string>
#include <unordered_map>

#include "contract/registry.h"
#include "http/client.h"

namespace ciyuan::gateway {

/// What a service did lately. One that cannot be connected to is left out for a while, longer each time,
/// unless there is no other.
struct Health {
  int failures = 0;  ///< in a row
  std::int64_t rest_until_ns = 0;
};

class Upstreams {
 public:
  explicit Upstreams(http::Loop& loop) : loop_(loop) {}

  struct Service {
    std::unique_ptr<http::Pool> pool;
    Health health;
    std::string authorization;  ///< "Bearer …", read from the environment or a file; empty for none
    std::string authorization_problem;
    std::int64_t secret_read_ns = 0;
    std::string base_path;    ///< ends in /v1
    std::string fingerprint;  ///< of the settings the pool was made with
  };
  /// The service of this document; made anew where its settings changed. kInvalid where its settings cannot
  /// work.
  Result<Service*> service(const contract::Upstream& upstream);

  void succeeded(Service& service) { service.health = {}; }
  void failed(Service& service);
  bool rests(const Service& service) const;

 private:
  http::Loop& loop_;
  std::unordered_map<std::string, std::unique_ptr<Service>> services_;
  // Pools that calls may still use after their document changed.
  std::vector<std::unique_ptr<Service>> retired_;
};

}  // namespace ciyuan::gateway
