#pragma once

/// Signs the log every now and then, on a thread of its own, so that whoever asks for the newest checkpoint
/// is answered from memory: neither an event loop nor a stranger's request waits for the disk.
///
///   CheckpointTimer timer(*publisher, *clerk, milliseconds(200), [&](std::string_view trouble) { … });
///
/// Both must outlive it. `changed` is told, on its thread, when publisher.trouble() became another sentence.

#include <functional>
#include <string>
#include <string_view>

#include "base/periodic.h"
#include "base/tell_on_change.h"
#include "clerk/clerk.h"
#include "clerk/publisher.h"

namespace ciyuan::clerk {

class CheckpointTimer {
 public:
  CheckpointTimer(Publisher& publisher, const Clerk& clerk, Nanoseconds every,
                  std::function<void(std::string_view trouble)> changed);

 private:
  void sign();

  Publisher& publisher_;
  const Clerk& clerk_;
  TellOnChange tell_;
  Periodic periodic_;  // the last: it uses the others
};

}  // namespace ciyuan::clerk
