#include "store/internal/buffered_wal.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

namespace ciyuan::store::internal {
namespace {

constexpr char kName[] = "ciyuan-buffered-wal";
constexpr std::size_t kBufferMax = 4 << 20;  // more than any batch; beyond it the oldest is written first
constexpr std::size_t kWriteMax =
    64 << 10;  // the unix VFS takes the length of a write modulo 128 KiB (os_unix.c)

// A write-ahead file: this struct, and behind it the system's own file object.
struct WalFile {
  sqlite3_file base;
  sqlite3_file* real;
  std::string pending;  // bytes that are not written yet
  sqlite3_int64 begin;  // where they belong
};

WalFile* wal(sqlite3_file* file) { return reinterpret_cast<WalFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return wal(file)->real; }

int flush(sqlite3_file* file) {
  WalFile* self = wal(file);
  int code = SQLITE_OK;
  for (std::size_t at = 0; at < self->pending.size() && code == SQLITE_OK; at += kWriteMax) {
    std::size_t size = std::min(kWriteMax, self->pending.size() - at);
    code = self->real->pMethods->xWrite(self->real, self->pending.data() + at, static_cast<int>(size),
                                        self->begin + static_cast<sqlite3_int64>(at));
  }
  self->pending.clear();  // after an error the transaction is given up: nothing of it may be written later
  return code;
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  WalFile* self = wal(file);
  bool follows = offset == self->begin + static_cast<sqlite3_int64>(self->pending.size());
  if (!self->pending.empty() &&
      (!follows || self->pending.size() + static_cast<std::size_t>(size) > kBufferMax)) {
    if (int code = flush(file); code != SQLITE_OK) return code;
  }
  if (self->pending.empty()) self->begin = offset;
  self->pending.append(static_cast<const char*>(data), static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  if (int code = flush(file); code != SQLITE_OK) return code;
  return real(file)->pMethods->xRead(real(file), data, size, offset);
}

int sync(sqlite3_file* file, int flags) {
  if (int code = flush(file); code != SQLITE_OK) return code;
  return real(file)->pMethods->xSync(real(file), flags);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (int code = flush(file); code != SQLITE_OK) return code;
  return real(file)->pMethods->xTruncate(real(file), size);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  if (int code = flush(file); code != SQLITE_OK) return code;
  return real(file)->pMethods->xFileSize(real(file), size);
}

int close(sqlite3_file* file) {
  int flushed = flush(file);
  int closed = real(file)->pMethods->xClose(real(file));
  wal(file)->~WalFile();
  return flushed != SQLITE_OK ? flushed : closed;
}

int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int control(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }

// Version 1: a write-ahead file has no shared memory and is not mapped.
const sqlite3_io_methods kMethods = {.iVersion = 1,
                                     .xClose = close,
                                     .xRead = read,
                                     .xWrite = write,
                                     .xTruncate = truncate,
                                     .xSync = sync,
                                     .xFileSize = file_size,
                                     .xLock = lock,
                                     .xUnlock = unlock,
                                     .xCheckReservedLock = check_lock,
                                     .xFileControl = control,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = characteristics};

sqlite3_vfs* system_vfs(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_vfs* system = system_vfs(vfs);
  if ((flags & SQLITE_OPEN_WAL) == 0) return system->xOpen(system, name, file, flags, out_flags);
  auto* behind = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(WalFile));
  std::memset(behind, 0, static_cast<std::size_t>(system->szOsFile));
  int code = system->xOpen(system, name, behind, flags, out_flags);
  file->pMethods = nullptr;  // tells SQLite that there is nothing to close
  if (code != SQLITE_OK) {
    if (behind->pMethods != nullptr) behind->pMethods->xClose(behind);
    return code;
  }
  auto* self = new (file) WalFile{};
  self->base.pMethods = &kMethods;
  self->real = behind;
  return SQLITE_OK;
}

// The system's VFS is given its own object back: it may look at what hangs on it.
int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  return system_vfs(vfs)->xDelete(system_vfs(vfs), name, sync_directory);
}
int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
  return system_vfs(vfs)->xAccess(system_vfs(vfs), name, flags, out);
}
int full_path(sqlite3_vfs* vfs, const char* name, int size, char* out) {
  return system_vfs(vfs)->xFullPathname(system_vfs(vfs), name, size, out);
}

}  // namespace

const char* buffered_wal_vfs() {
  static sqlite3_vfs vfs{};  // SQLite keeps its address
  static const bool registered = [] {
    sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
    if (system == nullptr) return false;
    vfs = *system;
    vfs.pNext = nullptr;
    vfs.zName = kName;
    vfs.pAppData = system;
    vfs.szOsFile = static_cast<int>(sizeof(WalFile)) + system->szOsFile;
    vfs.xOpen = open;
    vfs.xDelete = remove;
    vfs.xAccess = access;
    vfs.xFullPathname = full_path;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
  }();
  return registered ? kName : nullptr;
}

}  // namespace ciyuan::store::internal
