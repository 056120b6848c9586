/// The auditor: the journal, the log, the accounts and the records, against books of his own.

#include <algorithm>
#include <set>

#include "record/leaf.h"
#include "record/record.h"
#include "simulation.h"

namespace ciyuan::clerk::sim {
namespace {

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

// Of sources each line is compared with its own (expected_lines).
Int128 charged_in(const record::UsageRecord& record, bool by_sources) {
  Int128 sum = 0;
  for (const record::Charge& charge : record.charges)
    if (!by_sources) sum += parse_decimal(charge.amount, 12).value().units();
  return sum;
}

bool has_sources(const Open& open) {
  const auto& limits = open.terms.limits;
  return std::any_of(limits.begin(), limits.end(),
                     [](const contract::Limit& limit) { return limit.is_source; });
}

}  // namespace

void Simulation::audit(bool thorough) {
  if (!broken_.empty()) return;
  audit_journal();
  audit_log(thorough);
  if (!trusted_ || worker_->machine() == nullptr) return;
  audit_accounts();
  audit_grants();
  audit_calls();
  audit_waiting();
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
        auto row = store_->real().account(line.account);
        require(row.ok() && *row, "a line's account is stored");
        if (!row.ok() || !*row) return;
        Book& book = books_[line.account];
        require(line.previous == book.last, "an account's chain of entries is whole");
        book.last = entry.number;
        if (entry.kind == store::EntryKind::kFund) book.granted += line.amount.units();
        if (entry.kind == store::EntryKind::kCharge && (*row)->name.starts_with("rolling/"))
          audit_window(entry, (*row)->name, -line.amount.units());
        if (entry.kind == store::EntryKind::kPost && !line.amount.is_negative())
          book.deposited += line.amount.units();
        (line.amount.is_negative() ? book.debits : book.credits) +=
            line.amount.is_negative() ? -line.amount.units() : line.amount.units();
        require(line.balance.units() == book.credits - book.debits,
                "a line's balance is the sum of the lines before it");
        if (!(*row)->may_overdraw)
          require((line.balance + (*row)->credit_limit).units() >= 0, (*row)->name + " went below its limit");
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

// Whatever crashes in between: in no window is more charged than its limit.
void Simulation::audit_window(const store::EntryRow& entry, const std::string& account, Int128 charged) {
  auto& window = charged_in_window_[account];
  window.emplace_back(entry.at, charged);
  while (window.front().first + kRollingPeriod <= entry.at) window.pop_front();
  Int128 sum = 0;
  for (const auto& [at, amount] : window) sum += amount;
  require(sum <= Int128{kRollingTokens} * 1'000'000,
          account + " was charged more in a window than its limit");
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
  KindCounts billed = billed_in(*record);
  if (record->state == record::State::kInterrupted)
    require(is_a_mark(call->second, billed), "an interrupted call is billed from its last durable mark");
  else if (call->second.sent_close)
    require(billed == *call->second.sent_close, "what is billed is what the close said");
  for (const contract::Limit& limit : call->second.open.terms.limits) {
    if (limit.is_source) continue;
    Int128 cost = cost_of(limit, billed, true);
    if (limit.unit == "CNY")
      require(cost == charged_in(*record, has_sources(call->second.open)),
              "the record's charges are what is posted");
    if (limit.unit == "CIYUAN")
      require(parse_decimal(record->ciyuan, 6).value().units() == cost,
              "the record's Ciyuan are what is posted");
  }
  if (call->second.open.idempotency) charged_for_key_[call->second.open.idempotency->key].push_back(entry.id);
  std::map<std::string, Int128> shares;
  std::map<std::string, Int128> charge = expected_lines(call->second.open, *record, billed, shares);
  auto compare = [&](const store::EntryRow& posted, std::map<std::string, Int128>& expected) {
    for (const store::EntryLine& line : posted.lines) {
      std::string name = (*store_->real().account(line.account))->name;
      require(expected[name] == line.amount.units(), name + " is charged what the record bills");
      expected[name] = 0;
    }
    for (const auto& [name, rest] : expected) require(rest == 0, name + " is charged at all");
  };
  compare(entry, charge);
  std::erase_if(shares, [](const auto& one) { return one.second == 0; });
  auto next = reader_->entries(entry.number, 1);
  const bool is_shared = next.ok() && !next->empty() && next->front().kind == store::EntryKind::kShare;
  require(is_shared == !shares.empty(), "shares are posted with their charge");
  if (!is_shared) return;
  require(next->front().id == entry.id && next->front().leaf == entry.leaf, "shares are their charge's");
  compare(next->front(), shares);
}

// What a call's charge posts on each account. Of sources the record says which paid for what: each token is
// paid for once, at its source's price.
std::map<std::string, Int128> Simulation::expected_lines(const Open& open, const record::UsageRecord& record,
                                                         const KindCounts& billed,
                                                         std::map<std::string, Int128>& shares) {
  std::map<std::string, Int128> expected;
  KindCounts paid;
  int requests = 0;
  for (const contract::Limit& limit : open.terms.limits) {
    Int128 cost = limit.is_source || limit.is_returned ? 0 : cost_of(limit, billed, true);
    for (const record::Charge& charge : record.charges) {
      if (!limit.is_source || charge.paid_from != limit.account) continue;
      const auto kind = kind_named(charge.kind);
      const std::int64_t quantity = std::stoll(charge.quantity);
      const Int128 amount = (kind ? limit.per_token[index_of(*kind)] : limit.per_request).units() * quantity;
      require(charge.currency == limit.unit &&
                  parse_decimal(charge.amount, contract::scale_of_unit(limit.unit)).value().units() == amount,
              "a source pays its own price");
      kind ? void(paid[*kind] += quantity) : void(++requests);
      cost += amount;
    }
    expected[limit.account] -= cost;
    expected[limit.sink] += cost;
    for (const contract::Share& share : limit.shares) {
      shares[share.account] += cost * share.per_million / 1'000'000;
      shares[limit.sink] -= cost * share.per_million / 1'000'000;
    }
  }
  if (has_sources(open))
    require(paid == billed && requests <= 1, "each token is paid for once, by some source");
  return expected;
}

// The prompt, and one of the marks that may be the last durable one.
bool Simulation::is_a_mark(const Call& call, const KindCounts& billed) {
  return std::any_of(call.marks.begin(), call.marks.end(), [&](const KindCounts& mark) {
    KindCounts expected = call.open.prompt;
    for (Kind kind : kAllKinds) expected[kind] += mark[kind];
    return billed == expected;
  });
}

// Or because it cost nothing.
bool Simulation::is_free_when_interrupted(const Call& call) {
  const auto& all = call.open.terms.limits;
  if (std::all_of(all.begin(), all.end(), [](const contract::Limit& limit) { return limit.is_returned; }))
    return true;
  bool is_unused = std::any_of(call.marks.begin(), call.marks.end(),
                               [](const KindCounts& mark) { return mark.generated() == 0; });
  if (!is_unused) return false;
  if (call.open.terms.metering.on_upstream_error == contract::OnUpstreamError::kNothing) return true;
  auto is_free = [&](const contract::Limit& limit) {
    return limit.is_returned || cost_of(limit, call.open.prompt, true) == 0;
  };
  // Of the sources one is enough: a package may have paid for a request that has no price there.
  const bool any_source = std::any_of(all.begin(), all.end(), [&](const contract::Limit& limit) {
    return limit.is_source && is_free(limit);
  });
  return std::all_of(all.begin(), all.end(), [&](const contract::Limit& limit) {
    return limit.is_source ? any_source : is_free(limit);
  });
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
    require(book.granted == row.granted.units(), row.name + " was granted what its entries say");
    if (!row.may_overdraw)
      require(book.granted + book.deposited == row.funded.units(),
              row.name + " was funded by grants and deposits");
    sums[row.unit] += row.credits_posted.units() - row.debits_posted.units();
    auto index = ledger.find(row.name);
    if (!index) continue;
    const ledger::Account& account = ledger.account(*index);
    require(account.debits_posted == row.debits_posted && account.credits_posted == row.credits_posted &&
                account.funded == row.funded && account.granted == row.granted,
            row.name + " is the same in memory and in the store");
    if (!account.may_overdraw) require(!account.headroom().is_negative(), row.name + " went past its limit");
    if (row.name.starts_with("rate/"))
      require(account.headroom() <= account.granted, row.name + " has more than its burst");
  }
  for (const auto& [unit, sum] : sums) require(sum == 0, unit + " sums to zero over all accounts");
}

// What a limit grants is what its account has, or nothing is left of what a lowered one has to take back.
void Simulation::audit_grants() {
  const ledger::Ledger& ledger = worker_->machine()->accounts();
  for (const auto& [name, funds] : last_funds_) {
    auto index = ledger.find(name);
    if (!index) continue;
    const ledger::Account& account = ledger.account(*index);
    require(account.granted == funds || (account.granted > funds && account.headroom() <= Amount()),
            name + " is granted what its limit says");
  }
}

// Of those who wait on one account alone: none for longer than it said, and the first in line for a reason.
void Simulation::audit_waiting() {
  const StateMachine& machine = *worker_->machine();
  require(machine.waiting_calls() == waiting_.size(), "who has no answer waits, and nobody else");
  std::set<std::string> in_line;
  for (const auto& [ticket, deadline] : waiting_) {
    const Open& open = calls_.at(sent_.at(ticket).id).open;
    require(machine.time() < deadline, "nobody waits for longer than it said");
    const auto& limits = open.terms.limits;
    if (limits.size() == 1 && !in_line.contains(limits[0].account)) {
      auto index = machine.accounts().find(limits[0].account);
      require(index.has_value(), "the account that is waited for is in memory");
      if (!index) return;
      const ledger::Account& account = machine.accounts().account(*index);
      Int128 wanted =
          held_for(limits[0], open, std::min(open.output_wanted, open.terms.metering.quantum_tokens));
      require(wanted > account.headroom().units() && !account.debits_pending.is_zero(),
              "the first in line waits for what others hold");
    }
    for (const contract::Limit& limit : limits) in_line.insert(limit.account);
  }
}

// Whether an earlier call, which is not answered yet, waits for this account and no other.
bool Simulation::is_passed(const contract::Limit& limit, const Open& open, std::uint64_t ticket) const {
  if (limit.may_overdraw || limit.is_source ||
      held_for(limit, open, std::min<std::int64_t>(open.output_wanted, 1)) == 0)
    return false;
  for (auto it = sent_.begin(); it != sent_.lower_bound(ticket); ++it) {
    if (it->second.what != Sent::What::kOpen) continue;
    const auto& limits = calls_.at(it->second.id).open.terms.limits;
    if (limits.size() == 1 && limits[0].account == limit.account) return true;
  }
  return false;
}

void Simulation::audit_calls() {
  const StateMachine& machine = *worker_->machine();
  std::map<std::string, Int128> held, of_sources;
  bool sure = true;
  std::vector<Id> open = machine.open_ids();
  for (const Id& id : open) {
    const Call& call = calls_.at(id);
    require(!call.record_json, "a closed call is not open");
    require(call.told_open, "an open call's caller knows it");
    sure &= !call.unsure_grant;
    for (const contract::Limit& limit : call.open.terms.limits)
      (limit.is_source ? of_sources : held)[limit.account] += held_for(limit, call.open, call.granted);
  }
  for (const Id& id : open_now_) {
    if (std::find(open.begin(), open.end(), id) != open.end()) continue;
    auto row = reader_->record(id);
    require(row.ok() && *row, "a call is open or has its record");
    const Call& call = calls_.at(id);
    require(call.sent_close || lapse_.count - call.heard.count >= kSilenceMax.count,
            "a call that is heard of is not settled");
  }
  machine.accounts().for_each_account([&](ledger::AccountIndex, const ledger::Account& account) {
    // Of a source: no more than if it paid for its calls alone.
    if (const auto source = of_sources.find(account.name); source != of_sources.end())
      require(!sure || account.debits_pending.units() <= source->second,
              account.name + " holds no more than its calls could");
    else if (sure)
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

void Simulation::audit_keys_of(const store::Batch& batch) {
  require(batch.key_slots <= keys_.durable_slots(), "a call's key is durable before the call is");
  for (const store::RecordRow& row : batch.records) {
    require(row.key_slot && *row.key_slot < batch.key_slots, "a record names its key's slot");
    if (!row.key_slot) continue;
    const SecretKey* key = keys_.kept(*row.key_slot);
    auto sealed =
        key == nullptr ? Result<record::Sealed>(invalid("key", "none")) : record::seal_json(row.json, *key);
    require(sealed.ok() && sealed->fields == row.fields, "a record is sealed under a key that is durable");
  }
}

// Records against what callers were told, one charge for each idempotency key, and a key for each record.
void Simulation::audit_keys() {
  auto records = reader_->records({.rows_max = 10'000});
  require(records.ok(), "the records can be read");
  if (!records.ok()) return;
  std::map<Id, const store::RecordRow*> stored;
  TimePoint later{INT64_MAX};
  std::set<std::uint64_t> slots;
  std::set<SecretKey> keys;
  require(!keys_.gave_one_twice(), "no slot is given twice");
  for (const store::RecordRow& row : *records) {
    require(stored.emplace(row.id, &row).second, "a call has one record");
    require(row.at <= later, "records are in the order of time");
    later = row.at;
    const SecretKey* key = row.key_slot ? keys_.kept(*row.key_slot) : nullptr;
    require(key != nullptr, "a record's key is kept");
    require(key == nullptr || (slots.insert(*row.key_slot).second && keys.insert(*key).second),
            "no key serves two records");
    auto call = calls_.find(row.id);
    auto record = record::parse_record(row.json);
    require(call != calls_.end() && record.ok(), "a record is a call's, and can be read");
    if (key == nullptr || call == calls_.end() || !record.ok()) continue;
    auto entry = reader_->log_entries(row.leaf, 1);
    require(entry.ok() && entry->size() == 1 && entry->front() == record::seal(*record, *key).entry,
            "a record is sealed under its key");
    const record::ContentDigest& request = call->second.open.request;
    require(record->request_commitment ==
                (request.length() == 0 ? Digest{}
                                       : record::commit(HmacKey(*key), record::Content::kRequest, request)),
            "a record commits to its request under its key");
    if (charges_of_call_.contains(row.id)) continue;
    KindCounts billed = billed_in(*record);
    for (const contract::Limit& limit : call->second.open.terms.limits)
      require(limit.unit != "CNY" || charged_in(*record, has_sources(call->second.open)) == 0,
              "what is in no entry is charged in no record");
    if (record->state == record::State::kInterrupted && call->second.told_open)
      require(call->second.open.terms.limits.empty() || is_free_when_interrupted(call->second),
              "an interrupted call is free only where the contract says so");
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
