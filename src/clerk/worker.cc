#include "clerk/worker.h"

#include <ctime>

namespace ciyuan::clerk {
namespace {

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

Worker::Worker(store::Store& store, KeySource* keys, MachineOptions options)
    : store_(store), keys_(keys), options_(std::move(options)) {}

Status Worker::load() {
  auto fresh = std::make_unique<StateMachine>(store_, keys_, options_);
  CIYUAN_TRY_STATUS(fresh->load());
  machine_ = std::move(fresh);
  return {};
}

Status Worker::start(TimePoint at) {
  CIYUAN_TRY(store::Head head, store_.head());
  if (keys_ != nullptr && keys_->next_slot() < head.key_slots)
    return Error{ErrorCode::kConflict,
                 "the keys' file begins at slot " + std::to_string(keys_->next_slot()) +
                     ", and the store names slots up to " + std::to_string(head.key_slots - 1),
                 ""};
  CIYUAN_TRY_STATUS(load());
  machine_->settle_interrupted(at);
  return commit();
}

Status Worker::commit() {
  const store::Batch& batch = machine_->take_batch();
  if (batch.empty() && trouble_.empty()) {
    machine_->skip_batch();
    return {};
  }
  std::uint64_t begin = clock_ns(CLOCK_MONOTONIC), begin_cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  CIYUAN_TRY_STATUS(store_.commit(batch));
  commit_ns_ += clock_ns(CLOCK_MONOTONIC) - begin;
  commit_cpu_ns_ += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_cpu;
  ++batches_;
  machine_->committed();
  return {};
}

void Worker::work(std::vector<Queued>& batch, std::vector<Answer>& answers) {
  const std::size_t first_answer = answers.size();
  if (machine_ == nullptr) {
    Status recovered = store_.reload();
    if (recovered.ok()) recovered = load();
    if (!recovered.ok()) {
      for (const Queued& queued : batch) answers.push_back({queued.to, Done{}});
      return fail(recovered.error(), first_answer, answers);
    }
  }
  for (const Id& id : orphans_) machine_->abandon(id, machine_->time());
  for (Queued& queued : batch) machine_->apply(std::move(queued.command), queued.to, answers);
  if (Status done = commit(); !done.ok()) {
    // They may be in the store all the same, and nobody would ever close them.
    for (const Id& id : machine_->opened_since_commit()) orphans_.push_back(id);
    fail(done.error(), first_answer, answers);
    return void_orphans();
  }
  orphans_.clear();
  trouble_ = keys_ == nullptr ? "" : keys_->trouble();
}

// Before the callers hear that their calls are not open, it is made true if it can be: were the process to
// end in between, the next start would find the calls and bill their prompts. Where the store does not work
// yet, the next batch does it.
void Worker::void_orphans() {
  if (orphans_.empty() || !store_.reload().ok() || !load().ok()) return;
  for (const Id& id : orphans_) machine_->abandon(id, machine_->time());
  if (commit().ok()) {
    orphans_.clear();
  } else {
    ++commit_failures_;
    machine_.reset();
  }
}

void Worker::fail(const Error& error, std::size_t first_answer, std::vector<Answer>& answers) {
  ++commit_failures_;
  trouble_ = "nothing can be committed: " + error.text();
  Error unavailable{ErrorCode::kUnavailable, "could not be made durable: " + error.message, error.path};
  for (std::size_t i = first_answer; i < answers.size(); ++i) answers[i].reply = unavailable;
  for (ReplyTo to : drop_waiting()) answers.push_back({to, unavailable});
  if (machine_ == nullptr) return;
  interrupted_before_ += machine_->interrupted();
  machine_.reset();
}

std::vector<ReplyTo> Worker::drop_waiting() {
  return machine_ == nullptr ? std::vector<ReplyTo>() : machine_->drop_waiting();
}

}  // namespace ciyuan::clerk
