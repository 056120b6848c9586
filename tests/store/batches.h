#pragma once

/// Batches for tests of stores, small but with something in every table.

#include <filesystem>
#include <string>

#include "store/memory_store.h"
#include "store/store.h"

namespace ciyuan::store::testing {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/ciyuan-store-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline Id id_of(std::uint64_t n) { return id_from_content("id " + std::to_string(n)); }
inline TimePoint time_of(std::uint64_t n) {
  return TimePoint{1'800'000'000'000'000'000 + static_cast<std::int64_t>(n) * 1'000'000'000};
}

/// Makes batches that follow each other; each has `records` records with their leaves.
class Maker {
 public:
  Batch next(std::uint64_t records) {
    Batch batch;
    batch.number = ++number_;
    for (std::uint64_t i = 0; i < records; ++i) add_record(batch);
    batch.at = time_of(tree_.size());
    batch.tiles = tree_.take_changes();
    batch.log_size = tree_.size();
    batch.log_root = tree_.root();
    batch.opened_max = number_;
    return batch;
  }

  tlog::TreeWriter& tree() { return tree_; }

  void add_record(Batch& batch) {
    std::uint64_t leaf = tree_.size();
    std::string entry = "entry " + std::to_string(leaf);
    tree_.append(tlog::leaf_hash(bytes_of(entry)));
    batch.log_entries.push_back({leaf, entry});
    batch.records.push_back({leaf, id_of(leaf), time_of(leaf), "contract" + std::to_string(leaf % 2),
                             "key" + std::to_string(leaf % 3), "session" + std::to_string(leaf % 10),
                             "{\"n\":" + std::to_string(leaf) + "}"});
    // Two accounts, and between them one entry for each record.
    EntryRow row{.number = ++entries_,
                 .kind = EntryKind::kCharge,
                 .id = id_of(leaf),
                 .at = time_of(leaf),
                 .leaf = leaf};
    Amount amount(static_cast<Int128>(leaf + 1) << (leaf % 3 == 0 ? 70 : 3));  // some beyond 64 bits
    spent_ += amount;
    row.lines = {{1, -amount, -spent_, entries_ - 1}, {2, amount, spent_, entries_ - 1}};
    batch.entries.push_back(row);
    AccountRow from{.number = 1,
                    .name = "cap/a",
                    .unit = "CIYUAN",
                    .scale = 6,
                    .may_overdraw = true,
                    .debits_posted = spent_,
                    .last_entry = entries_};
    AccountRow to{.number = 2,
                  .name = "cap/b",
                  .unit = "CIYUAN",
                  .scale = 6,
                  .credits_posted = spent_,
                  .funded = Amount(7),
                  .last_entry = entries_,
                  .granted = Amount(7)};
    batch.accounts = {from, to};
  }

 private:
  std::uint64_t number_ = 0;
  EntryNumber entries_ = 0;
  Amount spent_;
  tlog::TreeWriter tree_;
};

}  // namespace ciyuan::store::testing
