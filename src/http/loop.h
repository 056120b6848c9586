#pragma once

/// One event loop for each core. All that lives on a loop (connections, pools, exchanges) is touched by the
/// loop's thread only; other threads reach it by posting to it.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "base/time.h"

namespace ciyuan::http {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using TcpSocket = asio::basic_stream_socket<tcp, Executor>;
using SteadyTimer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                               asio::wait_traits<std::chrono::steady_clock>, Executor>;

/// A coroutine of a loop. The executor's exact type spares a virtual call and an allocation at each
/// suspension.
template <class T = void>
using Task = asio::awaitable<T, Executor>;
/// Completion token: errors come back as values in a tuple, not as exceptions.
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kAsTuple{};

/// Nanoseconds of the monotonic clock: for deadlines and durations, never for records.
std::int64_t monotonic_ns();

/// Something that wants to be looked at a few times a second: to see whether its deadline passed, or its peer
/// left. A list walked at each tick costs less than arming and cancelling a timer for every read and write.
class Watched {
 public:
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  virtual ~Watched();
  virtual void on_tick(std::int64_t now_ns) = 0;

 private:
  friend class Loop;
  class Loop* loop_ = nullptr;
  std::size_t position_ = 0;
};

constexpr Nanoseconds kTick = milliseconds(200);

class Loop {
 public:
  Loop();
  ~Loop();

  asio::io_context& context() { return context_; }
  Executor executor() { return context_.get_executor(); }

  /// Loop's thread only. A Watched leaves the list when it is destroyed.
  void watch(Watched& watched);
  void unwatch(Watched& watched);

  /// Runs until stop(); called once, by the thread that owns the loop.
  void run();
  /// Any thread.
  void stop();

 private:
  Task<> tick();

  // Before the context: what still waits in it when it is destroyed leaves this list on the way.
  std::vector<Watched*> watched_;
  asio::io_context context_{1};
  SteadyTimer timer_;
  bool stopping_ = false;
};

}  // namespace ciyuan::http
