/// Opening a call: what it may hold, or why not.

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using ledger::AccountIndex;

namespace {

std::int64_t milliseconds_of(const Id& id) {
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | id.bytes[i];
  return ms;
}
bool is_uuid7(const Id& id) { return id.bytes[6] >> 4 == 7; }

// An id from further ahead could be closed now, and look fresh after a restart with an earlier clock.
bool is_ahead(const Id& id, TimePoint now) {
  return is_uuid7(id) && milliseconds_of(id) > now.ns / 1'000'000 + kIdsAheadMs;
}

}  // namespace

Result<bool> StateMachine::was_closed(const Id& id) {
  if (closed_.contains(id)) return true;
  // A fresh id cannot be in the store: its time says so, and saves a lookup for each call.
  if (is_uuid7(id) && milliseconds_of(id) > looked_up_until_ms_) return false;
  CIYUAN_TRY(std::optional<store::RecordRow> record, source_.record(id));
  return record.has_value();
}

Result<std::optional<Replay>> StateMachine::replay_of(const Idempotency& idempotency) {
  if (auto used = keys_in_use_.find(idempotency.key); used != keys_in_use_.end())
    return std::optional<Replay>(Replay{used->second.id, true, used->second.body == idempotency.body, ""});
  std::optional<store::IdempotencyRow> row;
  for (const store::IdempotencyRow& fresh : batch_.idempotency)
    if (fresh.key == idempotency.key) row = fresh;
  if (!row) {
    CIYUAN_TRY(row, source_.idempotency(idempotency.key));
  }
  if (!row || row->expires <= at_) return std::optional<Replay>();
  Replay replay{row->id, false, row->body == idempotency.body, ""};
  if (!replay.same_body) return std::optional<Replay>(std::move(replay));
  for (const store::RecordRow& fresh : batch_.records)
    if (fresh.id == row->id) replay.record_json = fresh.json;
  if (replay.record_json.empty()) {
    CIYUAN_TRY(std::optional<store::RecordRow> stored, source_.record(row->id));
    if (!stored)
      return Error{ErrorCode::kCorrupt, "an idempotency key stands for a record that is missing", ""};
    replay.record_json = std::move(stored->json);
  }
  return std::optional<Replay>(std::move(replay));
}

void StateMachine::open(Open& command, ReplyTo to, std::vector<Answer>& answers) {
  auto answer = [&](Reply reply) { answers.push_back({to, std::move(reply)}); };
  if (auto wrong = internal::check_open(command)) return answer(std::move(*wrong));
  if (is_ahead(command.id, at_))
    return answer(invalid("id", "was made more than a minute after the call's own time"));
  if (calls_.contains(command.id) || waiting_ids_.contains(command.id))
    return answer(internal::conflict("id", "call " + command.id.text() + " is open"));
  Result<bool> closed = was_closed(command.id);
  if (!closed.ok()) return answer(closed.error());
  if (*closed) return answer(internal::conflict("id", "call " + command.id.text() + " was closed"));
  if (command.idempotency) {
    auto replay = replay_of(*command.idempotency);
    if (!replay.ok()) return answer(replay.error());
    if (*replay) return answer(std::move(**replay));
  }
  std::uint64_t turn = turns_given_ + 1;
  bool may_wait = waiting_.size() < options_.waiting_max && command.terms.metering.wait_max.count > 0;
  auto attempt = this->attempt(command, turn, may_wait);
  if (!attempt.ok()) return answer(attempt.error());
  switch (attempt->outcome) {
    case Attempt::Outcome::kWait:
      return wait(std::move(command), to, attempt->short_limits);
    case Attempt::Outcome::kRefuse:
      return answer(refusal_of(command, *attempt));
    case Attempt::Outcome::kGrant:
      auto opened = grant(command, *attempt);
      if (!opened.ok()) return answer(opened.error());
      return answer(std::move(*opened));
  }
}

Result<StateMachine::Found> StateMachine::find_limits(const Open& command) {
  Found found;
  found.reserve(command.terms.limits.size());
  for (const contract::Limit& limit : command.terms.limits) {
    bool own = internal::is_own_account(limit.account, command.id);
    CIYUAN_TRY(std::optional<AccountIndex> one, find_account(limit.account, !own));
    found.push_back(one);
    if (!one) continue;
    const ledger::Account& account = ledger_.account(*one);
    if (account.unit != limit.unit)
      return internal::conflict(limit.account, "the account counts " + account.unit + ", not " + limit.unit);
    if (account.closed) return Error{ErrorCode::kRefused, "the account is closed", limit.account};
  }
  return found;
}

