#include "ledger/ledger.h"

#include <algorithm>

namespace ciyuan::ledger {
namespace {

__extension__ using Uint128 = unsigned __int128;

Error refused(std::string path, std::string message) {
  return Error{ErrorCode::kRefused, std::move(message), std::move(path)};
}
Error conflict(std::string path, std::string message) {
  return Error{ErrorCode::kConflict, std::move(message), std::move(path)};
}
Error not_found(std::string message) { return Error{ErrorCode::kNotFound, std::move(message), ""}; }
Error too_large(std::string path) {
  return Error{ErrorCode::kTooLarge, "the amount would leave 128 bits", std::move(path)};
}

std::optional<Error> check_credit_limit(Amount limit) {
  if (limit.is_negative()) return invalid("credit_limit", to_text(limit) + " is below zero");
  if (limit > kAmountMax)
    return invalid("credit_limit", to_text(limit) + " is more than an account can hold");
  return std::nullopt;
}

std::uint64_t absorb(std::uint64_t print, std::uint64_t word) {
  return internal::mix(print ^ word) + 0x9E3779B9;
}

}  // namespace

// What a Linked needs to take everything back: each account and hold as it was when first touched.
struct Ledger::Undo {
  std::vector<std::pair<AccountIndex, Account>> accounts;
  std::vector<AccountIndex> opened;
  std::vector<std::pair<Id, std::optional<Hold>>> holds;
  std::vector<Id> finished;
};

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
  for (const Line& line : lines) {
    auto units = static_cast<Uint128>(line.amount.units());
    prints.accounts = absorb(prints.accounts, line.account.value);
    prints.content = absorb(prints.content, line.account.value);
    prints.content = absorb(prints.content, static_cast<std::uint64_t>(units));
    prints.content = absorb(prints.content, static_cast<std::uint64_t>(units >> 64));
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
  if (undo_ != nullptr) undo_->finished.push_back(id);
  if (ring_.size() < remembered_max_) {
    ring_.push_back(id);
  } else {
    finished_.erase(ring_[ring_next_]);
    ring_[ring_next_] = id;
    ring_next_ = (ring_next_ + 1) % remembered_max_;
  }
  finished_.insert(id, finished);
}

// Operations

Result<Applied> Ledger::post(const Id& id, Lines lines, Funding funding) {
  Form form = funding == Funding::kYes     ? Form::kFunded
              : funding == Funding::kGrant ? Form::kGranted
                                           : Form::kPosted;
  Prints prints = prints_of(lines);
  if (const Finished* finished = finished_.find(id)) return compare(*finished, form, prints);
  if (holds_.find(id) != nullptr) return conflict("form", "the id stands for an open hold");
  if (lines.empty()) return invalid("lines", "an entry needs lines");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_room(lines)) return std::move(*wrong);
  add_posted(lines, funding);
  remember(id, {form, prints.accounts, prints.content, {}});
  return Applied{};
}

Result<Amount> Ledger::post_up_to(const Id& id, AccountIndex debit, AccountIndex credit, Amount wanted) {
  if (!is_open(debit) || !is_open(credit))
    return invalid("lines", "a line names an account that is not there");
  if (wanted.is_negative()) return invalid("amount", "a negative amount cannot be wanted");
  Line lines[] = {{debit, Amount()}, {credit, Amount()}};
  Prints prints = prints_of(lines);
  if (const Finished* finished = finished_.find(id)) {
    CIYUAN_TRY(Applied applied, compare(*finished, Form::kUpTo, prints));
    (void)applied;
    return finished->amount;
  }
  if (holds_.find(id) != nullptr) return conflict("form", "the id stands for an open hold");
  Amount amount = std::min(room_for(debit, -wanted), room_for(credit, wanted));
  if (amount.is_zero()) return amount;
  lines[0].amount = -amount;
  lines[1].amount = amount;
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_room(lines)) return std::move(*wrong);
  add_posted(lines, Funding::kNo);
  remember(id, {Form::kUpTo, prints.accounts, prints.content, amount});
  return amount;
}

Result<Applied> Ledger::hold(const Id& id, Lines lines) {
  Prints prints = prints_of(lines);
  if (const Hold* there = holds_.find(id)) {
    if (there->accounts != prints.accounts) return conflict("accounts", "the id holds on other accounts");
    if (there->content != prints.content) return conflict("amount", "the id was opened with other amounts");
    return Applied{.existed = true};
  }
  if (finished_.find(id) != nullptr) return conflict("form", "the id stands for something finished");
  if (lines.empty()) return invalid("lines", "a hold needs lines");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_room(lines)) return std::move(*wrong);
  keep_for_undo(id);
  add_pending(lines, true);
  holds_.insert(id, Hold{{lines.begin(), lines.end()}, prints.accounts, prints.content});
  return Applied{};
}

Status Ledger::restore_hold(const Id& id, Lines lines) {
  if (holds_.find(id) != nullptr) return conflict("id", "the id holds already");
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  keep_for_undo(id);
  add_pending(lines, true);
  Prints prints = prints_of(lines);
  holds_.insert(id, Hold{{lines.begin(), lines.end()}, prints.accounts, prints.content});
  return {};
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
  remember(id, {Form::kSettled, prints.accounts, prints.content, {}});
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

// Linked sets

void Ledger::keep_for_undo(AccountIndex account) {
  if (undo_ != nullptr) undo_->accounts.emplace_back(account, at(account));
}

void Ledger::keep_for_undo(Lines lines) {
  for (const Line& line : lines) keep_for_undo(line.account);
}

void Ledger::keep_for_undo(const Id& id) {
  if (undo_ == nullptr) return;
  const Hold* hold = holds_.find(id);
  undo_->holds.emplace_back(id, hold == nullptr ? std::nullopt : std::optional<Hold>(*hold));
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
  Ledger::Undo* undo = std::exchange(ledger_.undo_, nullptr);
  if (undo == nullptr) return;
  for (const Id& id : undo->finished) ledger_.finished_.erase(id);
  for (auto it = undo->holds.rbegin(); it != undo->holds.rend(); ++it) {
    ledger_.holds_.erase(it->first);
    if (it->second) ledger_.holds_.insert(it->first, std::move(*it->second));
  }
  for (auto it = undo->accounts.rbegin(); it != undo->accounts.rend(); ++it)
    ledger_.at(it->first) = std::move(it->second);
  for (AccountIndex index : undo->opened)
    CIYUAN_CHECK(ledger_.forget_account(index).ok(), "an undone account is free");
  delete undo;
}

}  // namespace ciyuan::ledger
