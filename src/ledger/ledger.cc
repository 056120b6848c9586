#include "ledger/ledger.h"

#include <algorithm>

#include "ledger/internal/errors.h"
#include "ledger/internal/undo.h"

namespace ciyuan::ledger {

using internal::conflict;
using internal::not_found;
using internal::refused;
using internal::too_large;

namespace {

__extension__ using Uint128 = unsigned __int128;

std::optional<Error> check_credit_limit(Amount limit) {
  if (limit.is_negative()) return invalid("credit_limit", to_text(limit) + " is below zero");
  if (limit > kAmountMax)
    return invalid("credit_limit", to_text(limit) + " is more than an account can hold");
  return std::nullopt;
}

std::uint64_t absorb(std::uint64_t print, std::uint64_t word) {
  return internal::mix(print ^ word) + 0x9E3779B9;
}

void absorb(std::uint64_t& accounts, std::uint64_t& content, AccountIndex account, Amount amount) {
  auto units = static_cast<Uint128>(amount.units());
  accounts = absorb(accounts, account.value);
  content = absorb(content, account.value);
  content = absorb(content, static_cast<std::uint64_t>(units));
  content = absorb(content, static_cast<std::uint64_t>(units >> 64));
}

}  // namespace

// Accounts

Result<AccountIndex> Ledger::open_account(const AccountSpec& spec) {
  if (spec.name.empty()) return invalid("name", "an account needs a name");
  if (spec.unit.empty()) return invalid("unit", "an account needs a unit");
  if (std::optional<AccountIndex> found = find(spec.name)) {
    const Account& there = account(*found);
    std::string name(spec.name);
    if (there.unit != spec.unit)
      return conflict("unit",
                      "account " + name + " counts " + there.unit + ", not " + std::string(spec.unit));
    if (there.scale != spec.scale)
      return conflict("scale", "account " + name + " has scale " + std::to_string(there.scale) + ", not " +
                                   std::to_string(spec.scale));
    if (there.may_overdraw != spec.may_overdraw)
      return conflict("may_overdraw", "account " + name + (there.may_overdraw ? " may" : " may not") +
                                          " go below zero, unlike what is asked for");
    if (there.credit_limit != spec.credit_limit)
      return conflict("credit_limit", "account " + name + " has the credit limit " +
                                          to_text(there.credit_limit) + ", not " +
                                          to_text(spec.credit_limit));
    if (there.side != spec.side)
      return conflict("side",
                      "account " + name + " grows by " +
                          (there.side == Side::kCredit ? "credits, not debits" : "debits, not credits"));
    return *found;
  }
  Account account;
  account.name = spec.name;
  account.unit = spec.unit;
  account.scale = spec.scale;
  account.may_overdraw = spec.may_overdraw;
  account.credit_limit = spec.credit_limit;
  account.side = spec.side;
  return restore_account(std::move(account));
}

Result<AccountIndex> Ledger::restore_account(Account account) {
  if (find(account.name)) return conflict("name", "account " + account.name + " exists");
  if (auto wrong = check_credit_limit(account.credit_limit)) return std::move(*wrong);
  AccountIndex index{static_cast<std::uint32_t>(accounts_.size())};
  if (free_.empty()) {
    accounts_.push_back(std::move(account));
  } else {
    index.value = free_.back();
    free_.pop_back();
    at(index) = std::move(account);
  }
  names_.insert(at(index).name, index.value);
  if (undo_ != nullptr) undo_->opened.push_back(index);
  return index;
}

void Ledger::set_may_overdraw(AccountIndex index, bool may_overdraw) {
  keep_for_undo(index);
  at(index).may_overdraw = may_overdraw;
}

Status Ledger::set_credit_limit(AccountIndex index, Amount credit_limit) {
  if (!is_open(index)) return not_found("no such account");
  if (auto wrong = check_credit_limit(credit_limit)) return std::move(*wrong);
  keep_for_undo(index);
  at(index).credit_limit = credit_limit;
  return {};
}

Status Ledger::close_account(AccountIndex index) {
  if (!is_open(index)) return not_found("no such account");
  keep_for_undo(index);
  at(index).closed = true;
  return {};
}

Status Ledger::forget_account(AccountIndex index) {
  if (!is_open(index)) return not_found("no such account");
  CIYUAN_CHECK(undo_ == nullptr, "accounts are not forgotten within a linked set");
  Account& account = at(index);
  if (!account.debits_pending.is_zero() || !account.credits_pending.is_zero())
    return refused(account.name, "the account has holds");
  names_.erase(account.name, index.value);
  account = Account{};
  free_.push_back(index.value);
  return {};
}

std::optional<AccountIndex> Ledger::find(std::string_view name) const {
  std::uint32_t found =
      names_.find(name, [this](std::uint32_t index) -> std::string_view { return accounts_[index].name; });
  if (found == internal::NameMap::kNone) return std::nullopt;
  return AccountIndex{found};
}

const Account& Ledger::account(AccountIndex index) const {
  CIYUAN_CHECK(is_open(index), "an account index names an account that is there");
  return accounts_[index.value];
}

// Checks. Each returns what is wrong, or nothing.

Ledger::Prints Ledger::prints_of(Lines lines) {
  Prints prints{lines.size(), lines.size()};
  for (const Line& line : lines) absorb(prints.accounts, prints.content, line.account, line.amount);
  return prints;
}

Ledger::Prints Ledger::prints_of(BalancedLines lines) {
  Prints prints{lines.size(), lines.size()};
  for (const BalancedLine& line : lines) {
    prints.accounts = absorb(prints.accounts, static_cast<std::uint64_t>(line.take));
    absorb(prints.accounts, prints.content, line.account, line.amount);
  }
  return prints;
}

std::optional<Error> Ledger::check_lines(Lines lines) const {
  if (lines.size() > kLinesMax) return invalid("lines", "more than " + std::to_string(kLinesMax) + " lines");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_open(lines[i].account)) return invalid("lines", "a line names an account that is not there");
    for (std::size_t j = 0; j < i; ++j)
      if (lines[j].account == lines[i].account)
        return invalid(account(lines[i].account).name, "the account stands in two lines");
  }
  return std::nullopt;
}

