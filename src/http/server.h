#pragma once

/// An HTTP/1.1 server on a loop: keep-alive connections, one exchange at a time on each, limits on every size
/// and time, TLS where a certificate is given, and a drain that lets running exchanges end.
///
///   Server server(loop, options, [](Exchange& exchange) -> Task<> {
///     co_await exchange.respond(Response{200, {}, "hello\n"});
///   });
///   CIYUAN_TRY_STATUS(server.listen());

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "base/result.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/tls.h"

namespace ciyuan::http {

class Connection;

/// One request and its answer. Lives until the handler's coroutine ends; loop's thread only.
class Exchange {
 public:
  const RequestHead& head() const { return head_; }
  const std::string& body() const { return body_; }
  std::string take_body() { return std::move(body_); }
  std::string peer_address() const;
  Loop& loop();

  /// Sends the whole answer. An error means that the client is gone.
  Task<Status> respond(const Response& response);

  /// A streamed answer: the head, any number of writes, one finish. Each write is one chunk, sent at once.
  Task<Status> start_stream(unsigned status, const Headers& headers);
  Task<Status> write(std::string_view bytes);
  /// Sends `last` and the end of the body together.
  Task<Status> finish(std::string_view last = {});
  /// Breaks the connection instead of ending the body: the client must see that the answer is not whole.
  void abort();

  bool started() const { return started_; }
  /// True once a write failed, or the client was seen to leave (looked at every kTick).
  bool client_gone() const { return gone_; }
  /// Called on the loop when the client is seen to leave; set before waiting for something else than the
  /// client.
  void on_client_gone(std::function<void()> hook) { gone_hook_ = std::move(hook); }

 private:
  friend class Connection;
  explicit Exchange(Connection& connection) : connection_(connection) {}
  std::string head_text(unsigned status, const Headers& headers, const std::string& framing);
  void notice_gone();

  Connection& connection_;
  RequestHead head_;
  std::string body_;
  bool started_ = false, finished_ = false, gone_ = false;
  std::function<void()> gone_hook_;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  unsigned short port = 0;  ///< 0: the system picks one
  std::shared_ptr<ServerCertificate> certificate;
  Nanoseconds head_timeout = seconds(10);   ///< from the first byte of a request to the end of its head
  Nanoseconds body_timeout = seconds(120);  ///< for the whole body
  Nanoseconds idle_timeout = seconds(75);   ///< between requests
  Nanoseconds write_timeout = seconds(60);  ///< for a client that takes no bytes
  std::size_t connections_max = 16'384;     ///< per loop; further ones are answered 503 and closed
};

class Server {
 public:
  using Handler = std::function<Task<>(Exchange&)>;
  /// How large this request's body may be, decided from its head: a stranger gets little memory.
  using BodyLimit = std::function<std::size_t(const RequestHead&)>;

  Server(Loop& loop, ServerOptions options, Handler handler, BodyLimit body_limit);
  ~Server();

  /// Binds with SO_REUSEPORT, so that each loop can have a server on the same port, and starts to accept.
  Status listen();
  unsigned short port() const;
  /// Loop's thread: no further connections, idle ones closed, running exchanges go on.
  void drain();
  /// Drains, and breaks off what still runs: every handler sees its client gone.
  void close_all();
  std::size_t connections() const { return connections_->size(); }
  std::size_t running_exchanges() const { return running_; }

 private:
  friend class Connection;
  friend class Exchange;
  Task<> accept_loop();

  Loop& loop_;
  ServerOptions options_;
  Handler handler_;
  BodyLimit body_limit_;
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  // Shared with the connections: one that is destroyed with its loop may outlive the server.
  std::shared_ptr<std::unordered_set<Connection*>> connections_ =
      std::make_shared<std::unordered_set<Connection*>>();
  std::size_t running_ = 0;
  bool draining_ = false;
};

/// kUnavailable where another socket listens there: what SO_REUSEPORT would otherwise hide from
/// Server::listen().
Status check_port_is_free(const std::string& address, unsigned short port);

/// "Tue, 24 Nov 2026 00:00:00 GMT", made once a second.
const std::string& http_date();

}  // namespace ciyuan::http
