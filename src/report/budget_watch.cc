#include "report/budget_watch.h"

#include <algorithm>

#include "contract/limit.h"
#include "price/book.h"
#include "report/budget.h"
#include "report/money.h"
#include "report/notice.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

constexpr Nanoseconds kForecastEvery = seconds(3600);

bool concerns(const Json& budget, const Json& record) {
  auto fits = [](const std::string& wanted, const std::string& has) {
    return wanted.empty() || wanted == has;
  };
  return text_at(budget, "contract") == text_at(record.at("party"), "contract") &&
         fits(text_at(budget, "key"), text_at(record.at("party"), "key")) &&
         fits(text_at(budget, "model"), text_at(record.at("model"), "asked")) &&
         has_tags(record, tags_of_budget(budget));
}

}  // namespace

Result<std::vector<Json>> BudgetWatch::look(store::Reader& reader, TimePoint now) {
  std::vector<Json> due;
  CIYUAN_TRY_STATUS(look_at_shares(reader, now, due));
  for (Watched& one : watched_) CIYUAN_TRY_STATUS(take_forecast(reader, one, now, due));
  return due;
}

Status BudgetWatch::look_at_shares(store::Reader& reader, TimePoint now, std::vector<Json>& due) {
  // One state for all reads: what is added to the sums must be all up to one leaf.
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY_STATUS(follow(reader, now));
  if (watched_.empty()) return {};
  if (Status read = read_new(reader); !read.ok()) {
    followed_.clear();  // the sums may be half of something
    watched_.clear();
    return read;
  }
  for (const Watched& one : watched_) CIYUAN_TRY_STATUS(take_shares(reader, one, now, due));
  return {};
}

// Begins anew where a budget or a month is another one.
Status BudgetWatch::follow(store::Reader& reader, TimePoint now) {
  CIYUAN_TRY(std::vector<Json> budgets, papers(reader, "Budget", "", "", kBudgetsMax));
  std::vector<Watched> watched;
  std::string followed;
  for (Json& budget : budgets) {
    if (text_at(budget, "channel").empty()) continue;
    Watched one;
    one.unit = unit_of_budget(budget);
    one.scale = contract::scale_of_unit(one.unit);
    one.offset_minutes = budget.value("utc_offset_minutes", 0);
    CIYUAN_TRY(one.amount, price::decimal_of(budget.at("amount"), one.scale));
    WindowEdges month = window_of(now, Window::kMonth, one.offset_minutes);
    one.month_start = month.start;
    one.month_end = month.end;
    followed += budget.dump() + to_rfc3339(month.start) + "\n";
    one.budget = std::move(budget);
    watched.push_back(std::move(one));
  }
  if (followed == followed_) return {};
  for (Watched& one : watched)  // a changed budget is no reason to read eight weeks of the others again
    for (const Watched& old : watched_)
      if (old.budget == one.budget) one.forecast_next = old.forecast_next;
  watched_ = std::move(watched);
  followed_ = std::move(followed);
  seen_leaf_.reset();
  log_size_ = 0;
  recorded_.clear();
  return {};
}

Status BudgetWatch::read_new(store::Reader& reader) {
  CIYUAN_TRY(store::Head head, reader.head());
  if (head.log_size == log_size_) return {};
  // Budgets of one calendar are read together; a correction counts by the month that it falls in.
  std::set<TimePoint> months;
  for (const Watched& one : watched_) months.insert(one.month_start);
  for (TimePoint month : months) {
    RecordQuery query;
    query.from = month;
    query.after_leaf = seen_leaf_;
    CIYUAN_TRY_STATUS(for_each_effective(reader, query, [&](const Json& record, int sign, bool) -> Status {
      for (Watched& one : watched_) {
        if (one.month_start != month || !concerns(one.budget, record)) continue;
        CIYUAN_TRY(Amount amount, amount_in(record, one.unit));
        CIYUAN_TRY_STATUS(add_to(one.spent, sign < 0 ? -amount : amount, text_at(one.budget, "name")));
      }
      return {};
    }));
  }
  log_size_ = head.log_size;
  if (head.log_size > 0) seen_leaf_ = head.log_size - 1;
  return {};
}

Result<bool> BudgetWatch::is_recorded(store::Reader& reader, const std::string& name) {
  if (recorded_.contains(name)) return true;
  CIYUAN_TRY(std::optional<Json> found, find_paper(reader, "Notice", name));
  if (found) recorded_.insert(name);
  return found.has_value();
}

Status BudgetWatch::take_shares(store::Reader& reader, const Watched& one, TimePoint now,
                                std::vector<Json>& due) {
  std::vector<int> shares = shares_of(one.budget);
  std::sort(shares.begin(), shares.end());
  const std::string when = date_text(one.month_start, one.offset_minutes);
  for (int share : shares) {
    std::optional<Amount> mark = mark_of(one.amount, share);
    if (!mark || one.spent < *mark) break;
    CIYUAN_TRY(bool recorded,
               is_recorded(reader, text_at(one.budget, "name") + "/" + when + "/" + std::to_string(share)));
    if (recorded) continue;
    Json facts = {{"contract", text_at(one.budget, "contract")},
                  {"unit", one.unit},
                  {"amount", format_decimal(one.amount, one.scale)},
                  {"percent", share},
                  {"reached", format_decimal(*mark, one.scale)},
                  {"spent", format_decimal(one.spent, one.scale)},
                  {"from", to_rfc3339(one.month_start)},
                  {"to", to_rfc3339(one.month_end)}};
    due.push_back(make_notice(one.budget, when, std::to_string(share), std::move(facts), now));
  }
  return {};
}

Status BudgetWatch::take_forecast(store::Reader& reader, Watched& one, TimePoint now,
                                  std::vector<Json>& due) {
  // What is over already needs no forecast.
  if (!one.budget.value("forecast_alert", true) || one.spent > one.amount || now < one.forecast_next)
    return {};
  const std::string when = date_text(now, one.offset_minutes);
  CIYUAN_TRY(bool recorded, is_recorded(reader, text_at(one.budget, "name") + "/" + when + "/forecast"));
  if (recorded) return {};
  one.forecast_next = now + kForecastEvery;
  CIYUAN_TRY(Json state, budget_state(reader, text_at(one.budget, "name"), now));
  if (!state.contains("forecast")) return {};  // too little history
  const Json& seen = state["forecast"];
  CIYUAN_TRY(Amount expected, parse_decimal(text_at(seen, "expected"), one.scale));
  if (expected <= one.amount) return {};
  Json facts = {{"contract", text_at(one.budget, "contract")},
                {"unit", one.unit},
                {"amount", format_decimal(one.amount, one.scale)},
                {"spent", state["spent"]},
                {"expected", seen["expected"]},
                {"low", seen["low"]},
                {"high", seen["high"]},
                {"interval_percent", seen["interval_percent"]},
                {"over", seen["over"]},
                {"from", to_rfc3339(one.month_start)},
                {"to", to_rfc3339(one.month_end)}};
  due.push_back(make_notice(one.budget, when, "forecast", std::move(facts), now));
  return {};
}

}  // namespace ciyuan::report