std::optional<Error> Ledger::check_zero_sums(Lines lines) const {
  // Lines come in few units, so each line sums up the unit that it is the first of.
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& unit = account(lines[i].account).unit;
    bool first = true;
    for (std::size_t j = 0; j < i && first; ++j) first = account(lines[j].account).unit != unit;
    if (!first) continue;
    Amount sum;
    for (std::size_t j = i; j < lines.size(); ++j) {
      if (account(lines[j].account).unit != unit) continue;
      std::optional<Amount> next = checked_add(sum, lines[j].amount);
      if (!next) return too_large(unit);
      sum = *next;
    }
    if (!sum.is_zero()) return invalid(unit, "the lines sum to " + to_text(sum) + ", not to zero");
  }
  return std::nullopt;
}

std::optional<Error> Ledger::check_room(Lines lines) const {
  for (const Line& line : lines) {
    const Account& account = accounts_[line.account.value];
    if (account.closed) return refused(account.name, "the account is closed");
    Amount size = line.amount;
    if (size.is_negative()) {
      std::optional<Amount> positive = checked_subtract(Amount(), size);
      if (!positive) return too_large(account.name);
      size = *positive;
    }
    // One bound for all four sums keeps every later addition within 128 bits, settling included.
    const Amount& posted = line.amount.is_negative() ? account.debits_posted : account.credits_posted;
    const Amount& pending = line.amount.is_negative() ? account.debits_pending : account.credits_pending;
    std::optional<Amount> both = checked_add(posted, pending);
    if (both) both = checked_add(*both, size);
    if (!both || *both > kAmountMax) return too_large(account.name);
    if (account.is_taken_by(line.amount) && !account.may_overdraw && size > account.headroom())
      return refused(account.name, "needs " + to_text(size) + " of which " +
                                       to_text(std::max(account.headroom(), Amount())) + " are left");
  }
  return std::nullopt;
}

Amount Ledger::room_for(AccountIndex index, Amount wanted) const {
  const Account& there = account(index);
  Amount size = wanted.is_negative() ? -wanted : wanted;
  bool is_bounded = there.is_taken_by(wanted) && !there.may_overdraw;
  return is_bounded ? std::min(size, std::max(there.headroom(), Amount())) : size;
}

