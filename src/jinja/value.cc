#include "jinja/value.h"

#include <bit>
#include <cstring>

namespace ciyuan::jinja {

namespace {
constexpr std::size_t kBlockBytes = 64u << 10;
constexpr std::size_t kAlignment = 16;
}  // namespace

Value Value::real(double value) { return Value(Kind::kReal, std::bit_cast<std::int64_t>(value)); }
double Value::as_real() const { return std::bit_cast<double>(integer_); }

const Value* Value::find(std::string_view key) const {
  if (!is_dict()) return nullptr;
  for (const Entry& entry : entries()) {
    if (entry.key.is_string() && entry.key.text() == key) return &entry.value;
  }
  return nullptr;
}
Value Value::get(std::string_view key) const {
  const Value* found = find(key);
  return found == nullptr ? Value() : *found;
}

Heap::Heap(std::size_t bytes_max) : bytes_max_(bytes_max) {}
Heap::~Heap() = default;
Heap::Heap(Heap&&) noexcept = default;
Heap& Heap::operator=(Heap&&) noexcept = default;

void* Heap::allocate(std::size_t size) {
  size = (size + kAlignment - 1) & ~(kAlignment - 1);
  if (size > bytes_max_ - used_bytes_) {
    exhausted_ = true;
    return nullptr;
  }
  while (block_ < blocks_.size() && blocks_[block_].size - offset_ < size) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t block_size = std::max(size, kBlockBytes);
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(block_size), block_size});
    offset_ = 0;
  }
  char* room = blocks_[block_].bytes.get() + offset_;
  offset_ += size;
  used_bytes_ += size;
  return room;
}

std::string_view Heap::copy(std::string_view text) {
  if (text.empty()) return {};
  char* room = static_cast<char*>(allocate(text.size()));
  if (room == nullptr) return {};
  std::memcpy(room, text.data(), text.size());
  return {room, text.size()};
}

std::span<const Value> Heap::copy(std::span<const Value> items) {
  if (items.empty()) return {};
  void* room = allocate(items.size_bytes());
  if (room == nullptr) return {};
  std::memcpy(room, items.data(), items.size_bytes());
  return {static_cast<const Value*>(room), items.size()};
}

std::span<const Entry> Heap::copy(std::span<const Entry> entries) {
  if (entries.empty()) return {};
  void* room = allocate(entries.size_bytes());
  if (room == nullptr) return {};
  std::memcpy(room, entries.data(), entries.size_bytes());
  return {static_cast<const Entry*>(room), entries.size()};
}

void Heap::clear() {
  // One huge request must not pin its memory for good.
  if (blocks_.size() > 64) blocks_.resize(64);
  used_bytes_ = 0;
  block_ = 0;
  offset_ = 0;
  exhausted_ = false;
}

}  // namespace ciyuan::jinja