Result<StateMachine::Attempt> StateMachine::attempt(const Open& command, std::uint64_t turn, bool may_wait) {
  const contract::Metering& metering = command.terms.metering;
  const std::int64_t want = std::min(command.output_wanted, metering.quantum_tokens);
  const std::int64_t least = std::min<std::int64_t>(command.output_wanted, 1);
  std::int64_t tokens = want;
  Attempt attempt;
  std::optional<Attempt> refusal;
  auto refuse = [&](std::size_t limit, Amount funded, Amount left, Amount held, Amount needed,
                    bool contended) {
    // What waiting cannot mend is the better reason of two.
    if (refusal && (!refusal->contended || contended)) return;
    refusal = Attempt{.outcome = Attempt::Outcome::kRefuse,
                      .limit = limit,
                      .funded = funded,
                      .left = left,
                      .held = held,
                      .needed = needed,
                      .contended = contended};
  };
  CIYUAN_TRY(Found found, find_limits(command));
  CIYUAN_TRY_STATUS(watch_renewals(command.terms.limits, found));
  for (const std::optional<AccountIndex>& one : found)
    if (one) renew(*one, command.id);
  // One that waits changes no grant: what its limits say may be out of date by now.
  if (turn > turns_given_) CIYUAN_TRY_STATUS(update_grants(command, found));
  for (std::size_t i = 0; i < command.terms.limits.size(); ++i) {
    const contract::Limit& limit = command.terms.limits[i];
    if (limit.may_overdraw || limit.is_source) continue;
    const auto [left, held, funded, behind] = standing_of(limit, found[i], turn);
    Amount fixed = internal::fixed_cost(limit, command.prompt);
    Amount output = internal::output_cost(limit);
    Amount needed = fixed + output * least;
    Amount wanted = fixed + output * want;
    if (needed.is_zero() && wanted.is_zero()) continue;
    if (left + held < needed) {
      refuse(i, funded, left, held, needed, false);
      continue;
    }
    bool contended = behind || (wanted > left && !held.is_zero());
    if (contended && metering.contention == contract::Contention::kWait && may_wait)
      attempt.short_limits.push_back(i);
    else if (behind || left < needed || (contended && metering.contention == contract::Contention::kRefuse))
      refuse(i, funded, left, held, needed, true);
    if (!output.is_zero() && left >= fixed) {
      Int128 affordable = whole_quotient(left - fixed, output);
      if (affordable < tokens) tokens = static_cast<std::int64_t>(affordable);
    }
  }
  if (internal::has_sources(command.terms)) {
    SourcesAttempt sources = try_sources(command, found, turn, want, least);
    const Standing& last = sources.last_standing;
    const bool contended = !sources.has_wanted && sources.is_contended;
    auto refuse_last = [&](bool is_contended) {
      refuse(sources.last, last.funded, last.left, last.held, sources.needed, is_contended);
    };
    if (!sources.may_ever_have_least)
      refuse_last(false);
    else if (contended && metering.contention == contract::Contention::kWait && may_wait)
      attempt.short_limits.insert(attempt.short_limits.end(), sources.short_limits.begin(),
                                  sources.short_limits.end());
    else if (!sources.has_least || (contended && metering.contention == contract::Contention::kRefuse))
      refuse_last(true);
    tokens = std::min(tokens, sources.tokens);
    attempt.rooms = std::move(sources.rooms);
  }
  if (refusal && (!refusal->contended || attempt.short_limits.empty())) return std::move(*refusal);
  if (!attempt.short_limits.empty()) {
    attempt.outcome = Attempt::Outcome::kWait;
    return attempt;
  }
  attempt.tokens = tokens;
  return attempt;
}

StateMachine::Standing StateMachine::standing_of(const contract::Limit& limit,
                                                 std::optional<AccountIndex> found, std::uint64_t turn) {
  Standing standing{
      .left = limit.funds + limit.credit_limit, .held = {}, .funded = limit.funds, .behind = false};
  if (!found) return standing;
  const ledger::Account& account = ledger_.account(*found);
  const Amount excess = place(*found).excess;
  standing.left = std::max(account.headroom() - excess, Amount());
  standing.held = std::max(account.debits_pending - excess, Amount());
  standing.funded = account.funded - excess;
  standing.behind = waits_before(*found, turn);
  return standing;
}

Refusal StateMachine::refusal_of(const Open& command, const Attempt& attempt) const {
  const contract::Limit& limit = command.terms.limits[attempt.limit];
  TimePoint retry_at = attempt.contended ? at_ + options_.retry_contended : limit.window_end;
  if (auto account = ledger_.find(limit.account); account && limit.renewal != contract::Renewal::kNever)
    retry_at = std::max(retry_at, renewed_at(*account, attempt.needed - attempt.left - attempt.held));
  return Refusal{limit.clause, limit.account, limit.unit,     attempt.funded,
                 attempt.left, attempt.held,  attempt.needed, retry_at};
}

Status StateMachine::check_sums(std::string_view account) {
  // An account that took in 2^123 units has been fed for longer than the universe is old, or by an attacker.
  // One command adds less than 2^122 to any account, and the ledger ends at 2^125.
  CIYUAN_TRY(std::optional<AccountIndex> found, find_account(account));
  if (!found) return {};
  const ledger::Account& there = ledger_.account(*found);
  for (Amount sum : {there.debits_posted, there.credits_posted, there.debits_pending, there.credits_pending})
    if (sum.units() > (Int128{1} << 123))
      return Error{ErrorCode::kTooLarge, "the account's sums are near the end of 128 bits", there.name};
  return {};
}

