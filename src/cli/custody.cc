#include "cli/internal/custody.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>

#include "base/file.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSecretBytesMax = 4096;

// The file's first line. kNotFound where there is no file.
Result<std::string> read_secret(const fs::path& file) {
  struct stat status;
  if (::stat(file.c_str(), &status) != 0) return system_error("stat", file, errno);
  if ((status.st_mode & 077) != 0)
    return Error{ErrorCode::kRefused, "others than its owner may open it; its mode must be 0600",
                 file.string()};
  CIYUAN_TRY(std::string text, read_file(file, kSecretBytesMax));
  return text.substr(0, text.find('\n'));
}

Result<std::string> read_or_make(const fs::path& file, const std::function<std::string()>& make) {
  Result<std::string> found = read_secret(file);
  if (found.ok() || found.error().code != ErrorCode::kNotFound) return found;
  std::string made = make();
  CIYUAN_TRY_STATUS(write_file_atomically(file, made + "\n", 0600));
  return made;
}

template <std::size_t kBytes>
std::string random_hex() {
  std::array<std::uint8_t, kBytes> random;
  random_bytes(random);
  return to_hex(random);
}

}  // namespace

Result<tlog::NoteSigner> load_log_key(const fs::path& folder, const std::string& origin, bool is_new_log) {
  fs::path file = folder / "log.key";
  Result<std::string> line = read_secret(file);
  if (!line.ok()) {
    if (line.error().code != ErrorCode::kNotFound) return line.error();
    if (!is_new_log)
      return Error{ErrorCode::kNotFound,
                   "the log of this folder was signed with a key that is no longer here: bring the file back "
                   "from a backup; a new key would make another log",
                   file.string()};
    CIYUAN_TRY(tlog::NoteSigner made,
               tlog::NoteSigner::make(origin.empty() ? "ciyuan.local/log-" + random_hex<4>() : origin,
                                      SigningKey::generate()));
    CIYUAN_TRY_STATUS(write_file_atomically(file, made.secret_text() + "\n", 0600));
    line = made.secret_text();
  }
  CIYUAN_TRY(tlog::NoteSigner signer, tlog::NoteSigner::parse(*line));
  if (!origin.empty() && signer.verifier().name != origin)
    return invalid("--origin", "the log in this folder is \"" + signer.verifier().name +
                                   "\"; a log never changes its name");
  fs::path public_half = folder / "log.vkey";
  if (std::error_code ignored; !fs::exists(public_half, ignored))
    CIYUAN_TRY_STATUS(write_file_atomically(public_half, signer.verifier().text() + "\n", 0644));
  return signer;
}

Result<std::string> load_admin_token(const fs::path& folder) {
  return read_or_make(folder / "admin.token", [] { return "ca-" + random_hex<32>(); });
}

Result<SecretKey> load_instance_key(const fs::path& folder) {
  fs::path file = folder / "instance.key";
  CIYUAN_TRY(std::string text, read_or_make(file, random_hex<32>));
  Result<Bytes> bytes = from_hex(text);
  SecretKey key;
  if (!bytes.ok() || bytes->size() != key.size())
    return Error{ErrorCode::kCorrupt, "is not 64 hexadecimal digits", file.string()};
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

Result<tlog::NoteSigner> load_licence_key(const fs::path& folder, const std::string& origin) {
  CIYUAN_TRY(tlog::NoteSigner fresh, tlog::NoteSigner::make(origin + "/licences", SigningKey::generate()));
  CIYUAN_TRY(std::string line, read_or_make(folder / "licence.key", [&] { return fresh.secret_text(); }));
  Result<tlog::NoteSigner> key = tlog::NoteSigner::parse(line);
  if (!key.ok())
    return Error{ErrorCode::kCorrupt, "holds no signing key: " + key.error().message,
                 (folder / "licence.key").string()};
  return key;
}

Result<tlog::NoteSigner> make_signing_key(const std::string& name, const fs::path& file) {
  std::error_code ignored;
  if (fs::exists(file, ignored))
    return Error{ErrorCode::kConflict, "is there already, and no key is written over", file.string()};
  CIYUAN_TRY(tlog::NoteSigner made, tlog::NoteSigner::make(name, SigningKey::generate()));
  CIYUAN_TRY_STATUS(write_file_atomically(file, made.secret_text() + "\n", 0600));
  return made;
}

Result<tlog::NoteSigner> load_signing_key(const fs::path& file) {
  CIYUAN_TRY(std::string line, read_secret(file));
  Result<tlog::NoteSigner> key = tlog::NoteSigner::parse(line);
  if (!key.ok()) return invalid(file.string(), "holds no signing key: " + key.error().message);
  return key;
}

}  // namespace ciyuan::cli
