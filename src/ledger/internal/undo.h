#pragma once

/// What a Linked needs to take everything back: each account, hold and place of the ring of finished ids as
/// it was before a change, in the order of the changes.

#include "ledger/ledger.h"

namespace ciyuan::ledger {

struct Ledger::Undo {
  /// An account without its name and unit, which never change.
  struct Sums {
    AccountIndex account;
    bool may_overdraw = false, closed = false;
    Amount credit_limit;
    Amount debits_posted, credits_posted, debits_pending, credits_pending, funded, granted;
  };
  /// A finished id, and the older one that it made the ledger forget.
  struct Remembered {
    Id id;
    std::optional<std::pair<Id, Finished>> instead_of;
    std::vector<Line> balanced;  ///< of that one
  };
  std::vector<Sums> accounts;
  std::vector<AccountIndex> opened;
  std::vector<std::pair<Id, std::optional<Hold>>> holds;
  std::vector<Remembered> remembered;
};

}  // namespace ciyuan::ledger
