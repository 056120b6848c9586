#pragma once

/// Has billing periods closed within seconds of their end, on a thread of its own.
///
///   ClosingTimer timer(*api, now, [&](std::string_view trouble) { … });
///
/// The Api must outlive it. `changed` is told, on its thread, when what is in the way became another
/// sentence; empty: nothing is.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "admin/api.h"
#include "base/periodic.h"
#include "base/tell_on_change.h"

namespace ciyuan::admin {

class ClosingTimer {
 public:
  ClosingTimer(Api& api, std::function<TimePoint()> clock,
               std::function<void(std::string_view trouble)> changed);

 private:
  void look(TimePoint at);

  Api& api_;
  std::function<TimePoint()> clock_;
  TellOnChange tell_;
  std::shared_ptr<const contract::Registry> seen_;  ///< that `next_` is for: other documents, other periods
  std::map<std::string, TimePoint> next_;           ///< by contract: when it is looked at again
  std::map<std::string, std::string> troubles_;     ///< by contract
  Periodic periodic_;                               // the last: it uses the others
};

}  // namespace ciyuan::admin
