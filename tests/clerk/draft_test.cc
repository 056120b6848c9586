#include "clerk/internal/draft.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/record/sample.h"

namespace ciyuan::clerk::internal {
namespace {

std::string bytes_of_draft(const record::UsageRecord& draft) {
  std::string bytes;
  store::ByteWriter out(bytes);
  write_draft(out, draft);
  return bytes;
}

TEST(Draft, reads_back_any_record) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    record::UsageRecord draft = i == 0 ? record::sample_record() : record::random_record(random);
    draft.equivalence.reset();  // made when the call closes, of terms that are stored themselves
    std::string bytes = bytes_of_draft(draft);
    store::ByteReader in(bytes);
    record::UsageRecord again = read_draft(in);
    ASSERT_TRUE(in.done());
    ASSERT_EQ(again, draft);
  }
}

TEST(Draft, is_much_shorter_than_its_json) {
  record::UsageRecord draft = record::sample_record();
  EXPECT_LT(bytes_of_draft(draft).size() * 5, record::to_json(draft).size() * 3);
}

TEST(Draft, survives_any_damage) {
  std::mt19937_64 random(12);
  std::string whole = bytes_of_draft(record::sample_record());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    store::ByteReader in(std::string_view(whole).substr(0, size));
    read_draft(in);
    ASSERT_FALSE(in.ok()) << "cut at " << size;
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = whole;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    store::ByteReader in(damaged);
    read_draft(in);  // whatever comes out, without reading past the end
  }
}

}  // namespace
}  // namespace ciyuan::clerk::internal
