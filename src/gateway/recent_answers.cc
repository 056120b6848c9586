#include "gateway/recent_answers.h"

namespace ciyuan::gateway {

void RecentAnswers::keep(const Id& record, KeptAnswer answer) {
  if (answer.body.size() > kAnswerBytesMax) return;
  std::lock_guard lock(mutex_);
  auto kept = std::make_shared<const KeptAnswer>(std::move(answer));
  if (!answers_.emplace(record, kept).second) return;
  bytes_ += kept->body.size();
  order_.emplace_back(record, std::move(kept));
  while (bytes_ > kBytesMax) {
    bytes_ -= order_.front().second->body.size();
    answers_.erase(order_.front().first);
    order_.pop_front();
  }
}

std::shared_ptr<const KeptAnswer> RecentAnswers::find(const Id& record) const {
  std::lock_guard lock(mutex_);
  auto found = answers_.find(record);
  return found == answers_.end() ? nullptr : found->second;
}

}  // namespace ciyuan::gateway
