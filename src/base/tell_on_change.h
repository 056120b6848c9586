#pragma once

/// Says what is in the way once for each time that it becomes another sentence; empty: nothing is any more.
///
///   TellOnChange tell([&](std::string_view trouble) { … });
///   tell(look());      // again and again
///
/// One thread at a time.

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ciyuan {

class TellOnChange {
 public:
  /// `told`: what is known already. `tell` may be null.
  explicit TellOnChange(std::function<void(std::string_view)> tell, std::string told = "")
      : tell_(std::move(tell)), told_(std::move(told)) {}

  void operator()(std::string now) {
    if (now == told_) return;
    if (tell_) tell_(now);
    told_ = std::move(now);
  }

 private:
  std::function<void(std::string_view)> tell_;
  std::string told_;
};

}  // namespace ciyuan
