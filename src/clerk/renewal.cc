/// Accounts that come by headroom with time: rates, which drip, and rolling windows, whose usage comes back
/// when it is old enough. What comes back is posted from "funds/<unit>" like a grant, but is none: what a
/// limit grants in all stays what its clause says.
///
/// A rolling window is cut into parts. What a call is charged moves on from the limit's sink to the part's
/// own account, "<account>/since=<start>", and back again when the part is given back: what stands on it is
/// what has not come back yet.

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using contract::Renewal;
using ledger::AccountIndex;
using ledger::Line;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Whole seconds, so that names of parts have no fractions.
std::int64_t part_width_ns(Nanoseconds period) {
  const std::int64_t parts = contract::kWindowParts * kSecond;
  return (period.count + parts - 1) / parts * kSecond;
}

TimePoint part_start(TimePoint at, Nanoseconds period) { return {at.ns - at.ns % part_width_ns(period)}; }

TimePoint given_back_at(TimePoint start, Nanoseconds period) {
  return {start.ns + part_width_ns(period) + period.count};
}

std::string part_name(const std::string& account, TimePoint start) {
  return account + "/since=" + to_rfc3339(start);
}

// When so much has dripped, counted from `since`. check_limit() keeps the products within 128 bits.
TimePoint dripped_at(TimePoint since, Amount amount, Amount drip, Nanoseconds period) {
  const Int128 ns = (amount.units() * period.count + drip.units() - 1) / drip.units();
  return {since.ns + static_cast<std::int64_t>(ns)};
}

}  // namespace

Status StateMachine::watch_renewals(const std::vector<contract::Limit>& limits, const Found& found) {
  for (std::size_t i = 0; i < limits.size(); ++i)
    if (found[i]) CIYUAN_TRY_STATUS(watch(limits[i], *found[i]));
  return {};
}

Status StateMachine::watch(const contract::Limit& limit, AccountIndex account) {
  if (limit.renewal == Renewal::kNever) return {};
  if (auto known = renewing_.find(account.value); known != renewing_.end()) {
    known->second.funds = limit.funds;
    known->second.drip = limit.drip;
    known->second.period = limit.period;
    return {};
  }
  Renewing renewing{
      .kind = limit.renewal, .period = limit.period, .funds = limit.funds, .drip = limit.drip, .since = at_};
  if (const store::EntryNumber last = place(account).last_entry; last != 0) {
    // Every entry of the account comes after what had come back by then: settle() and attempt() see to it.
    CIYUAN_TRY(std::optional<TimePoint> time, source_.entry_time(last));
    renewing.since = time.value_or(at_);
    CIYUAN_TRY(std::optional<AccountIndex> sink, find_account(limit.sink));
    if (limit.renewal == Renewal::kAges && sink)
      CIYUAN_TRY_STATUS(find_parts(renewing, account, *sink, renewing.since));
  }
  for (const Renewing::Part& part : renewing.parts) ++place(part.account).users, ++place(part.sink).users;
  renewing_.emplace(account.value, std::move(renewing));
  return {};
}

// Those that had not come back by the time of the account's last entry.
Status StateMachine::find_parts(Renewing& renewing, AccountIndex account, AccountIndex sink,
                                TimePoint newest) {
  const std::string name = ledger_.account(account).name;
  const std::int64_t width = part_width_ns(renewing.period);
  TimePoint start = part_start({newest.ns - renewing.period.count - width}, renewing.period);
  for (; start <= newest; start.ns += width) {
    CIYUAN_TRY(std::optional<AccountIndex> part, find_account(part_name(name, start)));
    if (part) renewing.parts.push_back({start, *part, sink});
  }
  return {};
}

