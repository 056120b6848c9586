#pragma once

/// Connections to upstream services: pools of kept-alive ones, name look-ups with a short memory, deadlines.
///
/// A request may be sent again only where the service cannot have had it whole (Call::sent_bytes). A service
/// closes an idle connection when it likes, also while a request is on its way to it. So connections are kept
/// for less than services keep theirs, one that the kernel knows to be closed is not used, and what is left
/// of the race is told from a service that died over the request by TCP itself: a goodbye that acknowledges
/// no byte of the request was said before it.
///
/// A pool belongs to one loop, and lives as long as the loop runs.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/parser.h"
#include "http/stream.h"
#include "http/tls.h"
#include "http/url.h"

namespace ciyuan::http {

struct ClientOptions {
  Url url;
  std::shared_ptr<boost::asio::ssl::context> tls;  ///< needed where url.tls
  bool verify = true;
  std::string server_name;  ///< name to verify; the URL's host where empty
  /// For a connection: look-up, all addresses and TLS together; and for one to come free where all are in
  /// use.
  Nanoseconds connect_timeout = seconds(5);
  Nanoseconds first_byte_timeout = seconds(120);  ///< from the request to the end of the answer's head
  Nanoseconds idle_timeout = seconds(60);         ///< between two pieces of an answer
  Nanoseconds total_timeout = seconds(1800);      ///< of a call, from the look-up to the last byte
  /// How long an unused connection is kept where the service does not say (Keep-Alive: timeout=N): many close
  /// theirs after five seconds.
  Nanoseconds keep_alive = seconds(4);
  Nanoseconds names_kept = seconds(30);  ///< how long the addresses of a name are believed
  Nanoseconds connection_life =
      seconds(300);                   ///< a service that moves is followed even where it still answers
  std::size_t connections_max = 256;  ///< in use and unused; calls beyond it wait in order
  /// Instead of the system's resolver, for tests.
  std::function<Result<std::vector<tcp::endpoint>>(const Url&)> resolve;
};

class Pool;

/// One request to an upstream and its answer.
class Call : public Watched {
 public:
  ~Call() override;

  /// Sends the request whole. After an error, `sent_bytes` says whether the service may have seen it.
  Task<Status> send(std::string_view head, std::string_view body);
  /// Waits for the head of the answer; interim (1xx) answers are passed over.
  Task<Result<ResponseHead>> read_head();
  /// The next piece of the body, whatever size it arrived in; empty at its end.
  Task<Result<std::string>> read_body();
  /// Ends the call now: pending reads fail. The service sees the connection close, and stops generating.
  void cancel();
  /// Ends the call as timed out where it lasts beyond this moment of the monotonic clock.
  void finish_by(std::int64_t deadline_ns);

  /// False where the service cannot have had the whole request: it may be sent again.
  bool sent_bytes() const { return sent_; }
  bool reused() const { return reused_; }
  bool timed_out() const { return timed_out_; }
  void on_tick(std::int64_t now_ns) override;

 private:
  friend class Pool;
  explicit Call(Pool& pool);
  Task<Status> read_some();
  Task<Status> read_behind();
  Error broken(const error_code& error);
  bool none_acknowledged() const;

  Pool* pool_;  // null once the pool is gone
  std::unique_ptr<Stream> stream_;
  std::int64_t connected_ns_ = 0;
  std::unique_ptr<ResponseParser> parser_;
  std::string buffer_;
  std::int64_t deadline_ns_ = 0;  // of the step that runs; 0: none
  std::int64_t total_deadline_ns_;
  std::optional<std::uint64_t> acknowledged_before_;
  Nanoseconds keep_for_{0};
  bool reused_ = false, sent_ = false, timed_out_ = false, cancelled_ = false, keep_alive_ = false;
  bool begun_ = false, heard_ = false, head_done_ = false, complete_ = false, to_head_request_ = false;
};

class Pool : public Watched {
 public:
  Pool(Loop& loop, ClientOptions options);
  ~Pool() override;

  /// A connection to send one request on: a kept one that is still alive (not where `fresh`), or a new one.
  /// kTooLarge: a limit of ours (connections_max, open files), which says nothing about the service.
  Task<Result<std::unique_ptr<Call>>> call(bool fresh = false);
  const ClientOptions& options() const { return options_; }
  /// True while a call or a look-up needs the pool.
  bool in_use() const { return !calls_.empty() || !waiting_.empty() || looking_up_; }
  std::uint64_t handshakes() const { return handshakes_; }
  std::uint64_t resumed_handshakes() const { return resumed_handshakes_; }
  void on_tick(std::int64_t now_ns) override;

 private:
  friend class Call;
  struct Idle {
    std::unique_ptr<Stream> stream;
    std::int64_t connected_ns, until_ns;
  };
  struct Waiter {
    SteadyTimer timer;
    bool called = false;
  };
  using Waiters = std::deque<Waiter*>;

  Task<bool> wait_in(Waiters& waiters, std::int64_t deadline_ns);
  static void wake(Waiters& waiters);
  bool take_idle(Call& call);
  Task<Status> connect(Call& call, std::int64_t deadline_ns);
  Task<Result<std::unique_ptr<Stream>>> connect_to(tcp::endpoint address, std::int64_t deadline_ns);
  Task<Status> find_addresses(std::int64_t deadline_ns);
  Task<> look_up();
  void end(Call& call);

  Loop& loop_;
  ClientOptions options_;
  TlsSession session_;
  std::vector<Idle> idle_;
  std::unordered_set<Call*> calls_;
  Waiters waiting_;           // for a connection, in the order they came
  std::size_t promised_ = 0;  // connections that those woken will take

  std::vector<tcp::endpoint> addresses_;
  std::size_t first_address_ = 0;  // the one that worked last
  std::int64_t resolved_ns_ = 0;
  bool looking_up_ = false;
  Error look_up_problem_;
  Waiters waiting_for_names_;

  std::uint64_t handshakes_ = 0, resumed_handshakes_ = 0;
};

}  // namespace ciyuan::http
