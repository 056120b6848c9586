#include "admin/closing_timer.h"

#include <chrono>

namespace ciyuan::admin {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr Nanoseconds kAgainAfter = seconds(60);
constexpr TimePoint kNever{INT64_MAX};

}  // namespace

ClosingTimer::ClosingTimer(Api& api, std::function<TimePoint()> clock,
                           std::function<void(std::string_view trouble)> changed)
    : api_(api),
      clock_(std::move(clock)),
      tell_(std::move(changed)),
      periodic_(kLookEvery, [this] { look(clock_()); }) {}

void ClosingTimer::look(TimePoint at) {
  std::shared_ptr<const contract::Registry> registry = api_.registry();
  if (registry != seen_) next_.clear(), troubles_.clear();
  seen_ = registry;
  if (registry == nullptr) return;
  for (const contract::Document& document : registry->documents()) {
    if (document.kind != "Contract") continue;
    TimePoint& next = next_[document.name];
    if (at < next) continue;
    Result<TimePoint> then = api_.close_periods(document.name, at);
    next = !then.ok() ? at + kAgainAfter : then->ns == 0 ? kNever : *then;
    if (then.ok())
      troubles_.erase(document.name);
    else
      troubles_[document.name] = then.error().text();
  }
  std::string trouble;
  if (!troubles_.empty())
    trouble = "a period of " + troubles_.begin()->first + " is not closed: " + troubles_.begin()->second;
  tell_(std::move(trouble));
}

}  // namespace ciyuan::admin
