/// Sources that pay for a call together (internal/payment.h), and what a sink hands on to others.

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using ledger::AccountIndex;
using ledger::Line;

StateMachine::SourcesAttempt StateMachine::try_sources(const Open& command, const Found& found,
                                                       std::uint64_t turn, std::int64_t want,
                                                       std::int64_t least) {
  const auto& limits = command.terms.limits;
  SourcesAttempt attempt;
  attempt.rooms.resize(limits.size());
  std::vector<internal::Room> with_held(limits.size());
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].is_source) continue;
    const Standing standing = standing_of(limits[i], found[i], turn);
    attempt.last = i;
    attempt.last_standing = standing;
    // What an earlier call waits for is not there for this one.
    const Amount left = standing.behind ? Amount() : standing.left;
    const bool is_endless = limits[i].may_overdraw;
    attempt.rooms[i] = {is_endless, left, !is_endless && left.is_zero()};
    with_held[i] = {is_endless, standing.left + standing.held,
                    !is_endless && (standing.left + standing.held).is_zero()};
    if (is_endless || (standing.held.is_zero() && !standing.behind)) continue;
    attempt.is_contended = true;
    attempt.short_limits.push_back(i);
  }
  const contract::Limit& last = limits[attempt.last];
  // A source that has nothing pays for nothing: what costs nothing needs one unit.
  attempt.needed =
      std::max(internal::fixed_cost(last, command.prompt) + internal::output_cost(last) * least, Amount(1));
  const internal::Split now =
      internal::split(command.terms, {command.prompt, true, want, false}, attempt.rooms);
  const internal::Split ever =
      internal::split(command.terms, {command.prompt, true, least, false}, with_held);
  attempt.tokens = now.is_whole ? now.further : 0;
  attempt.has_wanted = now.is_whole && now.further == want;
  attempt.has_least = now.is_whole && now.further >= least;
  attempt.may_ever_have_least = ever.is_whole && ever.further == least;
  return attempt;
}

std::int64_t StateMachine::raise_on_sources(const Call& call, std::int64_t more, internal::Held& held) const {
  const auto& limits = call.terms.limits;
  std::vector<internal::Room> rooms(limits.size());
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].is_source) continue;
    const ledger::Account& account = ledger_.account(call.accounts[i]);
    const Amount left = account.headroom() - places_[call.accounts[i].value].excess;
    rooms[i] = {account.may_overdraw, left, account.closed || (!account.may_overdraw && left <= Amount())};
  }
  const internal::Split split =
      internal::split(call.terms, {KindCounts(), false, more, false}, rooms, internal::last_part(call.held));
  held = call.held;
  for (std::size_t i = 0; i < held.size(); ++i)
    if (split.amounts[i]) held[i] = held[i].value_or(Amount()) + *split.amounts[i];
  return split.further;
}

std::vector<Line> StateMachine::share_lines(const Call& call, const std::vector<Amount>& amounts) const {
  std::vector<Line> lines;
  auto add = [&](AccountIndex account, Amount amount) {
    auto line =
        std::find_if(lines.begin(), lines.end(), [&](const Line& one) { return one.account == account; });
    if (line == lines.end())
      lines.push_back({account, amount});
    else
      line->amount += amount;
  };
  auto account = call.share_accounts.begin();
  for (std::size_t i = 0; i < call.terms.limits.size(); ++i)
    for (const contract::Share& share : call.terms.limits[i].shares) {
      const Amount part = share.of(amounts[i]);
      if (!part.is_zero()) {
        add(*account, part);
        add(call.sinks[i], -part);
      }
      ++account;
    }
  return lines;
}

}  // namespace ciyuan::clerk
