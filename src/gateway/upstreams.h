#pragma once

/// The services behind the gateway, as one loop sees them: a pool of connections each.

#include <memory>
#include <string>
#include <unordered_map>

#include "contract/registry.h"
#include "gateway/health.h"
#include "http/client.h"

namespace ciyuan::gateway {

class Upstreams {
 public:
  Upstreams(http::Loop& loop, HealthBoard& health) : loop_(loop), health_(health) {}

  /// This loop is number `index` of `loops`: they share each service's connections_max, one at least for
  /// each. Before the loop runs.
  void share_with(std::size_t index, std::size_t loops);

  struct Service {
    std::unique_ptr<http::Pool> pool;
    Health* health = nullptr;
    std::string authorization;  ///< "Bearer …", read from the environment or a file; empty for none
    std::string authorization_problem;
    std::int64_t secret_read_ns = 0;
    std::string base_path;    ///< ends in /v1
    std::string fingerprint;  ///< of the settings the pool was made with
  };
  /// The service of this document; made anew where its settings changed. kInvalid where its settings cannot
  /// work.
  Result<Service*> service(const contract::Upstream& upstream);

 private:
  std::size_t share_of(int connections_max) const;

  http::Loop& loop_;
  HealthBoard& health_;
  std::size_t index_ = 0, loops_ = 1;
  std::unordered_map<std::string, std::unique_ptr<Service>> services_;
  // Pools that calls may still use after their document changed.
  std::vector<std::unique_ptr<Service>> retired_;
};

}  // namespace ciyuan::gateway
