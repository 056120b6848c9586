#pragma once

/// A store in memory with the faults of a real one, for tests and simulations: a commit can fail before its
/// effect (nothing is stored, an error comes back) or after it (all is stored, an error comes back all the
/// same).
///
///   MemoryStore store;
///   store.fail_next(Fault::kAfterEffect);
///   store.commit(batch);        // Error kUnavailable, though the batch is there
///   store.reload();             // as after a failed sync
///
/// Crashing is destroying the clerk and starting a new one on the same MemoryStore. Readers may be used from
/// other threads; a lock inside.

#include <map>
#include <memory>
#include <mutex>

#include "store/store.h"

namespace ciyuan::store {

enum class Fault { kNone, kBeforeEffect, kAfterEffect };

class MemoryStore final : public Store {
 public:
  MemoryStore();
  ~MemoryStore() override;

  /// What the next commit does.
  void fail_next(Fault fault) { fault_ = fault; }
  /// While true, commits fail before their effect and reloads fail: the disk is gone.
  void set_unavailable(bool unavailable) { unavailable_ = unavailable; }

  Status commit(const Batch& batch) override;
  Status reload() override;
  Result<Head> head() override;
  Result<std::vector<OpenCall>> open_calls() override;
  Result<std::optional<AccountRow>> account(std::string_view name) override;
  Result<std::optional<AccountRow>> account(AccountNumber number) override;
  Result<std::optional<RecordRow>> record(const Id& id) override;
  Result<std::optional<EntryRow>> posting(const Id& id) override;
  Result<std::optional<TimePoint>> entry_time(EntryNumber number) override;
  Result<std::optional<IdempotencyRow>> idempotency(std::string_view key) override;
  Result<Bytes> tile(unsigned level, std::uint64_t index) override;
  Result<std::optional<DocumentRow>> document(std::string_view kind, std::string_view name) override;
  Result<std::unique_ptr<Reader>> reader() override;

  struct Data;

 private:
  std::shared_ptr<Data> data_;
  std::unique_ptr<Reader> lookups_;
  Fault fault_ = Fault::kNone;
  bool unavailable_ = false;
  bool broken_ = false;
};

}  // namespace ciyuan::store
