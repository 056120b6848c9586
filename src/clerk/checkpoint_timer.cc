#include "clerk/checkpoint_timer.h"

namespace ciyuan::clerk {

CheckpointTimer::CheckpointTimer(Publisher& publisher, const Clerk& clerk, Nanoseconds every,
                                 std::function<void(std::string_view)> changed)
    : publisher_(publisher),
      clerk_(clerk),
      tell_(std::move(changed), publisher.trouble()),
      periodic_(std::chrono::nanoseconds(every.count), [this] { sign(); }) {}

void CheckpointTimer::sign() {
  // While commits fail, what the store shows may still be taken back, and must not be signed.
  if (!clerk_.healthy()) return;
  (void)publisher_.keep_up();
  tell_(publisher_.trouble());
}

}  // namespace ciyuan::clerk
