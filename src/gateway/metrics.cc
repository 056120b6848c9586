#include "gateway/metrics.h"

#include <bit>

namespace ciyuan::gateway {
namespace {

constexpr std::int64_t kFirstBucketNs = 64'000;

void print_value(std::string& out, const char* name, const char* type, const char* help, std::int64_t value) {
  out += "# HELP ciyuan_" + std::string(name) + " " + help + "\n# TYPE ciyuan_" + name + " " + type +
         "\nciyuan_" + name + " " + std::to_string(value) + "\n";
}

}  // namespace

void Histogram::add(std::int64_t ns) {
  auto steps = static_cast<std::uint64_t>(ns <= 0 ? 0 : (ns - 1) / kFirstBucketNs);
  std::size_t bucket = std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(steps)), kBuckets - 1);
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(ns, std::memory_order_relaxed);
}

void Histogram::print(std::string& out, const char* name, const char* help) const {
  std::string full = std::string("ciyuan_") + name;
  out += "# HELP " + full + " " + help + "\n# TYPE " + full + " histogram\n";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    below += buckets_[i].load(std::memory_order_relaxed);
    out += full + "_bucket{le=\"" + std::to_string(static_cast<double>(kFirstBucketNs << i) / 1e9) + "\"} " +
           std::to_string(below) + "\n";
  }
  below += buckets_[kBuckets - 1].load(std::memory_order_relaxed);
  out += full + "_bucket{le=\"+Inf\"} " + std::to_string(below) + "\n";
  out += full + "_sum " + std::to_string(static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9) +
         "\n";
  out += full + "_count " + std::to_string(below) + "\n";
}

std::string Metrics::text() const {
  std::string out;
  auto counter = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    print_value(out, name, "counter", help, static_cast<std::int64_t>(value.load(std::memory_order_relaxed)));
  };
  counter("calls_total", "Requests to metered endpoints.", calls);
  counter("calls_completed_total", "Answers delivered whole.", completed);
  counter("calls_cut_total", "Answers ended at a cap, to the token.", cut);
  counter("calls_refused_total", "Calls refused by a limit.", refused);
  counter("calls_denied_total", "Calls denied by key, scope or form.", denied);
  counter("calls_client_gone_total", "Answers that the client left.", client_gone);
  counter("calls_upstream_failed_total", "Calls that the service failed.", upstream_failed);
  counter("upstream_retries_total", "Calls sent to another service, or again.", upstream_retried);
  counter("calls_unavailable_total", "Calls not served because they could not have been recorded.",
          unavailable);
  counter("records_disputed_total", "Records whose reported figure is out of tolerance.", disputed);
  print_value(out, "open_calls", "gauge", "Calls in progress.", open_calls.load(std::memory_order_relaxed));
  print_value(out, "open_streams", "gauge", "Streams in progress.",
              open_streams.load(std::memory_order_relaxed));
  print_value(out, "unsettled_calls", "gauge", "Ended calls whose close could not be recorded yet.",
              unsettled_calls.load(std::memory_order_relaxed));
  out += "# HELP ciyuan_tokens_total Tokens billed.\n# TYPE ciyuan_tokens_total counter\n";
  for (Kind kind : kAllKinds) {
    out += "ciyuan_tokens_total{kind=\"" + std::string(name_of(kind)) + "\"} " +
           std::to_string(tokens[index_of(kind)].load(std::memory_order_relaxed)) + "\n";
  }
  services.print(out);
  before_upstream.print(out, "before_upstream_seconds", "From the whole request to the forwarded one.");
  after_upstream.print(out, "after_upstream_seconds", "From the answer's end to its release.");
  return out;
}

}  // namespace ciyuan::gateway
