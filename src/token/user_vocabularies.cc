#include "token/user_vocabularies.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "token/vocabulary_file.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

constexpr std::size_t kManifestBytesMax = 1 << 20;
constexpr int kPackingLevel = 19;

/// Held by one writer at a time; the kernel gives it back when its holder ends, however that is.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : fd_(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0)
      if (errno != EINTR) {
        ::close(fd_);
        fd_ = -1;
      }
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool is_held() const { return fd_ >= 0; }

 private:
  int fd_;
};

Result<Json> read_manifest(const std::filesystem::path& path) {
  const auto text = read_file(path, kManifestBytesMax);
  if (!text.ok() && text.error().code == ErrorCode::kNotFound) return Json{{"vocabularies", Json::array()}};
  if (!text.ok()) return text.error();
  CIYUAN_TRY(Json manifest, parse_json(*text));
  if (!manifest.is_object() || !manifest.value("vocabularies", Json()).is_array())
    return Error{ErrorCode::kCorrupt, "not a manifest", path.string()};
  return manifest;
}

Result<std::string> packed(std::string_view content) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), kPackingLevel);
  if (ZSTD_isError(size)) return Error{ErrorCode::kInternal, ZSTD_getErrorName(size), "zstd"};
  packed.resize(size);
  return packed;
}

Error taken(const std::string& name) {
  return Error{ErrorCode::kConflict, "there is a vocabulary \"" + name + "\" already", "--name"};
}

Json entry_of(const std::string& name, std::string_view content, std::string_view packed_content,
              std::string_view source_sha256, const Proof& proof) {
  return {
      {"name", name},
      {"file", name + ".ciyuan-vocab.zst"},
      {"licence", "imported here"},
      {"source", {{"sha256", source_sha256}}},
      {"digest", to_hex(sha256(content))},
      {"file_sha256", to_hex(sha256(packed_content))},
      {"proved", {{"tokens", proof.tokens}, {"special_tokens", proof.specials}, {"vectors", proof.vectors}}}};
}

}  // namespace

std::filesystem::path user_vocabulary_folder() {
  if (const char* folder = std::getenv("CIYUAN_VOCABULARIES"); folder && *folder) return folder;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data)
    return std::filesystem::path(data) / "ciyuan" / "vocabularies";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::filesystem::path(home) / ".local/share/ciyuan/vocabularies";
  return {};
}

Status add_vocabulary(std::string_view content, std::string_view source_sha256, const Proof& proof,
                      const std::filesystem::path& folder) {
  CIYUAN_TRY(const VocabularyFile file, parse_vocabulary_file(content));
  CIYUAN_TRY(const std::string file_content, packed(content));
  const Json entry = entry_of(file.name, content, file_content, source_sha256, proof);
  if (VocabularySet::standard().ships(file.name)) return taken(file.name);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{ErrorCode::kUnavailable, failed.message(), folder.string()};
  const FolderLock lock(folder);
  if (!lock.is_held())
    return Error{ErrorCode::kUnavailable, std::strerror(errno), (folder / "lock").string()};
  CIYUAN_TRY(Json manifest, read_manifest(folder / "manifest.json"));
  Json& known = manifest["vocabularies"];
  const auto same = std::find_if(known.begin(), known.end(), [&](const Json& each) {
    return each.is_object() && each.value("name", Json()) == file.name;
  });
  if (same == known.end()) {
    CIYUAN_TRY_STATUS(write_file_atomically(folder / std::string(entry["file"]), file_content));
    known.push_back(entry);
  } else {
    if (same->value("digest", Json()) != entry["digest"] || proof.vectors == 0) return taken(file.name);
    (*same)["proved"] = entry["proved"];
  }
  return write_file_atomically(folder / "manifest.json", manifest.dump(2) + "\n");
}

}  // namespace ciyuan::token
