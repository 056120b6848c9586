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

constexpr std::string_view kPerNames[] = {"request", "session", "key",    "contract", "model",
                                          "user",    "agent",   "tenant", "region"};
constexpr std::string_view kWindowNames[] = {"request", "session", "minute",  "hour",    "day",
                                             "month",   "term",    "prepaid", "rolling", "running"};
constexpr std::string_view kEveryNames[] = {"second", "minute", "hour", "day"};
constexpr std::int64_t kEverySeconds[] = {1, 60, 3600, 86400};
constexpr std::string_view kOnNames[] = {"total", "input", "output", "reasoning"};

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
  if ((cap.window == CapWindow::kRolling) != clause.contains("period_minutes"))
    faults.push_back({"/period_minutes", "says how long a rolling window is, and belongs to one"});
  if (cap.window == CapWindow::kRunning && cap.unit_kind != CapUnit::kRequest)
    faults.push_back({"/window", "\"running\": only requests are counted while they run"});
  if (cap.window == CapWindow::kRunning && cap.warns_only)
    faults.push_back({"/action", "\"warn\": what runs at one time is refused or not"});
  if (prepaid && (cap.warns_only || clause.contains("warn_percent")))
    faults.push_back({"/window", "\"prepaid\": a balance has no limit that a share could be of"});
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

// A cap that only warns is told of when it is reached, unless it says otherwise.
void take_warnings(CapPlan& cap, const Json& clause, std::vector<Fault>& faults) {
  cap.warns_only = clause.value("action", "") == "warn";
  const Json percents = clause.value("warn_percent", cap.warns_only ? Json::array({100}) : Json::array());
  for (std::size_t i = 0; i < percents.size() && i < cap.warn_percent.size(); ++i) {
    cap.warn_percent[i] = percents[i].get<std::uint8_t>();
    if (i > 0 && cap.warn_percent[i] <= cap.warn_percent[i - 1])
      faults.push_back(
          {"/warn_percent/" + std::to_string(i), shown(percents[i]) + " is not above the one before"});
  }
}

}  // namespace

std::optional<CapPlan> compile_rate(const Json& clause, const ContractPlan& contract, std::string_view key,
                                    std::vector<Fault>& faults) {
  const std::size_t before = faults.size();
  CapPlan cap;
  cap.clause = clause["id"].get<std::string>();
  cap.per = choice(clause, "per", kPerNames, CapPer::kContract);
  cap.window = CapWindow::kDrip;
  cap.on = choice(clause, "on", kOnNames, CapOn::kTotal);
  cap.period = seconds(kEverySeconds[choice<std::size_t>(clause, "every", kEveryNames, 0)]);
  take_unit(cap, clause, contract, faults);
  cap.drip = cap.funds;
  if (clause.contains("burst")) {
    Result<Amount> burst = price::decimal_of(clause["burst"], scale_of_unit(cap.unit));
    if (!burst.ok())
      faults.push_back({"/burst", burst.error().message});
    else if (cap.funds = *burst; cap.funds <= Amount())
      faults.push_back({"/burst", shown(clause["burst"]) + " is not above zero"});
  }
  if (cap.unit_kind == CapUnit::kRequest && clause.contains("on"))
    faults.push_back({"/on", shown(clause["on"]) + ": requests have no kinds of token"});
  if (!key.empty() && cap.per == CapPer::kContract)
    faults.push_back({"/per", "\"contract\": a key's own rate cannot be for the whole contract"});
  cap.account = "rate/" + contract.name + "/" + cap.clause + "/" + cap.unit;
  if (!key.empty()) cap.account += "/key=" + std::string(key);
  cap.sink = "used/" + contract.name + "/" + cap.clause + "/" + cap.unit;
  if (faults.size() != before) return std::nullopt;
  return cap;
}

std::optional<CapPlan> compile_cap(const Json& clause, const ContractPlan& contract, std::string_view key,
                                   std::vector<Fault>& faults) {
  std::size_t before = faults.size();
  CapPlan cap;
  cap.clause = clause["id"].get<std::string>();
  cap.per = choice(clause, "per", kPerNames, CapPer::kContract);
  cap.window = choice(clause, "window", kWindowNames, CapWindow::kTerm);
  cap.on = choice(clause, "on", kOnNames, CapOn::kTotal);
  cap.utc_offset_minutes = clause.value("utc_offset_minutes", 0);
  cap.period = seconds(60 * clause.value("period_minutes", std::int64_t{0}));
  take_warnings(cap, clause, faults);
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
  // What is old enough has come back when the window is another: a new one begins full.
  if (cap.window == CapWindow::kRolling)
    cap.account += "/rolling=" + std::to_string(cap.period.count / 1'000'000'000) + "s";
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

}  // namespace ciyuan::contract
