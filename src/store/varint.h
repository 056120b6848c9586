#pragma once

/// Bytes for what is stored compactly: integers of variable length (7 bits a byte, low bits first; signed
/// ones zigzag), and strings with their length before them. Reading never goes past the end: it fails, and
/// stays failed.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/amount.h"

namespace ciyuan::store {

__extension__ using Uint128 = unsigned __int128;

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void number(std::uint64_t value) { wide(value); }
  void wide(Uint128 value) {
    char bytes[kBytesMax];
    std::size_t size = 0;
    for (; value >> 64; value >>= 7)
      bytes[size++] = static_cast<char>(static_cast<std::uint8_t>(value) | 128);
    // Most fit 64 bits, and shift in one instruction.
    auto rest = static_cast<std::uint64_t>(value);
    for (; rest >= 128; rest >>= 7) bytes[size++] = static_cast<char>(static_cast<std::uint8_t>(rest) | 128);
    bytes[size++] = static_cast<char>(rest);
    out_.append(bytes, size);
  }
  void integer(std::int64_t value) { amount(Amount(value)); }
  void amount(Amount amount) {
    auto units = static_cast<Uint128>(amount.units());
    wide(amount.is_negative() ? ~(units << 1) : units << 1);
  }
  void text(std::string_view text) {
    number(text.size());
    out_ += text;
  }
  template <std::size_t N>
  void fixed(const std::array<std::uint8_t, N>& bytes) {
    out_.append(reinterpret_cast<const char*>(bytes.data()), N);
  }

 private:
  static constexpr std::size_t kBytesMax = 19;  // 128 bits, 7 a byte
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  /// Ok and nothing left over.
  bool done() const { return ok_ && rest_.empty(); }
  bool empty() const { return rest_.empty(); }

  std::uint64_t number() {
    Uint128 value = wide();
    if (value >> 64) ok_ = false;
    return static_cast<std::uint64_t>(value);
  }
  Uint128 wide() {
    std::uint64_t low = 0;
    std::size_t size = 0;
    for (; size < 9 && size < rest_.size(); ++size) {
      auto byte = static_cast<std::uint8_t>(rest_[size]);
      low |= static_cast<std::uint64_t>(byte & 127) << 7 * size;
      if (byte >= 128) continue;
      rest_.remove_prefix(size + 1);
      return low;
    }
    rest_.remove_prefix(size);
    Uint128 value = low;
    for (unsigned shift = 63; shift < 133; shift += 7) {
      if (rest_.empty()) break;
      auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<Uint128>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    ok_ = false;
    return 0;
  }
  Amount amount() {
    Uint128 value = wide();
    return Amount(static_cast<Int128>(value & 1 ? ~(value >> 1) : value >> 1));
  }
  std::int64_t integer() { return static_cast<std::int64_t>(amount().units()); }
  std::string_view text() {
    std::uint64_t size = number();
    if (size > rest_.size()) {
      ok_ = false;
      return {};
    }
    std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> fixed() {
    std::array<std::uint8_t, N> bytes{};
    if (rest_.size() < N) {
      ok_ = false;
      return bytes;
    }
    rest_.copy(reinterpret_cast<char*>(bytes.data()), N);
    rest_.remove_prefix(N);
    return bytes;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace ciyuan::store
