#pragma once

/// What goes wrong in the simulated world: a store and a keys file that fail, and a process that dies, before
/// or after the effect of an operation. Faults that change something are planned one by one, in the order of
/// the operations; reads fail by chance. The auditor reads past all of it.

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "clerk/worker.h"

namespace ciyuan::clerk::sim {

/// Thrown where the process dies; whoever drives the worker catches it and drops the worker.
struct Death {};

enum class Fault { kNone, kFailBefore, kFailAfter, kDieBefore, kDieAfter };

class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random_(seed) {}

  std::deque<Fault> commits, refills;  ///< of the next ones; beyond them all goes well
  int reads_failing_per_mille = 0;     ///< of the store's and the keys' reads, and of reloads
  void clear() {
    commits.clear();
    refills.clear();
    reads_failing_per_mille = 0;
  }

  bool fails_to_read() {
    return reads_failing_per_mille > 0 &&
           random_() % 1000 < static_cast<std::uint64_t>(reads_failing_per_mille);
  }
  static Fault next_of(std::deque<Fault>& plan) {
    if (plan.empty()) return Fault::kNone;
    Fault fault = plan.front();
    plan.pop_front();
    return fault;
  }
  /// Runs the operation with what is planned for it.
  template <class Operation>
  Status run(std::deque<Fault>& plan, const char* name, Operation&& operation) {
    Fault fault = next_of(plan);
    if (fault == Fault::kDieBefore) throw Death();
    if (fault == Fault::kFailBefore) return broken(name);
    Status done = operation();
    if (fault == Fault::kDieAfter) throw Death();
    if (fault == Fault::kFailAfter) return broken(name);
    return done;
  }
  static Error broken(const char* name) {
    return Error{ErrorCode::kUnavailable, std::string(name) + " failed (simulated)", ""};
  }

 private:
  std::mt19937_64 random_;
};

/// A keys file and its pool: what is in the file outlives a process, what is ready to be given does not. A
/// refill is a few keys, so that there are many. One that fails may have left any part of it in the file.
class Keys final : public KeySource {
 public:
  explicit Keys(Faults& faults, std::uint64_t seed) : faults_(faults), random_(seed) {}
  /// A process starts. `used` as for record::KeysFile::open().
  void open(std::uint64_t used);
  /// It ends in an orderly way: what was not given is cut off.
  void close();
  /// As the pool's thread does, whenever it gets to it.
  void refill_ahead();

  Result<record::RecordKey> take() override;
  Result<SecretKey> find(const Id& id, std::optional<std::uint64_t> slot) override;
  std::uint64_t next_slot() const override { return next_; }

  /// For the auditor: what is in the file now. Null: nothing.
  const SecretKey* kept(std::uint64_t slot) const;
  /// Slots that a sync had reached when somebody was told of them.
  std::uint64_t durable_slots() const { return durable_; }
  bool gave_one_twice() const { return gave_one_twice_; }
  std::uint64_t refills() const { return refills_; }
  std::uint64_t failed_refills() const { return failed_refills_; }

 private:
  Status refill();
  SecretKey fresh_key();

  Faults& faults_;
  std::mt19937_64 random_;
  std::vector<std::optional<SecretKey>> file_;
  std::uint64_t next_ = 0;     ///< to be given
  std::uint64_t durable_ = 0;  ///< in the file, and known to be: [next_, durable_) is ready
  std::set<std::uint64_t> given_;
  bool gave_one_twice_ = false;
  std::uint64_t refills_ = 0, failed_refills_ = 0;
};

/// Any store with faults. As a real one, it commits nothing after a failure until it was reloaded.
class FaultyStore final : public store::Store {
 public:
  FaultyStore(std::unique_ptr<store::Store> real, Faults& faults) : real_(std::move(real)), faults_(faults) {}
  store::Store& real() { return *real_; }
  /// Called before each commit, faulty ones included.
  std::function<void(const store::Batch&)> look_at;
  /// SHA-256 over all batches that took effect, and the order they came in.
  const Digest& history() const { return history_; }

  Status commit(const store::Batch& batch) override;
  Status reload() override;
  Result<store::Head> head() override;
  Result<std::vector<store::OpenCall>> open_calls() override;
  Result<std::optional<store::AccountRow>> account(std::string_view name) override;
  Result<std::optional<store::AccountRow>> account(store::AccountNumber number) override;
  Result<std::optional<store::RecordRow>> record(const Id& id) override;
  Result<std::optional<store::EntryRow>> posting(const Id& id) override;
  Result<std::optional<TimePoint>> entry_time(store::EntryNumber number) override;
  Result<std::optional<store::IdempotencyRow>> idempotency(std::string_view key) override;
  Result<Bytes> tile(unsigned level, std::uint64_t index) override;
  Result<std::optional<store::DocumentRow>> document(std::string_view kind, std::string_view name) override;
  Result<std::unique_ptr<store::Reader>> reader() override { return real_->reader(); }

 private:
  std::unique_ptr<store::Store> real_;
  Faults& faults_;
  bool broken_ = false;
  Digest history_{};
};

}  // namespace ciyuan::clerk::sim
