#include "http/loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <ctime>

namespace ciyuan::http {

std::int64_t monotonic_ns() {
  std::timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Watched::~Watched() {
  if (loop_ != nullptr) loop_->unwatch(*this);
}

Loop::Loop() : timer_(context_) {}
Loop::~Loop() = default;

void Loop::watch(Watched& watched) {
  if (watched.loop_ != nullptr) return;
  watched.loop_ = this;
  watched.position_ = watched_.size();
  watched_.push_back(&watched);
}

void Loop::unwatch(Watched& watched) {
  if (watched.loop_ != this) return;
  watched_[watched.position_] = watched_.back();
  watched_[watched.position_]->position_ = watched.position_;
  watched_.pop_back();
  watched.loop_ = nullptr;
}

Task<> Loop::tick() {
  while (!stopping_) {
    timer_.expires_after(std::chrono::nanoseconds(kTick.count));
    auto [error] = co_await timer_.async_wait(kAsTuple);
    if (error) co_return;
    std::int64_t now_ns = monotonic_ns();
    // Backwards, so that one that leaves the list while it is looked at moves only those already seen.
    for (std::size_t i = watched_.size(); i-- > 0;) {
      if (i < watched_.size()) watched_[i]->on_tick(now_ns);
    }
  }
}

void Loop::run() {
  asio::co_spawn(context_, tick(), asio::detached);
  auto guard = asio::make_work_guard(context_);
  context_.run();
}

void Loop::stop() {
  asio::post(context_, [this] {
    stopping_ = true;
    timer_.cancel();
    context_.stop();
  });
}

}  // namespace ciyuan::http
