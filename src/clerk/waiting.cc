/// Opens that wait. Each stands, with its turn (the order of arrival), in the line of every account that was
/// short when it was last looked at. Only what gives an account headroom makes its line move, from the front;
/// a call that is short elsewhere by then changes lines, and lets the next one try.

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using ledger::AccountIndex;

bool StateMachine::waits_before(AccountIndex account, std::uint64_t turn) const {
  auto line = blocked_.find(account.value);
  return line != blocked_.end() && !line->second.empty() && *line->second.begin() < turn;
}

void StateMachine::wait(Open&& command, ReplyTo to, const std::vector<std::size_t>& short_limits) {
  std::uint64_t turn = ++turns_given_;
  auto waiter = std::make_unique<Waiter>();
  waiter->deadline = at_ + command.terms.metering.wait_max;
  waiter->to = to;
  waiter->command = std::move(command);
  waiting_ids_.emplace(waiter->command.id, turn);
  if (waiter->command.idempotency)
    keys_in_use_[waiter->command.idempotency->key] = {waiter->command.id, waiter->command.idempotency->body};
  deadlines_.emplace(waiter->deadline, turn);
  block(*waiter, turn, short_limits);
  waiting_.emplace(turn, std::move(waiter));
}

void StateMachine::block(Waiter& waiter, std::uint64_t turn, const std::vector<std::size_t>& short_limits) {
  for (std::size_t limit : short_limits) {
    // A short account is held by others or has waiters: it is in memory.
    std::optional<AccountIndex> account = ledger_.find(waiter.command.terms.limits[limit].account);
    CIYUAN_CHECK(account, "a contended account is in memory");
    blocked_[account->value].insert(turn);
    waiter.blocked_on.push_back(*account);
    ++place(*account).users;
  }
}

void StateMachine::unblock(Waiter& waiter, std::uint64_t turn) {
  for (AccountIndex account : waiter.blocked_on) {
    auto line = blocked_.find(account.value);
    line->second.erase(turn);
    if (line->second.empty()) blocked_.erase(line);
    --place(account).users;
    woken_.push_back(account);
  }
  waiter.blocked_on.clear();
}

bool StateMachine::try_waiting(std::uint64_t turn, bool may_wait, std::vector<Answer>& answers) {
  auto it = waiting_.find(turn);
  Waiter& waiter = *it->second;
  auto attempt = this->attempt(waiter.command, turn, may_wait);
  if (attempt.ok() && attempt->outcome == Attempt::Outcome::kWait) {
    std::vector<AccountIndex> now;
    for (std::size_t limit : attempt->short_limits)
      now.push_back(*ledger_.find(waiter.command.terms.limits[limit].account));
    if (now != waiter.blocked_on) {
      // The new lines first, so that an account in both is never free for a moment in between.
      std::vector<AccountIndex> before = std::exchange(waiter.blocked_on, {});
      block(waiter, turn, attempt->short_limits);
      for (AccountIndex account : before) {
        --place(account).users;
        if (std::find(now.begin(), now.end(), account) != now.end()) continue;
        auto line = blocked_.find(account.value);
        line->second.erase(turn);
        if (line->second.empty()) blocked_.erase(line);
        woken_.push_back(account);
      }
    }
    return false;
  }
  std::unique_ptr<Waiter> out = std::move(it->second);
  waiting_.erase(it);
  waiting_ids_.erase(out->command.id);
  deadlines_.erase({out->deadline, turn});
  unblock(*out, turn);
  if (out->command.idempotency) keys_in_use_.erase(out->command.idempotency->key);
  if (!attempt.ok()) {
    answers.push_back({out->to, attempt.error()});
  } else if (attempt->outcome == Attempt::Outcome::kRefuse) {
    answers.push_back({out->to, refusal_of(out->command, *attempt)});
  } else {
    auto opened = grant(out->command, *attempt);
    answers.push_back({out->to, opened.ok() ? Reply(std::move(*opened)) : Reply(opened.error())});
  }
  return true;
}

void StateMachine::retry_waiting(std::vector<Answer>& answers) {
  while (!woken_.empty()) {
    AccountIndex account = woken_.back();
    woken_.pop_back();
    auto line = blocked_.find(account.value);
    if (line == blocked_.end()) continue;
    // A copy of what is still to be tried: the line changes under us.
    std::uint64_t turn = 0;
    for (;;) {
      line = blocked_.find(account.value);
      if (line == blocked_.end()) break;
      auto next = line->second.upper_bound(turn);
      if (next == line->second.end()) break;
      turn = *next;
      bool answered = try_waiting(turn, true, answers);
      if (answered) continue;
      line = blocked_.find(account.value);
      if (line != blocked_.end() && line->second.contains(turn))
        break;  // still short here: so are those behind
    }
  }
}

void StateMachine::expire_waiting(std::vector<Answer>& answers) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= at_)
    CIYUAN_CHECK(try_waiting(deadlines_.begin()->second, false, answers),
                 "a call whose time is up waits no longer");
}

std::vector<ReplyTo> StateMachine::drop_waiting() {
  std::vector<ReplyTo> dropped;
  for (auto& [turn, waiter] : waiting_) {
    dropped.push_back(waiter->to);
    for (AccountIndex account : waiter->blocked_on) --place(account).users;
    if (waiter->command.idempotency) keys_in_use_.erase(waiter->command.idempotency->key);
  }
  waiting_.clear();
  waiting_ids_.clear();
  deadlines_.clear();
  blocked_.clear();
  woken_.clear();
  return dropped;
}

}  // namespace ciyuan::clerk
