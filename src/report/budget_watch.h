#pragma once

/// Watches the budgets that name a channel: which shares were reached, which month is expected to end over
/// its amount. What it gives are notices to be recorded (notice.h).
///
/// It keeps each budget's sum of the month and adds what is new in the log, so that a look costs what was
/// called since the last one; the first one after a start, a new month or a changed budget reads the month.
/// Corrections count as in every report: the sum is what `budget_state` says (the tests compare them). The
/// forecast reads eight weeks, and is therefore made once an hour for a budget.
///
/// One thread at a time.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "report/period.h"
#include "store/store.h"

namespace ciyuan::report {

class BudgetWatch {
 public:
  /// Notices that are due and not recorded yet: shares, in the order of the budgets' names and from the
  /// lowest up, then forecasts. What was given and not recorded is given again.
  Result<std::vector<Json>> look(store::Reader& reader, TimePoint now);

 private:
  struct Watched {
    Json budget;
    std::string unit;
    int scale = 0, offset_minutes = 0;
    Amount amount, spent;
    TimePoint month_start, month_end;
    TimePoint forecast_next;
  };
  Status look_at_shares(store::Reader& reader, TimePoint now, std::vector<Json>& due);
  Status follow(store::Reader& reader, TimePoint now);
  Status read_new(store::Reader& reader);
  Status take_shares(store::Reader& reader, const Watched& one, TimePoint now, std::vector<Json>& due);
  Status take_forecast(store::Reader& reader, Watched& one, TimePoint now, std::vector<Json>& due);
  Result<bool> is_recorded(store::Reader& reader, const std::string& name);

  std::string followed_;  ///< the budgets and months that the sums are of
  std::vector<Watched> watched_;
  std::optional<std::uint64_t> seen_leaf_;  ///< the youngest that is in the sums
  std::uint64_t log_size_ = 0;              ///< as it was read last
  std::set<std::string> recorded_;          ///< of the months followed
};

}  // namespace ciyuan::report
