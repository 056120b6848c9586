#include "contract/internal/caps.h"

namespace ciyuan::contract {
namespace {

template <class Enum, std::size_t N>
Enum choice(const Json& clause, const char* field, const std::string_view (&names)[N], Enum fallback) {
  auto found = clause.find(field);
  if (found == clause.end()) return fallback;
  for (std::size_t i = 0; i < N; ++i)
    if (*found == names[i]) return static_cast<Enum>(i);
  return fallback;
}

constexpr std::string_view kPerNames[] = {"request", "session", "key", "contract", "model"};
constexpr std::string_view kWindowNames[] = {"request", "session", "minute", "hour",
                                             "day",     "month",   "term",   "prepaid"};
constexpr std::string_view kOnNames[] = {"total", "input", "output", "reasoning"};

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

bool is_calendar(CapWindow window) { return window >= CapWindow::kMinute && window <= CapWindow::kMonth; }

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

void check_combination(const CapPlan& cap, const Json& clause, std::vector<Fault>& faults) {
  bool prepaid = cap.window == CapWindow::kPrepaid;
  auto per = clause["per"].get<std::string>(), window = clause["window"].get<std::string>();
  if ((cap.per == CapPer::kRequest) != (cap.window == CapWindow::kRequest))
    faults.push_back({"/window", "\"" + window + "\" with per \"" + per +
                                     "\": per request and window request go together"});
  if (cap.window == CapWindow::kSession && cap.per != CapPer::kSession)
    faults.push_back({"/window", "\"session\" needs per \"session\", not \"" + per + "\""});
  if (prepaid && cap.per != CapPer::kContract && cap.per != CapPer::kKey)
    faults.push_back({"/per", "\"" + per + "\": a prepaid balance is per contract or per key"});
  if (prepaid && clause.contains("limit"))
    faults.push_back(
        {"/limit", shown(clause["limit"]) + ": a prepaid balance has no limit but what is deposited"});
  // Charging it is what pays for the call: a kind that it does not count would be free.
  if (prepaid && cap.unit_kind == CapUnit::kMoney && cap.on != CapOn::kTotal)
    faults.push_back({"/on", shown(clause["on"]) + ": a prepaid balance in money pays for the whole call"});
  if (!prepaid && !clause.contains("limit")) faults.push_back({"", "the field limit is missing"});
  if (cap.unit_kind == CapUnit::kRequest) {
    if (clause.contains("on"))
      faults.push_back({"/on", shown(clause["on"]) + ": requests have no kinds of token"});
    if (cap.per == CapPer::kRequest)
      faults.push_back({"/per", "\"request\": a request is always one request"});
    if (clause.value("action", "deny") == "cut")
      faults.push_back({"/action", "\"cut\": a request cannot be cut short; a cap on requests says deny"});
  } else if (clause.value("action", "cut") == "deny") {
    faults.push_back(
        {"/action",
         "\"deny\": the length of an answer is not known when it begins; a cap on tokens or money says cut"});
  }
  if (clause.contains("utc_offset_minutes") && !is_calendar(cap.window))
    faults.push_back({"/utc_offset_minutes", "means nothing for the window \"" + window + "\""});
}

// The unit's check against the contract, and the limit at the unit's scale.
void take_unit(CapPlan& cap, const Json& clause, const ContractPlan& contract, std::vector<Fault>& faults) {
  std::string unit = clause["unit"].get<std::string>();
  if (unit == "ciyuan") {
    cap.unit_kind = CapUnit::kCiyuan;
    cap.unit = "CIYUAN";
  } else if (unit == "request") {
    cap.unit_kind = CapUnit::kRequest;
    cap.unit = "REQUEST";
  } else {
    cap.unit_kind = CapUnit::kMoney;
    cap.unit = unit;
    if (contract.price_book_name.empty())
      faults.push_back({"/unit", "\"" + unit + "\": a cap in money needs a price book in the contract"});
    else if (contract.book != nullptr && contract.book->currency() != unit)
      faults.push_back({"/unit", "\"" + unit + "\" is not the currency of the price book " +
                                     contract.price_book_name + ", " + contract.book->currency()});
  }
  if (!clause.contains("limit")) return;
  Result<Amount> funds = price::decimal_of(clause["limit"], scale_of_unit(cap.unit));
  if (!funds.ok()) {
    faults.push_back({"/limit", funds.error().message});
  } else {
    cap.funds = *funds;
    if (cap.funds <= Amount())
      faults.push_back(
          {"/limit", shown(clause["limit"]) + " is not above zero; to stop calls, disable the key"});
  }
}

}  // namespace

std::optional<CapPlan> compile_cap(const Json& clause, const ContractPlan& contract, std::string_view key,
                                   std::vector<Fault>& faults) {
  std::size_t before = faults.size();
  CapPlan cap;
  cap.clause = clause["id"].get<std::string>();
  cap.per = choice(clause, "per", kPerNames, CapPer::kContract);
  cap.window = choice(clause, "window", kWindowNames, CapWindow::kTerm);
  cap.on = choice(clause, "on", kOnNames, CapOn::kTotal);
  cap.utc_offset_minutes = clause.value("utc_offset_minutes", 0);
  take_unit(cap, clause, contract, faults);
  check_combination(cap, clause, faults);
  if (!key.empty() && cap.per == CapPer::kContract)
    faults.push_back({"/per", "\"contract\": a key's own cap cannot be for the whole contract"});
  // The unit is a part of the name: an account counts one unit for ever, and a clause may change its own.
  cap.account = (cap.window == CapWindow::kPrepaid ? "prepaid/" : "cap/") + contract.name + "/" + cap.clause +
                "/" + cap.unit;
  if (!key.empty()) cap.account += "/key=" + std::string(key);
  // Money paid from a balance is the provider's; what any other cap counts is only counted.
  cap.sink = is_prepaid_money(cap) ? "revenue/" + contract.provider + "/" + cap.unit
                                   : "used/" + contract.name + "/" + cap.clause + "/" + cap.unit;
  if (cap.window == CapWindow::kTerm) {
    // A renewed contract begins a new term: a new account.
    cap.account += "/" + to_rfc3339(contract.from);
    cap.window_end = contract.until;
  }
  if (faults.size() != before) return std::nullopt;
  return cap;
}

bool is_prepaid_money(const CapPlan& cap) {
  return cap.window == CapWindow::kPrepaid && cap.unit_kind == CapUnit::kMoney;
}

std::string account_of_key(const CapPlan& cap, std::string_view key) {
  // A key's own cap carries the name already.
  if (cap.account.find("/key=") != cap.account.npos) return cap.account;
  return std::string(cap.account).append("/key=").append(key);
}

std::vector<std::string> cap_warnings(const std::vector<CapPlan>& caps) {
  std::vector<std::string> warnings;
  for (const CapPlan& narrow : caps)
    for (const CapPlan& wide : caps) {
      bool comparable =
          narrow.unit == wide.unit && narrow.on == wide.on && wide.window != CapWindow::kPrepaid;
      bool same_scope = narrow.per == wide.per && narrow.window < wide.window;
      bool wider_scope =
          wide.per == CapPer::kContract && narrow.per < CapPer::kContract && wide.window == CapWindow::kTerm;
      if (comparable && (same_scope || wider_scope) && narrow.funds > wide.funds)
        warnings.push_back("clause " + narrow.clause + " can never be reached: clause " + wide.clause +
                           " is met first");
    }
  return warnings;
}

Limit limit_of(const CapPlan& cap, const CallRates& rates, const Call& call, std::string_view model,
               std::string_view session) {
  Limit limit;
  limit.clause = cap.clause;
  limit.unit = cap.unit;
  limit.sink = cap.sink;
  limit.funds = cap.funds;
  limit.window_end = cap.window_end;
  limit.account.reserve(cap.account.size() + session.size() + model.size() + 64);
  limit.account = cap.account;
  switch (cap.per) {
    case CapPer::kContract:
      break;
    case CapPer::kModel:
      limit.account.append("/model=").append(model);
      break;
    case CapPer::kSession:
      limit.account.append("/session=").append(session);
      break;
    case CapPer::kRequest:
      limit.account.append("/request=").append(call.request_id.text());
      break;
    case CapPer::kKey:
      limit.account = account_of_key(cap, call.key->name);
      break;
  }
  if (is_calendar(cap.window)) {
    WindowEdges edges = window_of(call.at, calendar_of(cap.window), cap.utc_offset_minutes);
    limit.account.append("/").append(moment_text(edges.start, cap.window));
    limit.window_end = edges.end;
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

}  // namespace ciyuan::contract
