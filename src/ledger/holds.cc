/// Entries in two phases.

#include <algorithm>
#include <functional>

#include "ledger/internal/errors.h"
#include "ledger/ledger.h"

namespace ciyuan::ledger {

using internal::conflict;
using internal::not_found;

Result<Applied> Ledger::hold(const Id& id, Lines lines, TimePoint expires) {
  Prints prints = prints_of(lines);
  if (const Hold* there = holds_.find(id)) {
    if (there->accounts != prints.accounts) return conflict("accounts", "the id holds on other accounts");
    if (there->content != prints.content) return conflict("amount", "the id was opened with other amounts");
    if (there->expires != expires) return conflict("expires", "the id holds until another time");
    return Applied{.existed = true};
  }
  if (finished_.find(id) != nullptr) return conflict("form", "the id stands for something finished");
  if (lines.empty()) return invalid("lines", "a hold needs lines");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_room(lines)) return std::move(*wrong);
  open_hold(id, lines, prints, expires);
  return Applied{};
}

Status Ledger::restore_hold(const Id& id, Lines lines, TimePoint expires, Lines opened) {
  if (holds_.find(id) != nullptr) return conflict("id", "the id holds already");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  open_hold(id, lines, prints_of(opened.empty() ? lines : opened), expires);
  return {};
}

void Ledger::open_hold(const Id& id, Lines lines, const Prints& prints, TimePoint expires) {
  keep_for_undo(id);
  add_pending(lines, true);
  holds_.insert(id, Hold{{lines.begin(), lines.end()}, prints.accounts, prints.content, expires});
  set_due(id, expires);
}

Status Ledger::raise(const Id& id, Lines more) {
  Hold* hold = holds_.find(id);
  if (hold == nullptr) return not_found("no open hold of this id");
  if (auto wrong = check_lines(more)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(more)) return std::move(*wrong);
  for (const Line& line : more) {
    auto held = std::find_if(hold->lines.begin(), hold->lines.end(),
                             [&](const Line& other) { return other.account == line.account; });
    if (held == hold->lines.end())
      return invalid(account(line.account).name, "nothing is held on the account");
    if (!line.amount.is_zero() && !held->amount.is_zero() &&
        line.amount.is_negative() != held->amount.is_negative())
      return invalid(account(line.account).name, "the hold has the other sign");
  }
  if (auto wrong = check_room(more)) return std::move(*wrong);
  keep_for_undo(id);
  add_pending(more, true);
  for (const Line& line : more)
    for (Line& held : hold->lines)
      if (held.account == line.account) held.amount += line.amount;
  return {};
}

void Ledger::take_from(Hold& hold, Lines lines) {
  for (const Line& line : lines)
    for (Line& held : hold.lines)
      if (held.account == line.account) held.amount -= line.amount;
}

Result<Applied> Ledger::settle(const Id& id, Lines lines) {
  Hold* hold = holds_.find(id);
  if (hold == nullptr) {
    const Finished* finished = finished_.find(id);
    if (finished == nullptr) return not_found("no open hold of this id");
    return compare(*finished, Form::kSettled, prints_of(lines));
  }
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_within(*hold, lines)) return std::move(*wrong);
  keep_for_undo(id);
  add_pending(hold->lines, false);
  add_posted(lines, Funding::kNo);
  holds_.erase(id);
  Prints prints = prints_of(lines);
  remember(id, {Form::kSettled, prints.accounts, prints.content});
  return Applied{};
}

Status Ledger::settle_part(const Id& id, Lines lines) {
  Hold* hold = holds_.find(id);
  if (hold == nullptr) return not_found("no open hold of this id");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_within(*hold, lines)) return std::move(*wrong);
  keep_for_undo(id);
  add_pending(lines, false);
  add_posted(lines, Funding::kNo);
  take_from(*hold, lines);
  return {};
}

Lines Ledger::held(const Id& id) const {
  const Hold* hold = holds_.find(id);
  return hold == nullptr ? Lines() : Lines(hold->lines);
}

TimePoint Ledger::due(const Id& id) const {
  const Hold* hold = holds_.find(id);
  return hold == nullptr ? TimePoint{} : hold->expires;
}

// Expiry

void Ledger::set_due(const Id& id, TimePoint expires) {
  if (expires == TimePoint{}) return;
  // Settling a hold leaves it in the heap: once those are the most, they go.
  constexpr std::size_t kDueMin = 64;
  if (undo_ == nullptr && due_.size() > kDueMin && due_.size() > 2 * holds_.size()) {
    std::erase_if(due_, [this](const Due& one) { return due(one.id) != one.at; });
    std::sort(due_.begin(), due_.end());  // which is a heap
    due_.erase(std::unique(due_.begin(), due_.end()), due_.end());
  }
  due_.push_back({expires, id});
  std::push_heap(due_.begin(), due_.end(), std::greater<>());
}

std::vector<Id> Ledger::expire(TimePoint now, std::size_t holds_max) {
  std::vector<Id> expired;
  while (!due_.empty() && due_.front().at <= now && expired.size() < holds_max) {
    Due first = due_.front();
    std::pop_heap(due_.begin(), due_.end(), std::greater<>());
    due_.pop_back();
    if (due(first.id) != first.at) continue;
    CIYUAN_CHECK(release(first.id).ok(), "an open hold can be released");
    expired.push_back(first.id);
  }
  return expired;
}

}  // namespace ciyuan::ledger
