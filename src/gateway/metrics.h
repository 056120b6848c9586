#pragma once

/// What /metrics tells: counters that any thread may raise, in the text format of Prometheus 0.0.4.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/kind.h"
#include "gateway/health.h"

namespace ciyuan::gateway {

/// Latencies in buckets that double from 64 µs.
class Histogram {
 public:
  void add(std::int64_t ns);
  void print(std::string& out, const char* name, const char* help) const;

 private:
  static constexpr std::size_t kBuckets = 20;
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::int64_t> sum_ns_{0};
};

struct Metrics {
  std::atomic<std::uint64_t> calls{0};  ///< requests to metered endpoints
  std::atomic<std::uint64_t> completed{0};
  std::atomic<std::uint64_t> cut{0};      ///< ended at a cap
  std::atomic<std::uint64_t> refused{0};  ///< by a limit
  std::atomic<std::uint64_t> denied{0};   ///< by key, scope or form
  std::atomic<std::uint64_t> client_gone{0};
  std::atomic<std::uint64_t> upstream_failed{0};
  std::atomic<std::uint64_t> upstream_retried{0};
  std::atomic<std::uint64_t> unavailable{0};  ///< not served because it could not have been recorded
  std::atomic<std::int64_t> open_calls{0};
  std::atomic<std::int64_t> open_streams{0};
  std::atomic<std::int64_t> unsettled_calls{0};             ///< whose close could not be recorded yet
  std::array<std::atomic<std::uint64_t>, kKinds> tokens{};  ///< billed, by kind
  std::atomic<std::uint64_t> disputed{0};  ///< records whose reported figure is out of tolerance
  Histogram before_upstream;  ///< from the whole request to the forwarded one: parse, count, open
  Histogram after_upstream;   ///< from the answer's end to its release: close and commit

  HealthBoard services;

  std::string text() const;
};

}  // namespace ciyuan::gateway
