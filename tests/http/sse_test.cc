#include "http/sse.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ciyuan::http {
namespace {

struct Seen {
  std::string raw, data;
  bool has_data;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> read_in_pieces(std::string_view stream, const std::vector<std::size_t>& cuts) {
  SseParser parser(1 << 20);
  std::vector<Seen> seen;
  std::size_t from = 0;
  auto feed = [&](std::size_t to) {
    parser.feed(stream.substr(from, to - from));
    from = to;
    SseEvent event;
    while (parser.next(event))
      seen.push_back({std::string(event.raw), std::string(event.data), event.has_data});
  };
  for (std::size_t cut : cuts) feed(cut);
  feed(stream.size());
  return seen;
}

TEST(Sse, reads_events_comments_and_lines_of_data) {
  auto seen = read_in_pieces(
      "\xEF\xBB\xBF"
      "data: one\n\n: comment\n\nevent: x\ndata:two\ndata: three\n\ndata\n\n",
      {});
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0].data, "one");
  EXPECT_FALSE(seen[1].has_data);
  EXPECT_EQ(seen[1].raw, ": comment\n\n");
  EXPECT_EQ(seen[2].data, "two\nthree");
  EXPECT_TRUE(seen[3].has_data);
  EXPECT_EQ(seen[3].data, "");
}

TEST(Sse, takes_every_line_end_of_the_standard) {
  for (std::string end : {"\n", "\r\n", "\r"}) {
    std::string stream =
        "data: a" + end + end + "data: b" + end + "data: c" + end + end + "data: d" + end + end + "data: e";
    auto seen = read_in_pieces(stream, {});
    ASSERT_EQ(seen.size(), 3U) << (int)end[0];
    EXPECT_EQ(seen[0].data, "a");
    EXPECT_EQ(seen[1].data, "b\nc");
    EXPECT_EQ(seen[2].data, "d");
  }
}

TEST(Sse, any_split_of_the_bytes_gives_the_same_events_and_loses_no_byte) {
  std::mt19937 random(3);
  const std::vector<std::string> pieces = {"data: {\"a\":1}", "\n",    "\r\n",  "\n\n",
                                           ": note",          "data:", " 词元", "event: e",
                                           "\r\n\r\n",        "id: 4", "x"};
  for (int round = 0; round < 3000; ++round) {
    std::string stream;
    for (int i = 0; i < 30; ++i) stream += pieces[random() % pieces.size()];
    stream += "\n\nend";
    auto whole = read_in_pieces(stream, {});
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < stream.size(); at += 1 + random() % 7) cuts.push_back(at);
    auto split = read_in_pieces(stream, cuts);
    ASSERT_EQ(whole, split) << stream;
    std::string joined;
    for (const auto& event : whole) joined += event.raw;
    ASSERT_TRUE(stream.starts_with(joined));
  }
}

TEST(Sse, a_line_without_end_is_refused_at_the_limit) {
  SseParser parser(1000);
  SseEvent event;
  for (int i = 0; i < 11; ++i) {
    parser.feed(std::string(100, 'x'));
    EXPECT_FALSE(parser.next(event));
  }
  EXPECT_TRUE(parser.too_large());
}

}  // namespace
}  // namespace ciyuan::http
