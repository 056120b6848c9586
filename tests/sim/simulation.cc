#include "simulation.h"

#include <algorithm>

#include "record/record.h"

namespace ciyuan::clerk::sim {

using contract::Contention;

// Keys in memory, which may fail as a file may.
class Simulation::Keys final : public KeyKeeper {
 public:
  Result<SecretKey> find(const Id& id) override {
    auto found = keys_.find(id);
    if (found == keys_.end()) return Error{ErrorCode::kNotFound, "no such key", ""};
    return found->second;
  }
  Status keep(std::span<const record::KeyRow> rows) override {
    if (std::exchange(fail_next, false))
      return Error{ErrorCode::kUnavailable, "keys: disk full (simulated)", ""};
    for (const record::KeyRow& row : rows) keys_[row.id] = row.key;
    return {};
  }
  bool has(const Id& id) const { return keys_.contains(id); }
  bool fail_next = false;

 private:
  std::map<Id, SecretKey> keys_;
};

namespace {

// SQLite with faults. Before its effect: the real store never sees the batch. After it: it has it, and says
// no.
class FaultyStore final : public store::Store {
 public:
  explicit FaultyStore(std::unique_ptr<store::Store> real) : real_(std::move(real)) {}
  store::Fault next = store::Fault::kNone;

  Status commit(const store::Batch& batch) override {
    store::Fault fault = std::exchange(next, store::Fault::kNone);
    if (fault == store::Fault::kBeforeEffect)
      return Error{ErrorCode::kUnavailable, "commit failed (simulated)", ""};
    Status done = real_->commit(batch);
    if (fault == store::Fault::kAfterEffect)
      return Error{ErrorCode::kUnavailable, "commit failed (simulated)", ""};
    return done;
  }
  Status reload() override { return real_->reload(); }
  Result<store::Head> head() override { return real_->head(); }
  Result<std::vector<store::OpenCall>> open_calls() override { return real_->open_calls(); }
  Result<std::optional<store::AccountRow>> account(std::string_view name) override {
    return real_->account(name);
  }
  Result<std::optional<store::AccountRow>> account(store::AccountNumber n) override {
    return real_->account(n);
  }
  Result<std::optional<store::RecordRow>> record(const Id& id) override { return real_->record(id); }
  Result<std::optional<store::EntryRow>> posting(const Id& id) override { return real_->posting(id); }
  Result<std::optional<store::IdempotencyRow>> idempotency(std::string_view key) override {
    return real_->idempotency(key);
  }
  Result<Bytes> tile(unsigned level, std::uint64_t index) override { return real_->tile(level, index); }
  Result<std::optional<store::DocumentRow>> document(std::string_view kind, std::string_view name) override {
    return real_->document(kind, name);
  }
  Result<std::unique_ptr<store::Reader>> reader() override { return real_->reader(); }

