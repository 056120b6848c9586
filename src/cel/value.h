#pragma once

/// A value of 16 bytes: its kind and a number, or a view of what someone else owns (the caller's input, the
/// program's constants, the Arena of an evaluation). Copying one copies the view. Values never change.

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/time.h"
#include "cel/type.h"

namespace ciyuan::cel {

struct Entry;

/// Why there is no value. Each is an error of CEL that `&&`, `||` and `?:` may pass over.
enum class Fault : std::uint8_t {
  kUnset,       ///< a variable or field that the activation gave no value
  kUnknown,     ///< a name that is not declared (unchecked programs only)
  kNoOverload,  ///< an operation not defined for these kinds
  kNoSuchKey,   ///< a map without this key
  kIndex,       ///< outside a list or text
  kDivideByZero,
  kOverflow,
  kRange,       ///< a conversion whose target cannot hold the value
  kConversion,  ///< a text that does not say such a value
  kKey,         ///< a key that is no int, uint, bool or string
  kDuplicateKey,
  kNotUtf8,
  kInput,     ///< given by the activation, of another type or size than declared
  kArgument,  ///< a value that the function does not take
  kSpent,     ///< steps or memory are used up: ends the whole evaluation
};

class Value {
 public:
  constexpr Value() = default;  ///< null

  static constexpr Value null() { return {}; }
  static constexpr Value boolean(bool value) { return {Kind::kBool, 0, value ? 1u : 0u}; }
  static constexpr Value integer(std::int64_t value) {
    return {Kind::kInt, 0, static_cast<std::uint64_t>(value)};
  }
  static constexpr Value unsigned_integer(std::uint64_t value) { return {Kind::kUint, 0, value}; }
  static constexpr Value real(double value) {
    return {Kind::kDouble, 0, std::bit_cast<std::uint64_t>(value)};
  }
  /// UTF-8, and at most 4 GiB; the caller keeps it for as long as the value is used.
  static Value string(std::string_view text) { return view(Kind::kString, text.data(), text.size()); }
  static Value bytes(std::string_view bytes) { return view(Kind::kBytes, bytes.data(), bytes.size()); }
  static constexpr Value timestamp(std::int64_t seconds, std::uint32_t nanoseconds) {
    return {Kind::kTimestamp, nanoseconds, static_cast<std::uint64_t>(seconds)};
  }
  static Value timestamp(TimePoint time);
  static constexpr Value duration(std::int64_t nanoseconds) {
    return {Kind::kDuration, 0, static_cast<std::uint64_t>(nanoseconds)};
  }
  static Value list(std::span<const Value> items) { return view(Kind::kList, items.data(), items.size()); }
  /// Sorts the entries by key, in place: maps are walked and compared in that order. Nothing when a key is
  /// there twice (1 and 1u are one key) or is no int, uint, bool or string.
  static std::optional<Value> map(std::span<Entry> entries);
  /// The fields in the order of their declaration; unset() for one that is not there.
  static Value object(std::span<const Value> fields) {
    return view(Kind::kObject, fields.data(), fields.size());
  }
  static constexpr Value type(Kind kind) { return {Kind::kType, 0, static_cast<std::uint64_t>(kind)}; }
  static constexpr Value unset() { return error(Fault::kUnset); }
  static constexpr Value error(Fault fault, std::uint32_t where = 0, std::int64_t detail = 0) {
    return {Kind::kError, where << 8 | static_cast<std::uint32_t>(fault), static_cast<std::uint64_t>(detail)};
  }

  constexpr Kind kind() const { return kind_; }
  constexpr bool is(Kind kind) const { return kind_ == kind; }
  constexpr bool is_error() const { return kind_ == Kind::kError; }
  constexpr bool is_unset() const { return is_error() && fault() == Fault::kUnset; }
  constexpr bool is_number() const { return is(Kind::kInt) || is(Kind::kUint) || is(Kind::kDouble); }
  constexpr bool is_true() const { return kind_ == Kind::kBool && bits_ == 1; }

  // Each only for its own kind.
  constexpr bool boolean() const { return bits_ != 0; }
  constexpr std::int64_t integer() const { return static_cast<std::int64_t>(bits_); }
  constexpr std::uint64_t unsigned_integer() const { return bits_; }
  constexpr double real() const { return std::bit_cast<double>(bits_); }
  std::string_view text() const { return {pointer<char>(), size_}; }          ///< of a string, or of bytes
  std::span<const Value> items() const { return {pointer<Value>(), size_}; }  ///< of a list, or fields
  std::span<const Entry> entries() const;
  constexpr std::int64_t seconds() const { return static_cast<std::int64_t>(bits_); }
  constexpr std::uint32_t nanoseconds() const { return size_; }
  constexpr Kind named_type() const { return static_cast<Kind>(bits_); }
  constexpr Fault fault() const { return static_cast<Fault>(size_ & 0xFF); }
  constexpr std::uint32_t fault_where() const { return size_ >> 8; }
  constexpr std::int64_t fault_detail() const { return static_cast<std::int64_t>(bits_); }

 private:
  constexpr Value(Kind kind, std::uint32_t size, std::uint64_t bits)
      : kind_(kind), size_(size), bits_(bits) {}
  static Value view(Kind kind, const void* data, std::size_t size) {
    CIYUAN_CHECK(size <= UINT32_MAX, "a value of CEL is at most 4 GiB");
    return {kind, static_cast<std::uint32_t>(size), reinterpret_cast<std::uintptr_t>(data)};
  }
  template <class T>
  const T* pointer() const {
    return reinterpret_cast<const T*>(static_cast<std::uintptr_t>(bits_));
  }

  Kind kind_ = Kind::kNull;
  std::uint32_t size_ = 0;
  std::uint64_t bits_ = 0;
};
static_assert(sizeof(Value) == 16, "a value travels in two registers");

struct Entry {
  Value key;
  Value value;
};
inline std::span<const Entry> Value::entries() const { return {pointer<Entry>(), size_}; }

}  // namespace ciyuan::cel
