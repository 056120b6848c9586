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

TEST(States, come_back_as_they_were_and_refuse_what_is_cut_or_too_long) {
  std::vector<AccountState> states(kBlockAccounts);
  states[7] = {
      .may_overdraw = true, .debits_posted = Amount(Int128{1} << 125), .last_entry = ~std::uint64_t{0}};
  states[31] = {.closed = true, .funded = Amount(-1), .granted = Amount(2), .credit_limit = Amount(63)};
  std::string bytes = encode_states(states);
  auto decoded = decode_states(0, bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.error().text();
  EXPECT_EQ(encode_states(*decoded), bytes);
  EXPECT_TRUE((*decoded)[7].may_overdraw && (*decoded)[31].closed);
  EXPECT_EQ((*decoded)[7].debits_posted, Amount(Int128{1} << 125));
  EXPECT_EQ((*decoded)[7].last_entry, ~std::uint64_t{0});
  EXPECT_EQ((*decoded)[31].funded, Amount(-1));
  EXPECT_EQ(decode_states(0, std::string_view(bytes).substr(0, bytes.size() - 1)).error().code,
            ErrorCode::kCorrupt);
  EXPECT_EQ(decode_states(0, bytes + std::string(7, '\0')).error().code, ErrorCode::kCorrupt)
      << "one account more than a block has";
  EXPECT_EQ(decode_states(0, "\x04" + bytes.substr(1)).error().code, ErrorCode::kCorrupt)
      << "an unknown flag";
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
