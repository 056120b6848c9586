#include "measure/grapheme.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <fstream>
#include <random>
#include <sstream>
#include <vector>

namespace ciyuan::measure {
namespace {

// Where clusters begin in a text of code points.
std::vector<bool> breaks_of(const std::u32string& text) {
  GraphemeBreaker breaker;
  std::vector<bool> breaks;
  for (char32_t point : text) breaks.push_back(breaker.begins_cluster(point));
  return breaks;
}

// Unicode's own test, every case: "÷ 0020 × 0308 ÷ 0020 ÷".
TEST(Grapheme, breaks_where_unicodes_own_test_does) {
  std::ifstream file(CIYUAN_SOURCE_DIR "/tests/measure/grapheme_breaks.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::u32string text;
    std::vector<bool> wanted;
    for (std::string mark, point; words >> mark >> point;) {
      wanted.push_back(mark == "÷");
      text += static_cast<char32_t>(std::stoul(point, nullptr, 16));
    }
    EXPECT_EQ(breaks_of(text), wanted) << line;
    ++cases;
  }
  EXPECT_EQ(cases, 1093);
}

// Random code points of every class, against another implementation of UAX #29 (an older Unicode without
// GB9c, hence no Indic conjuncts among them, and only characters that both versions know).
TEST(Grapheme, agrees_with_utf8proc_on_random_texts) {
  const char32_t letters[] = {U'a',    U' ',    U'\n',   U'\r',  0x0301, 0x200D, 0x1F468, 0x1F469,
                              0x1F3FB, 0x1F1E8, 0x1F1F3, 0x1100, 0x1161, 0x11A8, 0xAC00,  0xAC01,
                              0x0600,  0x0903,  0x4E2D,  0x00AD, 0xFE0F, 0x2764, 0x0E33,  0xE0061};
  std::mt19937 random(29);
  for (int round = 0; round < 20'000; ++round) {
    std::u32string text;
    for (int i = 0; i < 12; ++i) text += letters[random() % std::size(letters)];
    std::vector<bool> wanted = {true};
    utf8proc_int32_t state = 0;
    for (std::size_t i = 1; i < text.size(); ++i)
      wanted.push_back(utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(text[i - 1]),
                                                        static_cast<utf8proc_int32_t>(text[i]), &state));
    EXPECT_EQ(breaks_of(text), wanted) << "round " << round;
  }
}

TEST(Grapheme, han_is_the_script_not_its_neighbours) {
  for (char32_t han : {U'一', U'词', U'元', U'々', U'〇', U'龥', U'𠀀', U'𰀀', U'豈', U'⺀'})
    EXPECT_TRUE(is_han(han));
  for (char32_t other : {U'a', U'。', U'、', U'あ', U'ア', U'한', U'ㄅ', U'，', U'😀', U'\0'})
    EXPECT_FALSE(is_han(other)) << static_cast<unsigned>(other);
}

}  // namespace
}  // namespace ciyuan::measure
