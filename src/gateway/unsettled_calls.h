#pragma once

/// Calls whose close the clerk could not make durable (a full disk, a full queue): the close is sent again
/// until it can, so that no hold lies until the clerk's own silence_max and what was delivered is billed.
///
/// They outlive their exchanges but not the process: a restart settles such a call from its last durable
/// mark. Belongs to one loop.

#include <deque>
#include <functional>
#include <optional>
#include <string_view>

#include "gateway/mailbox.h"
#include "gateway/metrics.h"

namespace ciyuan::gateway {

class UnsettledCalls : public http::Watched {
 public:
  /// Beyond this a call is left to silence_max. No call opens while nothing can be recorded, so that the list
  /// is as long as there were calls when the trouble began.
  static constexpr std::size_t kCallsMax = 1 << 16;

  UnsettledCalls(http::Loop& loop, LoopMailbox& mailbox, Metrics& metrics,
                 const std::function<void(std::string_view)>& log);
  ~UnsettledCalls() override;

  void add(clerk::Close close);
  void on_tick(std::int64_t now_ns) override;

 private:
  struct Unsettled {
    clerk::Close close;
    std::optional<LoopMailbox::Ticket> sent;
    bool done = false;
  };
  void hear(Unsettled& call, const clerk::Reply& reply, std::int64_t now_ns);
  void tell(const clerk::Close& close, std::string_view what) const;

  LoopMailbox& mailbox_;
  Metrics& metrics_;
  const std::function<void(std::string_view)>& log_;
  std::deque<Unsettled> calls_;
  Nanoseconds pause_;
  std::int64_t next_ns_ = 0;
};

/// True where the canonical JSON of a record says that its call ended like this. The clerk answers a close of
/// a call that was closed before with the record that stands.
bool record_says(std::string_view record_json, record::State state);

/// True for a close that may work when it is sent again.
bool may_work_later(const clerk::Reply& reply);

}  // namespace ciyuan::gateway
