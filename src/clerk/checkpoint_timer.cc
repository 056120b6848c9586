#include "clerk/checkpoint_timer.h"

namespace ciyuan::clerk {

CheckpointTimer::CheckpointTimer(Publisher& publisher, const Clerk& clerk, Nanoseconds every,
                                 std::function<void(std::string_view)> changed)
    : publisher_(publisher),
      clerk_(clerk),
      every_(every.count),
      changed_(std::move(changed)),
      thread_([this] { run(); }) {}

CheckpointTimer::~CheckpointTimer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CheckpointTimer::run() {
  std::string told = publisher_.trouble();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, every_, [this] { return stopping_; })) {
    // While commits fail, what the store shows may still be taken back, and must not be signed.
    if (!clerk_.healthy()) continue;
    lock.unlock();
    (void)publisher_.keep_up();
    if (std::string trouble = publisher_.trouble(); trouble != told) {
      changed_(trouble);
      told = std::move(trouble);
    }
    lock.lock();
  }
}

}  // namespace ciyuan::clerk
