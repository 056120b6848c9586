/// Sets of operations that are taken back whole.

#include "ledger/internal/undo.h"

namespace ciyuan::ledger {

void Ledger::keep_for_undo(AccountIndex index) {
  if (undo_ == nullptr) return;
  const Account& account = at(index);
  undo_->accounts.push_back({index, account.may_overdraw, account.closed, account.credit_limit,
                             account.debits_posted, account.credits_posted, account.debits_pending,
                             account.credits_pending, account.funded, account.granted});
}

void Ledger::keep_for_undo(Lines lines) {
  if (undo_ == nullptr) return;
  for (const Line& line : lines) keep_for_undo(line.account);
}

void Ledger::keep_for_undo(const Id& id) {
  if (undo_ == nullptr) return;
  const Hold* hold = holds_.find(id);
  undo_->holds.emplace_back(id, hold == nullptr ? std::nullopt : std::optional<Hold>(*hold));
}

void Ledger::keep_for_undo(const Id& remembered, const Id* instead_of) {
  if (undo_ == nullptr) return;
  Undo::Remembered one;
  one.id = remembered;
  if (instead_of != nullptr) {
    one.instead_of = {*instead_of, *finished_.find(*instead_of)};
    if (const std::vector<Line>* lines = balanced_.find(*instead_of)) one.balanced = *lines;
  }
  undo_->remembered.push_back(std::move(one));
}

Linked::Linked(Ledger& ledger) : ledger_(ledger) {
  CIYUAN_CHECK(ledger.undo_ == nullptr, "linked sets do not nest");
  ledger.undo_ = new Ledger::Undo;
}

void Linked::commit() {
  delete ledger_.undo_;
  ledger_.undo_ = nullptr;
}

Linked::~Linked() {
  // Out of the ledger first: nothing that is done to take things back is kept again.
  Ledger::Undo* undo = std::exchange(ledger_.undo_, nullptr);
  if (undo != nullptr) ledger_.take_back(*undo);
  delete undo;
}

void Ledger::take_back(Undo& undo) {
  for (auto one = undo.remembered.rbegin(); one != undo.remembered.rend(); ++one) {
    finished_.erase(one->id);
    balanced_.erase(one->id);
    ring_next_ = (ring_next_ + remembered_max_ - 1) % remembered_max_;
    if (!one->instead_of) {
      ring_.pop_back();
      continue;
    }
    const auto& [id, finished] = *one->instead_of;
    ring_[ring_next_] = id;
    finished_.insert(id, finished);
    if (finished.form == Form::kBalanced) balanced_.insert(id, std::move(one->balanced));
  }
  for (auto one = undo.holds.rbegin(); one != undo.holds.rend(); ++one) {
    holds_.erase(one->first);
    if (!one->second) continue;
    TimePoint expires = one->second->expires;
    holds_.insert(one->first, std::move(*one->second));
    set_due(one->first, expires);
  }
  for (auto one = undo.accounts.rbegin(); one != undo.accounts.rend(); ++one) {
    Account& account = at(one->account);
    account.may_overdraw = one->may_overdraw;
    account.closed = one->closed;
    account.credit_limit = one->credit_limit;
    account.debits_posted = one->debits_posted;
    account.credits_posted = one->credits_posted;
    account.debits_pending = one->debits_pending;
    account.credits_pending = one->credits_pending;
    account.funded = one->funded;
    account.granted = one->granted;
  }
  for (AccountIndex index : undo.opened)
    CIYUAN_CHECK(forget_account(index).ok(), "an undone account is free");
}

}  // namespace ciyuan::ledger
