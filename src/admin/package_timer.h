#pragma once

/// Has the clerk take back what expired packages have left, on a thread of its own: within a second of their
/// end, and again for as long as a call may still hold some of it.
///
///   PackageTimer timer([&] { return registry_in_force(); }, *clerk, now);
///
/// The clerk must outlive it.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "clerk/clerk.h"
#include "contract/registry.h"

namespace ciyuan::admin {

class PackageTimer {
 public:
  PackageTimer(std::function<std::shared_ptr<const contract::Registry>()> registry, clerk::Clerk& clerk,
               std::function<TimePoint()> clock);
  ~PackageTimer();
  PackageTimer(const PackageTimer&) = delete;
  PackageTimer& operator=(const PackageTimer&) = delete;

 private:
  void run();
  void look(TimePoint at);

  std::function<std::shared_ptr<const contract::Registry>()> registry_;
  clerk::Clerk& clerk_;
  std::function<TimePoint()> clock_;
  std::map<std::string, TimePoint> next_;  ///< by package and end: when it is looked at again
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ciyuan::admin
