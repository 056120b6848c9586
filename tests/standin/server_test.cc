#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "standin/standin.h"

namespace ciyuan::standin {
namespace {

/// Sends the request and returns all bytes until the stand-in ends the connection.
std::string exchange(std::uint16_t port, const std::string& request) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "no connection";
  if (::send(fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
    return "not sent";
  std::string answer;
  char block[4096];
  ssize_t got;
  while ((got = ::recv(fd, block, sizeof block, 0)) > 0) answer.append(block, static_cast<std::size_t>(got));
  ::close(fd);
  return answer;
}

/// Counters are raised when an answer's coroutine is done, which its reader may come to know a little
/// earlier.
template <class Condition>
bool eventually(Condition holds) {
  for (int i = 0; i < 2000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return holds();
}

std::string chat(const std::string& script, const std::string& more = {}) {
  std::string body = R"({"model":"standin","messages":[{"role":"user","content":"hi"}])" + more + "}";
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Standin: " + script +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct ServerTest : testing::Test {
  void SetUp() override { ASSERT_TRUE(standin.start().ok()); }
  std::string call(const std::string& script, const std::string& more = {}) {
    return exchange(standin.port(), chat(script, more));
  }
  Standin standin{StandinOptions()};
};

TEST_F(ServerTest, streams_the_tokens_asked_for_and_counts_them) {
  std::string answer = call("tokens=3", R"(,"stream":true,"stream_options":{"include_usage":true})");
  EXPECT_NE(answer.find("text/event-stream"), std::string::npos);
  EXPECT_NE(answer.find("\"completion_tokens\":3"), std::string::npos);
  EXPECT_NE(answer.find("data: [DONE]"), std::string::npos);
  EXPECT_EQ(standin.stats().generated_tokens, 3u);
  EXPECT_TRUE(eventually([&] { return standin.stats().completed == 1; }));
}

TEST_F(ServerTest, breaks_off_in_mid_stream) {
  std::string answer = call("tokens=9,half-close=2", R"(,"stream":true)");
  EXPECT_EQ(answer.find("[DONE]"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return standin.stats().broken == 1; }));
  EXPECT_EQ(standin.stats().generated_tokens, 2u);
}

TEST_F(ServerTest, answers_with_the_status_it_is_told) {
  std::string answer = call("status=429,retry-after=7");
  EXPECT_EQ(answer.rfind("HTTP/1.1 429 ", 0), 0u);
  EXPECT_NE(answer.find("Retry-After: 7\r\n"), std::string::npos);
}

TEST_F(ServerTest, fails_the_first_requests_of_a_label_and_then_answers) {
  EXPECT_EQ(call("fail-first=2:503:a").rfind("HTTP/1.1 503", 0), 0u);
  EXPECT_EQ(call("fail-first=2:503:a").rfind("HTTP/1.1 503", 0), 0u);
  EXPECT_EQ(call("fail-first=2:503:a").rfind("HTTP/1.1 200", 0), 0u);
  EXPECT_EQ(call("fail-first=1:500:b").rfind("HTTP/1.1 500", 0), 0u);
}

TEST_F(ServerTest, takes_directives_from_the_body_too) {
  EXPECT_EQ(call("", R"(,"standin":"status=403")").rfind("HTTP/1.1 403", 0), 0u);
}

TEST_F(ServerTest, says_when_it_does_not_know_a_directive) {
  std::string answer = call("explode");
  EXPECT_EQ(answer.rfind("HTTP/1.1 400", 0), 0u);
  EXPECT_NE(answer.find("explode"), std::string::npos);
}

TEST_F(ServerTest, writes_a_line_of_the_size_asked_for) {
  EXPECT_GT(call("long-line=3000000", R"(,"stream":true)").size(), 3'000'000u);
}

TEST_F(ServerTest, answers_word_for_word_what_a_request_says) {
  std::string answer =
      call("", R"(,"standin_answer":{"status":500,"type":"text/plain","pieces":["ab","\u8bcd"]})");
  EXPECT_EQ(answer.rfind("HTTP/1.1 500 ", 0), 0u);
  EXPECT_NE(answer.find("Content-Type: text/plain\r\n"), std::string::npos);
  EXPECT_NE(answer.find("2\r\nab\r\n3\r\n词\r\n0\r\n\r\n"), std::string::npos);
  answer = call("", R"(,"standin_answer":{"pieces":["ab"],"then":"reset"})");
  EXPECT_NE(answer.find("ab"), std::string::npos);
  EXPECT_EQ(answer.find("0\r\n\r\n"), std::string::npos);
}

TEST(Standin, refuses_a_port_that_is_taken) {
  Standin first{StandinOptions()};
  ASSERT_TRUE(first.start().ok());
  StandinOptions options;
  options.port = first.port();
  Standin second(options);
  Status started = second.start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace ciyuan::standin
