#pragma once

/// The values a template computes with: Python's, as far as Jinja2 shows them, in 16 trivially copyable
/// bytes.
///
/// A Value is a small tag and either a number or a pointer into a Heap (or into text that outlives it). Lists
/// and dictionaries never change once built, as in Jinja2's immutable sandbox; a dictionary keeps the order
/// of its keys, because a prompt in which a tool's fields are sorted has other tokens.
///
///   Heap heap;
///   CIYUAN_TRY(Value request, parse_value(body, heap));        // strings point into `heap`
///   Value messages = request.get("messages");
///
/// Ownership: values live as long as their heap is neither destroyed nor cleared. Threads: one at a time per
/// heap.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::jinja {

struct Macro;
struct Entry;
struct Iterator;
struct Loop;
struct Namespace;
struct BoundMethod;

enum class Kind : std::uint8_t {
  kUndefined,
  kNone,
  kBoolean,
  kInteger,
  kBigInteger,  ///< a JSON integer beyond 64 bits: its digits, printed but never computed with
  kReal,
  kString,
  kList,
  kTuple,
  kRange,     ///< what range() gives: its numbers, and before them in the heap its three bounds
  kView,      ///< what dict.items(), .keys() and .values() give: has a length, no index
  kIterator,  ///< what select, map, reverse, … give: no length, always true, gone after one pass
  kDict,
  kNamespace,
  kLoop,
  kMacro,
  kMethod,
  kFunction,
};

/// Functions that a template finds without being given them.
enum class Function : std::uint8_t { kRange, kDict, kNamespace, kRaiseException, kStrftimeNow };

class Value {
 public:
  constexpr Value() = default;
  static constexpr Value none() { return Value(Kind::kNone); }
  static constexpr Value boolean(bool value) { return Value(Kind::kBoolean, value); }
  static constexpr Value integer(std::int64_t value) { return Value(Kind::kInteger, value); }
  static Value real(double value);
  /// The text is not copied: it must outlive every use of the value.
  static Value string(std::string_view text) { return Value(Kind::kString, text.data(), text.size()); }
  static Value big_integer(std::string_view digits) {
    return Value(Kind::kBigInteger, digits.data(), digits.size());
  }
  /// `items` must lie in a heap (Heap::copy).
  static Value sequence(Kind kind, std::span<const Value> items) {
    return Value(kind, items.data(), items.size());
  }
  static Value dict(std::span<const Entry> entries);
  static Value iterator(Iterator* state) { return Value(Kind::kIterator, state, 0); }
  static Value name_space(Namespace* state) { return Value(Kind::kNamespace, state, 0); }
  static Value loop(Loop* state) { return Value(Kind::kLoop, state, 0); }
  static Value macro(const Macro* state) { return Value(Kind::kMacro, state, 0); }
  static Value method(const BoundMethod* state) { return Value(Kind::kMethod, state, 0); }
  static constexpr Value function(Function which) {
    return Value(Kind::kFunction, static_cast<std::int64_t>(which));
  }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_dict() const { return kind_ == Kind::kDict; }
  /// list, tuple, range or view: `items()` may be called.
  bool has_items() const {
    return kind_ == Kind::kList || kind_ == Kind::kTuple || kind_ == Kind::kRange || kind_ == Kind::kView;
  }

  bool as_boolean() const { return integer_ != 0; }
  std::int64_t as_integer() const { return integer_; }
  double as_real() const;
  std::string_view text() const { return {static_cast<const char*>(pointer_), size_}; }
  std::span<const Value> items() const { return {static_cast<const Value*>(pointer_), size_}; }
  std::span<const Entry> entries() const;
  struct RangeBounds {
    std::int64_t start, stop, step;
  };
  RangeBounds range_bounds() const {
    const Value* bounds = static_cast<const Value*>(pointer_) - 3;
    return {bounds[0].integer_, bounds[1].integer_, bounds[2].integer_};
  }
  Iterator* as_iterator() const { return static_cast<Iterator*>(const_cast<void*>(pointer_)); }
  Namespace* as_namespace() const { return static_cast<Namespace*>(const_cast<void*>(pointer_)); }
  Loop* as_loop() const { return static_cast<Loop*>(const_cast<void*>(pointer_)); }
  const Macro* as_macro() const { return static_cast<const Macro*>(pointer_); }
  const BoundMethod* as_method() const { return static_cast<const BoundMethod*>(pointer_); }
  Function as_function() const { return static_cast<Function>(integer_); }

  /// A dictionary's value at `key`, undefined if there is none or this is no dictionary.
  Value get(std::string_view key) const;
  const Value* find(std::string_view key) const;  ///< null if there is none

  /// Markup (the filter `safe`): `+` escapes what is joined to it.
  bool is_safe() const { return safe_; }
  Value marked_safe() const {
    Value copy = *this;
    copy.safe_ = true;
    return copy;
  }

 private:
  constexpr explicit Value(Kind kind, std::int64_t value = 0) : kind_(kind), integer_(value) {}
  Value(Kind kind, const void* pointer, std::size_t size)
      : kind_(kind), size_(static_cast<std::uint32_t>(size)), pointer_(pointer) {}

  Kind kind_ = Kind::kUndefined;
  bool safe_ = false;
  std::uint32_t size_ = 0;
  union {
    std::int64_t integer_ = 0;
    const void* pointer_;
  };
};
static_assert(sizeof(Value) == 16, "values are copied all the time");

struct Entry {
  Value key;
  Value value;
};

struct Iterator {
  std::span<const Value> items;
  bool consumed = false;
};

inline std::span<const Entry> Value::entries() const { return {static_cast<const Entry*>(pointer_), size_}; }
inline Value Value::dict(std::span<const Entry> entries) {
  return Value(Kind::kDict, entries.data(), entries.size());
}

/// Memory for values: a bump allocator with a limit. Clearing keeps the blocks for the next render.
class Heap {
 public:
  static constexpr std::size_t kBytesMaxDefault = 256u << 20;

  explicit Heap(std::size_t bytes_max = kBytesMaxDefault);
  ~Heap();
  Heap(Heap&&) noexcept;
  Heap& operator=(Heap&&) noexcept;

  /// Room for `size` bytes, aligned to 16; null when the limit is reached.
  void* allocate(std::size_t size);
  template <class T, class... Arguments>
  T* make(Arguments&&... arguments) {
    static_assert(std::is_trivially_destructible_v<T>, "nothing on the heap is ever destroyed one by one");
    void* room = allocate(sizeof(T));
    return room == nullptr ? nullptr : new (room) T{std::forward<Arguments>(arguments)...};
  }
  /// Copies, empty when there is no room (exhausted() then says so).
  std::string_view copy(std::string_view text);
  std::span<const Value> copy(std::span<const Value> items);
  std::span<const Entry> copy(std::span<const Entry> entries);

  bool exhausted() const { return exhausted_; }
  std::size_t used_bytes() const { return used_bytes_; }
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  std::size_t bytes_max_;
  std::size_t used_bytes_ = 0;
  bool exhausted_ = false;
  std::vector<Block> blocks_;
  std::size_t block_ = 0;   // the block being filled
  std::size_t offset_ = 0;  // the first free byte in it
};

/// The JSON text as Python's json.loads would give it: keys in order (a repeated key keeps its first place
/// and its last value), integers of any size, nesting to 1,000. kInvalid for anything that is no JSON (RFC
/// 8259), for text that is not UTF-8 and for lone surrogates; kTooLarge where the heap has no room. Linear in
/// the size of the text.
Result<Value> parse_value(std::string_view json, Heap& heap);

}  // namespace ciyuan::jinja
