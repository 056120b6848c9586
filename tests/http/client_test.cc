#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/http/sockets.h"

namespace ciyuan::http {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
std::string answer(std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
         "\r\n" + std::string(body);
}

// A listener whose queue is full: a connection to it is neither taken nor refused.
class BlackHole {
 public:
  BlackHole() : listener_(0) {
    for (int& fd : crowd_) {
      fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      auto endpoint = listener_.endpoint();
      ::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
    }
  }
  ~BlackHole() {
    for (int fd : crowd_) ::close(fd);
  }
  tcp::endpoint endpoint() const { return listener_.endpoint(); }

 private:
  Listener listener_;
  std::array<int, 4> crowd_{};
};

TEST(Pool, reuses_connections_and_leaves_stale_ones) {
  Running running(echo);
  RunningPool client(client_of(running.port()));
  EXPECT_EQ(client.fetch("/1").value(), "GET /1 ");
  EXPECT_EQ(client.fetch("/2").value(), "GET /2 ");
  EXPECT_EQ(running.server().connections(), 1U);
}

TEST(Pool, names_what_is_wrong_with_a_service_that_cannot_be_reached) {
  RunningPool client(client_of(1));
  auto refused = client.fetch();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message.find("cannot connect"), std::string::npos);
}

TEST(Pool, keeps_a_connection_no_longer_than_the_service_says) {
  Listener service;
  ClientOptions options = client_of(service.port());
  options.keep_alive = seconds(600);
  RunningPool client(options);
  for (std::string_view header : {"Keep-Alive: timeout=1\r\n", "Keep-Alive: timeout=0, max=5\r\n", ""}) {
    auto got = client.start_fetch("/");
    Socket connection = service.accept();  // a new one each time
    connection.read_until(kEnd);
    connection.send(answer("x", header));
    EXPECT_EQ(got.get().value(), "x");
    if (!header.empty()) continue;
    auto again = client.start_fetch("/");
    connection.read_until(kEnd);
    connection.send(answer("the same"));
    EXPECT_EQ(again.get().value(), "the same");
  }
}

// Sends on a connection that was kept, which the service does with as it likes between the look at the
// connection and the request, and behind it. True where the request may be sent again.
bool may_send_again(bool closes_before_the_request) {
  Listener service;
  RunningPool client(client_of(service.port()));
  auto first = client.start_fetch("/1");
  Socket connection = service.accept();
  connection.read_until(kEnd);
  connection.send(answer("x"));
  EXPECT_EQ(first.get().value(), "x");
  std::promise<void> taken, may_send;
  auto go = may_send.get_future().share();
  auto second = client.start<Result<bool>>([&taken, go](Pool& pool) -> Task<Result<bool>> {
    auto call = co_await pool.call();
    if (!call || !(*call)->reused()) co_return invalid("", "not a kept connection");
    taken.set_value();
    go.wait();
    auto sent = co_await (*call)->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", "{}");
    auto head = co_await (*call)->read_head();
    if (head) co_return invalid("", "an answer");
    co_return !(*call)->sent_bytes();
  });
  taken.get_future().wait();
  if (closes_before_the_request) connection.close();
  may_send.set_value();
  if (!closes_before_the_request) {
    connection.read_until("{}");
    connection.close();
  }
  return second.get().value();
}

TEST(Pool, a_request_that_met_the_goodbye_of_a_kept_connection_may_be_sent_again) {
  EXPECT_TRUE(may_send_again(true));
}

TEST(Pool, a_request_that_the_service_had_is_not_sent_again_when_it_closes) {
  EXPECT_FALSE(may_send_again(false));
}

TEST(Pool, goes_on_to_the_next_address_when_one_swallows_everything) {
  BlackHole hole;
  Running running(echo);
  ClientOptions options = client_of(80, "http://service.example");
  options.connect_timeout = seconds(2);
  options.resolve = [&](const Url&) -> Result<std::vector<tcp::endpoint>> {
    return std::vector<tcp::endpoint>{hole.endpoint(), {asio::ip::address_v4::loopback(), running.port()}};
  };
  RunningPool client(options);
  EXPECT_EQ(client.fetch("/1").value(), "GET /1 ");
}

TEST(Pool, a_service_of_which_no_address_answers_costs_the_time_allowed_and_is_a_timeout) {
  BlackHole hole;
  ClientOptions options = client_of(80, "http://service.example");
  options.connect_timeout = milliseconds(500);
  options.resolve = [&](const Url&) -> Result<std::vector<tcp::endpoint>> {
    return std::vector<tcp::endpoint>{hole.endpoint(), hole.endpoint()};
  };
  RunningPool client(options);
  EXPECT_EQ(client.fetch().error().code, ErrorCode::kTimeout);
}

