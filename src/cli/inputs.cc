#include "cli/internal/inputs.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <istream>
#include <memory>

#include "cli/count.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool ok() const { return fd_ >= 0; }
  /// Bytes read, 0 at the end, -1 with errno.
  ssize_t read(char* into, std::size_t size) {
    for (;;)
      if (ssize_t got = ::read(fd_, into, size); got >= 0 || errno != EINTR) return got;
  }
  ssize_t read_at(std::uint64_t offset, char* into, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(fd_, into + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return -1;
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
  }
  /// 0 where there is no such thing.
  std::uint64_t size() const {
    struct stat found {};
    return ::fstat(fd_, &found) == 0 && S_ISREG(found.st_mode) ? static_cast<std::uint64_t>(found.st_size)
                                                               : 0;
  }

 private:
  int fd_;
};

Error reason(const std::string& path, std::error_code code) {
  return Error{ErrorCode::kUnavailable, code.message(), path};
}

}  // namespace

void Inputs::add(const std::string& input) {
  std::error_code code;
  const fs::file_status status = input == "-" ? fs::file_status{} : fs::status(input, code);
  if (input == "-")
    files.push_back(input);
  else if (fs::is_directory(status))
    add_folder(input);
  else if (fs::exists(status))
    files.push_back(input);
  else if (input.find_first_of("*?[") != std::string::npos)
    add_pattern(input);
  else if (input.empty())
    errors.push_back(invalid("file", "an empty name"));
  else
    errors.push_back(reason(input, code ? code : std::make_error_code(std::errc::no_such_file_or_directory)));
}

void Inputs::add_folder(const std::string& folder) {
  const std::size_t before = files.size() + errors.size();
  walk(folder);
  if (files.size() + errors.size() == before)
    errors.push_back(invalid(folder, "no file to count in this folder"));
}

void Inputs::walk(const std::string& folder) {
  std::error_code code;
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator at(folder, code);
  for (; !code && at != fs::directory_iterator(); at.increment(code))
    if (at->path().filename().native()[0] != '.') entries.push_back(*at);
  if (code) errors.push_back(reason(folder, code));
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    const std::string& path = entry.path().native();
    if (entry.is_directory(code) && !entry.is_symlink(code))
      walk(path);
    else if (entry.is_regular_file(code) && wanted_(path))
      files.push_back(path);
  }
}

void Inputs::add_pattern(const std::string& pattern) {
  glob_t found{};
  const int outcome = ::glob(pattern.c_str(), 0, nullptr, &found);
  for (std::size_t i = 0; outcome == 0 && i < found.gl_pathc; ++i) add(found.gl_pathv[i]);
  if (outcome != 0) errors.push_back(invalid(pattern, "no file matches"));
  ::globfree(&found);
}

bool is_text_file(const std::string& path) {
  Descriptor file(path);
  if (!file.ok()) return true;
  char head[kLookForZeroBytes];
  ssize_t got = file.read(head, sizeof head);
  return got <= 0 || std::memchr(head, 0, static_cast<std::size_t>(got)) == nullptr;
}

bool is_json_lines_file(const std::string& path) {
  const fs::path extension = fs::path(path).extension();
  return extension == ".jsonl" || extension == ".ndjson";
}

Result<ReadBlock> open_input(const std::string& file, std::istream& in) {
  if (file == "-")
    return ReadBlock([&in](char* into, std::size_t size) {
      in.read(into, static_cast<std::streamsize>(size));
      return in.bad() ? ssize_t{-1} : static_cast<ssize_t>(in.gcount());
    });
  auto input = std::make_shared<Descriptor>(file);
  if (!input->ok()) return Error{ErrorCode::kUnavailable, std::strerror(errno), file};
  return ReadBlock([input](char* into, std::size_t size) { return input->read(into, size); });
}

std::optional<PlacedFile> open_placed(const std::string& file) {
  if (file == "-") return std::nullopt;
  auto input = std::make_shared<Descriptor>(file);
  if (!input->ok() || input->size() == 0) return std::nullopt;
  return PlacedFile{input->size(), [input](std::uint64_t offset, char* into, std::size_t size) {
                      return input->read_at(offset, into, size);
                    }};
}

std::string input_name(const std::string& file) { return file == "-" ? "standard input" : file; }

std::uint64_t size_of(const std::vector<std::string>& files) {
  std::uint64_t total = 0;
  for (const std::string& file : files) {
    std::error_code code;
    const std::uint64_t size = fs::file_size(file, code);
    if (!code) total += size;
  }
  return total;
}

}  // namespace ciyuan::cli
