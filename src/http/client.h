#pragma once

/// Connections to upstream services: pools of kept-alive ones, name look-ups with a short memory, deadlines.
/// A pool belongs to one loop.

#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/parser.h"
#include "http/stream.h"
#include "http/url.h"

namespace ciyuan::http {

struct ClientOptions {
  Url url;
  std::shared_ptr<boost::asio::ssl::context> tls;  ///< needed where url.tls
  bool verify = true;
  std::string server_name;  ///< name to verify; the URL's host where empty
  Nanoseconds connect_timeout = seconds(5);
  Nanoseconds first_byte_timeout = seconds(120);
  Nanoseconds idle_timeout = seconds(60);  ///< between two pieces of an answer
  Nanoseconds keep_alive = seconds(30);    ///< how long an unused connection is kept
  std::size_t idle_max = 256;
};

class Pool;

/// One request to an upstream and its answer.
class Call : public Watched {
 public:
  ~Call() override;

  /// Sends the request whole. After an error, `sent_bytes` says whether the service may have seen any of it.
  Task<Status> send(std::string_view head, std::string_view body);
  /// Waits for the head of the answer; interim (1xx) answers are passed over.
  Task<Result<ResponseHead>> read_head();
  /// The next piece of the body, whatever size it arrived in; empty at its end.
  Task<Result<std::string>> read_body();
  /// Ends the call now: pending reads fail. The service sees the connection close, and stops generating.
  void cancel();
  /// Ends the call as timed out where it lasts beyond this moment of the monotonic clock.
  void finish_by(std::int64_t deadline_ns);

  bool sent_bytes() const { return sent_; }
  bool timed_out() const { return timed_out_; }
  void on_tick(std::int64_t now_ns) override;

 private:
  friend class Pool;
  Call(Pool& pool, std::unique_ptr<Stream> stream, bool reused);
  Task<Status> read_some();
  Error broken(const error_code& error) const;

  Pool& pool_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<ResponseParser> parser_;
  std::string buffer_;
  std::int64_t deadline_ns_ = 0;
  std::int64_t total_deadline_ns_ = std::numeric_limits<std::int64_t>::max();
  bool reused_, sent_ = false, timed_out_ = false, cancelled_ = false, keep_alive_ = false, complete_ = false;
  bool to_head_request_ = false;
};

class Pool : public Watched {
 public:
  Pool(Loop& loop, ClientOptions options);
  ~Pool() override;

  /// A connection to send one request on: a kept one that is still alive, or a new one.
  Task<Result<std::unique_ptr<Call>>> call();
  const ClientOptions& options() const { return options_; }
  void on_tick(std::int64_t now_ns) override;

 private:
  friend class Call;
  struct Idle {
    std::unique_ptr<Stream> stream;
    std::int64_t since_ns;
  };
  Task<Result<std::unique_ptr<Stream>>> connect();
  Task<Status> resolve();
  void give_back(std::unique_ptr<Stream> stream);

  Loop& loop_;
  ClientOptions options_;
  std::vector<Idle> idle_;
  std::vector<tcp::endpoint> addresses_;
  std::int64_t resolved_ns_ = 0;
  std::size_t first_address_ = 0;  // the one that worked last
};

}  // namespace ciyuan::http
