/// Caps and rates of a call: whose account it is in, and what a token costs there.

#include "contract/internal/caps.h"

namespace ciyuan::contract {
namespace {

bool counts(CapOn on, Kind kind) {
  switch (on) {
    case CapOn::kTotal:
      return true;
    case CapOn::kInput:
      return !is_generated(kind);
    case CapOn::kOutput:
      return is_generated(kind);
    case CapOn::kReasoning:
      return kind == Kind::kReasoning;
  }
  return true;
}

Window calendar_of(CapWindow window) {
  switch (window) {
    case CapWindow::kMinute:
      return Window::kMinute;
    case CapWindow::kHour:
      return Window::kHour;
    case CapWindow::kDay:
      return Window::kDay;
    default:
      return Window::kMonth;
  }
}

// "2026-11-23T08:15:00Z". Calls in one window share the text: the last one of each thread is kept.
std::string_view moment_text(TimePoint time, CapWindow window) {
  struct Last {
    TimePoint time{-1};
    std::string text;
  };
  thread_local Last kept[8];
  Last& last = kept[static_cast<std::size_t>(window) & 7];
  if (last.time != time) last = {time, to_rfc3339(time)};
  return last.text;
}

}  // namespace

bool is_calendar(CapWindow window) { return window >= CapWindow::kMinute && window <= CapWindow::kMonth; }

Limit limit_of(const CapPlan& cap, const CallRates& rates, const Call& call, const Whom& whom) {
  Limit limit;
  limit.clause = cap.clause;
  limit.unit = cap.unit;
  limit.sink = cap.sink;
  limit.funds = cap.funds;
  limit.window_end = cap.window_end;
  limit.account.reserve(cap.account.size() + whom.session.size() + whom.model.size() + 64);
  limit.account = cap.account;
  auto of = [&](std::string_view name, std::string_view value) {
    limit.account.append("/").append(name).append("=").append(value);
  };
  switch (cap.per) {
    case CapPer::kContract:
      break;
    case CapPer::kModel:
      of("model", whom.model);
      break;
    case CapPer::kSession:
      of("session", whom.session);
      break;
    case CapPer::kRequest:
      of("request", call.request_id.text());
      break;
    case CapPer::kKey:
      limit.account = account_of_key(cap, whom.key);
      break;
    case CapPer::kUser:
      of("user", whom.user);
      break;
    case CapPer::kAgent:
      of("agent", whom.agent);
      break;
    case CapPer::kTenant:
      of("tenant", whom.tenant);
      break;
    case CapPer::kRegion:
      of("region", whom.region);
      break;
  }
  if (is_calendar(cap.window)) {
    WindowEdges edges = window_of(call.at, calendar_of(cap.window), cap.utc_offset_minutes);
    limit.account.append("/").append(moment_text(edges.start, cap.window));
    limit.window_end = edges.end;
  }
  limit.may_overdraw = cap.warns_only;
  limit.warn_percent = cap.warn_percent;
  limit.is_returned = cap.window == CapWindow::kRunning;
  if (cap.window == CapWindow::kRolling || cap.window == CapWindow::kDrip) {
    limit.renewal = cap.window == CapWindow::kDrip ? Renewal::kDrips : Renewal::kAges;
    limit.period = cap.period;
    limit.drip = cap.drip;
  }
  switch (cap.unit_kind) {
    case CapUnit::kRequest:
      limit.per_request = Amount(1);
      break;
    case CapUnit::kCiyuan:
      for (Kind kind : kAllKinds)
        if (counts(cap.on, kind)) limit.per_token[index_of(kind)] = (*rates.ciyuan_per_token)[index_of(kind)];
      break;
    case CapUnit::kMoney:
      if (rates.money == nullptr) break;  // resolve() refuses before this matters
      for (Kind kind : kAllKinds)
        if (counts(cap.on, kind)) limit.per_token[index_of(kind)] = rates.money->per_token[index_of(kind)];
      if (cap.on == CapOn::kTotal) limit.per_request = rates.money->per_request;
      break;
  }
  return limit;
}

Status add_limits(const std::vector<CapPlan>& caps, const CallRates& rates, const Call& call,
                  const Whom& whom, std::vector<Limit>& limits) {
  for (const CapPlan& cap : caps) {
    const auto [name, value] = cap.per == CapPer::kUser     ? std::pair("user", whom.user)
                               : cap.per == CapPer::kAgent  ? std::pair("agent", whom.agent)
                               : cap.per == CapPer::kTenant ? std::pair("tenant", whom.tenant)
                                                            : std::pair("", std::string_view("-"));
    if (value.empty())
      return invalid(name, "the clause " + cap.clause + " counts per " + name + ", and the call names none");
    if (cap.per != CapPer::kAgent) {
      limits.push_back(limit_of(cap, rates, call, whom));
      continue;
    }
    for (std::size_t end = 0; end != value.npos;) {
      end = value.find('/', end + 1);
      Whom one = whom;
      one.agent = value.substr(0, end);
      limits.push_back(limit_of(cap, rates, call, one));
    }
  }
  return {};
}

}  // namespace ciyuan::contract
