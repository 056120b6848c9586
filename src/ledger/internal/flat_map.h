#pragma once

/// The ledger's two hash tables: open addressing, linear probing, deletion by shifting back (no tombstones),
/// at most 3/4 full. Pointers to values hold until the next insertion or deletion.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.h"

namespace ciyuan::ledger::internal {

/// splitmix64's finaliser: spreads any bit over all.
inline std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30, x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27, x *= 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

inline std::uint64_t hash_of(const Id& id) {
  std::uint64_t halves[2];
  std::memcpy(halves, id.bytes.data(), 16);
  return mix(halves[0] ^ mix(halves[1]));
}

inline std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ name.size();
  while (name.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, name.data(), 8);
    hash = mix(hash ^ word);
    name.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, name.data(), name.size());
  return mix(hash ^ rest);
}

/// Id → Value.
template <class Value>
class IdMap {
 public:
  std::size_t size() const { return size_; }

  Value* find(const Id& id) {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = home(id);; i = next(i)) {
      if (!slots_[i].used) return nullptr;
      if (slots_[i].id == id) return &slots_[i].value;
    }
  }
  const Value* find(const Id& id) const { return const_cast<IdMap*>(this)->find(id); }

  /// The id must not be there.
  Value& insert(const Id& id, Value value) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    std::size_t i = home(id);
    while (slots_[i].used) i = next(i);
    slots_[i] = {id, true, std::move(value)};
    ++size_;
    return slots_[i].value;
  }

  bool erase(const Id& id) {
    if (slots_.empty()) return false;
    std::size_t i = home(id);
    for (; slots_[i].used; i = next(i))
      if (slots_[i].id == id) break;
    if (!slots_[i].used) return false;
    for (std::size_t j = next(i); slots_[j].used; j = next(j)) {
      std::size_t wanted = home(slots_[j].id);
      // slots_[j] may move to i unless its home lies behind i on the way to j.
      if (((j - wanted) & mask()) >= ((j - i) & mask())) {
        slots_[i] = std::move(slots_[j]);
        i = j;
      }
    }
    slots_[i] = Slot{};
    --size_;
    return true;
  }

  template <class F>
  void for_each(F&& f) const {
    for (const Slot& slot : slots_)
      if (slot.used) f(slot.id, slot.value);
  }

 private:
  struct Slot {
    Id id;
    bool used = false;
    Value value{};
  };
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t home(const Id& id) const { return hash_of(id) & mask(); }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  void grow() {
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 64 : slots_.size() * 2));
    for (Slot& slot : old) {
      if (!slot.used) continue;
      std::size_t i = home(slot.id);
      while (slots_[i].used) i = next(i);
      slots_[i] = std::move(slot);
    }
  }
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

/// Name → index, where the names themselves live in a table of the owner's: `name_at(index)` gives one back.
class NameMap {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  template <class NameAt>
  std::uint32_t find(std::string_view name, NameAt&& name_at) const {
    if (slots_.empty()) return kNone;
    std::uint64_t hash = hash_of(name);
    for (std::size_t i = hash & mask(); slots_[i].index != kNone; i = (i + 1) & mask())
      if (slots_[i].hash == hash && name_at(slots_[i].index) == name) return slots_[i].index;
    return kNone;
  }
  /// The name must not be there.
  void insert(std::string_view name, std::uint32_t index) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    put({hash_of(name), index});
    ++size_;
  }
  /// The name must be there with this index.
  void erase(std::string_view name, std::uint32_t index) {
    std::size_t i = hash_of(name) & mask();
    while (slots_[i].index != index) i = (i + 1) & mask();
    for (std::size_t j = (i + 1) & mask(); slots_[j].index != kNone; j = (j + 1) & mask()) {
      std::size_t wanted = slots_[j].hash & mask();
      if (((j - wanted) & mask()) >= ((j - i) & mask())) {
        slots_[i] = slots_[j];
        i = j;
      }
    }
    slots_[i] = Slot{};
    --size_;
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t index = kNone;
  };
  std::size_t mask() const { return slots_.size() - 1; }
  void put(Slot slot) {
    std::size_t i = slot.hash & mask();
    while (slots_[i].index != kNone) i = (i + 1) & mask();
    slots_[i] = slot;
  }
  void grow() {
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 64 : slots_.size() * 2));
    for (const Slot& slot : old)
      if (slot.index != kNone) put(slot);
  }
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace ciyuan::ledger::internal
