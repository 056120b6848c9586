#include "store/internal/codec.h"

#include <gtest/gtest.h>

#include <random>

#include "store/varint.h"

namespace ciyuan::store::internal {
namespace {

TEST(Lines, come_back_as_they_were_at_any_size) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    EntryNumber entry = 1 + random() % (std::uint64_t{1} << (random() % 60));
    std::vector<EntryLine> lines(random() % 9);
    for (EntryLine& line : lines) {
      auto amount = [&] {
        return Amount(
            static_cast<Int128>((static_cast<Uint128>(random()) << 64 | random()) >> (random() % 128)) *
            (random() % 2 ? 1 : -1));
      };
      line = {random() >> (random() % 64), amount(), amount(),
              random() % 3 == 0 ? 0 : entry - random() % entry};
      if (line.previous == entry) line.previous = 0;
    }
    auto decoded = decode_lines(entry, encode_lines(entry, lines));
    ASSERT_TRUE(decoded.ok()) << decoded.error().text();
    ASSERT_EQ(*decoded, lines);
  }
}

TEST(Lines, refuse_every_truncation) {
  std::string bytes =
      encode_lines(1000, {{300, Amount(-70'000), Amount(5), 999}, {1, Amount(70'000), Amount(9), 0}});
  auto first = encode_lines(1000, {{300, Amount(-70'000), Amount(5), 999}}).size();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    if (size == first) continue;  // the end of a line is an end
    EXPECT_EQ(decode_lines(1000, bytes.substr(0, size)).error().code, ErrorCode::kCorrupt) << size;
  }
}

TEST(Bytes, never_read_past_their_end) {
  ByteReader reader(std::string_view("\xFF\xFF\xFF", 3));
  EXPECT_EQ(reader.number(), 0u);
  EXPECT_FALSE(reader.ok());
  ByteReader text(
      std::string_view("\x05"
                       "abc",
                       4));
  EXPECT_EQ(text.text(), "");
  EXPECT_FALSE(text.ok());
  std::string ends;
  ByteWriter writer(ends);
  Int128 least = -(Int128{1} << 126) - ((Int128{1} << 126) - 1) - 1;
  for (Amount amount : {Amount(least), Amount(-(least + 1)), Amount(0), Amount(-1)}) writer.amount(amount);
  ByteReader back(ends);
  for (Amount amount : {Amount(least), Amount(-(least + 1)), Amount(0), Amount(-1)})
    EXPECT_EQ(back.amount(), amount);
  EXPECT_TRUE(back.done());
}

}  // namespace
}  // namespace ciyuan::store::internal
