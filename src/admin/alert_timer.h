#pragma once

/// Tells of budgets, on a thread of its own: every second it looks at what was reached
/// (report/budget_watch.h), has the clerk record a notice of each, and sends what is pending to its channel
/// (webhook.h).
///
/// A notice is durable before it is sent, and its sending is recorded after: a stop in between sends it
/// again, with the same id. What cannot be sent is tried again with growing waits, over restarts too, and
/// given up after kNoticeAttemptsMax attempts or where the channel answers 410 (Gone). A channel that has
/// failed is not asked for its other notices in the same look.
///
///   AlertTimer alerts({.reader = …, .clerk = …, .registry = …, .clock = now, .log = …});
///
/// The clerk must outlive it. Destroying it ends a message that is under way.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "admin/webhook.h"
#include "base/json.h"
#include "base/periodic.h"
#include "base/tell_on_change.h"
#include "clerk/clerk.h"
#include "contract/registry.h"
#include "report/budget_watch.h"
#include "store/store.h"

namespace ciyuan::admin {

struct AlertParts {
  std::unique_ptr<store::Reader> reader;
  clerk::Clerk* clerk = nullptr;
  std::function<std::shared_ptr<const contract::Registry>()> registry;  ///< in force; may return null
  std::function<TimePoint()> clock;
  /// What keeps it from looking at the budgets, once for each time it changes; empty: nothing any more.
  std::function<void(std::string_view trouble)> trouble;
};

/// The work of one look; the timer calls it, and so do tests.
class AlertDesk {
 public:
  explicit AlertDesk(AlertParts parts) : parts_(std::move(parts)), tell_(parts_.trouble) {}
  void look();
  /// Any thread: ends what is under way.
  void stop() { sender_.stop(); }

 private:
  Status record_due(TimePoint now);
  Status find_pending();
  void send_pending();
  struct Pending {
    Json notice;
    bool is_recorded = true;  ///< what the last attempt made of it
  };
  void attempt(Pending& one);
  Status send(const Json& notice, bool& for_good);
  bool keep(const Json& notice, TimePoint at);

  AlertParts parts_;
  WebhookSender sender_;
  report::BudgetWatch watch_;
  bool found_ = false;                      ///< what was pending at the start
  std::map<std::string, Pending> pending_;  ///< by name
  TellOnChange tell_;
};

class AlertTimer {
 public:
  explicit AlertTimer(AlertParts parts);
  ~AlertTimer();

 private:
  AlertDesk desk_;
  Periodic periodic_;  // the last: it uses the others
};

}  // namespace ciyuan::admin
