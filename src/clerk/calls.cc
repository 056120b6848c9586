/// Extending and closing calls.

#include <algorithm>

#include "clerk/internal/call.h"
#include "record/leaf.h"

namespace ciyuan::clerk {

using ledger::AccountIndex;
using ledger::Line;

std::int64_t StateMachine::affordable(const Call& call, std::int64_t more, internal::Held& held,
                                      bool in_time) const {
  for (std::size_t i = 0; i < call.terms.limits.size() && more > 0; ++i) {
    if (call.terms.limits[i].is_source) continue;
    const Amount output = internal::output_cost(call.terms.limits[i]);
    const ledger::Account& account = ledger_.account(call.accounts[i]);
    if (account.closed) more = 0;
    if (account.may_overdraw || output.is_zero()) continue;
    if (in_time && call.terms.limits[i].renewal == contract::Renewal::kDrips) continue;
    more = static_cast<std::int64_t>(std::min<Int128>(whole_quotient(account.headroom(), output), more));
  }
  held = call.held;
  return more > 0 && !held.empty() ? raise_on_sources(call, more, held) : more;
}

Reply StateMachine::extend(const Extend& command) {
  if (auto wrong = internal::check_counts(command.used, "used")) return *wrong;
  if (command.wanted < 0 || command.wanted > kTokensMax) return invalid("wanted", "is not a count of tokens");
  auto found = calls_.find(command.id);
  if (found == calls_.end()) return Error{ErrorCode::kNotFound, "no open call " + command.id.text(), "id"};
  Call& call = *found->second;
  if (command.used.generated() > call.granted)
    return invalid("used", std::to_string(command.used.generated()) + " tokens of " +
                               std::to_string(call.granted) + " that were granted");
  renew_all(call.accounts, call.id);
  std::int64_t more = std::min(command.wanted, kTokensMax - call.granted);
  internal::Held held;
  more = affordable(call, more, held);
  if (more > 0 && !call.terms.limits.empty()) {
    const std::vector<Amount> before =
        internal::held_amounts(call.terms, call.prompt, call.granted, call.held);
    std::vector<Amount> amounts = internal::held_amounts(call.terms, call.prompt, call.granted + more, held);
    for (std::size_t i = 0; i < amounts.size(); ++i) amounts[i] -= before[i];
    // What can still fail is a sum near the end of 128 bits: then nothing more is granted.
    if (ledger_.raise(call.id, internal::make_lines(call.accounts, call.sinks, amounts, true)).ok())
      call.held = std::move(held);
    else
      more = 0;
  }
  call.granted += more;
  // A snapshot is taken whole or not at all: tokens move from kind to kind between two of them, and the
  // larger of each kind together could be more than was ever generated, or granted.
  if (command.used.generated() >= call.used.generated()) call.used = internal::generated_of(command.used);
  call.marked = at_;
  call.heard = lapse_;
  std::string mark = internal::encode_mark({call.granted, call.used, at_, call.held});
  auto [place_in_batch, is_new] = marked_in_batch_.emplace(call.number, batch_.marks.size());
  if (is_new)
    batch_.marks.push_back({call.number, std::move(mark)});
  else
    batch_.marks[place_in_batch->second].data = std::move(mark);
  const bool is_final = command.wanted > 0 && more == 0;
  Extended extended{call.granted, is_final, {}, {}};
  if (is_final) name_block(call, extended);
  return extended;
}

Reply StateMachine::close(Close& command, std::vector<Answer>& answers) {
  if (auto wrong = internal::check_counts(command.billed, "billed")) return *wrong;
  auto found = calls_.find(command.id);
  if (found == calls_.end()) {
    if (auto waiting = waiting_ids_.find(command.id); waiting != waiting_ids_.end()) {
      // Its client left while it waited: nothing was held, nothing is recorded.
      auto it = waiting_.find(waiting->second);
      std::unique_ptr<Waiter> out = std::move(it->second);
      std::uint64_t turn = it->first;
      waiting_.erase(it);
      waiting_ids_.erase(waiting);
      deadlines_.erase({out->deadline, turn});
      unblock(*out, turn);
      if (out->command.idempotency) keys_in_use_.erase(out->command.idempotency->key);
      answers.push_back({out->to, internal::conflict("id", "the call was withdrawn while it waited")});
      return Error{ErrorCode::kNotFound, "the call was still waiting: it is withdrawn, and leaves no record",
                   "id"};
    }
    // Closed before: the same record again, so that a close may be repeated after a fault.
    for (const store::RecordRow& row : batch_.records)
      if (row.id == command.id) return Closed{row.json, row.leaf, {}};
    auto stored = source_.record(command.id);
    if (!stored.ok()) return stored.error();
    if (*stored) return Closed{(*stored)->json, (*stored)->leaf, {}};
    return Error{ErrorCode::kNotFound, "no open call " + command.id.text(), "id"};
  }
  Call& call = *found->second;
  if (command.billed.generated() > call.granted)
    return invalid("billed", std::to_string(command.billed.generated()) + " generated tokens of " +
                                 std::to_string(call.granted) + " that were granted");
  auto prompt_tokens = [](const KindCounts& counts) {
    return counts[Kind::kInput] + counts[Kind::kCacheRead] + counts[Kind::kCacheWrite];
  };
  if (prompt_tokens(command.billed) > prompt_tokens(call.prompt))
    return invalid("billed", std::to_string(prompt_tokens(command.billed)) + " prompt tokens of " +
                                 std::to_string(prompt_tokens(call.prompt)) + " that were held");
  auto closed = settle(call, command.billed, command.nothing_served, std::move(command.record));
  if (!closed.ok()) return closed.error();
  return std::move(*closed);
}

Result<Closed> StateMachine::settle(Call& call, const KindCounts& billed, bool nothing_served,
                                    record::UsageRecord record) {
  const KindCounts nothing;
  const KindCounts& counts = nothing_served ? nothing : billed;
  const auto& limits = call.terms.limits;
  const std::vector<Amount> held = internal::held_amounts(call.terms, call.prompt, call.granted, call.held);
  std::optional<internal::Split> split;
  if (!call.held.empty()) {
    internal::Bill bill{counts, !nothing_served, 0, true};
    split = internal::split(call.terms, bill, internal::rooms_of(call.held));
    if (!split->is_whole)
      return invalid("billed", "costs more than is held for it on the accounts that pay for it");
  }
  std::vector<Amount> amounts;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    Amount cost = limits[i].is_source ? split->amounts[i].value_or(Amount())
                  : nothing_served || limits[i].is_returned
                      ? Amount()
                      : limits[i].per_request + internal::billed_cost(limits[i], counts);
    // Moving prompt tokens to a dearer kind than was held for is refused, not overdrawn.
    if (cost > held[i])
      return invalid("billed", "costs more on account " + limits[i].account + " than is held there");
    amounts.push_back(cost);
  }
  record.id = call.id;
  record.request_commitment = call.draft.request_commitment;
  if (record.closed.ns == 0) record.closed = at_;
  internal::complete_record(record, call.terms, counts, nothing_served, split ? &*split : nullptr);
  record::Sealed sealed = record::seal(record, call.key);

