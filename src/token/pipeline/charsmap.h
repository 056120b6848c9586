#pragma once

/// SentencePiece's precompiled character map: a double array (Darts) from texts to what they become.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::token::pipeline {

class Charsmap {
 public:
  /// <size of the array, 4 bytes><array of 4-byte units><texts, each with a NUL>. kInvalid: cut short, or not
  /// UTF-8.
  static Result<std::shared_ptr<const Charsmap>> read(std::string_view blob);

  struct Found {
    std::size_t length = 0;  ///< of the text that is mapped; 0: none is
    std::string_view becomes;
    bool hit_end = false;  ///< a longer text could be mapped
  };
  /// Hugging Face takes the shortest beginning of a chunk that is mapped, SentencePiece the longest.
  Found shortest(std::string_view text) const;
  Found longest(std::string_view text) const;
  /// The longest text that anything becomes.
  std::size_t growth_max() const { return growth_max_; }

 private:
  template <class Take>
  bool walk(std::string_view text, Take take) const;
  std::string_view text_at(std::uint32_t offset) const;
  std::vector<std::uint32_t> units_;
  std::string texts_;
  std::size_t growth_max_ = 0;
};

}  // namespace ciyuan::token::pipeline
