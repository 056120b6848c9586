#include "http/parser.h"

#include <gtest/gtest.h>

namespace ciyuan::http {
namespace {

// Feeds a whole request and says what became of it.
Result<std::pair<RequestHead, std::string>> read_request(std::string_view text,
                                                         std::size_t body_max = 1 << 20) {
  RequestParser parser;
  while (!parser.head_done()) {
    CIYUAN_TRY(std::size_t used, parser.feed(text));
    text.remove_prefix(used);
    if (used == 0) return invalid("", "the head has no end");
  }
  CIYUAN_TRY_STATUS(parser.allow_body(body_max));
  while (!parser.done() && !text.empty()) {
    CIYUAN_TRY(std::size_t used, parser.feed(text));
    text.remove_prefix(used);
    if (used == 0) break;
  }
  if (!parser.done()) return invalid("", "the body has no end");
  return std::pair(parser.take_head(), parser.take_body());
}

TEST(RequestParser, reads_bodies_of_a_length_and_in_chunks) {
  auto sized = read_request("POST /v1/x?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(sized.ok()) << sized.error().text();
  EXPECT_EQ(sized->second, "hello");
  EXPECT_EQ(sized->first.path(), "/v1/x");
  EXPECT_EQ(sized->first.query(), "q=1");
  auto chunked = read_request(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nTrailer: t\r\n\r\n");
  ASSERT_TRUE(chunked.ok()) << chunked.error().text();
  EXPECT_EQ(chunked->second, "hello");
}

TEST(RequestParser, refuses_what_two_readers_could_frame_differently) {
  for (const char* text : {
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
           "POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello",
           "POST / HTTP/1.1\r\nHost: h\nContent-Length: 5\r\n\r\nhello",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
           "chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
           "POST / HTTP/2.0\r\nHost: h\r\n\r\n",
           "POST  / HTTP/1.1\r\nHost: h\r\n\r\n",
           "\x16\x03\x01\x02 / HTTP/1.1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nHo st: h\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nX: a\x01"
           "b\r\n\r\n",
       })
    EXPECT_FALSE(read_request(text).ok()) << text;
}

TEST(RequestParser, holds_heads_and_bodies_to_their_limits) {
  auto large = read_request("GET / HTTP/1.1\r\nX: " + std::string(kHeadBytesMax, 'x') + "\r\n\r\n");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 150; ++i) many += "a: b\r\n";
  EXPECT_FALSE(read_request(many + "\r\n").ok());
  EXPECT_EQ(read_request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 10).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(
      read_request(
          "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n", 10)
          .error()
          .code,
      ErrorCode::kTooLarge);
}

TEST(RequestParser, wants_exactly_one_host_in_http_1_1) {
  EXPECT_FALSE(read_request("GET / HTTP/1.1\r\n\r\n").ok());
  EXPECT_FALSE(read_request("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").ok());
  EXPECT_FALSE(read_request("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n").ok());
  for (const char* host : {"a b", "a/b", "a@b", "a\"b"})
    EXPECT_FALSE(read_request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").ok()) << host;
  for (const char* host : {"", "a", "a.example:8080", "127.0.0.1", "[::1]:80"})
    EXPECT_TRUE(read_request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").ok()) << host;
  EXPECT_TRUE(read_request("GET / HTTP/1.0\r\n\r\n").ok());
}

TEST(RequestParser, makes_an_absolute_target_a_path) {
  auto target = [](const char* given) {
    return read_request("GET " + std::string(given) + " HTTP/1.1\r\nHost: h\r\n\r\n")->first.target;
  };
  EXPECT_EQ(target("http://h:80/a?b=http://c/d"), "/a?b=http://c/d");
  EXPECT_EQ(target("HTTPS://h"), "/");
  EXPECT_EQ(target("http://h?q"), "/?q");
  EXPECT_FALSE(read_request("GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n").ok());
}

TEST(RequestParser, sees_expect_continue_and_keep_alive) {
  auto head = read_request(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(head.ok());
  EXPECT_TRUE(head->first.expects_continue);
  EXPECT_FALSE(head->first.keep_alive);
  EXPECT_FALSE(read_request("GET / HTTP/1.0\r\n\r\n")->first.keep_alive);
}

TEST(ResponseParser, gives_the_body_as_it_arrives) {
  ResponseParser parser;
  std::string got;
  for (char c : std::string_view(
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n1\r\n!\r\n0\r\n\r\n")) {
    static std::string pending;
    pending += c;
    auto used = parser.feed(pending);
    ASSERT_TRUE(used.ok());
    pending.erase(0, *used);
    got += parser.take_body();
  }
  EXPECT_TRUE(parser.done());
  EXPECT_EQ(got, "data!");
}

TEST(ResponseParser, an_answer_cut_short_is_an_error_and_one_without_length_ends_with_the_connection) {
  ResponseParser cut;
  ASSERT_TRUE(cut.feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").ok());
  EXPECT_FALSE(cut.end_of_stream().ok());
  ResponseParser open_ended;
  ASSERT_TRUE(open_ended.feed("HTTP/1.1 200 OK\r\n\r\nall there is").ok());
  EXPECT_TRUE(open_ended.end_of_stream().ok());
  EXPECT_EQ(open_ended.take_body(), "all there is");
  EXPECT_FALSE(open_ended.take_head().keep_alive);
}

TEST(ResponseParser, makes_no_room_for_a_length_that_is_only_declared) {
  ResponseParser parser;
  ASSERT_TRUE(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\nsome").ok());
  EXPECT_EQ(parser.take_body(), "some");
  EXPECT_FALSE(parser.done());
}

TEST(ResponseParser, holds_heads_to_their_limit_in_whatever_pieces_they_come) {
  ResponseParser parser;
  std::string pending = "HTTP/1.1 200 OK\r\n";
  Result<std::size_t> fed = std::size_t{0};
  for (int i = 0; i < 100 && fed; ++i) {
    pending += "X: " + std::string(1000, 'x') + "\r\n";
    fed = parser.feed(pending);
    if (fed) pending.erase(0, *fed);
  }
  ASSERT_FALSE(fed.ok());
  EXPECT_EQ(fed.error().code, ErrorCode::kTooLarge);
}

TEST(Headers, hop_by_hop_fields_are_known_and_so_are_those_that_connection_lists) {
  Headers headers;
  headers.add("Connection", "close, X-Private");
  headers.add("Connection", "X-Second");
  EXPECT_TRUE(is_hop_by_hop("transfer-encoding", headers));
  EXPECT_TRUE(is_hop_by_hop("x-private", headers));
  EXPECT_TRUE(is_hop_by_hop("X-second", headers));
  EXPECT_TRUE(is_hop_by_hop("proxy-whatever", headers));
  EXPECT_FALSE(is_hop_by_hop("Content-Type", headers));
}

}  // namespace
}  // namespace ciyuan::http