std::optional<Error> Ledger::check_within(const Hold& hold, Lines lines) const {
  for (const Line& line : lines) {
    auto held = std::find_if(hold.lines.begin(), hold.lines.end(),
                             [&](const Line& other) { return other.account == line.account; });
    std::string name = is_open(line.account) ? account(line.account).name : "lines";
    if (held == hold.lines.end()) return invalid(std::move(name), "nothing is held on the account");
    bool within = line.amount.is_negative() ? line.amount >= held->amount : line.amount <= held->amount;
    bool same_sign = line.amount.is_zero() || line.amount.is_negative() == held->amount.is_negative();
    if (!within || !same_sign)
      return invalid(std::move(name),
                     "posts " + to_text(line.amount) + " of a hold of " + to_text(held->amount));
  }
  return std::nullopt;
}

Result<Applied> Ledger::compare(const Finished& finished, Form form, const Prints& prints) const {
  if (finished.form != form) return conflict("form", "the id stands for another kind of operation");
  if (finished.accounts != prints.accounts)
    return conflict("accounts", "the id stands for lines on other accounts");
  if (finished.content != prints.content) return conflict("amount", "the id stands for other amounts");
  return Applied{.existed = true};
}

// Effects

void Ledger::add_pending(Lines lines, bool add) {
  keep_for_undo(lines);
  for (const Line& line : lines) {
    Account& account = at(line.account);
    if (line.amount.is_negative())
      account.debits_pending =
          add ? account.debits_pending - line.amount : account.debits_pending + line.amount;
    else
      account.credits_pending =
          add ? account.credits_pending + line.amount : account.credits_pending - line.amount;
  }
}

void Ledger::add_posted(Lines lines, Funding funding) {
  keep_for_undo(lines);
  for (const Line& line : lines) {
    Account& account = at(line.account);
    if (line.amount.is_negative()) {
      account.debits_posted -= line.amount;
    } else {
      account.credits_posted += line.amount;
      if (funding == Funding::kYes) account.funded += line.amount;
    }
    if (funding != Funding::kGrant) continue;
    account.granted += line.amount;
    if (!account.may_overdraw) account.funded += line.amount;
  }
}

void Ledger::remember(const Id& id, const Finished& finished) {
  if (remembered_max_ == 0) return;
  bool is_full = ring_.size() == remembered_max_;
  if (!is_full) ring_.emplace_back();
  Id& place = ring_[ring_next_];
  keep_for_undo(id, is_full ? &place : nullptr);
  if (is_full) {
    finished_.erase(place);
    balanced_.erase(place);
  }
  place = id;
  ring_next_ = (ring_next_ + 1) % remembered_max_;
  finished_.insert(id, finished);
}

// Operations

Ledger::Form Ledger::form_of(Funding funding) {
  return funding == Funding::kYes     ? Form::kFunded
         : funding == Funding::kGrant ? Form::kGranted
                                      : Form::kPosted;
}

Result<Applied> Ledger::post(const Id& id, Lines lines, Funding funding) {
  Form form = form_of(funding);
  Prints prints = prints_of(lines);
  if (const Finished* finished = finished_.find(id)) return compare(*finished, form, prints);
  if (holds_.find(id) != nullptr) return conflict("form", "the id stands for an open hold");
  if (lines.empty()) return invalid("lines", "an entry needs lines");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_room(lines)) return std::move(*wrong);
  add_posted(lines, funding);
  remember(id, {form, prints.accounts, prints.content});
  return Applied{};
}

// Memory

Status Ledger::recall(const Id& id, const Finished& finished) {
  if (knows(id)) return conflict("id", "the ledger knows the id");
  remember(id, finished);
  return {};
}

Status Ledger::recall_post(const Id& id, Lines lines, Funding funding) {
  Prints prints = prints_of(lines);
  return recall(id, {form_of(funding), prints.accounts, prints.content});
}

Status Ledger::recall_settled(const Id& id, Lines lines) {
  Prints prints = prints_of(lines);
  return recall(id, {Form::kSettled, prints.accounts, prints.content});
}

Status Ledger::recall_balanced(const Id& id, BalancedLines lines, Lines posted) {
  Prints prints = prints_of(lines);
  CIYUAN_TRY_STATUS(recall(id, {Form::kBalanced, prints.accounts, prints.content}));
  if (remembered_max_ > 0) balanced_.insert(id, {posted.begin(), posted.end()});
  return {};
}

}  // namespace ciyuan::ledger
