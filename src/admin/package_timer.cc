#include "admin/package_timer.h"

#include <chrono>

namespace ciyuan::admin {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr Nanoseconds kAgainAfter = seconds(60);
/// A call that was open at the end is closed by then: one that nobody hears of is settled after six hours.
constexpr Nanoseconds kHoldsMax = seconds(7 * 3600);
constexpr TimePoint kNever{INT64_MAX};

}  // namespace

PackageTimer::PackageTimer(std::function<std::shared_ptr<const contract::Registry>()> registry,
                           clerk::Clerk& clerk, std::function<TimePoint()> clock)
    : registry_(std::move(registry)),
      clerk_(clerk),
      clock_(std::move(clock)),
      periodic_(kLookEvery, [this] { look(clock_()); }) {}

void PackageTimer::look(TimePoint at) {
  const std::shared_ptr<const contract::Registry> registry = registry_();
  if (registry == nullptr) return;
  for (const contract::PackageRest& rest : registry->expired_packages(at)) {
    TimePoint& next = next_[rest.package + "/" + std::to_string(rest.since.ns)];
    if (at < next) continue;
    const clerk::Reply reply =
        clerk_.call(clerk::ExpirePackage{at, rest.package, rest.account, rest.ciyuan, rest.keep});
    // What failed now, for want of a disk or a place in the queue, is tried again.
    const bool is_over = at >= rest.since + kHoldsMax && std::holds_alternative<clerk::Done>(reply);
    next = is_over ? kNever : at + kAgainAfter;
  }
}

}  // namespace ciyuan::admin
