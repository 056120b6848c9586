#pragma once

/// Has the clerk take back what expired packages have left, on a thread of its own: within a second of their
/// end, and again for as long as a call may still hold some of it.
///
///   PackageTimer timer([&] { return registry_in_force(); }, *clerk, now);
///
/// The clerk must outlive it.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/periodic.h"
#include "clerk/clerk.h"
#include "contract/registry.h"

namespace ciyuan::admin {

class PackageTimer {
 public:
  PackageTimer(std::function<std::shared_ptr<const contract::Registry>()> registry, clerk::Clerk& clerk,
               std::function<TimePoint()> clock);

 private:
  void look(TimePoint at);

  std::function<std::shared_ptr<const contract::Registry>()> registry_;
  clerk::Clerk& clerk_;
  std::function<TimePoint()> clock_;
  std::map<std::string, TimePoint> next_;  ///< by package and end: when it is looked at again
  Periodic periodic_;                      // the last: it uses the others
};

}  // namespace ciyuan::admin
