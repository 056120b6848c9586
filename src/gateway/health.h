#pragma once

/// Which services answer, as the whole process knows it: a failure that one loop sees is known to all.
///
/// Failures in a row make a service rest, longer each time; it is then left out unless there is no other.
/// Once its rest is over, one call tries it while the others go on leaving it out. The head of an answer ends
/// the rest; only an answer that came to its end clears what went before.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace ciyuan::gateway {

/// Any thread.
class Health {
 public:
  enum class Failure {
    kNoConnection,  ///< nothing gets through: rests at once
    kCall,          ///< one call was reset, timed out, answered with garbage, or with 502, 503 or 504
  };

  /// True where a call should go elsewhere if it can. False for one call after each rest: it is the trial.
  bool rests(std::int64_t now_ns);
  /// True where it rests from now on, and did not before.
  bool failed(Failure failure, std::int64_t now_ns);
  /// The head of an answer came. True where the service had rested until now.
  bool answered();
  /// An answer came to its end.
  void completed();
  bool up() const { return !down_; }

 private:
  std::atomic<int> failures_{0};  // in a row
  std::atomic<int> rests_{0};     // in a row
  std::atomic<bool> down_{false};
  std::atomic<std::int64_t> rest_until_ns_{0};
};

/// All of them, by the name of their Upstream. What it gives stays where it is as long as the board. Any
/// thread.
class HealthBoard {
 public:
  Health& of(const std::string& upstream);
  /// The gauge ciyuan_upstream_up.
  void print(std::string& out) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Health>> services_;
};

}  // namespace ciyuan::gateway