TEST(Pool, follows_a_name_that_moves) {
  Running old_home(echo), new_home([](Exchange&exchange) -> Task<> {
    Response moved{200, {}, "moved"};
    co_await exchange.respond(moved);
  });
  std::atomic<unsigned short> port = old_home.port();
  ClientOptions options = client_of(80, "http://service.example");
  options.names_kept = milliseconds(1);
  options.connection_life = milliseconds(1);  // the old home goes on answering
  options.resolve = [&](const Url&) -> Result<std::vector<tcp::endpoint>> {
    return std::vector<tcp::endpoint>{{asio::ip::address_v4::loopback(), port.load()}};
  };
  RunningPool client(options);
  EXPECT_EQ(client.fetch("/").value(), "GET / ");
  port = new_home.port();
  ::usleep(10'000);
  client.fetch("/");  // may still go to the old one: the look-up runs beside it
  ::usleep(10'000);
  EXPECT_EQ(client.fetch("/").value(), "moved");
}

TEST(Pool, a_name_server_that_fails_does_not_make_known_addresses_wrong) {
  Running running(echo);
  std::atomic<bool> fails = false;
  ClientOptions options = client_of(80, "http://service.example");
  options.names_kept = milliseconds(1);
  options.connection_life = milliseconds(1);
  options.resolve = [&](const Url&) -> Result<std::vector<tcp::endpoint>> {
    if (fails) return Error{ErrorCode::kUnavailable, "no name server", ""};
    return std::vector<tcp::endpoint>{{asio::ip::address_v4::loopback(), running.port()}};
  };
  RunningPool client(options);
  EXPECT_TRUE(client.fetch().ok());
  fails = true;
  for (int i = 0; i < 3; ++i) {
    ::usleep(10'000);
    EXPECT_TRUE(client.fetch().ok());
  }
}

TEST(Pool, ends_a_call_that_lasts_too_long_however_steadily_it_goes) {
  Running running([](Exchange& exchange) -> Task<> {
    co_await exchange.start_stream(200, {});
    SteadyTimer pause(exchange.loop().executor());
    while (co_await exchange.write("more")) {
      pause.expires_after(std::chrono::milliseconds(20));
      co_await pause.async_wait(kAsTuple);
    }
  });
  ClientOptions options = client_of(running.port());
  options.total_timeout = milliseconds(500);
  RunningPool client(options);
  EXPECT_EQ(client.fetch().error().code, ErrorCode::kTimeout);
}

TEST(Pool, a_service_that_drips_its_head_does_not_outlast_the_first_byte_timeout) {
  Listener service;
  ClientOptions options = client_of(service.port());
  options.first_byte_timeout = milliseconds(400);
  RunningPool client(options);
  auto got = client.start_fetch("/");
  Socket connection = service.accept();
  connection.send("HTTP/1.1 200 OK\r\nX: ");
  EXPECT_LT(connection.drip('x', 500), 500U);
  EXPECT_EQ(got.get().error().code, ErrorCode::kTimeout);
}

TEST(Pool, the_idle_timeout_runs_only_while_somebody_reads) {
  Running running([](Exchange& exchange) -> Task<> {
    co_await exchange.start_stream(200, {});
    co_await exchange.write("first");
    co_await exchange.finish("last");
  });
  ClientOptions options = client_of(running.port());
  options.idle_timeout = milliseconds(300);
  RunningPool client(options);
  auto got = client.start<Result<std::string>>([](Pool& pool) -> Task<Result<std::string>> {
    auto call = co_await pool.call();
    if (!call) co_return std::move(call).error();
    co_await (*call)->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "");
    auto head = co_await (*call)->read_head();
    if (!head) co_return std::move(head).error();
    SteadyTimer busy(co_await asio::this_coro::executor);
    busy.expires_after(std::chrono::milliseconds(1000));
    co_await busy.async_wait(kAsTuple);
    std::string body;
    for (;;) {
      auto piece = co_await (*call)->read_body();
      if (!piece) co_return std::move(piece).error();
      if (piece->empty()) co_return body;
      body += *piece;
    }
  });
  EXPECT_EQ(got.get().value(), "firstlast");
}

TEST(Pool, calls_beyond_its_connections_wait_in_order_and_no_longer_than_for_a_connection) {
  Listener service;
  ClientOptions options = client_of(service.port());
  options.connections_max = 1;
  options.connect_timeout = milliseconds(1500);
  RunningPool client(options);
  auto first = client.start_fetch("/1");
  Socket connection = service.accept();
  EXPECT_TRUE(connection.read_until(kEnd).starts_with("GET /1"));
  auto second = client.start_fetch("/2");
  ::usleep(20'000);
  auto third = client.start_fetch("/3");
  ::usleep(20'000);
  connection.send(answer("one"));
  EXPECT_TRUE(connection.read_until(kEnd).starts_with("GET /2"));  // on the connection that came free
  EXPECT_EQ(first.get().value(), "one");
  EXPECT_EQ(third.get().error().code, ErrorCode::kTooLarge);  // the second one is never answered in time
  connection.send(answer("two"));
  EXPECT_EQ(second.get().value(), "two");
  auto fourth = client.start_fetch("/4");
  EXPECT_TRUE(connection.read_until(kEnd).starts_with("GET /4"));
  connection.send(answer("four"));
  EXPECT_EQ(fourth.get().value(), "four");
}

TEST(Pool, ends_an_answer_whose_line_has_no_end) {
  Listener service;
  RunningPool client(client_of(service.port()));
  auto got = client.start_fetch("/");
  Socket connection = service.accept();
  connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  while (connection.send(std::string(4096, 'a'))) continue;
  EXPECT_NE(got.get().error().message.find("too long"), std::string::npos);
}

}  // namespace
}  // namespace ciyuan::http