void StateMachine::renew(AccountIndex account, const Id& id) {
  auto found = renewing_.find(account.value);
  if (found == renewing_.end() || ledger_.account(account).closed) return;
  // Where the funds cannot be read at this moment, it comes back at the next look.
  if (!check_funds(ledger_.account(account).unit).ok()) return;
  if (found->second.kind == Renewal::kDrips)
    drip(found->second, account, id);
  else
    give_back_parts(found->second, account, id);
}

void StateMachine::renew_all(std::span<const AccountIndex> accounts, const Id& id) {
  if (renewing_.empty()) return;
  for (AccountIndex account : accounts) renew(account, id);
}

// What a call holds is used for the time being: it drips beside it. Where a call used less than it held,
// there is more than the burst, and that runs over.
void StateMachine::drip(Renewing& renewing, AccountIndex account, const Id& id) {
  const std::int64_t elapsed = at_.ns - renewing.since.ns;
  const ledger::Account& there = ledger_.account(account);
  const Amount room = there.granted - there.headroom();
  const bool is_full =
      Int128{elapsed} / renewing.period.count > std::max(room, Amount()).units() / renewing.drip.units();
  const Amount come =
      is_full ? room : Amount(Int128{elapsed} * renewing.drip.units() / renewing.period.count);
  const Amount amount = std::min(come, room);
  if (!amount.is_zero()) {
    std::optional<AccountIndex> funds = ledger_.find(internal::kFundsPrefix + there.unit);
    if (!funds || !post_renewal({{account, amount}, {*funds, -amount}}, id)) return;
    if (amount > Amount()) woken_.push_back(account);
  }
  // A full account begins to fill when it is used.
  renewing.since = come >= room ? at_ : dripped_at(renewing.since, amount, renewing.drip, renewing.period);
}

void StateMachine::give_back_parts(Renewing& renewing, AccountIndex account, const Id& id) {
  auto& parts = renewing.parts;
  std::vector<Line> lines;
  Amount sum;
  std::size_t old = 0;
  for (; old < parts.size() && given_back_at(parts[old].start, renewing.period) <= at_; ++old) {
    const Amount amount = ledger_.account(parts[old].account).balance();
    if (amount.is_zero()) continue;
    lines.push_back({parts[old].account, -amount});
    sum += amount;
  }
  if (!sum.is_zero()) {
    std::optional<AccountIndex> funds = ledger_.find(internal::kFundsPrefix + ledger_.account(account).unit);
    if (!funds) return;
    lines.push_back({parts.front().sink, sum});
    lines.push_back({account, sum});
    lines.push_back({*funds, -sum});
    if (!post_renewal(lines, id)) return;
    woken_.push_back(account);
  }
  for (; old > 0; --old) {
    --place(parts.front().account).users;
    --place(parts.front().sink).users;
    parts.pop_front();
  }
}

bool StateMachine::post_renewal(const std::vector<Line>& lines, const Id& id) {
  if (!ledger_.post(id_from_content("renew/" + std::to_string(entries_given_ + 1)), lines).ok()) return false;
  journal(store::EntryKind::kRenewal, id, lines, 0, "");
  return true;
}

// What a call was charged on limits with rolling windows stands in the part of the window that is now.
void StateMachine::note_parts(const Call& call, const std::vector<Amount>& amounts) {
  std::vector<Line> lines;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const contract::Limit& limit = call.terms.limits[i];
    if (limit.renewal != Renewal::kAges || amounts[i].is_zero()) continue;
    Renewing& renewing = renewing_.at(call.accounts[i].value);
    const TimePoint start = part_start(at_, renewing.period);
    if (renewing.parts.empty() || renewing.parts.back().start != start) {
      // The parts that there are in the store are all known: this one is new.
      auto part = open_account(
          {part_name(limit.account, start), limit.unit, contract::scale_of_unit(limit.unit), false}, false);
      CIYUAN_CHECK(part.ok(), "a part of a window can be opened");
      ++place(*part).users;
      ++place(call.sinks[i]).users;
      renewing.parts.push_back({start, *part, call.sinks[i]});
    }
    lines.push_back({call.sinks[i], -amounts[i]});
    lines.push_back({renewing.parts.back().account, amounts[i]});
  }
  if (lines.empty()) return;
  auto posted = ledger_.post(internal::derived_id(call.id, internal::kPartPurpose), lines);
  CIYUAN_CHECK(posted.ok(), "a sink can hand on what it has just received");
  journal(store::EntryKind::kRenewal, call.id, lines, 0, "");
}

