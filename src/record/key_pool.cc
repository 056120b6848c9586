#include "record/key_pool.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include <chrono>
#include <vector>

#include "base/check.h"

namespace ciyuan::record {
namespace {

constexpr std::chrono::milliseconds kRetryEvery{200};

void cleanse(SecretKey& key) { OPENSSL_cleanse(key.data(), key.size()); }

}  // namespace

KeyPool::KeyPool(KeysFile& file) : file_(file), thread_([this] { run(); }) {}

KeyPool::~KeyPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  for (SecretKey& key : ready_) cleanse(key);
  // What is left of it, if it fails, is burnt.
  if (begun_) (void)file_.cut_off(next_);
}

Result<RecordKey> KeyPool::take() {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (!ready_.empty()) {
        RecordKey key{ready_.front(), next_};
        cleanse(ready_.front());
        ready_.pop_front();
        ++next_;
        if (ready_.size() < kLow && !wanted_) {
          wanted_ = true;
          wake_.notify_one();
        }
        return key;
      }
      if (!trouble_.empty()) return Error{ErrorCode::kUnavailable, "no record key: " + trouble_, ""};
    }
    CIYUAN_TRY_STATUS(refill());
  }
}

std::string KeyPool::trouble() const {
  std::lock_guard lock(mutex_);
  return ready_.empty() ? trouble_ : "";
}

Status KeyPool::refill() {
  std::lock_guard writing(writing_);
  {
    std::lock_guard lock(mutex_);
    if (ready_.size() >= kLow) return {};  // the other thread did it
  }
  std::vector<SecretKey> keys(kRefill);
  random_bytes({keys.front().data(), keys.size() * sizeof(SecretKey)});
  Result<std::uint64_t> first = file_.append(keys);
  {
    std::lock_guard lock(mutex_);
    if (first.ok()) {
      CIYUAN_CHECK(ready_.empty() || *first == next_ + ready_.size(), "nobody else appends to the keys file");
      if (ready_.empty()) next_ = *first;
      ready_.insert(ready_.end(), keys.begin(), keys.end());
      begun_ = true;
      trouble_.clear();
    } else {
      trouble_ = first.error().text();
      wanted_ = true;
      wake_.notify_one();
    }
  }
  for (SecretKey& key : keys) cleanse(key);
  if (!first.ok()) return first.error();
  return {};
}

void KeyPool::run() {
  pthread_setname_np(pthread_self(), "keys");
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    if (!trouble_.empty()) {
      wake_.wait_for(lock, kRetryEvery, [this] { return stopping_; });
      if (stopping_) return;
    }
    wanted_ = false;
    lock.unlock();
    (void)refill();  // which asks for another try, if it fails
    lock.lock();
  }
}

}  // namespace ciyuan::record