 private:
  std::unique_ptr<store::Store> real_;
};

constexpr std::int64_t kUnit = 1'000'000;

// The auditor's own arithmetic, apart from the clerk's.
Int128 cost_of(const contract::Limit& limit, const KindCounts& counts, bool with_request) {
  Int128 cost = with_request ? limit.per_request.units() : 0;
  for (std::size_t kind = 0; kind < kKinds; ++kind)
    cost += limit.per_token[kind].units() * counts.tokens[kind];
  return cost;
}
Int128 held_for(const contract::Limit& limit, const Open& open, std::int64_t granted) {
  Int128 dearest =
      std::max({limit.per_token[index_of(Kind::kOutput)], limit.per_token[index_of(Kind::kReasoning)],
                limit.per_token[index_of(Kind::kTool)]})
          .units();
  return cost_of(limit, open.prompt, true) + dearest * granted;
}

MachineOptions machine_options() {
  MachineOptions options;
  options.waiting_max = 40;
  options.accounts_max = 30;  // so that accounts go back to the store all the time
  options.closed_remembered = 20;
  options.silence_max = seconds(2000);
  return options;
}

}  // namespace

Simulation::Simulation(Options options) : options_(std::move(options)), random_(options_.seed) {
  keys_ = std::make_unique<Keys>();
  if (options_.folder.empty()) {
    auto memory = std::make_unique<store::MemoryStore>();
    memory_ = memory.get();
    store_ = std::move(memory);
  } else {
    store_ = std::make_unique<FaultyStore>(store::open_sqlite(options_.folder / "sim.db").value());
  }
  reader_ = store_->reader().value();
}
Simulation::~Simulation() = default;

void Simulation::require(bool condition, const std::string& words) {
  if (condition || !broken_.empty()) return;
  broken_ = "seed " + std::to_string(options_.seed) + ", step " + std::to_string(step_) + ": " + words;
}

// Callers

contract::Terms Simulation::some_terms() {
  contract::Terms terms;
  auto cap = [&](std::string account, std::int64_t tokens, std::string unit, std::string sink) {
    contract::Limit limit;
    limit.clause = account;
    limit.account = std::move(account);
    limit.unit = std::move(unit);
    limit.sink = std::move(sink);
    limit.funds = Amount(tokens * kUnit);
    for (std::size_t kind = 0; kind < kKinds; ++kind)
      limit.per_token[kind] = Amount(kUnit * (kind == 4 ? 2 : 1));
    limit.window_end = clock_ + seconds(60);
    return limit;
  };
  std::string session = std::to_string(below(40));
  std::string window = std::to_string(clock_.ns / seconds(300).count);
  if (chance(800)) terms.limits.push_back(cap("cap/session=" + session, 400, "CIYUAN", "used/CIYUAN"));
  if (chance(700)) terms.limits.push_back(cap("cap/window=" + window, 3000, "CIYUAN", "used/CIYUAN"));
  if (chance(500))
    terms.limits.push_back(cap("prepaid/" + std::to_string(below(3)), 0, "CNY", "revenue/CNY"));
  if (chance(300)) {
    terms.limits.push_back(cap("receivable/CNY", 0, "CNY", "revenue/CNY"));
    terms.limits.back().may_overdraw = true;
  }
  if (chance(400)) {
    contract::Limit limit;
    limit.clause = "rate";
    limit.account = "cap/rate=" + window;
    limit.unit = "REQUEST";
    limit.sink = "used/REQUEST";
    limit.funds = Amount(60);
    limit.per_request = Amount(1);
    terms.limits.push_back(limit);
  }
  terms.metering.contention = static_cast<Contention>(below(3));
  terms.metering.quantum_tokens = static_cast<std::int64_t>(1 + below(120));
  terms.metering.wait_max = seconds(static_cast<std::int64_t>(below(30)));
  if (chance(300)) terms.metering.on_upstream_error = contract::OnUpstreamError::kNothing;
  terms.currency = "CNY";
  terms.prices = {{Kind::kInput, Amount(2'000'000)}, {Kind::kOutput, Amount(8'000'000)}};
  for (Amount& weight : terms.ciyuan_per_token) weight = Amount(kUnit);
  return terms;
}

Queued Simulation::send(Command command, Sent sent) {
  sent_.emplace(++tickets_, sent);
  ++figures_.commands;
  return {std::move(command), {nullptr, tickets_}};
}

Queued Simulation::open_command() {
  Open open;
  open.at = clock_;
  ++names_;
  // As UUIDv7 in real life; the rest of the bits come from the seed.
  open.id = id_from_content(std::to_string(options_.seed) + "/" + std::to_string(names_));
  auto ms = static_cast<std::uint64_t>(clock_.ns / 1'000'000);
  for (std::size_t i = 0; i < 6; ++i) open.id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  if (chance(900)) open.id.bytes[6] = static_cast<std::uint8_t>((open.id.bytes[6] & 0x0F) | 0x70);
  open.terms = some_terms();
  // Per-request caps are named for the request.
  if (chance(200)) {
    contract::Limit limit;
    limit.clause = "per-request";
    limit.account = "cap/request=" + open.id.text();
    limit.unit = "CIYUAN";
    limit.sink = "used/CIYUAN";
    limit.funds = Amount(120 * kUnit);
    for (Amount& cost : limit.per_token) cost = Amount(kUnit);
    open.terms.limits.push_back(limit);
  }
  open.prompt[Kind::kInput] = static_cast<std::int64_t>(below(60));
  open.prompt[Kind::kCacheRead] = static_cast<std::int64_t>(chance(200) ? below(20) : 0);
  open.output_wanted = static_cast<std::int64_t>(chance(100) ? 0 : below(400));
  if (chance(300))
    open.idempotency = Idempotency{"key/" + std::to_string(below(60)), sha256(std::to_string(below(2)))};
  open.record_key.fill(static_cast<std::uint8_t>(1 + names_ % 250));
  open.draft.session = "s";
  open.draft.key = "k" + std::to_string(below(3));
  open.draft.contract = "c";
  Call call;
  call.open = open;
  calls_[open.id] = std::move(call);
  call_order_.push_back(open.id);
  return send(open, {Sent::What::kOpen, open.id});
}

Queued Simulation::repeat_open() {
  Open open = calls_.at(call_order_[below(call_order_.size())]).open;
  open.at = clock_;
  return send(open, {Sent::What::kOpen, open.id});
}

Simulation::Call* Simulation::some_call(bool open_only) {
  const std::vector<Id>& from = open_only ? open_now_ : call_order_;
  if (from.empty()) return nullptr;
  // Mostly recent ones, so that things meet.
  std::size_t back = static_cast<std::size_t>(below(std::min<std::size_t>(from.size(), 60)));
  return &calls_.at(from[from.size() - 1 - back]);
}

Queued Simulation::some_command() {
  std::uint64_t die = below(100);
  if (die < 36 || call_order_.empty()) return open_command();
  if (die < 38) return repeat_open();
  if (die < 60) {
    if (Call* call = some_call(!chance(20))) {
      Extend extend;
      extend.id = call->open.id;
      extend.at = clock_;
      if (!call->unsure_grant && call->granted > call->used)
        call->used +=
            static_cast<std::int64_t>(below(static_cast<std::uint64_t>(call->granted - call->used) + 1));
      extend.used[Kind::kOutput] = call->used;
      extend.wanted = static_cast<std::int64_t>(below(150));
      return send(extend, {Sent::What::kExtend, extend.id, extend.wanted});
    }
  }
  if (die < 90) {
    if (Call* call = some_call(!chance(30))) {
      Close close;
      close.id = call->open.id;
      close.at = clock_;
      if (!call->sent_close) {
        KindCounts billed = call->open.prompt;
        if (chance(200))
          billed[Kind::kInput] =
              static_cast<std::int64_t>(below(static_cast<std::uint64_t>(billed[Kind::kInput]) + 1));
        billed[Kind::kOutput] =
            static_cast<std::int64_t>(below(static_cast<std::uint64_t>(call->granted) + 1));
        if (billed[Kind::kOutput] > 0 && chance(300)) --billed[Kind::kOutput], billed[Kind::kReasoning] = 1;
        if (chance(20))
          billed[Kind::kOutput] = call->granted + 100'000;  // refused, whatever is granted meanwhile
        call->sent_nothing_served = chance(80);
        // A close that is too large is refused, and a right one follows: only the latter counts.
        if (billed.generated() <= call->granted) call->sent_close = billed;
        close.billed = billed;
      } else {
        close.billed = *call->sent_close;  // sent again, as it was
      }
      close.nothing_served = call->sent_nothing_served;
      close.record = call->open.draft;
      return send(close, {Sent::What::kClose, close.id});
    }
  }
  if (die < 94) {
    Post post;
    if (!posts_sent_.empty() && chance(300)) {
      post = posts_sent_[below(posts_sent_.size())];
    } else {
      post.id = id_from_content("post " + std::to_string(++names_));
      post.actor = "root";
      post.debit = "cash";
      post.credit = "prepaid/" + std::to_string(below(3));
      post.unit = "CNY";
      post.amount = Amount(static_cast<Int128>(1 + below(800)) * kUnit);
      posts_sent_.push_back(post);
    }
    post.at = clock_;
    posts_[post.id] = post;
    return send(post, {Sent::What::kPost, post.id});
  }
  if (die < 96)
    return send(ChangeDocuments{clock_,
                                "root",
                                {{"Contract", "c" + std::to_string(below(3)),
                                  "{\"v\":" + std::to_string(below(4)) + "}"}}},
                {Sent::What::kPut, {}});
  if (die < 97)
    return send(ChangeDocuments{clock_, "root", {{"Contract", "c" + std::to_string(below(3)), ""}}},
                {Sent::What::kDelete, {}});
  return send(Tick{clock_}, {Sent::What::kTick, {}});
}

// Steps

void Simulation::restart() {
  worker_ = std::make_unique<Worker>(*store_, keys_.get(), machine_options());
  Status started = worker_->start(clock_);
  require(started.ok(), "a restart reads the stored state: " + (started.ok() ? "" : started.error().text()));
}

void Simulation::step() {
  ++step_;
  // The clock goes on, stands still, leaps, and goes back.
  std::uint64_t die = below(100);
  if (die < 80)
    clock_ = clock_ + milliseconds(static_cast<std::int64_t>(below(3000)));
  else if (die < 84)
    clock_ = clock_ + seconds(static_cast<std::int64_t>(below(900)));
  else if (die < 88)
    clock_ = clock_ + seconds(-static_cast<std::int64_t>(below(600)));
  else if (die == 88 && chance(50))
    clock_ = clock_ + seconds(90'000);

  std::vector<Queued> batch;
  for (std::uint64_t n = chance(100) ? 0 : 1 + below(12); n > 0; --n) batch.push_back(some_command());

  // What goes wrong this time: a failing commit, or the end of the process at one of the boundaries.
  store::Fault fault = store::Fault::kNone;
  bool dies = chance(15), keys_fail = chance(8);
  if (chance(25) || dies) fault = static_cast<store::Fault>(below(3));
  keys_->fail_next = keys_fail;
  if (memory_ != nullptr)
    memory_->fail_next(fault);
  else
    static_cast<FaultyStore*>(store_.get())->next = fault;

  std::vector<Answer> answers;
  worker_->work(batch, answers);
  // A fault that met no commit is taken back, so that it does not hit the restart.
  keys_->fail_next = false;
  if (memory_ != nullptr)
    memory_->fail_next(store::Fault::kNone);
  else
    static_cast<FaultyStore*>(store_.get())->next = store::Fault::kNone;
  trusted_ = worker_->trouble().empty();
  if (!trusted_) ++figures_.failures;
  for (const Answer& answer : answers) hear(answer, dies);
  if (dies) {
    ++figures_.crashes;
    worker_.reset();
    if (Status again = store_->reload(); !again.ok())
      require(false, "the store opens again: " + again.error().text());
    restart();
    trusted_ = true;
    for (auto& [ticket, sent] : sent_)  // whoever still waited for an answer never gets it
      if (sent.what == Sent::What::kOpen) calls_.at(sent.id).dead |= !calls_.at(sent.id).told_open;
    sent_.clear();
    for (const Id& id : open_now_) calls_.at(id).dead = true;
    open_now_.clear();
  }
}

void Simulation::hear(const Answer& answer, bool lost) {
  auto it = sent_.find(answer.to.ticket);
  require(it != sent_.end(), "every command is answered once");
  if (it == sent_.end()) return;
  Sent sent = it->second;
  sent_.erase(it);
  const Error* error = std::get_if<Error>(&answer.reply);
  bool unavailable = error != nullptr && error->code == ErrorCode::kUnavailable;
  if (error != nullptr)
    require(error->code != ErrorCode::kCorrupt && error->code != ErrorCode::kInternal, error->text());
  switch (sent.what) {
    case Sent::What::kOpen:
      return hear_open(calls_.at(sent.id), answer.reply, lost);
    case Sent::What::kExtend: {
      Call& call = calls_.at(sent.id);
      if (lost || unavailable) {
        call.unsure_grant = true;
      } else if (auto* extended = std::get_if<Extended>(&answer.reply)) {
        if (!call.unsure_grant) {
          require(extended->granted >= call.granted && extended->granted <= call.granted + sent.wanted,
                  "a grant grows by what was asked for, at most");
          require(extended->final == (sent.wanted > 0 && extended->granted == call.granted),
                  "final says that nothing more was granted");
        }
        call.granted = extended->granted;
        call.unsure_grant = false;
      }
      return;
    }
    case Sent::What::kClose: {
      Call& call = calls_.at(sent.id);
      auto* closed = std::get_if<Closed>(&answer.reply);
      if (lost || closed == nullptr) return;
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
      if (std::holds_alternative<Done>(answer.reply)) ++figures_.postings;
      return;
    case Sent::What::kPut:
    case Sent::What::kDelete:
      if (std::holds_alternative<Done>(answer.reply)) ++figures_.documents;
      return;
    case Sent::What::kTick:
      return;
  }
}

void Simulation::hear_open(Call& call, const Reply& reply, bool lost) {
  if (lost) {
    if (!call.told_open) call.dead = true;
    return;
  }
  if (auto* opened = std::get_if<Opened>(&reply)) {
    ++figures_.opened;
    require(!call.told_open, "the same id opens once");
    require(opened->granted <= std::min(call.open.output_wanted, call.open.terms.metering.quantum_tokens),
            "no more than a quantum is granted at first");
    require(opened->granted >= std::min<std::int64_t>(call.open.output_wanted, 1),
            "an open call may make a token");
    call.told_open = true;
    call.dead = false;
    call.granted = opened->granted;
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
    batch.push_back(send(Tick{clock_}, {Sent::What::kTick, {}}));
    std::vector<Answer> answers;
    worker_->work(batch, answers);
    trusted_ = worker_->trouble().empty();
    for (const Answer& answer : answers) hear(answer, false);
    audit(true);
  }
  require(sent_.empty(), std::to_string(sent_.size()) + " commands never got an answer");
  require(open_now_.empty() && worker_->machine()->open_calls() == 0, "every call comes to its end");
  require(worker_->machine()->waiting_calls() == 0, "nobody waits for ever");
  worker_->machine()->accounts().for_each_account([&](ledger::AccountIndex, const ledger::Account& account) {
    require(account.debits_pending.is_zero() && account.credits_pending.is_zero(),
            account.name + " holds something at the end");
  });
}

std::string Simulation::run() {
  restart();
  while (step_ < options_.steps && broken_.empty()) {
    step();
    audit(step_ % 97 == 0);
  }
  if (broken_.empty()) settle_down();
  if (worker_ != nullptr) figures_.interrupted += worker_->interrupted();
  return broken_;
}

// The auditor

void Simulation::audit(bool thorough) {
  if (!broken_.empty()) return;
  audit_journal();
  audit_log(thorough);
  if (!trusted_ || worker_->machine() == nullptr) return;
  audit_accounts();
  audit_calls();
  if (thorough) audit_keys();
}

// Every entry once, in order: sums, chains, running balances, and what each call was charged.
void Simulation::audit_journal() {
  for (;;) {
    auto entries = reader_->entries(entries_read_, 500);
    require(entries.ok(), "the journal can be read");
    if (!entries.ok() || entries->empty()) return;
    for (const store::EntryRow& entry : *entries) {
      require(entry.number == entries_read_ + 1, "the journal has no gaps");
      entries_read_ = entry.number;
      std::map<std::string, Int128> sums;
      for (const store::EntryLine& line : entry.lines) {
        auto row = store_->account(line.account);
        require(row.ok() && *row, "a line's account is stored");
        if (!row.ok() || !*row) return;
        Book& book = books_[line.account];
        require(line.previous == book.last, "an account's chain of entries is whole");
        book.last = entry.number;
        (line.amount.is_negative() ? book.debits : book.credits) +=
            line.amount.is_negative() ? -line.amount.units() : line.amount.units();
        require(line.balance.units() == book.credits - book.debits,
                "a line's balance is the sum of the lines before it");
        if (!(*row)->may_overdraw) require(!line.balance.is_negative(), (*row)->name + " went below zero");
        sums[(*row)->unit] += line.amount.units();
      }
      for (const auto& [unit, sum] : sums) require(sum == 0, "an entry sums to zero in " + unit);
      if (entry.kind == store::EntryKind::kCharge) audit_charge(entry);
      if (entry.kind == store::EntryKind::kPost) {
        auto post = posts_.find(entry.id);
        require(post != posts_.end() && entry.lines.at(1).amount == post->second.amount,
                "a posting is as it was asked for");
        require(++charges_of_call_[entry.id] == 1, "a posting is posted once");
      }
    }
  }
}

void Simulation::audit_charge(const store::EntryRow& entry) {
  require(++charges_of_call_[entry.id] == 1, "a call is charged once");
  auto call = calls_.find(entry.id);
  auto row = reader_->record_at(entry.leaf);
  require(call != calls_.end() && row.ok() && *row && (*row)->id == entry.id,
          "a charge names its record's leaf");
  if (call == calls_.end() || !row.ok() || !*row) return;
  auto record = record::parse_record((*row)->json);
  require(record.ok(), "a stored record can be read");
  if (!record.ok()) return;
  KindCounts billed;
  for (Kind kind : kAllKinds)
    if (auto figure = record->usage.find(std::string(name_of(kind))); figure != record->usage.end())
      billed[kind] = static_cast<std::int64_t>(figure->second.billed);
  if (record->state != record::State::kInterrupted && call->second.sent_close)
    require(billed == *call->second.sent_close, "what is billed is what the close said");
  std::map<std::string, Int128> expected;
  for (const contract::Limit& limit : call->second.open.terms.limits) {
    Int128 cost = cost_of(limit, billed, true);
    expected[limit.account] -= cost;
    expected[limit.sink] += cost;
  }
  for (const store::EntryLine& line : entry.lines) {
    std::string name = (*store_->account(line.account))->name;
    require(expected[name] == line.amount.units(), name + " is charged what the record bills");
    expected[name] = 0;
  }
  for (const auto& [name, rest] : expected) require(rest == 0, name + " is charged at all");
  if (call->second.open.idempotency) charged_for_key_[call->second.open.idempotency->key].push_back(entry.id);
}

void Simulation::audit_accounts() {
  std::map<std::string, Int128> sums;
  auto rows = reader_->accounts("", "", 10'000);
  require(rows.ok(), "the accounts can be read");
  if (!rows.ok()) return;
  const ledger::Ledger& ledger = worker_->machine()->accounts();
  for (const store::AccountRow& row : *rows) {
    const Book& book = books_[row.number];
    require(book.debits == row.debits_posted.units() && book.credits == row.credits_posted.units() &&
                book.last == row.last_entry,
            row.name + " is the sum of its entries");
    sums[row.unit] += row.credits_posted.units() - row.debits_posted.units();
    auto index = ledger.find(row.name);
    if (!index) continue;
    const ledger::Account& account = ledger.account(*index);
    require(account.debits_posted == row.debits_posted && account.credits_posted == row.credits_posted &&
                account.funded == row.funded,
            row.name + " is the same in memory and in the store");
    if (!account.may_overdraw) require(!account.headroom().is_negative(), row.name + " went past its limit");
  }
  for (const auto& [unit, sum] : sums) require(sum == 0, unit + " sums to zero over all accounts");
}

void Simulation::audit_calls() {
  const StateMachine& machine = *worker_->machine();
  std::map<std::string, Int128> held;
  bool sure = true;
  std::vector<Id> open = machine.open_ids();
  for (const Id& id : open) {
    const Call& call = calls_.at(id);
    require(!call.record_json, "a closed call is not open");
    require(call.told_open, "an open call's caller knows it");
    sure &= !call.unsure_grant;
    for (const contract::Limit& limit : call.open.terms.limits)
      held[limit.account] += held_for(limit, call.open, call.granted);
  }
  for (const Id& id : open_now_) {
    if (std::find(open.begin(), open.end(), id) != open.end()) continue;
    auto row = reader_->record(id);
    require(row.ok() && *row, "a call is open or has its record");
  }
  machine.accounts().for_each_account([&](ledger::AccountIndex, const ledger::Account& account) {
    if (sure)
      require(account.debits_pending.units() == held[account.name],
              account.name + " holds what its open calls hold");
  });
}

void Simulation::audit_log(bool thorough) {
  auto head = reader_->head();
  require(head.ok(), "the head can be read");
  if (!head.ok()) return;
  require(head->at >= last_stored_time_, "stored time never goes back");
  last_stored_time_ = head->at;
  require(head->log_size >= leaves_read_, "the log never shrinks");
  // The naive tree takes in each leaf as it was read the first time: a later change of any would show in the
  // root.
  for (;;) {
    auto entries = reader_->log_entries(leaves_read_, 500);
    require(entries.ok(), "the log can be read");
    if (!entries.ok() || entries->empty()) break;
    for (const std::string& entry : *entries) naive_.append(tlog::leaf_hash(bytes_of(entry)));
    leaves_read_ += entries->size();
  }
  require(naive_.size() == head->log_size, "every leaf has its entry");
  require(naive_.root() == head->log_root, "the stored root is the root of the stored entries");
  if (trusted_ && worker_->machine() != nullptr)
    require(worker_->machine()->tree().root() == head->log_root, "memory and store have one log");
  if (!thorough || head->log_size == 0) return;
  auto hashes = tlog::hashes_in_tiles(
      head->log_size, [&](unsigned level, std::uint64_t index) { return reader_->tile(level, index); });
  std::uint64_t size = 1 + below(head->log_size);
  auto root = tlog::read_root(head->log_size, hashes);
  auto old_root = tlog::read_root(size, hashes);
  auto proof = tlog::prove_consistency(size, head->log_size, hashes);
  require(root.ok() && *root == head->log_root, "the tiles make the root");
  require(old_root.ok() && proof.ok() &&
              tlog::verify_consistency(size, *old_root, head->log_size, *root, *proof).ok(),
          "an earlier log is a part of the later one");
  auto again = reader_->log_entries(0, 10'000);
  tlog::CompactRange over;
  if (again.ok())
    for (const std::string& entry : *again) over.append(tlog::leaf_hash(bytes_of(entry)));
  if (head->log_size <= 10'000) require(over.root() == head->log_root, "no leaf was changed since");
}

// Records against what callers were told, one charge for each idempotency key, and a key for each record.
void Simulation::audit_keys() {
  auto records = reader_->records({.rows_max = 10'000});
  require(records.ok(), "the records can be read");
  if (!records.ok()) return;
  std::map<Id, const store::RecordRow*> stored;
  TimePoint later{INT64_MAX};
  for (const store::RecordRow& row : *records) {
    require(stored.emplace(row.id, &row).second, "a call has one record");
    require(row.at <= later, "records are in the order of time");
    later = row.at;
    require(keys_->has(row.id), "a record's key was kept before it");
    auto call = calls_.find(row.id);
    auto record = record::parse_record(row.json);
    require(call != calls_.end() && record.ok(), "a record is a call's, and can be read");
    if (call == calls_.end() || !record.ok() || charges_of_call_.contains(row.id)) continue;
    KindCounts billed;
    for (Kind kind : kAllKinds)
      if (auto figure = record->usage.find(std::string(name_of(kind))); figure != record->usage.end())
        billed[kind] = static_cast<std::int64_t>(figure->second.billed);
    for (const contract::Limit& limit : call->second.open.terms.limits)
      require(cost_of(limit, billed, false) == 0, "what a record bills is charged");
  }
  for (const auto& [id, call] : calls_) {
    auto row = stored.find(id);
    if (call.record_json && records->size() < 10'000) {
      require(row != stored.end() && row->second->json == *call.record_json && row->second->leaf == call.leaf,
              "a record stays as it was told");
    }
    if (call.told_open && call.dead && records->size() < 10'000)
      require(row != stored.end(), "a call that a crash cut off has its record");
  }
  for (const auto& [key, ids] : charged_for_key_) {
    for (std::size_t i = 0; i < ids.size(); ++i)
      for (std::size_t j = i + 1; j < ids.size(); ++j) {
        auto one = stored.find(ids[i]), two = stored.find(ids[j]);
        if (one == stored.end() || two == stored.end()) continue;
        Nanoseconds apart = two->second->at - one->second->at;
        require(apart.count >= seconds(24 * 3600).count, "nothing is charged twice for the key " + key);
      }
  }
}

}  // namespace ciyuan::clerk::sim
