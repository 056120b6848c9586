#pragma once

/// Both ends of real connections for the tests of this library.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "http/client.h"
#include "http/server.h"

namespace ciyuan::http {

/// A server on a loop of its own thread; a test talks to it over real sockets.
class Running {
 public:
  explicit Running(Server::Handler handler, ServerOptions options = {}) {
    server_ = std::make_unique<Server>(loop_, options, std::move(handler),
                                       [](const RequestHead&) { return std::size_t{1} << 20; });
    if (auto listening = server_->listen(); !listening) throw std::runtime_error(listening.error().text());
    port_ = server_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Running() {
    for (std::size_t left = 1; left != 0;) {
      std::promise<std::size_t> connections;
      asio::post(loop_.context(), [&] {
        server_->close_all();
        connections.set_value(server_->connections());
      });
      left = connections.get_future().get();
    }
    loop_.stop();
    thread_.join();
  }
  unsigned short port() const { return port_; }
  Loop& loop() { return loop_; }
  Server& server() { return *server_; }

 private:
  Loop loop_;
  std::unique_ptr<Server> server_;
  unsigned short port_ = 0;
  std::thread thread_;
};

/// One end of a connection, blocking, for at most ten seconds.
class Socket {
 public:
  explicit Socket(unsigned short port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    limit_time();
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  struct Accepted {
    int fd;
  };
  explicit Socket(Accepted accepted) : fd_(accepted.fd), connected_(accepted.fd >= 0) { limit_time(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Socket() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd() const { return fd_; }
  bool connected() const { return connected_; }
  bool send(std::string_view text) {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Reads until `end` was seen or the peer closed.
  std::string read_until(std::string_view end) {
    std::string text;
    char buffer[4096];
    while (text.find(end) == text.npos || end.empty()) {
      ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  /// Sends one byte after the other until the peer closes; how many it took.
  std::size_t drip(char byte, std::size_t most) {
    std::size_t sent = 0;
    char got;
    while (sent < most && ::recv(fd_, &got, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN &&
           send({&byte, 1})) {
      ++sent;
      ::usleep(20'000);
    }
    return sent;
  }

 private:
  void limit_time() {
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  int fd_;
  bool connected_ = false;
};

/// A service whose every step the test takes itself.
class Listener {
 public:
  explicit Listener(int backlog = 16) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, backlog) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(fd_); }
  unsigned short port() const { return port_; }
  tcp::endpoint endpoint() const { return {asio::ip::address_v4::loopback(), port_}; }
  Socket accept() { return Socket(Socket::Accepted{::accept(fd_, nullptr, nullptr)}); }

 private:
  int fd_;
  unsigned short port_ = 0;
};

/// A pool on a loop of its own thread.
class RunningPool {
 public:
  explicit RunningPool(ClientOptions options)
      : pool_(std::make_unique<Pool>(loop_, std::move(options))), thread_([this] { loop_.run(); }) {}
  ~RunningPool() {
    loop_.stop();
    thread_.join();
    pool_.reset();
  }
  Pool& pool() { return *pool_; }

  /// What the coroutine returns, run on the loop.
  template <class T>
  std::future<T> start(std::function<Task<T>(Pool&)> work) {
    auto promise = std::make_shared<std::promise<T>>();
    asio::co_spawn(
        loop_.context(),
        [](Pool& pool, std::function<Task<T>(Pool&)> todo, std::shared_ptr<std::promise<T>> out) -> Task<> {
          out->set_value(co_await todo(pool));
        }(*pool_, std::move(work), promise),
        asio::detached);
    return promise->get_future();
  }
  std::future<Result<std::string>> start_fetch(std::string target) {
    return start<Result<std::string>>(
        [target = std::move(target)](Pool& pool) { return fetched(pool, target); });
  }
  /// One call: the answer's body.
  Result<std::string> fetch(std::string target = "/") { return start_fetch(std::move(target)).get(); }

 private:
  static Task<Result<std::string>> fetched(Pool& pool, std::string target) {
    auto call = co_await pool.call();
    if (!call) co_return std::move(call).error();
    std::string request = "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
    if (auto sent = co_await (*call)->send(request, ""); !sent) co_return std::move(sent).error();
    auto got = co_await (*call)->read_head();
    if (!got) co_return std::move(got).error();
    std::string body;
    for (;;) {
      auto piece = co_await (*call)->read_body();
      if (!piece) co_return std::move(piece).error();
      if (piece->empty()) co_return body;
      body += *piece;
    }
  }

  Loop loop_;
  std::unique_ptr<Pool> pool_;
  std::thread thread_;
};

inline ClientOptions client_of(unsigned short port, const std::string& start = "http://127.0.0.1") {
  ClientOptions options;
  options.url = parse_url(start + ":" + std::to_string(port)).value();
  return options;
}

inline Task<> echo(Exchange& exchange) {
  Response response;
  response.body = exchange.head().method + " " + std::string(exchange.head().target) + " " + exchange.body();
  co_await exchange.respond(response);
}

}  // namespace ciyuan::http
