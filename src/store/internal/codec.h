#pragma once

/// Compact bytes for the journal's lines and for open calls: variable-length integers (7 bits a byte, low
/// first; signed ones zigzag).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/rows.h"

namespace ciyuan::store::internal {

std::string encode_lines(EntryNumber entry, const std::vector<EntryLine>& lines);
/// kCorrupt where the bytes are not what encode_lines made.
Result<std::vector<EntryLine>> decode_lines(EntryNumber entry, std::string_view bytes);

/// An account's lines are a chain from the newest to the oldest. To come into the middle of a long one, a few
/// of its lines are milestones, which have a row in a table of their own: one in kMilestoneLines, chosen by a
/// hash, so that it can be said of each line by itself, and short chains have hardly any.
constexpr std::uint64_t kMilestoneLines = 128;
constexpr bool is_milestone(AccountNumber account, EntryNumber entry) {
  std::uint64_t hash = entry * 0x9E3779B97F4A7C15 ^ account * 0xD1B54A32D192ED03;
  hash = (hash ^ hash >> 32) * 0xBF58476D1CE4E5B9;
  return (hash ^ hash >> 29) % kMilestoneLines == 0;
}

/// What of an account its entries and commands change. The states of kBlockAccounts neighbours, by number,
/// are one row: a batch that touches most accounts of a busy ledger then changes a row for all of them, where
/// a row for each would cost half of what a batch costs; and a database page is written whole either way.
struct AccountState {
  bool may_overdraw = false, closed = false;
  Amount debits_posted, credits_posted, funded, granted, credit_limit;
  EntryNumber last_entry = 0;

  static AccountState of(const AccountRow& row);
  void put_into(AccountRow& row) const;
};
constexpr AccountNumber kBlockAccounts = 32;
constexpr AccountNumber block_of(AccountNumber number) { return number / kBlockAccounts; }

/// The states of a block's accounts, from its first number on; those at its end may be missing.
std::string encode_states(const std::vector<AccountState>& states);
/// kCorrupt where the bytes are not what encode_states made.
Result<std::vector<AccountState>> decode_states(AccountNumber block, std::string_view bytes);

/// The calls that one batch opened, at least one, in the order of their numbers.
std::string encode_calls(const std::vector<OpenCallRow>& calls);
/// kCorrupt where the bytes are not what encode_calls made.
Result<std::vector<OpenCallRow>> decode_calls(std::uint64_t first, std::string_view bytes);

}  // namespace ciyuan::store::internal
