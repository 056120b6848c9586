#include "tlog/signer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"

namespace ciyuan::tlog {
namespace {

constexpr std::size_t kStateBytesMax = 64 << 10;
constexpr unsigned kStateMode = 0600;

Error refused(const Checkpoint& last, std::uint64_t size, std::string why) {
  return Error{ErrorCode::kRefused,
               "will not sign a tree of " + std::to_string(size) + " entries: " + why +
                   " (last signed: size " + std::to_string(last.size) + ", root " + to_base64(last.root) +
                   "). The store was rolled back or damaged, or it belongs to another log",
               "checkpoint"};
}

}  // namespace

Status Signer::create(const std::filesystem::path& state_file, const NoteSigner& key,
                      const std::string& origin) {
  Signer signer(state_file, key, origin);
  CIYUAN_TRY_STATUS(signer.take_lock());
  std::error_code ignored;
  if (std::filesystem::exists(state_file, ignored))
    return Error{ErrorCode::kConflict, "a log's state exists already", state_file.string()};
  if (key.verifier().name != origin)
    return invalid("origin", "the key is named \"" + key.verifier().name + "\", the log \"" + origin + "\"");
  CIYUAN_TRY(std::string note, sign_note(Checkpoint{origin, 0, empty_root(), {}}.text(), key));
  return write_file_atomically(state_file, note, kStateMode);
}

Result<Signer> Signer::open(const std::filesystem::path& state_file, NoteSigner key, std::string origin) {
  Signer signer(state_file, std::move(key), std::move(origin));
  CIYUAN_TRY_STATUS(signer.take_lock());
  CIYUAN_TRY_STATUS(signer.read_state());
  return signer;
}

Signer::~Signer() { release_lock(); }

Signer::Signer(Signer&& other) noexcept
    : state_file_(std::move(other.state_file_)),
      key_(std::move(other.key_)),
      origin_(std::move(other.origin_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      last_(std::move(other.last_)),
      last_note_(std::move(other.last_note_)),
      attempted_note_(std::move(other.attempted_note_)) {}

Signer& Signer::operator=(Signer&& other) noexcept {
  if (this == &other) return *this;
  release_lock();
  state_file_ = std::move(other.state_file_);
  key_ = std::move(other.key_);
  origin_ = std::move(other.origin_);
  lock_fd_ = std::exchange(other.lock_fd_, -1);
  last_ = std::move(other.last_);
  last_note_ = std::move(other.last_note_);
  attempted_note_ = std::move(other.attempted_note_);
  return *this;
}

// The lock is on a file of its own: the state file is replaced by renaming, and a lock would stay with the
// old one.
Status Signer::take_lock() {
  std::filesystem::path path = state_file_;
  path += ".lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kStateMode);
  if (lock_fd_ < 0) return system_error("open", path, errno);
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return {};
  int error = errno;
  release_lock();
  if (error == EWOULDBLOCK)
    return Error{ErrorCode::kConflict, "another process signs with this state", path.string()};
  return system_error("lock", path, error);
}

void Signer::release_lock() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
  lock_fd_ = -1;
}

Status Signer::read_state() {
  CIYUAN_TRY(std::string note, read_file(state_file_, kStateBytesMax));
  if (!last_note_.empty() && note == last_note_) return {};
  if (!last_note_.empty() && note != attempted_note_)
    return Error{ErrorCode::kCorrupt,
                 "the signer's state was changed by someone else since it was last written",
                 state_file_.string()};
  Result<Checkpoint> state = open_checkpoint(note, {&key_.verifier(), 1});
  if (!state.ok())
    return Error{
        ErrorCode::kCorrupt,
        "the signer's state is damaged, or was signed with another key (" + state.error().text() + ")",
        state_file_.string()};
  if (state->origin != origin_)
    return Error{ErrorCode::kCorrupt,
                 "the signer's state is of the log \"" + state->origin + "\", not \"" + origin_ + "\"",
                 state_file_.string()};
  // What a failed write left is in the file, and maybe not on the disk: it must be there before it is
  // released.
  if (note == attempted_note_) CIYUAN_TRY_STATUS(write_file_atomically(state_file_, note, kStateMode));
  last_ = std::move(*state);
  last_note_ = std::move(note);
  return {};
}

Result<std::string> Signer::sign(std::uint64_t size, const Hash& root, const ConsistencyProver& prove) {
  CIYUAN_TRY_STATUS(read_state());
  if (size > kTreeSizeMax) return invalid("size", "a tree has at most 2^62 leaves");
  if (size < last_.size) return refused(last_, size, "it is smaller than the last one signed");
  if (size == last_.size) {
    if (root != last_.root) return refused(last_, size, "it has another root, " + to_base64(root));
    return last_note_;
  }
  CIYUAN_TRY(std::vector<Hash> proof, prove(last_.size, size));
  Status consistent = verify_consistency(last_.size, last_.root, size, root, proof);
  if (!consistent.ok())
    return refused(last_, size, "it does not extend the last one signed: " + consistent.error().message);
  Checkpoint next{origin_, size, root, {}};
  CIYUAN_TRY(attempted_note_, sign_note(next.text(), key_));
  CIYUAN_TRY_STATUS(write_file_atomically(state_file_, attempted_note_, kStateMode));
  last_ = std::move(next);
  last_note_ = attempted_note_;
  return last_note_;
}

}  // namespace ciyuan::tlog