Status StateMachine::check_sums(const Open& command) {
  for (const contract::Limit& limit : command.terms.limits) {
    if (ledger_.find(limit.account)) CIYUAN_TRY_STATUS(check_sums(limit.account));
    CIYUAN_TRY_STATUS(check_sums(limit.sink));
    for (const contract::Share& share : limit.shares) CIYUAN_TRY_STATUS(check_sums(share.account));
    if (!limit.funds.is_zero()) CIYUAN_TRY_STATUS(check_funds(limit.unit));
  }
  return {};
}

Status StateMachine::check_sinks(const Open& command) {
  auto check = [&](const std::string& name, const std::string& unit) -> Status {
    CIYUAN_TRY(std::optional<AccountIndex> found, find_account(name));
    if (found && ledger_.account(*found).unit != unit)
      return internal::conflict(name, "the account counts " + ledger_.account(*found).unit + ", not " + unit);
    if (found && ledger_.account(*found).closed)
      return Error{ErrorCode::kRefused, "the account is closed", name};
    return {};
  };
  for (const contract::Limit& limit : command.terms.limits) {
    CIYUAN_TRY_STATUS(check(limit.sink, limit.unit));
    for (const contract::Share& share : limit.shares) CIYUAN_TRY_STATUS(check(share.account, limit.unit));
  }
  return {};
}

Result<Opened> StateMachine::grant(Open& command, const Attempt& attempt) {
  const auto& limits = command.terms.limits;
  // The key and all sinks before anything is changed: a unit that does not fit must leave nothing behind.
  CIYUAN_TRY_STATUS(check_sinks(command));
  if (!limits.empty()) CIYUAN_TRY_STATUS(check_sums(command));
  CIYUAN_TRY(record::RecordKey key, take_key());
  auto call = std::make_unique<Call>();
  if (!attempt.rooms.empty()) {
    internal::Split split =
        internal::split(command.terms, {command.prompt, true, attempt.tokens, false}, attempt.rooms);
    CIYUAN_CHECK(split.is_whole && split.further == attempt.tokens,
                 "sources have what they were seen to have");
    call->held = std::move(split.amounts);
  }
  const std::vector<Amount> amounts =
      internal::held_amounts(command.terms, command.prompt, attempt.tokens, call->held);
  if (!limits.empty()) {
    // From here on nothing can be refused: headroom, units and sums were looked at.
    fund_new_accounts(command, call->accounts);
    for (const contract::Limit& limit : limits) {
      auto sink = open_account({limit.sink, limit.unit, contract::scale_of_unit(limit.unit), false}, false);
      CIYUAN_CHECK(sink.ok(), "a sink that was looked at can be opened");
      call->sinks.push_back(*sink);
      for (const contract::Share& share : limit.shares) {
        auto account =
            open_account({share.account, limit.unit, contract::scale_of_unit(limit.unit), false}, false);
        CIYUAN_CHECK(account.ok(), "an account that was looked at can be opened");
        call->share_accounts.push_back(*account);
      }
    }
    auto held = ledger_.hold(command.id, internal::make_lines(call->accounts, call->sinks, amounts, false));
    CIYUAN_CHECK(held.ok() && !held->existed, "what was there a moment ago can be held");
  }
  call->number = ++calls_given_;
  call->id = command.id;
  call->prompt = command.prompt;
  call->output_wanted = command.output_wanted;
  call->granted = attempt.tokens;
  call->opened = call->marked = at_;
  call->heard = lapse_;
  call->key = key.key;
  call->key_slot = key.slot;
  command.at = at_;
  command.draft.id = command.id;
  if (command.request.length() > 0)
    command.draft.request_commitment =
        record::commit(HmacKey(key.key), record::Content::kRequest, command.request);
  opened_in_batch_[call->number] = batch_.opened.size();
  batch_.opened.push_back(
      {call->number, command.id, internal::encode_call(command, attempt.tokens, call->held, key.slot)});
  if (command.idempotency) keys_in_use_[command.idempotency->key] = {command.id, command.idempotency->body};
  call->idempotency = std::move(command.idempotency);
  call->terms = std::move(command.terms);
  call->draft = std::move(command.draft);
  for (AccountIndex account : call->accounts) ++place(account).users, touch(account, false);
  for (AccountIndex sink : call->sinks) ++place(sink).users, touch(sink, false);
  for (AccountIndex account : call->share_accounts) ++place(account).users, touch(account, false);
  internal::Held unused;
  // An answer that comes whole cannot wait for its rate.
  const bool in_time = call->terms.metering.quantum_tokens < call->output_wanted;
  const std::int64_t more = affordable(*call, call->output_wanted - attempt.tokens, unused, in_time);
  Opened opened{attempt.tokens, attempt.tokens + more, remaining_of(*call), key.key};
  Id id = call->id;
  calls_.emplace(id, std::move(call));
  return opened;
}

}  // namespace ciyuan::clerk
