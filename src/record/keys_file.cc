#include "record/keys_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/sha256_state.h"

namespace ciyuan::record {
namespace {

constexpr std::size_t kSlotBytes = 64;
constexpr std::uint64_t kBlockSlots = 16'384;
constexpr std::string_view kMagic = "ciyuan/keys/v1\n";

using Slot = std::array<std::uint8_t, kSlotBytes>;

off_t offset_of(std::uint64_t slot) { return static_cast<off_t>((slot + 1) * kSlotBytes); }

Slot make_slot(std::uint64_t number, const Id& id, const SecretKey& key) {
  std::array<std::uint8_t, 8> big_endian;
  for (std::size_t i = 0; i < 8; ++i) big_endian[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  Digest check = Sha256State()
                     .update("ciyuan/key-slot/v1")
                     .update(ByteView(big_endian))
                     .update(ByteView(id.bytes))
                     .update(ByteView(key))
                     .digest();
  Slot slot;
  std::copy(id.bytes.begin(), id.bytes.end(), slot.begin());
  std::copy(key.begin(), key.end(), slot.begin() + 16);
  std::copy_n(check.begin(), 16, slot.begin() + 48);
  return slot;
}

Id id_in(const std::uint8_t* slot) {
  Id id;
  std::copy_n(slot, 16, id.bytes.begin());
  return id;
}

SecretKey key_in(const std::uint8_t* slot) {
  SecretKey key;
  std::copy_n(slot + 16, 32, key.begin());
  return key;
}

bool is_valid(std::uint64_t number, const std::uint8_t* slot) {
  Slot expected = make_slot(number, id_in(slot), key_in(slot));
  bool valid = std::memcmp(expected.data(), slot, kSlotBytes) == 0;
  OPENSSL_cleanse(expected.data(), expected.size());
  return valid;
}

// What a file shows where nothing was written, before its end.
bool is_unwritten(const std::uint8_t* slot) {
  return std::all_of(slot, slot + kSlotBytes, [](std::uint8_t byte) { return byte == 0; });
}

Status write_at(int fd, const std::uint8_t* bytes, std::size_t count, off_t offset,
                const std::filesystem::path& path) {
  while (count > 0) {
    ssize_t written = ::pwrite(fd, bytes, count, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("write", path, written < 0 ? errno : EIO);
    bytes += written;
    offset += written;
    count -= static_cast<std::size_t>(written);
  }
  return {};
}

// Up to `count` bytes: less only at the end of the file.
Result<std::size_t> read_at(int fd, std::uint8_t* bytes, std::size_t count, off_t offset,
                            const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < count) {
    ssize_t got = ::pread(fd, bytes + done, count - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

Result<KeysFile> KeysFile::open(const std::filesystem::path& path, std::uint64_t used) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("open", path, errno);
  KeysFile file(path, fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return Error{ErrorCode::kConflict, "another process has it open", path.string()};
    return system_error("lock", path, errno);
  }
  struct stat status;
  if (::fstat(fd, &status) != 0) return system_error("stat", path, errno);
  if ((status.st_mode & 077) != 0)
    return Error{ErrorCode::kRefused, "others than its owner may open it; its mode must be 0600",
                 path.string()};
  CIYUAN_TRY_STATUS(file.read_header());
  CIYUAN_TRY_STATUS(file.read_slots(used));
  return file;
}

KeysFile::~KeysFile() {
  if (fd_ >= 0) ::close(fd_);
}

KeysFile::KeysFile(KeysFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      damaged_(other.damaged_),
      missing_(other.missing_),
      blocks_(std::move(other.blocks_)),
      mutex_(std::move(other.mutex_)) {}

Status KeysFile::read_header() {
  Slot header{};
  CIYUAN_TRY(std::size_t got, read_at(fd_, header.data(), header.size(), 0, path_));
  Slot expected{};
  std::copy(kMagic.begin(), kMagic.end(), expected.begin());
  if (got < header.size()) {
    // New, or a crash came while the very first bytes were written: no key can be in it.
    if (!std::equal(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(got), expected.begin()))
      return Error{ErrorCode::kCorrupt, "not a file of commitment keys", path_.string()};
    CIYUAN_TRY_STATUS(write_at(fd_, expected.data(), expected.size(), 0, path_));
    if (::fsync(fd_) != 0) return system_error("fsync", path_, errno);
    std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = directory >= 0 && ::fsync(directory) == 0;
    int error = errno;
    if (directory >= 0) ::close(directory);
    if (!synced) return system_error("fsync", folder, error);
    return {};
  }
  if (header != expected) return Error{ErrorCode::kCorrupt, "not a file of commitment keys", path_.string()};
  return {};
}

Status KeysFile::read_slots(std::uint64_t used) {
  struct Range {
    std::uint64_t begin, end;
  };
  std::vector<Range> torn;  // invalid slots that no record is known to have
  std::vector<std::uint8_t> buffer(kBlockSlots * kSlotBytes);
  std::uint64_t slot = 0;
  for (;;) {
    CIYUAN_TRY(std::size_t bytes, read_at(fd_, buffer.data(), buffer.size(), offset_of(slot), path_));
    for (std::size_t at = 0; at + kSlotBytes <= bytes; at += kSlotBytes, ++slot) {
      const std::uint8_t* here = buffer.data() + at;
      if (is_valid(slot, here)) {
        size_ = slot + 1;
        if (id_in(here) == Id{}) continue;
        // With an id: it was written with its record, so what is invalid before it was written whole too.
        for (const Range& range : torn) damaged_ += range.end - range.begin;
        torn.clear();
        note_id(slot, id_in(here));
      } else if (slot < used) {
        ++(is_unwritten(here) ? missing_ : damaged_);
      } else if (!torn.empty() && torn.back().end == slot) {
        ++torn.back().end;
      } else {
        torn.push_back({slot, slot + 1});
      }
    }
    if (bytes < buffer.size()) break;
  }
  OPENSSL_cleanse(buffer.data(), buffer.size());
  missing_ += used - std::min(used, slot);
  size_ = std::max(size_, used);

  // Nobody was given these. Left as they are, they would look like damage once records name slots behind
  // them.
  bool is_changed = false;
  for (const Range& range : torn)
    for (std::uint64_t one = range.begin; one < range.end && one < size_; ++one, is_changed = true) {
      Slot erased = make_slot(one, Id{}, SecretKey{});
      CIYUAN_TRY_STATUS(write_at(fd_, erased.data(), erased.size(), offset_of(one), path_));
    }
  if (is_changed && ::fdatasync(fd_) != 0) return system_error("fdatasync", path_, errno);
  return {};
}

void KeysFile::note_id(std::uint64_t slot, const Id& id) {
  std::uint64_t block = slot / kBlockSlots;
  Id greatest;
  greatest.bytes.fill(0xFF);
  while (blocks_.size() <= block) blocks_.push_back({greatest, Id{}});
  blocks_[block].first = std::min(blocks_[block].first, id);
  blocks_[block].last = std::max(blocks_[block].last, id);
}

std::uint64_t KeysFile::size() const {
  std::lock_guard lock(*mutex_);
  return size_;
}

Result<std::uint64_t> KeysFile::append(std::span<const SecretKey> keys) {
  std::lock_guard lock(*mutex_);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(keys.size() * kSlotBytes);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Slot slot = make_slot(size_ + i, Id{}, keys[i]);
    bytes.insert(bytes.end(), slot.begin(), slot.end());
  }
  // A failed append leaves size_ as it was: the next one overwrites whatever part of this one got written.
  Status written = write_at(fd_, bytes.data(), bytes.size(), offset_of(size_), path_);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  CIYUAN_TRY_STATUS(std::move(written));
  if (::fdatasync(fd_) != 0) return system_error("fdatasync", path_, errno);
  return std::exchange(size_, size_ + keys.size());
}

Status KeysFile::cut_off(std::uint64_t slot) {
  std::lock_guard lock(*mutex_);
  if (slot > size_) return {};
  if (::ftruncate(fd_, offset_of(slot)) != 0) return system_error("truncate", path_, errno);
  size_ = slot;
  return {};
}

Result<SecretKey> KeysFile::find_in(std::uint64_t slot, const Id& id) const {
  if (slot >= size_)
    return Error{ErrorCode::kNotFound, "no key in slot " + std::to_string(slot), path_.string()};
  Slot stored{};
  CIYUAN_TRY(std::size_t got, read_at(fd_, stored.data(), stored.size(), offset_of(slot), path_));
  if (is_unwritten(stored.data()))
    return Error{ErrorCode::kNotFound, "no key was ever in slot " + std::to_string(slot), path_.string()};
  if (got < stored.size() || !is_valid(slot, stored.data()))
    return Error{ErrorCode::kCorrupt, "slot " + std::to_string(slot) + " is damaged", path_.string()};
  Id owner = id_in(stored.data());
  if (owner != Id{} && owner != id)
    return Error{ErrorCode::kNotFound, "slot " + std::to_string(slot) + " is not of record " + id.text(),
                 path_.string()};
  SecretKey key = key_in(stored.data());
  OPENSSL_cleanse(stored.data(), stored.size());
  if (key == SecretKey{})
    return Error{ErrorCode::kRefused, "the key of record " + id.text() + " was erased", path_.string()};
  return key;
}

Result<std::uint64_t> KeysFile::slot_of(const Id& id) const {
  std::vector<std::uint8_t> buffer;
  for (std::size_t block = blocks_.size(); block-- > 0;) {  // the newest first
    if (id < blocks_[block].first || blocks_[block].last < id) continue;
    buffer.resize(kBlockSlots * kSlotBytes);
    std::uint64_t first = block * kBlockSlots;
    CIYUAN_TRY(std::size_t bytes, read_at(fd_, buffer.data(), buffer.size(), offset_of(first), path_));
    std::uint64_t slots = std::min<std::uint64_t>(bytes / kSlotBytes, size_ - first);
    std::optional<std::uint64_t> found;
    for (std::uint64_t i = 0; i < slots && !found; ++i)
      if (std::memcmp(buffer.data() + i * kSlotBytes, id.bytes.data(), id.bytes.size()) == 0)
        found = first + i;
    OPENSSL_cleanse(buffer.data(), buffer.size());
    if (found) return *found;
  }
  return Error{ErrorCode::kNotFound, "no key for record " + id.text(), path_.string()};
}

Result<SecretKey> KeysFile::find(const Id& id, std::optional<std::uint64_t> slot) const {
  std::lock_guard lock(*mutex_);
  if (!slot) {
    CIYUAN_TRY(slot, slot_of(id));
  }
  return find_in(*slot, id);
}

Status KeysFile::erase(const Id& id, std::optional<std::uint64_t> slot) {
  std::lock_guard lock(*mutex_);
  bool is_by_id = !slot.has_value();
  if (is_by_id) {
    CIYUAN_TRY(slot, slot_of(id));
  }
  Result<SecretKey> key = find_in(*slot, id);
  // Erased already, as far as memory shows: an earlier sync may have failed, so it is written and synced
  // again.
  if (!key.ok() && key.error().code != ErrorCode::kRefused) return key.error();
  Slot erased = make_slot(*slot, is_by_id ? id : Id{}, SecretKey{});
  CIYUAN_TRY_STATUS(write_at(fd_, erased.data(), erased.size(), offset_of(*slot), path_));
  if (::fdatasync(fd_) != 0) return system_error("fdatasync", path_, errno);
  return {};
}

}  // namespace ciyuan::record
