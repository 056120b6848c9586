#include "ledger_simulation.h"

#include <algorithm>
#include <array>

#include "store/memory_store.h"

namespace ciyuan::ledger::sim {
namespace {

using clerk::sim::Fault;

constexpr std::size_t kAccounts = 12;
constexpr std::uint64_t kIdsAtOnce = 60;
constexpr std::size_t kCommandsKept = 2000;  // until the model is copied again
constexpr int kReadTriesMax = 200;
constexpr std::size_t kRemembered = 256;  // a few batches' worth: older ids are looked up in the store

// Accounts 0 and 1 of four count CIYUAN, the others REQUEST and CNY.
std::size_t unit_of(std::size_t account) { return account % 4 < 2 ? 0 : account % 4 - 1; }

// Big-endian, so that ids are in the order of their numbers.
Id id_of(std::uint64_t number) {
  Id id;
  for (int i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return id;
}
std::uint64_t number_of(const Id& id) {
  std::uint64_t number = 0;
  for (int i = 8; i < 16; ++i) number = number << 8 | id.bytes[i];
  return number;
}

}  // namespace

void LedgerFigures::add(const LedgerFigures& other) {
  auto* mine = reinterpret_cast<std::uint64_t*>(this);
  auto* its = reinterpret_cast<const std::uint64_t*>(&other);
  static_assert(sizeof(LedgerFigures) % sizeof(std::uint64_t) == 0);
  for (std::size_t i = 0; i < sizeof(LedgerFigures) / sizeof(std::uint64_t); ++i) mine[i] += its[i];
}

std::string LedgerFigures::text() const {
  std::string text;
  for (auto [count, what] : {std::pair(commands, "commands"),
                             {done, "done"},
                             {existed, "existed"},
                             {refused, "refused"},
                             {conflicts, "conflicts"},
                             {expired, "expired"},
                             {linked, "linked sets"},
                             {taken_back, "of them taken back"},
                             {batches, "batches"},
                             {crashes(), "crashes ("}})
    text += std::to_string(count) + " " + what + (what[0] == 'c' && what[1] == 'r' ? "" : ", ");
  for (auto [count, what] : {std::pair(failed_before, "failed before"),
                             {failed_after, "failed after"},
                             {died_before, "died before"},
                             {died_after, "died after"},
                             {torn, "torn"}})
    text += std::to_string(count) + " " + what + (what[0] == 't' ? "), " : ", ");
  return text + std::to_string(failed_reads) + " failed reads";
}

LedgerSimulation::LedgerSimulation(LedgerOptions options)
    : options_(std::move(options)), random_(options_.seed * 2654435761), faults_(options_.seed + 1) {}
LedgerSimulation::~LedgerSimulation() = default;

void LedgerSimulation::require(bool condition, const char* words) {
  if (condition || !broken_.empty()) return;
  broken_ = "batch " + std::to_string(batch_) + ", command " + std::to_string(command_) + ": " + words;
}

// The world

void LedgerSimulation::open_store(const std::filesystem::path& folder) {
  std::unique_ptr<store::Store> real;
  if (options_.folder.empty()) {
    real = std::make_unique<store::MemoryStore>();
  } else {
    std::filesystem::create_directories(folder);
    open_folder_ = folder;
    real = store::open_sqlite(folder / "ledger.db").value();
  }
  store_ = std::make_unique<clerk::sim::FaultyStore>(std::move(real), faults_);
  store_->look_at = [this](const store::Batch& batch) { check_books(batch); };
}

void LedgerSimulation::open_world() {
  open_store(options_.folder / "0");
  kept_ =
      std::make_unique<KeptLedger>(*store_, KeptOptions{.remembered_max = kRemembered, .looks_ids_up = true});
  CIYUAN_CHECK(kept_->load().ok(), "an empty store can be read");
  for (std::size_t i = 0; i < kAccounts; ++i) {
    testing::SlowAccount account;
    account.unit = std::array{"CIYUAN", "REQUEST", "CNY"}[unit_of(i)];
    account.may_overdraw = i < 4;
    account.debit_side = i % 5 == 4;
    account.credit_limit = i % 3 == 0 ? 100 : 0;
    model_.accounts.push_back(account);
    AccountSpec spec{.unit = account.unit, .scale = 6, .may_overdraw = account.may_overdraw};
    std::string name = "account " + std::to_string(i);
    spec.name = name;
    spec.credit_limit = Amount(account.credit_limit);
    spec.side = account.debit_side ? Side::kDebit : Side::kCredit;
    indexes_.push_back(kept_->open_account(spec).value());
    books_.emplace_back();
  }
  CIYUAN_CHECK(kept_->commit({now_}).ok(), "no fault is planned yet");
  durable_books_ = books_;
  checkpoint_ = model_;
  for (const testing::SlowAccount& account : model_.accounts) headroom_.push_back(account.headroom());
}

std::string LedgerSimulation::run() {
  open_world();
  for (batch_ = 1; batch_ <= options_.batches && broken_.empty(); ++batch_) step();
  if (broken_.empty()) {
    faults_.clear();
    commit();
    check_store();
    check_holds();
  }
  return broken_;
}

void LedgerSimulation::step() {
  ++figures_.batches;
  now_ += static_cast<std::int64_t>(below(20));
  for (std::uint64_t left = 1 + below(60); left > 0 && broken_.empty(); --left) do_command(some_command());
  check_holds();
  if (!broken_.empty()) return;
  plan_fault();
  commit();
  if (batch_ % 16 == 0) check_store();
}

// Commands

Command LedgerSimulation::some_command() {
  // Sent again, now and then.
  if (!since_.empty() && below(12) == 0)
    return since_[since_.size() - 1 - below(std::min<std::size_t>(since_.size(), 100))];
  Command one;
  // Ids of a window that moves on, and now and then one of long ago, which the ledger has forgotten.
  std::uint64_t oldest = figures_.commands / 3;
  one.id = below(30) == 0 ? 1 + below(oldest + kIdsAtOnce) : 1 + oldest + below(kIdsAtOnce);
  using What = Command::What;
  switch (below(17)) {
    case 0:
    case 1:
    case 2:
      one.what = What::kPost;
      one.funding = static_cast<Funding>(below(3));
      one.lines = some_lines();
      break;
    case 3:
    case 4:
      one.what = What::kBalanced;
      one.lines = some_lines();
      for (auto& [account, amount] : one.lines)
        one.takes[account] = below(2) == 0 ? Take::kUpTo : static_cast<Take>(below(3));
      break;
    case 5:
    case 6:
    case 7:
    case 8:
      one.what = What::kHold;
      one.lines = some_lines();
      one.time = below(3) == 0 ? 0 : now_ + static_cast<std::int64_t>(below(100));
      break;
    case 9:
    case 10:
      one.what = What::kRaise;
      one.id = some_hold(one.id);
      one.lines = part_of(one.id, 2);
      break;
    case 11:
      one.what = What::kPart;
      one.id = some_hold(one.id);
      one.lines = part_of(one.id, 1);
      break;
    case 12:
    case 13:
      one.what = What::kSettle;
      one.id = some_hold(one.id);
      if (below(3) != 0) one.lines = part_of(one.id, 1);
      break;
    case 14:
      one.what = What::kExpire;
      one.time = now_;
      break;
    case 15:
      one.what = below(800) == 0 ? What::kClose : What::kLimit;
      one.account = static_cast<int>(below(kAccounts));
      one.limit = static_cast<Int128>(below(400));
      if (one.what == What::kLimit && below(4) != 0) one.what = What::kExpire, one.time = now_;
      break;
    default:
      one.what = What::kLinked;
      one.commits = below(2) == 0;
      for (std::uint64_t left = 1 + below(4); left > 0; --left) {
        Command inner = some_command();
        if (inner.what != What::kLinked) one.linked.push_back(std::move(inner));
      }
  }
  return one;
}

// Mostly that of an open hold.
std::uint64_t LedgerSimulation::some_hold(std::uint64_t other) {
  auto hold = model_.holds.lower_bound(other);
  return hold == model_.holds.end() || below(6) == 0 ? other : hold->first;
}

testing::SlowLines LedgerSimulation::some_lines() {
  SlowLines lines;
  for (std::uint64_t pairs = 1 + below(2); pairs > 0; --pairs) {
    // Mostly of one unit: the same account, or one that is a whole number of fours away.
    std::uint64_t from = below(kAccounts),
                  to = below(30) == 0 ? below(kAccounts) : (from + 4 * (1 + below(2))) % kAccounts;
    Int128 amount = static_cast<Int128>(below(300));
    lines[static_cast<int>(from)] -= amount;
    lines[static_cast<int>(to)] += below(30) == 0 ? amount + 1 : amount;
  }
  return lines;
}

// Lines near those of an open hold, so that settlements often fit.
testing::SlowLines LedgerSimulation::part_of(std::uint64_t id, int times) {
  auto hold = model_.holds.find(id);
  if (hold == model_.holds.end() || below(10) == 0) return some_lines();
  SlowLines lines = hold->second.lines;
  auto share = static_cast<Int128>(below(5));
  for (auto& [account, amount] : lines) amount = amount * times * share / 4;
  // The parts of two amounts may be rounded differently: the last line makes up for it.
  std::map<std::string, Int128> sums;
  for (auto& [account, amount] : lines)
    sums[model_.accounts[static_cast<std::size_t>(account)].unit] += amount;
  for (auto& [account, amount] : lines) {
    Int128& sum = sums[model_.accounts[static_cast<std::size_t>(account)].unit];
    amount -= std::exchange(sum, 0);
  }
  if (below(12) == 0 && !lines.empty()) lines.begin()->second += 1;
  return lines;
}

std::vector<Line> LedgerSimulation::fast(const SlowLines& lines) const {
  std::vector<Line> result;
  result.reserve(lines.size());
  for (auto& [account, amount] : lines)
    result.push_back({indexes_[static_cast<std::size_t>(account)], Amount(amount)});
  return result;
}

LedgerSimulation::Told LedgerSimulation::apply(SlowLedger& model, const Command& command) {
  Told told;
  using What = Command::What;
  switch (command.what) {
    case What::kPost:
      told.answer = model.post(command.id, command.lines, command.funding);
      break;
    case What::kBalanced:
      told.answer = model.post_balanced(command.id, command.lines, command.takes, told.posted);
      if (told.answer == Answer::kExisted) told.answer = Answer::kDone;
      if (told.answer != Answer::kDone) told.posted.clear();
      break;
    case What::kHold:
      told.answer = model.hold(command.id, command.lines, command.time);
      break;
    case What::kRaise:
      told.answer = model.raise(command.id, command.lines);
      break;
    case What::kPart:
      told.answer = model.settle(command.id, command.lines, true);
      break;
    case What::kSettle:
      told.answer = model.settle(command.id, command.lines, false);
      break;
    case What::kExpire:
      told.expired = model.expire(command.time);
      break;
    case What::kLimit:
      model.accounts[static_cast<std::size_t>(command.account)].credit_limit = command.limit;
      break;
    case What::kClose:
      model.accounts[static_cast<std::size_t>(command.account)].closed = true;
      break;
    case What::kLinked:
      for (const Command& one : command.linked) {
        Told inner = apply(model, one);
        told.linked.push_back(inner.answer);
        told.expired.insert(told.expired.end(), inner.expired.begin(), inner.expired.end());
      }
  }
  return told;
}

Result<LedgerSimulation::Told> LedgerSimulation::apply(KeptLedger& kept, const Command& command) {
  Told told;
  // What the reference model would call it; an Error where it has no word for it.
  auto take = [&](const auto& outcome) -> Status {
    if (outcome.ok()) {
      if constexpr (std::is_same_v<std::decay_t<decltype(outcome)>, Result<Applied>>)
        if (outcome->existed) told.answer = Answer::kExisted;
      return {};
    }
    switch (outcome.error().code) {
      case ErrorCode::kInvalid:
        return told.answer = Answer::kInvalid, Status();
      case ErrorCode::kRefused:
        return told.answer = Answer::kRefused, Status();
      case ErrorCode::kConflict:
        return told.answer = Answer::kConflict, Status();
      case ErrorCode::kNotFound:
        return told.answer = Answer::kNotFound, Status();
      default:
        return outcome.error();
    }
  };
  Id id = id_of(command.id);
  using What = Command::What;
  switch (command.what) {
    case What::kPost:
      CIYUAN_TRY_STATUS(take(kept.post(id, fast(command.lines), command.funding)));
      break;
    case What::kBalanced: {
      std::vector<BalancedLine> wanted;
      for (auto& [account, amount] : command.lines)
        wanted.push_back(
            {indexes_[static_cast<std::size_t>(account)], Amount(amount), command.takes.at(account)});
      Result<std::vector<Line>> posted = kept.post_balanced(id, wanted);
      CIYUAN_TRY_STATUS(take(posted));
      if (posted.ok())
        for (const Line& line : *posted)
          told.posted[static_cast<int>(line.account.value)] = line.amount.units();
      break;
    }
    case What::kHold:
      CIYUAN_TRY_STATUS(take(kept.hold(id, fast(command.lines), {command.time})));
      break;
    case What::kRaise:
      CIYUAN_TRY_STATUS(take(kept.raise(id, fast(command.lines))));
      break;
    case What::kPart:
      CIYUAN_TRY_STATUS(take(kept.settle_part(id, fast(command.lines))));
      break;
    case What::kSettle:
      CIYUAN_TRY_STATUS(take(kept.settle(id, fast(command.lines))));
      break;
    case What::kExpire:
      for (const Id& one : kept.expire({command.time})) told.expired.push_back(number_of(one));
      break;
    case What::kLimit:
      CIYUAN_TRY_STATUS(
          kept.set_credit_limit(indexes_[static_cast<std::size_t>(command.account)], Amount(command.limit)));
      break;
    case What::kClose:
      CIYUAN_TRY_STATUS(kept.close_account(indexes_[static_cast<std::size_t>(command.account)]));
      break;
    case What::kLinked: {
      Status failed;
      kept.linked([&] {
        for (const Command& one : command.linked) {
          Result<Told> inner = apply(kept, one);
          if (!inner.ok()) return failed = inner.error(), false;
          told.linked.push_back(inner->answer);
          told.expired.insert(told.expired.end(), inner->expired.begin(), inner->expired.end());
        }
        return command.commits;
      });
      CIYUAN_TRY_STATUS(failed);
    }
  }
  return told;
}

void LedgerSimulation::do_command(const Command& command) {
  ++command_;
  ++figures_.commands;
  Result<Told> told = apply(*kept_, command);
  bool is_taken_back = command.what == Command::What::kLinked && !command.commits;
  if (!told.ok()) {
    // A read failed: nothing may have changed.
    ++figures_.failed_reads;
    if (told.error().code != ErrorCode::kUnavailable) require(false, told.error().text().c_str());
  } else if (is_taken_back) {
    ++figures_.taken_back;
  } else {
    Told expected = apply(model_, command);
    since_.push_back(command);
    require(*told == expected, "the ledger and the model answer differently");
    figures_.done += expected.answer == Answer::kDone;
    figures_.existed += expected.answer == Answer::kExisted;
    figures_.refused += expected.answer == Answer::kRefused;
    figures_.conflicts += expected.answer == Answer::kConflict;
    figures_.expired += expected.expired.size();
  }
  figures_.linked += command.what == Command::What::kLinked;
  check_accounts(&command);
}

// Commits and crashes

void LedgerSimulation::plan_fault() {
  faults_.clear();
  tears_ = false;
  if (below(10) == 0) faults_.reads_failing_per_mille = 20;
  if (below(25) != 0) return;
  constexpr Fault kFaults[] = {Fault::kFailBefore, Fault::kFailAfter, Fault::kDieBefore, Fault::kDieAfter};
  std::uint64_t which = below(options_.folder.empty() ? 4 : 6);
  if (which < 4)
    faults_.commits = {kFaults[which]};
  else
    tears_ = true;
}

void LedgerSimulation::commit() {
  Fault planned = faults_.commits.empty() ? Fault::kNone : faults_.commits.front();
  bool died = false;
  Status done;
  std::optional<TornStore> torn;
  if (tears_) torn = TornStore::before_commit(open_folder_);
  try {
    done = kept_->commit({now_});
  } catch (const clerk::sim::Death&) {
    died = true;
  }
  if (torn && done.ok() && torn->after_commit(random_)) return restart_from_torn(*torn);
  if (done.ok() && !died) {
    durable_ = since_.size();
    durable_books_ = books_;
    if (durable_ < kCommandsKept) return;
    checkpoint_ = model_;
    since_.clear();
    durable_ = 0;
    return;
  }
  switch (planned) {
    case Fault::kFailBefore:
      ++figures_.failed_before;
      break;
    case Fault::kFailAfter:
      ++figures_.failed_after;
      break;
    case Fault::kDieBefore:
      ++figures_.died_before;
      break;
    case Fault::kDieAfter:
      ++figures_.died_after;
      break;
    case Fault::kNone:
      return require(false, done.error().text().c_str());
  }
  restart(planned == Fault::kFailAfter || planned == Fault::kDieAfter);
}

void LedgerSimulation::restart_from_torn(const TornStore& torn) {
  ++figures_.torn;
  kept_.reset();
  store_.reset();
  std::filesystem::path folder = options_.folder / std::to_string(++folders_);
  torn.write_to(folder);
  std::filesystem::remove_all(open_folder_);
  open_store(folder);
  restart(false);
}

void LedgerSimulation::restart(bool is_stored) {
  kept_.reset();
  faults_.commits.clear();
  for (int tries = 0;; ++tries) {
    if (tries == kReadTriesMax) faults_.clear();
    if (!store_->reload().ok()) continue;
    kept_ = std::make_unique<KeptLedger>(*store_,
                                         KeptOptions{.remembered_max = kRemembered, .looks_ids_up = true});
    Status loaded = kept_->load();
    if (loaded.ok()) break;
    if (loaded.error().code != ErrorCode::kUnavailable) return require(false, loaded.error().text().c_str());
  }
  if (is_stored) {
    durable_ = since_.size();
    durable_books_ = books_;
  } else {
    since_.resize(durable_);
    model_ = checkpoint_;
    for (const Command& command : since_) (void)apply(model_, command);
    books_ = durable_books_;
  }
  for (std::size_t i = 0; i < kAccounts; ++i) {
    auto index = kept_->ledger().find("account " + std::to_string(i));
    if (!index) return require(false, "an account is gone after the restart");
    indexes_[i] = *index;
    headroom_[i] = model_.accounts[i].headroom();
  }
  check_accounts(nullptr);
  check_holds();
  check_store();
}

// Checks

void LedgerSimulation::check_accounts(const Command* command) {
  Int128 sums[3] = {};
  auto changes_limit = [](const Command& one) { return one.what == Command::What::kLimit; };
  bool limits_may_change =
      command != nullptr &&
      (changes_limit(*command) || std::any_of(command->linked.begin(), command->linked.end(), changes_limit));
  for (std::size_t i = 0; i < kAccounts; ++i) {
    const Account& account = kept_->ledger().account(indexes_[i]);
    const testing::SlowAccount& twin = model_.accounts[i];
    bool same =
        account.debits_posted.units() == twin.debits && account.credits_posted.units() == twin.credits &&
        account.debits_pending.units() == twin.debits_pending &&
        account.credits_pending.units() == twin.credits_pending && account.funded.units() == twin.funded &&
        account.granted.units() == twin.granted && account.credit_limit.units() == twin.credit_limit &&
        account.closed == twin.closed && account.may_overdraw == twin.may_overdraw;
    if (!same) require(false, (account.name + " is not what the model says").c_str());
    sums[unit_of(i)] += account.balance().units();
    Int128 headroom = account.headroom().units();
    if (!account.may_overdraw && !limits_may_change && headroom < std::min(headroom_[i], Int128{0}))
      require(false, (account.name + " was overdrawn").c_str());
    headroom_[i] = headroom;
  }
  require(sums[0] == 0 && sums[1] == 0 && sums[2] == 0, "a unit does not sum to zero");
}

void LedgerSimulation::check_holds() {
  const Ledger& ledger = kept_->ledger();
  require(ledger.holds() == model_.holds.size(), "another number of holds than the model has");
  for (auto& [id, hold] : model_.holds) {
    Lines held = ledger.held(id_of(id));
    bool same = held.size() == hold.lines.size() && ledger.due(id_of(id)).ns == hold.expires;
    auto line = held.begin();
    if (same)
      for (auto& [account, amount] : hold.lines)
        same &= line->account == indexes_[static_cast<std::size_t>(account)] &&
                (line++)->amount.units() == amount;
    if (!same) return require(false, ("hold " + std::to_string(id) + " is not what the model says").c_str());
  }
}

// The auditor believes the entries only: each sums to zero, goes on where its accounts were, and the rows of
// the accounts are what the entries make of them.
void LedgerSimulation::check_books(const store::Batch& batch) {
  for (const store::EntryRow& row : batch.entries) {
    Int128 sums[3] = {};
    for (const store::EntryLine& line : row.lines) {
      if (line.account == 0 || line.account > kAccounts) return require(false, "an entry names no account");
      Book& book = books_[line.account - 1];
      book.balance += line.amount;
      require(line.balance == book.balance, "a line's balance is not the sum of the lines before it");
      require(line.previous == book.last, "a line does not name the account's line before it");
      book.last = row.number;
      sums[unit_of(line.account - 1)] += line.amount.units();
      if (options_.folder.empty()) continue;
      book.past.push_back({row.number, row.at, line.balance});
    }
    require(sums[0] == 0 && sums[1] == 0 && sums[2] == 0, "an entry does not sum to zero");
  }
  for (const store::AccountRow& row : batch.accounts) {
    const Book& book = books_[row.number - 1];
    require(row.credits_posted - row.debits_posted == book.balance && row.last_entry == book.last,
            "an account's row is not the sum of its entries");
  }
}

void LedgerSimulation::check_store() {
  if (durable_ != since_.size() || !broken_.empty()) return;
  auto reader = store_->reader();
  for (std::size_t i = 0; i < kAccounts; ++i) {
    const testing::SlowAccount& twin = model_.accounts[i];
    auto row = store_->real().account(i + 1);
    if (!row.ok() || !*row) return require(false, "an account is not in the store");
    bool same = (*row)->debits_posted.units() == twin.debits &&
                (*row)->credits_posted.units() == twin.credits && (*row)->funded.units() == twin.funded &&
                (*row)->granted.units() == twin.granted &&
                (*row)->credit_limit.units() == twin.credit_limit && (*row)->closed == twin.closed &&
                (*row)->debit_side == twin.debit_side && (*row)->last_entry == books_[i].last;
    require(same, "a stored account is not what the model says");
    if (books_[i].past.empty()) continue;
    // And what it was at some time.
    const auto& past = books_[i].past;
    TimePoint at{past[below(past.size())].at.ns - static_cast<std::int64_t>(below(2))};
    auto after = std::upper_bound(past.begin(), past.end(), at,
                                  [](TimePoint time, const Past& one) { return time < one.at; });
    auto then = reader.value()->balance_at((*row)->name, at);
    if (!then.ok()) return require(false, then.error().text().c_str());
    require(after == past.begin()
                ? then->balance.is_zero() && then->entry == 0
                : then->balance == std::prev(after)->balance && then->entry == std::prev(after)->entry,
            "a balance of the past is another now");
  }
}

}  // namespace ciyuan::ledger::sim
