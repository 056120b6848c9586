#include "base/scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ciyuan {
namespace {

// Texts around the width of a block, each byte value often, read from every start.
TEST(Scan, agrees_with_looking_at_each_byte) {
  std::mt19937 random(7);
  for (int turn = 0; turn < 2000; ++turn) {
    std::string text(random() % 70, 'x');
    for (char& c : text) {
      unsigned dice = random() % 40;
      c = dice == 0   ? '"'
          : dice == 1 ? '\\'
          : dice == 2 ? static_cast<char>(random() % 256)
                      : static_cast<char>('a' + dice % 26);
    }
    for (std::size_t from = 0; from <= text.size(); ++from) {
      std::size_t either = from, plain = from, ascii = from;
      while (either < text.size() && text[either] != '"' && text[either] != '\\') ++either;
      while (plain < text.size() && text[plain] != '"' && text[plain] != '\\' &&
             static_cast<unsigned char>(text[plain]) >= 0x20)
        ++plain;
      while (ascii < text.size() && static_cast<unsigned char>(text[ascii]) < 0x80) ++ascii;
      ASSERT_EQ(find_either(text, '"', '\\', from), either);
      ASSERT_EQ(skip_plain_json(text, from), plain);
      ASSERT_EQ(skip_ascii(text, from), ascii);
    }
  }
}

}  // namespace
}  // namespace ciyuan
