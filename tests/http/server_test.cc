#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/http/sockets.h"

namespace ciyuan::http {
namespace {

TEST(Server, answers_several_requests_on_one_connection_even_when_they_come_at_once) {
  Running running(echo);
  Socket client(running.port());
  client.send(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c "
      "HTTP/1.1\r\nHost: h\r\nConnection: "
      "close\r\n\r\n");
  std::string all = client.read_until("");
  EXPECT_NE(all.find("POST /a x"), all.npos);
  EXPECT_NE(all.find("GET /b "), all.npos);
  EXPECT_NE(all.find("GET /c "), all.npos);
}

TEST(Server, asks_for_the_body_when_the_client_waits_for_100_continue) {
  Running running(echo);
  Socket client(running.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  EXPECT_NE(client.read_until("hi").find("200 OK"), std::string::npos);
}

TEST(Server, a_head_request_gets_the_head_only) {
  Running running(echo);
  Socket client(running.port());
  client.send("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string all = client.read_until("");
  EXPECT_NE(all.find("Content-Length: 8"), all.npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
}

TEST(Server, refuses_smuggled_and_oversized_requests_and_closes) {
  Running running(echo);
  struct Case {
    std::string request, status;
  };
  for (const Case& each : std::vector<Case>{
           {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
            "chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
            "400"},
           {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", "413"},
           {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", "431"}}) {
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
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: slow");
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
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
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
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
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
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
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
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
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

TEST(Server, refuses_a_request_without_a_host_and_takes_an_absolute_target) {
  Running running(echo);
  Socket none(running.port()), whole(running.port());
  none.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(none.read_until("").starts_with("HTTP/1.1 400"));
  whole.send("GET http://h:8080/x?y HTTP/1.1\r\nHost: h:8080\r\nConnection: close\r\n\r\n");
  EXPECT_NE(whole.read_until("").find("GET /x?y "), std::string::npos);
}

TEST(Server, refuses_a_chunk_line_and_trailers_without_an_end) {
  Running running(echo);
  for (const char* start : {"1;", "0\r\nX: "}) {
    Socket client(running.port());
    client.send(std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n") + start);
    while (client.send(std::string(4096, 'a')) && client.connected()) {
      char byte;
      if (::recv(client.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) break;
    }
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 413"));
  }
}

TEST(Server, refuses_a_head_of_many_lines_that_is_larger_than_its_limit) {
  Running running(echo);
  Socket client(running.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n");
  std::string line = "X: " + std::string(1000, 'x') + "\r\n";
  for (std::size_t sent = 0; sent < kHeadBytesMax + line.size(); sent += line.size()) {
    client.send(line);
    ::usleep(1000);  // each line in a read of its own
  }
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 431"));
}

TEST(Server, closes_clients_that_drip_a_head_or_a_body_byte_by_byte) {
  ServerOptions options;
  options.head_timeout = options.body_timeout = milliseconds(400);
  Running running(echo, options);
  Socket head(running.port()), body(running.port());
  head.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  EXPECT_LT(head.drip('x', 500), 500U);
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_LT(body.drip('x', 500), 500U);
}

TEST(Server, closes_a_connection_on_which_nothing_is_asked) {
  ServerOptions options;
  options.idle_timeout = milliseconds(300);
  Running running(echo, options);
  Socket fresh(running.port()), used(running.port());
  used.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(fresh.read_until(""), "");
  EXPECT_NE(used.read_until("").find("200 OK"), std::string::npos);
}

TEST(Server, gives_up_on_a_client_that_takes_nothing_and_waits_for_one_that_takes_its_time) {
  std::promise<bool> stubborn, slow;
  ServerOptions options;
  options.write_timeout = milliseconds(500);
  const std::size_t size = 12 << 20;
  Running running(
      [&](Exchange& exchange) -> Task<> {
        Response response{200, {}, std::string(size, 'x')};
        bool sent = (co_await exchange.respond(response)).ok();
        (exchange.head().target == "/slow" ? slow : stubborn).set_value(sent);
      },
      options);
  Socket takes_nothing(running.port(), 4096), takes_its_time(running.port(), 64 << 10);
  takes_nothing.send("GET /stubborn HTTP/1.1\r\nHost: h\r\n\r\n");
  takes_its_time.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2000);
  std::size_t got = 0, least = 0;
  std::string buffer(64 << 10, '\0');
  for (ssize_t size_now = 1; size_now > 0 && got < size; got += static_cast<std::size_t>(size_now)) {
    size_now = ::recv(takes_its_time.fd(), buffer.data(), buffer.size(), 0);
    if (++least < 150 && std::chrono::steady_clock::now() < until) ::usleep(10'000);
  }
  EXPECT_GE(got, size);
  EXPECT_TRUE(slow.get_future().get());
  EXPECT_FALSE(stubborn.get_future().get());
}

TEST(Server, listens_on_ipv6) {
  ServerOptions options;
  options.address = "::1";
  Running running(echo, options);
  RunningPool client(client_of(running.port(), "http://[::1]"));
  EXPECT_EQ(client.fetch("/six").value(), "GET /six ");
}

TEST(Server, counts_no_exchange_as_running_whose_handler_threw) {
  Running running([](Exchange&) -> Task<> {
    throw std::runtime_error("thrown by a library");
    co_return;
  });
  Socket client(running.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_until(""), "");
  std::promise<std::size_t> left;
  asio::post(running.loop().context(), [&] { left.set_value(running.server().running_exchanges()); });
  EXPECT_EQ(left.get_future().get(), 0U);
}

}  // namespace
}  // namespace ciyuan::http
