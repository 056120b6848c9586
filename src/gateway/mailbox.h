#pragma once

/// The clerk's replies, brought back to the event loop that asked. One message a batch crosses the threads,
/// however many calls of the loop it answers.

#include <deque>
#include <functional>
#include <optional>

#include "clerk/clerk.h"
#include "clerk/commands.h"
#include "http/loop.h"

namespace ciyuan::gateway {

/// Belongs to one loop; only deliver() is called from another thread. Outlives the clerk's thread.
class LoopMailbox : public clerk::Mailbox {
 public:
  LoopMailbox(http::Loop& loop, clerk::Clerk& clerk) : loop_(loop), clerk_(clerk) {}

  using Ticket = std::uint64_t;
  /// Hands the command to the clerk and goes on; the reply waits under the ticket until it is taken.
  Ticket send(clerk::Command command);
  bool has_reply(Ticket ticket) const { return slots_[ticket].reply.has_value(); }
  /// Waits for the reply and gives the ticket back.
  http::Task<clerk::Reply> take(Ticket ticket);
  http::Task<clerk::Reply> ask(clerk::Command command) { return take(send(std::move(command))); }
  /// The reply of a ticket that has one; gives the ticket back.
  clerk::Reply collect(Ticket ticket);
  /// Nobody will take this reply.
  void abandon(Ticket ticket);

  void deliver(std::vector<clerk::Delivery> deliveries) override;

 private:
  struct Slot {
    std::optional<clerk::Reply> reply;
    std::function<void()> resume;
    bool abandoned = false;
  };
  void release(Ticket ticket);

  http::Loop& loop_;
  clerk::Clerk& clerk_;
  std::deque<Slot> slots_;  // a deque: slots keep their place while it grows
  std::vector<Ticket> free_;
};

}  // namespace ciyuan::gateway
