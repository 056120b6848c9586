#pragma once

/// Which files the words after a command name: files, "-" (standard input), folders, patterns. The rules are
/// those of cli/count.h.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ciyuan::cli {

class Inputs {
 public:
  /// `wanted` says which files of a folder are taken; a file that is named is taken whatever it is.
  explicit Inputs(std::function<bool(const std::string& path)> wanted) : wanted_(std::move(wanted)) {}

  void add(const std::string& input);

  std::vector<std::string> files;
  std::vector<Error> errors;  ///< one for each input that names nothing

 private:
  void add_folder(const std::string& folder);
  void walk(const std::string& folder);
  void add_pattern(const std::string& pattern);

  std::function<bool(const std::string& path)> wanted_;
};

/// No zero byte among the first kLookForZeroBytes. A file that cannot be read is taken for text, so that
/// counting it says why.
bool is_text_file(const std::string& path);
/// Its name ends in .jsonl or .ndjson.
bool is_json_lines_file(const std::string& path);

/// Fills a buffer; returns the bytes, 0 at the end, -1 with errno.
using ReadBlock = std::function<ssize_t(char* into, std::size_t size)>;
/// `file` may be "-", for `in`.
Result<ReadBlock> open_input(const std::string& file, std::istream& in);

/// A file whose size is known, to be read at any place by any thread.
struct PlacedFile {
  std::uint64_t size = 0;
  /// Fills the buffer from `offset` on: the bytes read, fewer where the file ends, -1 with errno.
  std::function<ssize_t(std::uint64_t offset, char* into, std::size_t size)> read;
};
/// Null for "-", pipes and what else has no size, and for what open_input refuses.
std::optional<PlacedFile> open_placed(const std::string& file);

/// The file's name for people.
std::string input_name(const std::string& file);
/// Bytes of all files whose size is known.
std::uint64_t size_of(const std::vector<std::string>& files);

}  // namespace ciyuan::cli
