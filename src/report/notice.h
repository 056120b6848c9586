#pragma once

/// Notices: that a budget has reached a share of its amount, or is expected to end over it, as papers. One
/// for each budget, month and share, and one forecast a day, whatever restarts lie between: the paper's name
/// says which, and it is looked up before another is made.
///
///   "team/2026-11-01/80"  "team/2026-11-14/forecast"
///
/// A notice is recorded first and sent then, so that it is sent at least once, with the same id and the same
/// words each time. Each attempt is a state of the paper, and so a leaf; their number has a limit.

#include <string>
#include <vector>

#include "base/json.h"
#include "report/period.h"
#include "store/store.h"

namespace ciyuan::report {

enum class NoticeState { kPending, kSent, kGivenUp };
/// "pending", "sent", "given-up"
std::string_view name_of(NoticeState state);

constexpr int kNoticeAttemptsMax = 14;  ///< the last about two days after the first
constexpr Nanoseconds kNoticeRetryFirst = seconds(1);
constexpr Nanoseconds kNoticeRetryMost = seconds(6 * 3600);

/// A budget's paper before it was sent. `about` is the share in percent ("80") or "forecast"; `when` the
/// first day of the month, or the forecast's day; `facts` stand in the message as they are here.
Json make_notice(const Json& budget, const std::string& when, const std::string& about, Json facts,
                 TimePoint now);

/// What is sent: {"type", "timestamp", "data"}. The same text for the same notice.
std::string message_of(const Json& notice);

/// The notice after an attempt that ended at `now`; `problem` empty: it was taken. `for_good`: no further
/// attempt makes sense. The wait doubles twice from one attempt to the next, within kNoticeRetryMost, and is
/// then between half and one and a half of that: `jitter` in [0, 1000).
Json after_attempt(Json notice, TimePoint now, const std::string& problem, bool for_good, unsigned jitter);

bool is_pending(const Json& notice);
/// When the next attempt is due; zero where it is not pending.
TimePoint next_attempt(const Json& notice);

/// All that are pending, in the order of their names.
Result<std::vector<Json>> pending_notices(store::Reader& reader);
/// Of one budget, from this moment's month on.
Result<std::vector<Json>> notices_since(store::Reader& reader, const std::string& budget, TimePoint month);

}  // namespace ciyuan::report