  std::uint64_t leaf = tree_.append(sealed.leaf);
  std::vector<Warning> warnings;
  if (!limits.empty()) {
    // What comes back up to now comes before what is used now: the entry's time then tells how far it went.
    renew_all(call.accounts, call.id);
    const std::vector<Line> lines = internal::make_lines(call.accounts, call.sinks, amounts, true);
    auto settled = ledger_.settle(call.id, lines);
    CIYUAN_CHECK(settled.ok() && !settled->existed, "a hold covers what is posted of it, once");
    if (!lines.empty()) journal(store::EntryKind::kCharge, call.id, lines, leaf, "");
    if (const std::vector<Line> shared = share_lines(call, amounts); !shared.empty()) {
      auto posted = ledger_.post(internal::derived_id(call.id, internal::kSharePurpose), shared);
      CIYUAN_CHECK(posted.ok(), "a sink can hand on a part of what it has just received");
      journal(store::EntryKind::kShare, call.id, shared, leaf, "");
    }
    note_parts(call, amounts);
    renew_all(call.accounts, call.id);
    warnings = warnings_of(call, amounts);
    take_back(call.accounts, call.id);
  }
  Closed closed{sealed.record.json, leaf, remaining_of(call), std::move(warnings)};
  batch_.records.push_back({leaf, call.id, at_, std::move(record.contract), std::move(record.key),
                            std::move(record.session), std::move(sealed.record.json),
                            std::move(sealed.fields), call.key_slot});
  // A call that served and charged nothing does not use its key up: a client's own retry may try again.
  if (call.idempotency && !nothing_served)
    batch_.idempotency.push_back(
        {call.idempotency->key, call.idempotency->body, call.id, at_ + options_.idempotency_life});
  for (AccountIndex account : call.accounts) woken_.push_back(account);
  forget_call(call.id);
  return closed;
}

