#pragma once

/// Borders that no token crosses.
///
/// Byte-pair encoding only ever joins neighbours into a token. Where no token of a vocabulary holds the last
/// byte of one character together with the first byte of the next, nothing is ever joined across, and the two
/// sides can be encoded each for itself: count(ab) = count(a) + count(b). A Chinese clause of ten characters,
/// which no cache has seen before, falls into words of one to three, which nearly all have been.
///
/// Known for neighbouring characters of three bytes each that begin with E3 to E9 or EF: Chinese, Japanese,
/// their punctuation, full-width forms. A false "crossed" costs time only; the other error cannot happen:
/// each pair that some token holds, whole or in part, is noted.
///
/// Threads: immutable after building.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ciyuan::token::internal {

class Borders {
 public:
  static constexpr int kIndexBits = 19;

  /// A character as the table knows it: its three bytes, the first one lowest.
  static std::uint32_t character(const char* p) {
    const auto byte = [p](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i])); };
    return byte(0) | byte(1) << 8 | byte(2) << 16;
  }
  static bool is_known(unsigned char lead) { return (lead >= 0xE3 && lead <= 0xE9) || lead == 0xEF; }
  static std::uint32_t index(std::uint32_t left, std::uint32_t right) {
    return (left * kLeft ^ right * kRight) >> (32 - kIndexBits);
  }
  static constexpr std::uint32_t kLeft = 0x9E3779B1u, kRight = 0x85EBCA77u;

  /// Notes all borders inside of a token.
  void add(std::string_view token);
  bool may_be_crossed(std::uint32_t left, std::uint32_t right) const {
    const std::uint32_t at = index(left, right);
    return bits_[at >> 5] >> (at & 31) & 1;
  }
  const std::uint32_t* bits() const { return bits_.data(); }

 private:
  void note(std::uint32_t left, std::uint32_t right) {
    const std::uint32_t at = index(left, right);
    bits_[at >> 5] |= std::uint32_t{1} << (at & 31);
  }
  std::vector<std::uint32_t> bits_ = std::vector<std::uint32_t>(std::size_t{1} << (kIndexBits - 5));
};

}  // namespace ciyuan::token::internal
