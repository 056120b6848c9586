#pragma once

/// The clerk without its thread: batches in, durable effects and answers out, and what to do when a commit
/// fails. The Clerk runs one on its thread; the simulator drives one from a seed.
///
///   Worker worker(store, keys, options);
///   CIYUAN_TRY_STATUS(worker.start(now()));          // loads, settles what a crash left open, durable
///   worker.work(batch, answers);                     // the answers may go out: what they say is durable
///
/// One thread at a time.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "clerk/machine.h"

namespace ciyuan::clerk {

struct Queued {
  Command command;
  ReplyTo to;
};

class Worker {
 public:
  /// `store` and `keys` must outlive the worker; `keys` may be null.
  Worker(store::Store& store, KeySource* keys, MachineOptions options);

  /// kConflict: the keys would be given out a second time; they were not opened for what this store names.
  Status start(TimePoint at);

  /// Applies the commands, in order, as one batch, and appends the answers: to these commands, and to earlier
  /// ones that had waited. Where the batch cannot be made durable, all of them are Error kUnavailable,
  /// trouble() says why, and the next batch begins from what the store then holds.
  void work(std::vector<Queued>& batch, std::vector<Answer>& answers);
  /// Takes waiting opens out; whom to tell.
  std::vector<ReplyTo> drop_waiting();

  /// Empty until a commit fails, and from the next one on that works: while there is trouble, a batch without
  /// effects is committed too, to find out. The keys' trouble is told here too.
  const std::string& trouble() const { return trouble_; }
  /// Null after a failed commit, until the store can be read again.
  const StateMachine* machine() const { return machine_.get(); }
  std::uint64_t batches() const { return batches_; }
  std::uint64_t commit_failures() const { return commit_failures_; }
  std::uint64_t interrupted() const { return interrupted_before_ + (machine_ ? machine_->interrupted() : 0); }
  std::uint64_t commit_ns() const { return commit_ns_; }
  std::uint64_t commit_cpu_ns() const { return commit_cpu_ns_; }

 private:
  Status load();
  Status commit();
  void void_orphans();
  void fail(const Error& error, std::size_t first_answer, std::vector<Answer>& answers);

  store::Store& store_;
  KeySource* keys_;
  MachineOptions options_;
  std::unique_ptr<StateMachine> machine_;
  std::vector<Id> orphans_;  ///< opens of failed batches: their callers were told that they are not open
  std::string trouble_;
  std::uint64_t batches_ = 0, commit_failures_ = 0, interrupted_before_ = 0, commit_ns_ = 0,
                commit_cpu_ns_ = 0;
};

}  // namespace ciyuan::clerk
