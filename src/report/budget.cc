#include "report/budget.h"

#include <algorithm>

#include "contract/limit.h"
#include "price/book.h"
#include "report/money.h"
#include "report/notice.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

constexpr std::int64_t kBurnDays = 7;

std::string percent_text(Amount part, Amount whole) {
  std::optional<Amount> scaled = checked_multiply(part, 10'000);
  if (!scaled) return "";
  return format_decimal(Amount(rounded_quotient(scaled->units(), whole.units(), Rounding::kDown)), 2);
}

// When the sum reached each share for the first time.
Json alerts_of(const Json& budget, Amount amount, int scale, const std::vector<Spent>& in_order) {
  Json alerts = Json::array();
  for (int share : shares_of(budget)) {
    std::optional<Amount> mark = mark_of(amount, share);
    if (!mark) continue;
    Amount sum;
    Json alert = {{"percent", share}, {"amount", format_decimal(*mark, scale)}};
    for (const Spent& one : in_order) {
      sum += one.amount;
      if (sum < *mark) continue;
      alert["reached_at"] = to_rfc3339(one.at);
      break;
    }
    alerts.push_back(std::move(alert));
  }
  return alerts;
}

Json forecast_json(const Result<Forecast>& seen, Amount amount, int scale) {
  auto text = [&](Amount one) { return format_decimal(one, scale); };
  return {{"expected", text(seen->expected)},
          {"low", text(seen->low)},
          {"high", text(seen->high)},
          {"interval_percent", kIntervalPercent},
          {"history_days", seen->history_days},
          {"over", seen->low > amount    ? "yes"
                   : seen->high > amount ? "maybe"
                                         : "no"}};
}

Result<Json> notices_of(store::Reader& reader, const std::string& budget, TimePoint month) {
  CIYUAN_TRY(std::vector<Json> found, notices_since(reader, budget, month));
  Json notices = Json::array();
  for (const Json& one : found) {
    Json told = Json::object();
    for (const char* member :
         {"about", "channel", "state", "recorded_at", "attempts", "sent_at", "next_at", "problem"})
      if (one.contains(member)) told[member] = one[member];
    notices.push_back(std::move(told));
  }
  return notices;
}

Result<Json> state_of(store::Reader& reader, const Json& budget, TimePoint now) {
  std::string unit = unit_of_budget(budget);
  int scale = contract::scale_of_unit(unit), offset = budget.value("utc_offset_minutes", 0);
  CIYUAN_TRY(Amount amount, price::decimal_of(budget.at("amount"), scale));
  WindowEdges month = window_of(now, Window::kMonth, offset);
  RecordQuery query{.contract = text_at(budget, "contract"),
                    .key = text_at(budget, "key"),
                    .model = text_at(budget, "model"),
                    .from = std::min(month.start, days_after(now, -kHistoryDaysMax - 1)),
                    .to = now,
                    .tags = tags_of_budget(budget)};
  CIYUAN_TRY(std::vector<Spent> spent, spending_of(reader, query, unit));
  std::sort(spent.begin(), spent.end(), [](const Spent& a, const Spent& b) { return a.at < b.at; });
  std::vector<Spent> of_month;
  Amount sum, burnt;
  for (const Spent& one : spent) {
    if (one.at >= days_after(now, -kBurnDays)) burnt += one.amount;
    if (one.at < month.start) continue;
    sum += one.amount;
    of_month.push_back(one);
  }
  auto text = [&](Amount one) { return format_decimal(one, scale); };
  Json state = {
      {"budget", text_at(budget, "name")},
      {"contract", query.contract},
      {"unit", unit},
      {"amount", text(amount)},
      {"from", to_rfc3339(month.start)},
      {"to", to_rfc3339(month.end)},
      {"spent", text(sum)},
      {"left", text(std::max(Amount(), amount - sum))},
      {"percent", percent_text(sum, amount)},
      {"alerts", alerts_of(budget, amount, scale, of_month)},
      {"burn_per_day", text(Amount(rounded_quotient(burnt.units(), kBurnDays, Rounding::kHalfEven)))}};
  if (!query.key.empty()) state["key"] = query.key;
  if (!query.model.empty()) state["model"] = query.model;
  if (!query.tags.empty()) state["tags"] = query.tags;
  Result<Forecast> seen = forecast(spent, now, offset);
  if (seen.ok())
    state["forecast"] = forecast_json(seen, amount, scale);
  else
    state["forecast_missing"] = seen.error().message;
  CIYUAN_TRY(state["notices"], notices_of(reader, text_at(budget, "name"), month.start));
  return state;
}

}  // namespace

std::string unit_of_budget(const Json& budget) {
  return text_at(budget, "unit") == "ciyuan" ? "CIYUAN" : text_at(budget, "unit");
}

std::map<std::string, std::string> tags_of_budget(const Json& budget) {
  return budget.value("tags", std::map<std::string, std::string>());
}

std::vector<int> shares_of(const Json& budget) {
  return budget.value("alerts", std::vector<int>{50, 80, 100});
}

std::optional<Amount> mark_of(Amount amount, int percent) {
  std::optional<Amount> scaled = checked_multiply(amount, percent);
  if (!scaled) return std::nullopt;
  return Amount(rounded_quotient(scaled->units(), 100, Rounding::kUp));
}

Result<Json> budget_state(store::Reader& reader, const std::string& name, TimePoint now) {
  CIYUAN_TRY(Json budget, paper(reader, "Budget", name));
  return state_of(reader, budget, now);
}

Result<Json> budget_states(store::Reader& reader, TimePoint now) {
  CIYUAN_TRY(std::vector<Json> budgets, papers(reader, "Budget", "", "", kBudgetsMax));
  Json states = Json::array();
  for (const Json& budget : budgets) {
    CIYUAN_TRY(Json state, state_of(reader, budget, now));
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace ciyuan::report
