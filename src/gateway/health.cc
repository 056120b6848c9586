#include "gateway/health.h"

#include <algorithm>

#include "base/time.h"

namespace ciyuan::gateway {
namespace {

constexpr int kFailuresToRest = 3;  // one call may have brought its misfortune with it
constexpr std::int64_t kRestFirst = milliseconds(500).count;
constexpr std::int64_t kRestMost = seconds(30).count;
constexpr int kDoublingsMost = 6;  // 500 ms doubled six times is more than the longest rest

std::int64_t rest_ns(int rests) { return std::min(kRestFirst << std::min(rests, kDoublingsMost), kRestMost); }

}  // namespace

bool Health::rests(std::int64_t now_ns) {
  if (!down_) return false;
  std::int64_t until_ns = rest_until_ns_;
  if (now_ns < until_ns) return true;
  // Whoever moves the end of the rest is the trial; should nothing come of it, another one follows.
  return !rest_until_ns_.compare_exchange_strong(until_ns, now_ns + rest_ns(++rests_));
}

bool Health::failed(Failure failure, std::int64_t now_ns) {
  int failures = failures_ += failure == Failure::kNoConnection ? kFailuresToRest : 1;
  // Calls that were under way when the rest began do not make it longer.
  if (failures < kFailuresToRest || down_.exchange(true)) return false;
  rest_until_ns_ = now_ns + rest_ns(rests_);
  return true;
}

bool Health::answered() {
  if (!down_.exchange(false)) return false;
  failures_ = kFailuresToRest - 1;
  return true;
}

void Health::completed() {
  failures_ = 0;
  rests_ = 0;
}

Health& HealthBoard::of(const std::string& upstream) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<Health>& slot = services_[upstream];
  if (!slot) slot = std::make_unique<Health>();
  return *slot;
}

void HealthBoard::print(std::string& out) const {
  std::lock_guard lock(mutex_);
  if (services_.empty()) return;
  out +=
      "# HELP ciyuan_upstream_up Whether the service answers, as the last calls saw it.\n"
      "# TYPE ciyuan_upstream_up gauge\n";
  for (const auto& [name, health] : services_)
    out += "ciyuan_upstream_up{upstream=\"" + name + "\"} " + (health->up() ? "1" : "0") + "\n";
}

}  // namespace ciyuan::gateway
