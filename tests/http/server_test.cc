#include "http/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <thread>

#include "http/client.h"

namespace ciyuan::http {
namespace {

// A server on a loop of its own thread; a test talks to it over real sockets.
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

class Socket {
 public:
  explicit Socket(unsigned short port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Socket() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool connected() const { return connected_; }
  void send(std::string_view text) {
    ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Reads until `end` was seen or the peer closed.
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

 private:
  int fd_;
  bool connected_ = false;
};

Task<> echo(Exchange& exchange) {
  Response response;
  response.body = exchange.head().method + " " + std::string(exchange.head().target) + " " + exchange.body();
  co_await exchange.respond(response);
}

TEST(Server, answers_several_requests_on_one_connection_even_when_they_come_at_once) {
  Running running(echo);
  Socket client(running.port());
  client.send(
      "POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\nConnection: "
      "close\r\n\r\n");
  std::string all = client.read_until("");
  EXPECT_NE(all.find("POST /a x"), all.npos);
  EXPECT_NE(all.find("GET /b "), all.npos);
  EXPECT_NE(all.find("GET /c "), all.npos);
}

TEST(Server, asks_for_the_body_when_the_client_waits_for_100_continue) {
  Running running(echo);
  Socket client(running.port());
  client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  EXPECT_NE(client.read_until("hi").find("200 OK"), std::string::npos);
}

TEST(Server, a_head_request_gets_the_head_only) {
  Running running(echo);
  Socket client(running.port());
  client.send("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::string all = client.read_until("");
  EXPECT_NE(all.find("Content-Length: 8"), all.npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
}

TEST(Server, refuses_smuggled_and_oversized_requests_and_closes) {
  Running running(echo);
  struct Case {
    std::string request, status;
  };
  for (const Case& each :
       std::vector<Case>{{"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: "
                          "chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
                          "400"},
                         {"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413"},
                         {"GET / HTTP/1.1\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", "431"}}) {
    Socket client(running.port());
    client.send(each.request);
    std::string all = client.read_until("");
    EXPECT_TRUE(all.starts_with("HTTP/1.1 " + each.status)) << all;
    EXPECT_EQ(all.find("evil"), all.npos);
  }
}

TEST(Server, closes_a_client_that_never_ends_its_head) {
  ServerOptions options;
  options.head_timeout = milliseconds(300);
  Running running(echo, options);
  Socket client(running.port());
  client.send("GET / HTTP/1.1\r\nX: slow");
  EXPECT_EQ(client.read_until(""), "");
}

TEST(Server, streams_chunks_at_once_and_marks_the_end) {
  Running running([](Exchange& exchange) -> Task<> {
    Headers headers;
    headers.add("Content-Type", "text/event-stream");
    co_await exchange.start_stream(200, headers);
    co_await exchange.write("data: 1\n\n");
    SteadyTimer pause(exchange.loop().executor());
    pause.expires_after(std::chrono::milliseconds(50));
    co_await pause.async_wait(kAsTuple);
    co_await exchange.finish("data: 2\n\n");
  });
  Socket client(running.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  std::string first = client.read_until("data: 1\n\n\r\n");
  EXPECT_EQ(first.find("data: 2"), first.npos);
  EXPECT_NE(client.read_until("0\r\n\r\n").find("data: 2"), std::string::npos);
}

TEST(Server, notices_a_client_that_leaves_while_the_handler_waits) {
  std::promise<void> gone;
  Running running([&gone](Exchange& exchange) -> Task<> {
    SteadyTimer forever(exchange.loop().executor());
    forever.expires_after(std::chrono::seconds(30));
    exchange.on_client_gone([&] { forever.cancel(); });
    co_await forever.async_wait(kAsTuple);
    if (exchange.client_gone()) gone.set_value();
  });
  {
    Socket client(running.port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    ::usleep(50'000);  // the request must have been read before the client leaves
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Server, a_slow_client_does_not_make_the_server_hold_the_answer_in_memory) {
  std::atomic<std::size_t> written{0};
  Running running([&written](Exchange& exchange) -> Task<> {
    co_await exchange.start_stream(200, {});
    std::string block(64 << 10, 'x');
    for (int i = 0; i < 1000; ++i) {  // 64 MB in all
      if (!co_await exchange.write(block)) break;
      written += block.size();
    }
  });
  Socket client(running.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  client.read_until("\r\n\r\n");
  ::usleep(500'000);  // the client reads nothing: what was written sits in the kernel's buffers
  EXPECT_LT(written.load(), std::size_t{16} << 20);
}

TEST(Server, drains_running_exchanges_and_takes_no_new_connection) {
  std::promise<void> entered, may_end;
  auto until = may_end.get_future().share();
  Running running([&entered, until](Exchange& exchange) -> Task<> {
    entered.set_value();
    SteadyTimer poll(exchange.loop().executor());
    while (until.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      poll.expires_after(std::chrono::milliseconds(10));
      co_await poll.async_wait(kAsTuple);
    }
    Response done{200, {}, "done"};
    co_await exchange.respond(done);
  });
  Socket client(running.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  entered.get_future().wait();
  std::promise<void> drained;
  asio::post(running.loop().context(), [&] {
    running.server().drain();
    drained.set_value();
  });
  drained.get_future().wait();
  EXPECT_FALSE(Socket(running.port()).connected());
  may_end.set_value();
  std::string all = client.read_until("");
  EXPECT_NE(all.find("done"), all.npos);
  EXPECT_NE(all.find("Connection: close"), all.npos);
}

// One call through a pool, from the test's thread.
Result<std::string> fetch(Loop& loop, Pool& pool, std::string head) {
  std::promise<Result<std::string>> promise;
  asio::co_spawn(
      loop.context(),
      [](Pool& from, std::string request, std::promise<Result<std::string>>& out) -> Task<> {
        auto call = co_await from.call();
        if (!call) co_return out.set_value(std::move(call).error());
        if (auto sent = co_await (*call)->send(request, ""); !sent)
          co_return out.set_value(std::move(sent).error());
        auto got = co_await (*call)->read_head();
        if (!got) co_return out.set_value(std::move(got).error());
        std::string body;
        for (;;) {
          auto piece = co_await (*call)->read_body();
          if (!piece) co_return out.set_value(std::move(piece).error());
          if (piece->empty()) break;
          body += *piece;
        }
        out.set_value(std::move(body));
      }(pool, std::move(head), promise),
      asio::detached);
  return promise.get_future().get();
}

TEST(Pool, reuses_connections_and_leaves_stale_ones) {
  Running running(echo);
  ClientOptions options;
  options.url = parse_url("http://127.0.0.1:" + std::to_string(running.port())).value();
  Loop loop;
  auto pool = std::make_unique<Pool>(loop, options);
  std::thread thread([&] { loop.run(); });
  EXPECT_EQ(fetch(loop, *pool, "GET /1 HTTP/1.1\r\n\r\n").value(), "GET /1 ");
  EXPECT_EQ(fetch(loop, *pool, "GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n").value(), "GET /2 ");
  ::usleep(50'000);
  EXPECT_EQ(fetch(loop, *pool, "GET /3 HTTP/1.1\r\n\r\n").value(), "GET /3 ");
  loop.stop();
  thread.join();
}

TEST(Pool, names_what_is_wrong_with_a_service_that_cannot_be_reached) {
  ClientOptions options;
  options.url = parse_url("http://127.0.0.1:1").value();
  Loop loop;
  auto pool = std::make_unique<Pool>(loop, options);
  std::thread thread([&] { loop.run(); });
  auto refused = fetch(loop, *pool, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("cannot connect"), std::string::npos);
  loop.stop();
  thread.join();
}

}  // namespace
}  // namespace ciyuan::http
