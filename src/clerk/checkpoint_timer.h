#pragma once

/// Signs the log every now and then, on a thread of its own, so that whoever asks for the newest checkpoint
/// is answered from memory: neither an event loop nor a stranger's request waits for the disk.
///
///   CheckpointTimer timer(*publisher, *clerk, milliseconds(200), [&](std::string_view trouble) { … });
///
/// Both must outlive it. `changed` is told, on its thread, when publisher.trouble() became another sentence.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "clerk/clerk.h"
#include "clerk/publisher.h"

namespace ciyuan::clerk {

class CheckpointTimer {
 public:
  CheckpointTimer(Publisher& publisher, const Clerk& clerk, Nanoseconds every,
                  std::function<void(std::string_view trouble)> changed);
  ~CheckpointTimer();
  CheckpointTimer(const CheckpointTimer&) = delete;
  CheckpointTimer& operator=(const CheckpointTimer&) = delete;

 private:
  void run();

  Publisher& publisher_;
  const Clerk& clerk_;
  std::chrono::nanoseconds every_;
  std::function<void(std::string_view)> changed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ciyuan::clerk
