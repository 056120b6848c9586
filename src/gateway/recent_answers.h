#pragma once

/// Answers kept for a short while, in memory only, so that a client that repeats a call with its
/// Idempotency-Key gets the same bytes. Nothing is kept for calls without one, and nothing is ever written to
/// disk.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/id.h"

namespace ciyuan::gateway {

struct KeptAnswer {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};

/// Any thread.
class RecentAnswers {
 public:
  static constexpr std::size_t kBytesMax = 64 << 20;
  static constexpr std::size_t kAnswerBytesMax = 4 << 20;

  void keep(const Id& record, KeptAnswer answer);
  std::shared_ptr<const KeptAnswer> find(const Id& record) const;

 private:
  mutable std::mutex mutex_;
  std::list<std::pair<Id, std::shared_ptr<const KeptAnswer>>> order_;  // oldest first
  std::unordered_map<Id, std::shared_ptr<const KeptAnswer>> answers_;
  std::size_t bytes_ = 0;
};

}  // namespace ciyuan::gateway
