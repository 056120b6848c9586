#pragma once

/// Counts that need no vocabulary: bytes, characters (code points or grapheme clusters, Han or not), words,
/// at any split of the bytes.

#include <cstdint>
#include <string_view>

#include "measure/grapheme.h"
#include "measure/method.h"

namespace ciyuan::measure {

/// Text that is not UTF-8 counts each stray byte as a character. What was counted never shrinks as text
/// comes: a character that grows (an accent, a joined emoji) keeps the units of its first code point. One
/// thread; copy it for a trial.
class PlainCounter {
 public:
  explicit PlainCounter(Basis basis, CharacterRule characters = {})
      : basis_(basis), characters_(characters) {}
  void add(std::string_view text);
  std::int64_t count() const;
  std::size_t bytes() const { return bytes_; }

 private:
  void take(char32_t point);

  Basis basis_;
  CharacterRule characters_;
  GraphemeBreaker breaker_;
  std::size_t bytes_ = 0;
  std::int64_t units_ = 0;
  bool in_word_ = false;
  char32_t point_ = 0;  // of a character whose bytes have not all come
  int missing_ = 0;
  int seen_ = 0;
};

}  // namespace ciyuan::measure
