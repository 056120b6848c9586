#pragma once

/// Random texts that hit the rules of pretokenizers: every script, spaces of all kinds, digits, contractions,
/// emoji, combining marks, code, long runs.

#include <random>
#include <string>
#include <vector>

namespace ciyuan::token {

inline void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

inline std::string random_text(std::mt19937_64& random, std::size_t pieces_max) {
  static const std::vector<std::string> kPieces = {"the",
                                                   " The",
                                                   "don't",
                                                   "WE'LL",
                                                   "'s",
                                                   " I'M",
                                                   "Hello",
                                                   "HTTPServer",
                                                   "camelCase",
                                                   " ",
                                                   "  ",
                                                   "   ",
                                                   "\n",
                                                   "\r\n",
                                                   "\n\n  ",
                                                   "\t",
                                                   "\xC2\xA0",
                                                   "\xE3\x80\x80",
                                                   "0",
                                                   "12",
                                                   "123",
                                                   "1234567",
                                                   "3.14",
                                                   "词元",
                                                   "数据要素",
                                                   "，",
                                                   "。",
                                                   "日本語",
                                                   "한국어",
                                                   "Привет",
                                                   "مرحبا",
                                                   "नमस्ते",
                                                   "สวัสดี",
                                                   "e\xCC\x81",
                                                   "\xC3\xA9",
                                                   "👩‍👩‍👧",
                                                   "🇨🇳",
                                                   "😀",
                                                   "\xE2\x80\x8D",
                                                   "{\"a\":[1,2]}",
                                                   "for (int i = 0; i < n; ++i) {",
                                                   "</div>",
                                                   "====",
                                                   "----",
                                                   "...",
                                                   "!?",
                                                   "#include <x>",
                                                   "aGVsbG8=",
                                                   "<|im_start|>",
                                                   "_x_",
                                                   "ſ",
                                                   "K",
                                                   "ǅ",
                                                   "ª",
                                                   "²",
                                                   "Ⅷ",
                                                   "/",
                                                   "//\n",
                                                   "\\"};
  std::string out;
  std::size_t count = 1 + random() % pieces_max;
  for (std::size_t i = 0; i < count; ++i) {
    switch (random() % 8) {
      case 0: {
        std::uint32_t c = static_cast<std::uint32_t>(random() % (random() % 4 == 0 ? 0x110000 : 0x3000));
        if (c >= 0xD800 && c < 0xE000) c = 0x4E00;
        append_utf8(out, c);
        break;
      }
      case 1:
        out += static_cast<char>(' ' + random() % 95);
        break;
      case 2:
        out += std::string(random() % 20, static_cast<char>('a' + random() % 26));
        break;
      default:
        out += kPieces[random() % kPieces.size()];
    }
  }
  return out;
}

}  // namespace ciyuan::token
