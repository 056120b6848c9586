#include "http/server.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <ctime>

#include "http/internal/connection.h"

namespace ciyuan::http {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kWriteBytes = 256 * 1024;  // what a client must take within the write timeout
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

constexpr Nanoseconds kGoodbye = seconds(2);

// An exchange that runs, also while what its handler threw passes.
class Running {
 public:
  explicit Running(std::size_t& count) : count_(count) { ++count_; }
  ~Running() { --count_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::size_t& count_;
};

Error client_left() { return Error{ErrorCode::kUnavailable, "the client is gone", ""}; }

}  // namespace

const std::string& http_date() {
  thread_local std::time_t made_at = 0;
  thread_local std::string text;
  std::time_t time = std::time(nullptr);
  if (time != made_at) {
    std::tm parts;
    gmtime_r(&time, &parts);
    char buffer[40];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    made_at = time;
  }
  return text;
}

// ---- Exchange

std::string Exchange::peer_address() const { return connection_.stream_.peer_address(); }
Loop& Exchange::loop() { return connection_.server_.loop_; }

std::string Exchange::head_text(unsigned status, const Headers& headers, const std::string& framing) {
  std::string text = std::move(connection_.out_);
  text.assign("HTTP/1.1 ");
  text += std::to_string(status);
  text += ' ';
  text += reason_of(status);
  text += "\r\nDate: ";
  text += http_date();
  for (const auto& [name, value] : headers) {
    text += "\r\n";
    text += name;
    text += ": ";
    text += value;
  }
  text += framing;
  if (connection_.server_.draining_) connection_.keep_alive_ = false;
  if (!connection_.keep_alive_) text += "\r\nConnection: close";
  if (connection_.keep_alive_ && head_.http_10) text += "\r\nConnection: keep-alive";
  text += "\r\n\r\n";
  return text;
}

void Exchange::notice_gone() {
  if (gone_) return;
  gone_ = true;
  if (gone_hook_) gone_hook_();
}

Task<Status> Exchange::respond(const Response& response) {
  if (started_) co_return Error{ErrorCode::kInternal, "the answer has already begun", ""};
  started_ = finished_ = true;
  bool no_body = response.status == 204 || response.status == 304;
  std::string head = head_text(response.status, response.headers,
                               no_body ? "" : "\r\nContent-Length: " + std::to_string(response.body.size()));
  std::string_view body = head_.method == "HEAD" || no_body ? std::string_view() : response.body;
  error_code error = co_await connection_.write(head, body);
  connection_.out_ = std::move(head);
  connection_.deadline_ns_ = 0;
  if (error) {
    notice_gone();
    co_return client_left();
  }
  co_return Status();
}

Task<Status> Exchange::start_stream(unsigned status, const Headers& headers) {
  if (started_) co_return Error{ErrorCode::kInternal, "the answer has already begun", ""};
  started_ = true;
  if (head_.http_10) connection_.keep_alive_ = false;  // its end is the connection's end
  std::string head = head_text(status, headers, head_.http_10 ? "" : "\r\nTransfer-Encoding: chunked");
  error_code error = co_await connection_.write(head);
  connection_.out_ = std::move(head);
  connection_.enter(Connection::Phase::kHandler, Nanoseconds{0});
  if (error) {
    notice_gone();
    co_return client_left();
  }
  co_return Status();
}

Task<Status> Exchange::write(std::string_view bytes) {
  if (gone_) co_return client_left();
  if (bytes.empty() || head_.method == "HEAD") co_return Status();
  error_code error;
  if (head_.http_10) {
    error = co_await connection_.write(bytes);
  } else {
    std::string& chunk = connection_.out_;
    char size[20];
    chunk.assign(size, static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n", bytes.size())));
    chunk += bytes;
    chunk += "\r\n";
    error = co_await connection_.write(chunk);
  }
  connection_.enter(Connection::Phase::kHandler, Nanoseconds{0});
  if (error) {
    notice_gone();
    co_return client_left();
  }
  co_return Status();
}

Task<Status> Exchange::finish(std::string_view last) {
  if (gone_) co_return client_left();
  finished_ = true;
  std::string chunk;
  if (head_.method != "HEAD") {
    if (head_.http_10) {
      chunk = last;
    } else {
      if (!last.empty()) {
        char size[20];
        chunk.assign(size,
                     static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n", last.size())));
        chunk += last;
        chunk += "\r\n";
      }
      chunk += "0\r\n\r\n";
    }
  }
  error_code error = co_await connection_.write(chunk);
  connection_.deadline_ns_ = 0;
  if (error) {
    notice_gone();
    co_return client_left();
  }
  co_return Status();
}

void Exchange::abort() {
  finished_ = true;
  connection_.keep_alive_ = false;
  connection_.stream_.close();
}

// ---- Connection

Connection::Connection(Server& server, TcpSocket socket)
    : server_(server), connections_(server.connections_), stream_(std::move(socket)) {
  connections_->insert(this);
  server_.loop_.watch(*this);
}

Connection::~Connection() { connections_->erase(this); }

void Connection::enter(Phase phase, Nanoseconds timeout) {
  phase_ = phase;
  deadline_ns_ = timeout.count == 0 ? 0 : monotonic_ns() + timeout.count;
}

void Connection::on_tick(std::int64_t now_ns) {
  if (deadline_ns_ != 0 && now_ns > deadline_ns_) {
    deadline_ns_ = 0;
    stream_.close();
    if (exchange_ != nullptr) exchange_->notice_gone();
    return;
  }
  if (phase_ == Phase::kHandler && exchange_ != nullptr && !exchange_->gone_ && stream_.peer_gone())
    exchange_->notice_gone();
}

void Connection::close_if_idle() {
  if (phase_ == Phase::kIdle) stream_.close();
}

void Connection::break_off() {
  stream_.close();
  if (exchange_ == nullptr) return;
  // Told again where it was known to be gone: what goes on without its client ends now too.
  exchange_->gone_ = false;
  exchange_->notice_gone();
}

Task<error_code> Connection::write(std::string_view first, std::string_view second) {
  for (;;) {
    enter(Phase::kWriting, server_.options_.write_timeout);
    std::string_view now_first = first.substr(0, kWriteBytes);
    std::string_view now_second = second.substr(0, kWriteBytes - now_first.size());
    error_code error = co_await stream_.write(asio::buffer(now_first.data(), now_first.size()),
                                              asio::buffer(now_second.data(), now_second.size()));
    first.remove_prefix(now_first.size());
    second.remove_prefix(now_second.size());
    if (error || (first.empty() && second.empty())) co_return error;
  }
}

Task<bool> Connection::read_more() {
  std::size_t had = buffer_.size();
  buffer_.resize(had + kReadBytes);
  auto [error, size] = co_await stream_.read_some(asio::buffer(buffer_.data() + had, kReadBytes));
  buffer_.resize(had + (error ? 0 : size));
  co_return !error;
}

Task<> Connection::refuse(Exchange& exchange, const Error& error) {
  keep_alive_ = false;  // what follows on this connection cannot be told apart from the refused request
  Response response;
  response.status = error.code == ErrorCode::kTooLarge ? (error.path == "body" ? 413 : 431) : 400;
  response.headers.add("Content-Type", "application/json");
  std::string message;
  for (char c : error.text())
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) message += c;
  response.body = "{\"error\":{\"message\":\"" + message +
                  "\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"bad_request\"}}";
  co_await exchange.respond(response);
}

Task<bool> Connection::read_request(Exchange& exchange) {
  RequestParser parser;
  enter(Phase::kIdle, server_.options_.idle_timeout);
  bool asked_for_body = false;
  for (;;) {
    if (!buffer_.empty()) {
      if (phase_ == Phase::kIdle) enter(Phase::kHead, server_.options_.head_timeout);
      auto used = parser.feed(buffer_);
      if (used) buffer_.erase(0, *used);
      Error problem = used ? Error{} : used.error();
      bool refused = !used;
      if (!refused && parser.head_done() && !asked_for_body) {
        asked_for_body = true;
        exchange.head_ = parser.take_head();
        keep_alive_ = exchange.head_.keep_alive;
        if (auto allowed = parser.allow_body(server_.body_limit_(exchange.head_)); !allowed) {
          problem = allowed.error();
          refused = true;
        } else {
          enter(Phase::kBody, server_.options_.body_timeout);
          if (exchange.head_.expects_continue && !parser.done() && buffer_.empty()) {
            static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
            if (co_await stream_.write(asio::buffer(kContinue))) co_return false;
          }
          if (!parser.done() && !buffer_.empty()) continue;
        }
      }
      if (refused) {
        co_await refuse(exchange, problem);
        co_return false;
      }
      if (parser.done()) {
        exchange.body_ = parser.take_body();
        co_return true;
      }
    }
    if (buffer_.size() > kHeadBytesMax) {
      // A line of the head, of a chunk's size or of the trailers, without an end.
      Error endless{ErrorCode::kTooLarge, "a line is too long", asked_for_body ? "body" : "headers"};
      co_await refuse(exchange, endless);
      co_return false;
    }
    if (!co_await read_more()) co_return false;
  }
}

Task<> Connection::run() {
  if (server_.options_.certificate) {
    enter(Phase::kHead, server_.options_.head_timeout);
    auto context = server_.options_.certificate->get();
    if (co_await stream_.handshake_as_server(*context)) co_return;
  }
  while (keep_alive_ && stream_.is_open() && !server_.draining_) {
    Exchange exchange(*this);
    exchange_ = &exchange;
    bool whole = co_await read_request(exchange);
    if (whole) {
      enter(Phase::kHandler, Nanoseconds{0});
      {
        Running running(server_.running_);
        co_await server_.handler_(exchange);
      }
      if (!exchange.started_) {
        Response nothing{500, {}, ""};  // named: g++ 12 destroys an aggregate within a co_await twice
        co_await exchange.respond(nothing);
        keep_alive_ = false;
      }
      if (!exchange.finished_ || exchange.gone_) keep_alive_ = false;
    }
    exchange_ = nullptr;
    if (!whole) break;
  }
  if (stream_.is_open()) co_await close_politely();
}

Task<> Connection::close_politely() {
  enter(Phase::kWriting, kGoodbye);
  co_await stream_.shutdown();
  // Let the last bytes arrive: closing with unread input would reset the connection under them.
  char drain[4096];
  for (int i = 0; i < 64; ++i) {
    auto [error, size] = co_await stream_.read_some(asio::buffer(drain));
    if (error) break;
  }
}

// ---- Server

Server::Server(Loop& loop, ServerOptions options, Handler handler, BodyLimit body_limit)
    : loop_(loop),
      options_(std::move(options)),
      handler_(std::move(handler)),
      body_limit_(std::move(body_limit)),
      acceptor_(loop.executor()) {}

Server::~Server() = default;

Status check_port_is_free(const std::string& address, unsigned short port) {
  error_code error;
  auto ip = asio::ip::make_address(address, error);
  if (error) return invalid("listen", "\"" + address + "\" is not an IP address");
  asio::io_context context;
  tcp::endpoint endpoint(ip, port);
  tcp::acceptor probe(context);
  probe.open(endpoint.protocol(), error);
  if (!error)
    probe.set_option(asio::socket_base::reuse_address(true), error);  // connections in TIME_WAIT do not count
  if (!error) probe.bind(endpoint, error);
  if (!error) probe.listen(1, error);
  if (error)
    return Error{ErrorCode::kUnavailable, error.message(), "listen " + address + ":" + std::to_string(port)};
  return {};
}

Status Server::listen() {
  error_code error;
  auto address = asio::ip::make_address(options_.address, error);
  if (error) return invalid("listen", "\"" + options_.address + "\" is not an IP address");
  tcp::endpoint endpoint(address, options_.port);
  std::string where = options_.address + ":" + std::to_string(options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return Error{ErrorCode::kUnavailable, error.message(), "listen " + where};
  acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  int on = 1;
  ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  acceptor_.bind(endpoint, error);
  if (error) return Error{ErrorCode::kUnavailable, error.message(), "listen " + where};
  acceptor_.listen(4096, error);
  if (error) return Error{ErrorCode::kUnavailable, error.message(), "listen " + where};
  asio::co_spawn(loop_.context(), accept_loop(), asio::detached);
  return {};
}

unsigned short Server::port() const { return acceptor_.local_endpoint().port(); }

Task<> Server::accept_loop() {
  SteadyTimer pause(loop_.executor());
  while (!draining_) {
    auto [error, socket] = co_await acceptor_.async_accept(kAsTuple);
    if (draining_) co_return;
    if (error || connections_->size() >= options_.connections_max) {
      if (!error) {
        static constexpr std::string_view kFull =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
            "close\r\n\r\n";
        ::send(socket.native_handle(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        continue;
      }
      // Out of file descriptors, most likely: the waiting clients stay in the kernel's queue meanwhile.
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    asio::co_spawn(
        loop_.context(),
        [](Server& server, TcpSocket client) -> Task<> {
          Connection connection(server, std::move(client));
          co_await connection.run();
        }(*this, TcpSocket(std::move(socket))),
        asio::detached);
  }
}

void Server::drain() {
  draining_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  for (Connection* connection : *connections_) connection->close_if_idle();
}

void Server::close_all() {
  drain();
  // A copy: a handler that is told may end its connection at once.
  for (Connection* connection : std::vector<Connection*>(connections_->begin(), connections_->end()))
    if (connections_->contains(connection)) connection->break_off();
}

}  // namespace ciyuan::http
