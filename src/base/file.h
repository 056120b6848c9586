#pragma once

/// Files, with the durability that each name says.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan {

/// The whole file, or an Error that names it: kNotFound, kTooLarge (over `bytes_max`), kUnavailable.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max);

/// Writes beside the file, syncs, renames over it, syncs the folder: after a crash the file holds the old or
/// the new content, whole. `mode` is the file's permission bits.
Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                             unsigned mode = 0644);

/// "open data.db: No space left on device", from errno.
Error system_error(std::string_view operation, const std::filesystem::path& path, int error_number);

}  // namespace ciyuan