void StateMachine::forget_call(const Id& id) {
  auto found = calls_.find(id);
  std::unique_ptr<Call> call = std::move(found->second);
  calls_.erase(found);
  for (std::size_t i = 0; i < call->accounts.size(); ++i) {
    --place(call->accounts[i]).users;
    --place(call->sinks[i]).users;
    if (internal::is_own_account(call->terms.limits[i].account, id)) finished_.push_back(call->accounts[i]);
  }
  for (AccountIndex account : call->share_accounts) --place(account).users;
  if (call->idempotency) keys_in_use_.erase(call->idempotency->key);
  if (auto mark = marked_in_batch_.find(call->number); mark != marked_in_batch_.end()) {
    batch_.marks[mark->second].number = 0;
    marked_in_batch_.erase(mark);
  }
  // A call that opened and closed within one batch never reaches the table of open calls.
  if (auto opened = opened_in_batch_.find(call->number); opened != opened_in_batch_.end())
    batch_.opened[opened->second].number = 0;
  else
    batch_.ended.push_back(call->number);
  closed_.insert(call->id);
  closed_order_.push_back(call->id);
  if (closed_order_.size() > options_.closed_remembered) {
    // Ids made up to a second after the one forgotten are looked up in the store from now on.
    const Id& oldest = closed_order_.front();
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | oldest.bytes[i];
    if (oldest.bytes[6] >> 4 == 7) looked_up_until_ms_ = std::max(looked_up_until_ms_, ms + 1000);
    closed_.erase(oldest);
    closed_order_.pop_front();
  }
}

void StateMachine::settle_as_interrupted(Call& call, bool nothing_served) {
  bool free_of_charge =
      nothing_served || (call.used.generated() == 0 &&
                         call.terms.metering.on_upstream_error == contract::OnUpstreamError::kNothing);
  KindCounts billed = call.prompt;
  for (Kind kind : kAllKinds)
    if (is_generated(kind)) billed[kind] = call.used[kind];
  auto closed = settle(call, billed, free_of_charge, internal::interrupted_record(call.draft, call.used));
  CIYUAN_CHECK(closed.ok(), "what was marked is held");
  ++interrupted_;
}

void StateMachine::settle_silent(Nanoseconds elapsed) {
  lapse_.count += std::max<std::int64_t>(elapsed.count, 0);
  if (lapse_ < look_for_silence_) return;
  Nanoseconds heard_first = lapse_;
  for (const Id& id : open_ids()) {
    Call& call = *calls_.at(id);
    if (lapse_.count - call.heard.count >= options_.silence_max.count)
      settle_as_interrupted(call, false);
    else
      heard_first = std::min(heard_first, call.heard);
  }
  // No call falls silent before the one that was heard of first does. Looking at all of them again is put off
  // by a sixty-fourth at least, so that many that fall silent one by one cost little.
  look_for_silence_.count = std::max(heard_first.count + options_.silence_max.count,
                                     lapse_.count + options_.silence_max.count / 64);
}

std::size_t StateMachine::settle_interrupted(TimePoint at) {
  at_ = std::max(at_, at);
  std::vector<Id> ids = open_ids();
  for (const Id& id : ids) settle_as_interrupted(*calls_.at(id), false);
  return ids.size();
}

void StateMachine::abandon(const Id& id, TimePoint at) {
  at_ = std::max(at_, at);
  if (auto call = calls_.find(id); call != calls_.end()) settle_as_interrupted(*call->second, true);
}

std::vector<Remaining> StateMachine::remaining_of(const Call& call) const {
  std::vector<Remaining> remaining;
  remaining.reserve(call.terms.limits.size());
  for (std::size_t i = 0; i < call.terms.limits.size(); ++i) {
    const contract::Limit& limit = call.terms.limits[i];
    if (limit.may_overdraw && limit.funds.is_zero()) continue;
    const ledger::Account& account = ledger_.account(call.accounts[i]);
    Amount limit_now = std::max(account.funded, account.granted) - places_[call.accounts[i].value].excess;
    remaining.push_back({limit.clause, limit.unit, limit_now, std::max(account.headroom(), Amount())});
  }
  return remaining;
}

}  // namespace ciyuan::clerk
