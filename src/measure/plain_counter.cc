#include "measure/plain_counter.h"

#include <utf8proc.h>

namespace ciyuan::measure {
namespace {

// Scripts written without spaces count by the character: Han, kana, Hangul, bopomofo and the extensions
// beyond.
bool stands_alone(char32_t point) {
  return (point >= 0x2E80 && point <= 0x2FDF) || (point >= 0x3040 && point <= 0x31FF) ||
         (point >= 0x3400 && point <= 0x4DBF) || (point >= 0x4E00 && point <= 0x9FFF) ||
         (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
         (point >= 0x20000 && point <= 0x323AF);
}

bool is_word_part(char32_t point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

}  // namespace

void PlainCounter::take(char32_t point) {
  if (basis_ == Basis::kCharacters) {
    if (!characters_.grapheme || breaker_.begins_cluster(point))
      units_ += is_han(point) ? characters_.han : characters_.other;
    return;
  }
  if (stands_alone(point)) {
    ++units_;
    in_word_ = false;
  } else if (is_word_part(point)) {
    units_ += in_word_ ? 0 : 1;
    in_word_ = true;
  } else {
    in_word_ = false;
  }
}

void PlainCounter::add(std::string_view text) {
  bytes_ += text.size();
  if (basis_ == Basis::kBytes || basis_ == Basis::kCalls) return;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (missing_ > 0 && (byte & 0xC0) == 0x80) {
      point_ = point_ << 6 | (byte & 0x3F);
      ++seen_;
      if (--missing_ == 0) take(point_);
      continue;
    }
    for (; seen_ > 0 && missing_ > 0; --seen_)
      take(0xFFFD);  // a character that broke off: each byte for itself
    seen_ = 0;
    missing_ = byte >= 0xC2 && byte <= 0xDF   ? 1
               : (byte & 0xF0) == 0xE0        ? 2
               : byte >= 0xF0 && byte <= 0xF4 ? 3
                                              : 0;
    if (missing_ == 0) {
      take(byte < 0x80 ? byte : 0xFFFD);
    } else {
      point_ = byte & (0x3FU >> missing_);
      seen_ = 1;
    }
  }
}

std::int64_t PlainCounter::count() const {
  if (basis_ == Basis::kCalls) return 0;
  if (basis_ == Basis::kBytes) return static_cast<std::int64_t>(bytes_);
  PlainCounter whole = *this;
  for (int i = 0; missing_ > 0 && i < seen_; ++i) whole.take(0xFFFD);
  return whole.units_;
}

}  // namespace ciyuan::measure
