/// What limits grant to their accounts, from "funds/<unit>", and what becomes of it when a limit changes.

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using ledger::AccountIndex;
using ledger::Line;

Status StateMachine::check_funds(const std::string& unit) {
  const std::string name = internal::kFundsPrefix + unit;
  CIYUAN_TRY(std::optional<AccountIndex> funds, find_account(name));
  if (!funds) return {};
  if (ledger_.account(*funds).unit != unit)
    return internal::conflict(name, "the account counts " + ledger_.account(*funds).unit + ", not " + unit);
  return check_sums(name);
}

Status StateMachine::update_grants(const Open& command, const Found& found) {
  const auto& limits = command.terms.limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!found[i] || ledger_.account(*found[i]).credit_limit == limits[i].credit_limit) continue;
    CIYUAN_TRY_STATUS(ledger_.set_credit_limit(*found[i], limits[i].credit_limit));
    touch(*found[i], true);
    woken_.push_back(*found[i]);
  }
  bool is_changed = false;
  for (std::size_t i = 0; i < limits.size(); ++i)
    is_changed |= found[i] && (ledger_.account(*found[i]).granted != limits[i].funds ||
                               !place(*found[i]).excess.is_zero());
  if (!is_changed) return {};
  // An open that is refused as malformed changes nothing: so all that could make it so is looked at first.
  CIYUAN_TRY_STATUS(check_sinks(command));
  CIYUAN_TRY_STATUS(check_sums(command));
  for (std::size_t i = 0; i < limits.size(); ++i)
    if (found[i] && ledger_.account(*found[i]).granted != limits[i].funds)
      CIYUAN_TRY_STATUS(check_funds(limits[i].unit));
  std::vector<Line> lines;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!found[i]) continue;
    const ledger::Account& account = ledger_.account(*found[i]);
    Amount difference = limits[i].funds - account.granted;
    Amount now = difference.is_negative() ? -std::min(-difference, std::max(account.headroom(), Amount()))
                                          : difference;
    place(*found[i]).excess = now - difference;
    if (now.is_zero()) continue;
    add_grant(lines, *found[i], now);
    woken_.push_back(*found[i]);
  }
  post_grants(command.id, lines);
  return {};
}

void StateMachine::fund_new_accounts(const Open& command, std::vector<AccountIndex>& accounts) {
  std::vector<Line> lines;
  for (const contract::Limit& limit : command.terms.limits) {
    bool is_new = !ledger_.find(limit.account);
    ledger::AccountSpec spec{limit.account, limit.unit, contract::scale_of_unit(limit.unit),
                             limit.may_overdraw, limit.credit_limit};
    auto account = open_account(spec, false);
    CIYUAN_CHECK(account.ok(), "an account that was looked at can be opened");
    accounts.push_back(*account);
    if (!is_new && ledger_.account(*account).may_overdraw != limit.may_overdraw) {
      // The contract in force decides, not the one that opened the account.
      ledger_.set_may_overdraw(*account, limit.may_overdraw);
      touch(*account, true);
    }
    if (is_new && !limit.funds.is_zero()) add_grant(lines, *account, limit.funds);
    CIYUAN_CHECK(watch(limit, *account).ok(), "a new account has no past, and an old one was looked at");
  }
  post_grants(command.id, lines);
}

void StateMachine::take_back(std::span<const AccountIndex> freed, const Id& id) {
  std::vector<Line> lines;
  for (AccountIndex one : freed) {
    Amount& excess = place(one).excess;
    if (excess.is_zero()) continue;
    const ledger::Account& account = ledger_.account(one);
    Amount now = std::min(excess, std::max(account.headroom(), Amount()));
    // Where the funds cannot be read at this moment, the next open takes it back.
    if (now.is_zero() || !check_funds(account.unit).ok()) continue;
    excess -= now;
    add_grant(lines, one, -now);
  }
  post_grants(id, lines);
}

void StateMachine::add_grant(std::vector<Line>& lines, AccountIndex account, Amount amount) {
  const std::string unit = ledger_.account(account).unit;
  auto funds =
      open_account({internal::kFundsPrefix + unit, unit, contract::scale_of_unit(unit), true}, false);
  CIYUAN_CHECK(funds.ok(), "the funds of a unit can be opened");
  if (!ledger_.account(*funds).may_overdraw) {
    // A posting of an earlier version could open it as any account.
    ledger_.set_may_overdraw(*funds, true);
    touch(*funds, true);
  }
  lines.push_back({account, amount});
  auto line =
      std::find_if(lines.begin(), lines.end(), [&](const Line& other) { return other.account == *funds; });
  if (line == lines.end())
    lines.push_back({*funds, -amount});
  else
    line->amount -= amount;
}

void StateMachine::post_grants(const Id& id, const std::vector<Line>& lines) {
  if (lines.empty()) return;
  // Named for the entry: a call may be granted on more than once.
  auto posted = ledger_.post(id_from_content("grant/" + std::to_string(entries_given_ + 1)), lines,
                             ledger::Funding::kGrant);
  CIYUAN_CHECK(posted.ok() && !posted->existed, "what was looked at can be granted");
  journal(store::EntryKind::kFund, id, lines, 0, "");
}

}  // namespace ciyuan::clerk
