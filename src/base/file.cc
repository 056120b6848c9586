#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ciyuan {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status write_all(int fd, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Error system_error(std::string_view operation, const std::filesystem::path& path, int error_number) {
  ErrorCode code = error_number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
  return Error{code, std::string(operation) + ": " + std::strerror(error_number), path.string()};
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error("open", path, errno);
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return system_error("stat", path, errno);
  if (S_ISDIR(status.st_mode)) return system_error("read", path, EISDIR);
  std::string content;
  if (S_ISREG(status.st_mode))
    content.reserve(std::min(bytes_max, static_cast<std::size_t>(status.st_size)) + 1);
  char buffer[1 << 16];
  for (;;) {
    ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > bytes_max)
      return Error{ErrorCode::kTooLarge, "larger than " + std::to_string(bytes_max) + " bytes",
                   path.string()};
  }
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::filesystem::path beside = path;
  beside += ".new";
  // One that a crash left behind may have another mode, which would come with it.
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return system_error("remove", beside, errno);
  {
    Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.get() < 0) return system_error("create", beside, errno);
    CIYUAN_TRY_STATUS(write_all(file.get(), content, beside));
    if (::fsync(file.get()) != 0) return system_error("fsync", beside, errno);
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return system_error("rename", path, errno);
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return system_error("fsync", folder, errno);
  return {};
}

}  // namespace ciyuan
