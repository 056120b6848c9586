#pragma once

/// Keys that are durable before anybody asks for them, so that a call's commit has nothing to wait for but
/// itself. The pool writes kRefill fresh keys behind the file's last with one sync, on a thread of its own,
/// whenever fewer than kLow are left; where the calls outrun it, take() waits for that one sync.
///
///   KeyPool pool(keys);
///   CIYUAN_TRY(RecordKey key, pool.take());     // nobody else was given it, or ever will be
///
/// A key that is taken and not used is burnt: 64 bytes of the file. The destructor cuts off what was not
/// taken; a crash leaves it, burnt as well. Nothing is written before the first take().
///
/// take(): one thread at a time; trouble(): any. The pool is the only one to append to its file.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "record/keys_file.h"

namespace ciyuan::record {

class KeyPool {
 public:
  static constexpr std::size_t kRefill = 4096;  // 256 KiB in the file, 128 KiB in memory
  static constexpr std::size_t kLow = 2048;     // a fifth of a second's calls, and ten slow syncs

  /// `file` must outlive the pool.
  explicit KeyPool(KeysFile& file);
  ~KeyPool();
  KeyPool(const KeyPool&) = delete;
  KeyPool& operator=(const KeyPool&) = delete;

  /// kUnavailable: there is none left, and no more can be written. After a failure that is said at once, and
  /// tried again in the background.
  Result<RecordKey> take();
  /// Why there is no key to take; empty where there is, or will be.
  std::string trouble() const;

 private:
  Status refill();
  void run();

  KeysFile& file_;
  std::mutex writing_;        ///< one refill at a time; locked before the other
  mutable std::mutex mutex_;  ///< guards what follows; never held while the disk is waited for
  std::condition_variable wake_;
  std::deque<SecretKey> ready_;
  std::uint64_t next_ = 0;  ///< slot of the first one
  std::string trouble_;     ///< of the last refill
  bool begun_ = false, wanted_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace ciyuan::record
