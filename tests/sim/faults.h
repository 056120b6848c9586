#pragma once

/// What goes wrong in the simulated world: a store and a keys file that fail, and a process that dies, before
/// or after the effect of an operation. Faults that change something are planned one by one, in the order of
/// the operations; reads fail by chance. The auditor reads past all of it.

#include <deque>
#include <map>
#include <memory>
#include <random>

#include "clerk/worker.h"

namespace ciyuan::clerk::sim {

/// Thrown where the process dies; whoever drives the worker catches it and drops the worker.
struct Death {};

enum class Fault { kNone, kFailBefore, kFailAfter, kDieBefore, kDieAfter };

class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random_(seed) {}

  std::deque<Fault> commits, keeps;  ///< of the next ones; beyond them all goes well
  int reads_failing_per_mille = 0;   ///< of the store's and the keys' reads, and of reloads
  void clear() {
    commits.clear();
    keeps.clear();
    reads_failing_per_mille = 0;
  }

  bool fails_to_read() {
    return reads_failing_per_mille > 0 &&
           random_() % 1000 < static_cast<std::uint64_t>(reads_failing_per_mille);
  }
  /// Runs the operation with what is planned for it.
  template <class Operation>
  Status run(std::deque<Fault>& plan, const char* name, Operation&& operation) {
    Fault fault = Fault::kNone;
    if (!plan.empty()) {
      fault = plan.front();
      plan.pop_front();
    }
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

/// Keys in memory.
class Keys final : public KeyKeeper {
 public:
  explicit Keys(Faults& faults) : faults_(faults) {}
  Result<SecretKey> find(const Id& id) override;
  Status keep(std::span<const record::KeyRow> rows) override;
  const SecretKey* kept(const Id& id) const;

 private:
  Faults& faults_;
  std::map<Id, SecretKey> keys_;
};

/// Any store with faults. As a real one, it commits nothing after a failure until it was reloaded.
class FaultyStore final : public store::Store {
 public:
  FaultyStore(std::unique_ptr<store::Store> real, Faults& faults) : real_(std::move(real)), faults_(faults) {}
  store::Store& real() { return *real_; }
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
