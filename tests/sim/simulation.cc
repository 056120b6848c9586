#include "simulation.h"

#include <algorithm>

namespace ciyuan::clerk::sim {

using contract::Contention;

namespace {

MachineOptions machine_options() {
  MachineOptions options;
  options.waiting_max = 40;
  options.accounts_max = 30;  // so that accounts go back to the store all the time
  options.closed_remembered = 20;
  options.silence_max = kSilenceMax;
  return options;
}

// One that waits has been looked at, even if it was withdrawn at once; one that was malformed or a replay has
// not.
bool was_looked_at(const Reply* reply) {
  if (reply == nullptr || std::holds_alternative<Opened>(*reply) || std::holds_alternative<Refusal>(*reply))
    return true;
  const Error* error = std::get_if<Error>(reply);
  return error != nullptr && error->message.find("withdrawn while it waited") != std::string::npos;
}

}  // namespace

Simulation::Simulation(Options options)
    : options_(std::move(options)),
      random_(options_.seed),
      faults_(options_.seed),
      keys_(faults_, options_.seed) {
  std::unique_ptr<store::Store> real;
  if (options_.folder.empty())
    real = std::make_unique<store::MemoryStore>();
  else
    real = store::open_sqlite(options_.folder / "sim.db").value();
  store_ = std::make_unique<FaultyStore>(std::move(real), faults_);
  store_->look_at = [this](const store::Batch& batch) { audit_keys_of(batch); };
  reader_ = store_->reader().value();
}
Simulation::~Simulation() = default;

void Simulation::require(bool condition, const std::string& words) {
  if (condition || !broken_.empty()) return;
  broken_ = "seed " + std::to_string(options_.seed) + ", step " + std::to_string(step_) + ": " + words;
}

Digest Simulation::history() const { return store_->history(); }

std::string Simulation::run() {
  restart();
  while (step_ < options_.steps && broken_.empty()) {
    step();
    audit(step_ % 97 == 0);
  }
  if (broken_.empty()) settle_down();
  if (worker_ != nullptr) figures_.interrupted += worker_->interrupted();
  figures_.refills = keys_.refills();
  figures_.failed_refills = keys_.failed_refills();
  return broken_;
}

// What may go wrong with the next few operations.
void Simulation::plan_faults(int per_mille) {
  faults_.clear();
  for (std::deque<Fault>* plan : {&faults_.commits, &faults_.refills})
    for (int n = 0; n < 3; ++n)
      plan->push_back(chance(per_mille) ? static_cast<Fault>(1 + below(4)) : Fault::kNone);
  if (chance(per_mille)) faults_.reads_failing_per_mille = static_cast<int>(1 + below(100));
}

// The process starts, and may fail to, or die, at any of its operations, again and again.
void Simulation::restart() {
  trusted_ = true;
  for (int attempt = 0;; ++attempt) {
    if (worker_ != nullptr) figures_.interrupted += worker_->interrupted();
    worker_.reset();
    plan_faults(attempt < 4 ? 250 : 0);
    try {
      Status started = store_->reload();
      Result<store::Head> head = store_->head();
      if (started.ok() && !head.ok()) started = head.error();
      if (started.ok()) {
        keys_.open(head->key_slots);
        worker_ = std::make_unique<Worker>(*store_, &keys_, machine_options());
        started = worker_->start(clock_);
      }
      if (started.ok()) break;
      require(started.error().code == ErrorCode::kUnavailable,
              "a start fails for want of its disk alone: " + started.error().text());
      if (!broken_.empty()) return;
    } catch (const Death&) {
    }
    ++figures_.failed_starts;
  }
  faults_.clear();
}

void Simulation::step() {
  ++step_;
  // The clock goes on, stands still, leaps, and goes back. What Ticks measure only goes on.
  std::uint64_t die = below(100);
  Nanoseconds passed;
  if (die < 80)
    passed = milliseconds(static_cast<std::int64_t>(below(3000)));
  else if (die < 84)
    passed = seconds(static_cast<std::int64_t>(below(400)));
  else if (die < 88)
    clock_ = clock_ + seconds(-static_cast<std::int64_t>(below(600)));
  else if (die == 88 && chance(50))
    clock_ = clock_ + seconds(90'000);
  clock_ = clock_ + passed;
  lapse_.count += passed.count;
  since_tick_.count += passed.count;

  machine_lapse_.count = lapse_.count - since_tick_.count;

  std::vector<Queued> batch;
  for (std::uint64_t n = chance(100) ? 0 : 1 + below(12); n > 0; --n) batch.push_back(some_command());
  arrivals_.clear();
  for (const Queued& queued : batch)
    if (auto* open = std::get_if<Open>(&queued.command)) arrivals_.emplace_back(queued.to.ticket, *open);
  there_before_.clear();
  for (const auto& [ticket, open] : arrivals_)
    for (const contract::Limit& limit : open.terms.limits)
      if (*store_->real().account(limit.account)) there_before_.insert(limit.account);

  plan_faults(25);
  std::vector<Answer> answers;
  bool dies = chance(10);
  bool reads_fail = faults_.reads_failing_per_mille > 0;
  try {
    if (chance(200)) keys_.refill_ahead();
    worker_->work(batch, answers);
    if (dies && chance(300)) keys_.close();
  } catch (const Death&) {
    dies = true;
  }
  faults_.clear();
  trusted_ = worker_->trouble().empty();
  if (!trusted_) ++figures_.failures;
  if (dies || !trusted_) last_funds_.clear();
  if (dies) return die_and_restart();
  if (trusted_) note_funds(answers, reads_fail);
  for (const Answer& answer : answers) hear(answer);
  for (auto& [ticket, open] : arrivals_)
    if (auto waiting = sent_.find(ticket); waiting != sent_.end() && trusted_) {
      ++figures_.waited;
      waiting_[ticket] = worker_->machine()->time() + open.terms.metering.wait_max;
    }
}

// No answer leaves a process that dies, whatever it had done.
void Simulation::die_and_restart() {
  ++figures_.crashes;
  for (auto& [ticket, sent] : sent_) {
    if (sent.what == Sent::What::kExtend) hear_nothing_of_extension(calls_.at(sent.id), sent);
    if (sent.what == Sent::What::kOpen) calls_.at(sent.id).dead |= !calls_.at(sent.id).told_open;
  }
  sent_.clear();
  waiting_.clear();
  for (const Id& id : open_now_) calls_.at(id).dead = true;
  open_now_.clear();
  restart();
}

// Whether another open of an account has no answer yet, or gets it in this step.
bool Simulation::is_shared(const std::string& account, std::uint64_t ticket) const {
  return std::any_of(sent_.begin(), sent_.end(), [&](const auto& one) {
    if (one.first == ticket || one.second.what != Sent::What::kOpen) return false;
    const auto& limits = calls_.at(one.second.id).open.terms.limits;
    return std::any_of(limits.begin(), limits.end(),
                       [&](const contract::Limit& limit) { return limit.account == account; });
  });
}

// What each account was last told to grant, in the order in which opens came in. An account that was not
// there before a call opened it was not looked at; of several that wait for it, the first to open it decides.
// A call that failed for want of the disk may have been looked at.
void Simulation::note_funds(const std::vector<Answer>& answers, bool reads_fail) {
  std::map<std::uint64_t, const Reply*> replies;
  for (const Answer& answer : answers) replies[answer.to.ticket] = &answer.reply;
  const ledger::Ledger& ledger = worker_->machine()->accounts();
  for (const auto& [ticket, open] : arrivals_) {
    auto found = replies.find(ticket);
    const Reply* reply = found == replies.end() ? nullptr : found->second;
    const Error* error = reply == nullptr ? nullptr : std::get_if<Error>(reply);
    bool is_unsure = error != nullptr && error->code == ErrorCode::kUnavailable;
    if (!was_looked_at(reply) && !is_unsure) continue;
    bool is_open = reply != nullptr && std::holds_alternative<Opened>(*reply);
    for (const contract::Limit& limit : open.terms.limits) {
      bool was_there = there_before_.contains(limit.account);
      if (!is_unsure && (was_there || (is_open && !is_shared(limit.account, ticket))))
        last_funds_[limit.account] = limit.funds;
      else
        last_funds_.erase(limit.account);
    }
  }
  // One that is not there, or not in memory any more, is not followed further; nor is one that grants too
  // much after reads that failed: the next open takes it back.
  std::erase_if(last_funds_, [&](const auto& one) {
    auto index = ledger.find(one.first);
    return !index || (reads_fail && ledger.account(*index).granted > one.second);
  });
}

void Simulation::hear(const Answer& answer) {
  auto it = sent_.find(answer.to.ticket);
  require(it != sent_.end(), "every command is answered once");
  if (it == sent_.end()) return;
  Sent sent = it->second;
  sent_.erase(it);
  waiting_.erase(answer.to.ticket);
  const Error* error = std::get_if<Error>(&answer.reply);
  bool unavailable = error != nullptr && error->code == ErrorCode::kUnavailable;
  if (error != nullptr)
    require(error->code != ErrorCode::kCorrupt && error->code != ErrorCode::kInternal, error->text());
  switch (sent.what) {
    case Sent::What::kOpen:
      return hear_open(calls_.at(sent.id), answer.to.ticket, answer.reply);
    case Sent::What::kExtend:
      if (unavailable) return hear_nothing_of_extension(calls_.at(sent.id), sent);
      if (auto* extended = std::get_if<Extended>(&answer.reply))
        hear_extension(calls_.at(sent.id), sent, *extended);
      return;
    case Sent::What::kClose: {
      Call& call = calls_.at(sent.id);
      auto* closed = std::get_if<Closed>(&answer.reply);
      if (closed == nullptr) return;
      ++figures_.closed;
      if (call.record_json)
        require(*call.record_json == closed->record_json && call.leaf == closed->leaf_index,
                "a call has one record, always the same");
      call.record_json = closed->record_json;
      call.leaf = closed->leaf_index;
      std::erase(open_now_, sent.id);
      return;
    }
    case Sent::What::kPost:
      if (std::holds_alternative<Done>(answer.reply)) {
        ++figures_.postings;
        require(!posts_.at(sent.id).credit.starts_with("funds/"), "no posting reaches the funds");
      }
      return;
    case Sent::What::kPut:
    case Sent::What::kDelete:
      if (std::holds_alternative<Done>(answer.reply)) ++figures_.documents;
      return;
    case Sent::What::kTick:
      return;
  }
}

void Simulation::hear_extension(Call& call, const Sent& sent, const Extended& extended) {
  if (!call.unsure_grant) {
    require(extended.granted >= call.granted && extended.granted <= call.granted + sent.wanted,
            "a grant grows by what was asked for, at most");
    require(extended.final == (sent.wanted > 0 && extended.granted == call.granted),
            "final says that nothing more was granted");
  }
  call.granted = extended.granted;
  call.unsure_grant = false;
  call.heard = machine_lapse_;
  for (KindCounts& mark : call.marks)
    if (sent.used.generated() >= mark.generated()) mark = sent.used;
}

// It may be marked, or not.
void Simulation::hear_nothing_of_extension(Call& call, const Sent& sent) {
  call.unsure_grant = true;
  std::vector<KindCounts> more;
  for (const KindCounts& mark : call.marks)
    if (sent.used.generated() >= mark.generated()) more.push_back(sent.used);
  for (const KindCounts& mark : more)
    if (std::find(call.marks.begin(), call.marks.end(), mark) == call.marks.end()) call.marks.push_back(mark);
}

void Simulation::hear_open(Call& call, std::uint64_t ticket, const Reply& reply) {
  if (auto* opened = std::get_if<Opened>(&reply)) {
    ++figures_.opened;
    require(!call.told_open, "the same id opens once");
    require(opened->granted <= std::min(call.open.output_wanted, call.open.terms.metering.quantum_tokens),
            "no more than a quantum is granted at first");
    require(opened->granted >= std::min<std::int64_t>(call.open.output_wanted, 1),
            "an open call may make a token");
    for (const contract::Limit& limit : call.open.terms.limits)
      require(!is_passed(limit, call.open, ticket), "no call passes one that waits for " + limit.account);
    call.told_open = true;
    call.dead = false;
    call.granted = opened->granted;
    call.heard = machine_lapse_;
    open_now_.push_back(call.open.id);
  } else if (auto* refusal = std::get_if<Refusal>(&reply)) {
    ++figures_.refused;
    require(refusal->needed > Amount() && !refusal->left.is_negative() && !refusal->held.is_negative(),
            "a refusal says what was needed and left");
  } else if (auto* replay = std::get_if<Replay>(&reply)) {
    ++figures_.replayed;
    require(call.open.idempotency.has_value(), "only a key is replayed");
    if (!replay->in_progress && replay->same_body) {
      auto row = reader_->record(replay->id);
      require(row.ok() && *row && (*row)->json == replay->record_json, "a replay is the stored record");
    }
  } else if (auto* error = std::get_if<Error>(&reply);
             error != nullptr && error->code == ErrorCode::kUnavailable) {
    if (!call.told_open) call.dead = true;
  }
}

// The end: everything is closed, everyone has an answer, nothing is held.
void Simulation::settle_down() {
  for (int round = 0; round < 3 && broken_.empty(); ++round) {
    std::vector<Queued> batch;
    std::vector<Id> open = open_now_;
    for (const Id& id : open) {
      Call& call = calls_.at(id);
      Close close{.id = id,
                  .at = clock_,
                  .billed = call.sent_close.value_or(call.open.prompt),
                  .nothing_served = call.sent_nothing_served,
                  .record = call.open.draft};
      if (!call.sent_close) call.sent_close = close.billed;
      batch.push_back(send(close, {Sent::What::kClose, id}));
    }
    clock_ = clock_ + seconds(100'000);
    lapse_.count += seconds(100'000).count;
    since_tick_.count += seconds(100'000).count;
    batch.push_back(tick());
    std::vector<Answer> answers;
    worker_->work(batch, answers);
    trusted_ = worker_->trouble().empty();
    if (!trusted_) last_funds_.clear();
    for (const Answer& answer : answers) hear(answer);
    audit(true);
  }
  require(trusted_, "a store without faults works at the end: " + worker_->trouble());
  if (!trusted_) return;
  require(sent_.empty(), std::to_string(sent_.size()) + " commands never got an answer");
  require(open_now_.empty() && worker_->machine()->open_calls() == 0, "every call comes to its end");
  require(worker_->machine()->waiting_calls() == 0, "nobody waits for ever");
  worker_->machine()->accounts().for_each_account([&](ledger::AccountIndex, const ledger::Account& account) {
    require(account.debits_pending.is_zero() && account.credits_pending.is_zero(),
            account.name + " holds something at the end");
  });
}

}  // namespace ciyuan::clerk::sim
