#pragma once

/// Closes vouchers whose time to report is over, on a thread of its own: what was marked last is used, the
/// rest is the licence's again.
///
///   LicenceTimer timer(*api, [&](std::string_view trouble) { … });
///
/// The Api must outlive it.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "admin/api.h"
#include "base/periodic.h"
#include "base/tell_on_change.h"

namespace ciyuan::admin {

constexpr std::chrono::seconds kCloseVouchersEvery{20};

class LicenceTimer {
 public:
  /// `trouble` is told, on its thread, what keeps it from its work, once for each time that changes; empty:
  /// nothing any more.
  LicenceTimer(Api& api, std::function<void(std::string_view trouble)> trouble);

 private:
  void look();

  Api& api_;
  TellOnChange tell_;
  Periodic periodic_;  // the last: it uses the others
};

}  // namespace ciyuan::admin