// When time alone will have given the account so much more; zero: never, or nobody knows.
TimePoint StateMachine::renewed_at(AccountIndex account, Amount missing) const {
  auto found = renewing_.find(account.value);
  if (found == renewing_.end() || missing <= Amount()) return {};
  const Renewing& renewing = found->second;
  if (renewing.kind == Renewal::kDrips) {
    if (missing > renewing.funds) return {};
    return std::max(dripped_at(renewing.since, missing, renewing.drip, renewing.period),
                    TimePoint{at_.ns + 1});
  }
  for (const Renewing::Part& part : renewing.parts) {
    missing -= ledger_.account(part.account).balance();
    if (missing <= Amount()) return given_back_at(part.start, renewing.period);
  }
  return {};
}

// Which limit gives nothing more, and where it is only time that it wants, when to ask again: for a quarter
// of the quantum, or where the account never holds so much, a token.
void StateMachine::name_block(const Call& call, Extended& extended) const {
  const std::int64_t some = std::max<std::int64_t>(1, call.terms.metering.quantum_tokens / 4);
  bool is_time_enough = true;
  for (std::size_t i = 0; i < call.terms.limits.size(); ++i) {
    const contract::Limit& limit = call.terms.limits[i];
    const Amount output = internal::output_cost(limit);
    const ledger::Account& account = ledger_.account(call.accounts[i]);
    if (account.may_overdraw || output.is_zero() || account.headroom() >= output) continue;
    if (extended.clause.empty() || !limit.is_source) extended.clause = limit.clause;
    if (limit.is_source) continue;
    TimePoint at = renewed_at(call.accounts[i], output * some - account.headroom());
    if (at == TimePoint{}) at = renewed_at(call.accounts[i], output - account.headroom());
    is_time_enough &= at != TimePoint{} && !account.closed;
    extended.retry_at = std::max(extended.retry_at, at);
  }
  if (!is_time_enough) extended.retry_at = {};
}

void StateMachine::forget_account(AccountIndex account) {
  if (!ledger_.forget_account(account).ok()) return;
  place(account) = Place{};
  auto found = renewing_.find(account.value);
  if (found == renewing_.end()) return;
  for (const Renewing::Part& part : found->second.parts)
    --place(part.account).users, --place(part.sink).users;
  renewing_.erase(found);
}

std::vector<Warning> StateMachine::warnings_of(const Call& call, const std::vector<Amount>& amounts) {
  std::vector<Warning> warnings;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const contract::Limit& limit = call.terms.limits[i];
    if (limit.warn_percent[0] == 0 || limit.funds.is_zero()) continue;
    const ledger::Account& account = ledger_.account(call.accounts[i]);
    // Of an account that may go below zero, grants are not counted as funded.
    const Amount limit_now = std::max(account.funded, account.granted);
    const Amount after = limit_now - account.balance(), before = after - amounts[i];
    int crossed = 0;
    for (std::uint8_t percent : limit.warn_percent)
      if (percent != 0 && before * 100 < limit_now * percent && after * 100 >= limit_now * percent)
        crossed = percent;
    if (crossed == 0) continue;
    warnings.push_back({limit.clause, limit.unit, limit_now, after, crossed});
    const std::string subject = account.name + " " + std::to_string(crossed) + "%";
    log_action(internal::derived_id(call.id, internal::kWarningPurpose), "warn", "Limit", subject, Digest{},
               "clerk");
  }
  return warnings;
}

}  // namespace ciyuan::clerk
