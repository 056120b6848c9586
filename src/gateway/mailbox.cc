#include "gateway/mailbox.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

namespace ciyuan::gateway {

LoopMailbox::Ticket LoopMailbox::send(clerk::Command command) {
  Ticket ticket;
  if (free_.empty()) {
    ticket = slots_.size();
    slots_.emplace_back();
  } else {
    ticket = free_.back();
    free_.pop_back();
  }
  if (auto submitted = clerk_.submit(std::move(command), *this, ticket); !submitted)
    slots_[ticket].reply = submitted.error();
  return ticket;
}

http::Task<clerk::Reply> LoopMailbox::take(Ticket ticket) {
  if (!slots_[ticket].reply) {
    http::asio::use_awaitable_t<http::Executor> token;
    co_await http::asio::async_initiate<http::asio::use_awaitable_t<http::Executor>, void()>(
        [this, ticket](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          slots_[ticket].resume = [shared] { std::move (*shared)(); };
        },
        token);
  }
  co_return collect(ticket);
}

clerk::Reply LoopMailbox::collect(Ticket ticket) {
  clerk::Reply reply = std::move(*slots_[ticket].reply);
  release(ticket);
  return reply;
}

void LoopMailbox::abandon(Ticket ticket) {
  if (slots_[ticket].reply)
    release(ticket);
  else
    slots_[ticket].abandoned = true;
}

void LoopMailbox::release(Ticket ticket) {
  slots_[ticket] = Slot();
  free_.push_back(ticket);
}

void LoopMailbox::deliver(std::vector<clerk::Delivery> deliveries) {
  http::asio::post(loop_.context(), [this, deliveries = std::move(deliveries)]() mutable {
    for (clerk::Delivery& delivery : deliveries) {
      Slot& slot = slots_[delivery.ticket];
      if (slot.abandoned) {
        release(delivery.ticket);
        continue;
      }
      slot.reply = std::move(delivery.reply);
      if (auto resume = std::move(slot.resume)) resume();
    }
  });
}

}  // namespace ciyuan::gateway
