#include "faults.h"

#include <algorithm>

#include "store/varint.h"

namespace ciyuan::clerk::sim {
namespace {

// Everything that the clerk decided, in its order.
std::string bytes_of_batch(const store::Batch& batch) {
  std::string bytes;
  store::ByteWriter out(bytes);
  out.number(batch.number);
  out.integer(batch.at.ns);
  for (const store::AccountRow& row : batch.accounts) {
    out.number(row.number);
    out.text(row.name);
    for (Amount amount : {row.debits_posted, row.credits_posted, row.funded, row.granted, row.credit_limit})
      out.amount(amount);
    out.number(row.may_overdraw);
    out.number(row.last_entry);
  }
  for (const store::EntryRow& row : batch.entries) {
    out.number(row.number);
    out.fixed(row.id.bytes);
    out.text(row.memo);
    for (const store::EntryLine& line : row.lines) {
      out.number(line.account);
      out.amount(line.amount);
      out.amount(line.balance);
      out.number(line.previous);
    }
  }
  for (const store::OpenCallRow& row : batch.opened) out.text(row.data);
  for (const store::MarkRow& row : batch.marks) out.number(row.number), out.text(row.data);
  for (std::uint64_t number : batch.ended) out.number(number);
  for (const store::RecordRow& row : batch.records) out.text(row.json), out.number(row.key_slot.value_or(0));
  for (const store::LogEntryRow& row : batch.log_entries) out.text(row.entry);
  for (const store::IdempotencyRow& row : batch.idempotency) out.text(row.key), out.fixed(row.id.bytes);
  for (const store::DocumentRow& row : batch.documents) out.text(row.name), out.text(row.json);
  out.number(batch.log_size);
  out.fixed(batch.log_root);
  return bytes;
}

}  // namespace

SecretKey Keys::fresh_key() {
  SecretKey key;
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random_());
  return key;
}

void Keys::open(std::uint64_t used) {
  next_ = durable_ = std::max<std::uint64_t>(file_.size(), used);
  file_.resize(next_);
}

void Keys::close() {
  file_.resize(next_);
  durable_ = next_;
}

void Keys::refill_ahead() {
  if (durable_ - next_ < 3) (void)refill();
}

// Written, synced, and only then given. A part that a failure left is overwritten by the next try, with other
// keys, or stays behind where the process dies.
Status Keys::refill() {
  ++refills_;
  Fault fault = Faults::next_of(faults_.refills);
  std::uint64_t size = 1 + random_() % 6;
  std::uint64_t written = size;
  if (fault == Fault::kFailBefore || fault == Fault::kDieBefore) written = random_() % size;
  file_.resize(std::max<std::uint64_t>(file_.size(), durable_ + written));
  for (std::uint64_t slot = durable_; slot < durable_ + written; ++slot) file_[slot] = fresh_key();
  if (fault == Fault::kDieBefore || fault == Fault::kDieAfter) throw Death();
  if (fault != Fault::kNone) {
    ++failed_refills_;
    return Faults::broken("keys");
  }
  durable_ += size;
  return {};
}

Result<record::RecordKey> Keys::take() {
  if (next_ == durable_) CIYUAN_TRY_STATUS(refill());
  gave_one_twice_ |= !given_.insert(next_).second;
  record::RecordKey key{*file_[next_], next_};
  ++next_;
  return key;
}

Result<SecretKey> Keys::find(const Id&, std::optional<std::uint64_t> slot) {
  if (faults_.fails_to_read()) return Faults::broken("keys");
  if (const SecretKey* key = slot ? kept(*slot) : nullptr) return *key;
  return Error{ErrorCode::kNotFound, "no such key", ""};
}

const SecretKey* Keys::kept(std::uint64_t slot) const {
  return slot < file_.size() && file_[slot] ? &*file_[slot] : nullptr;
}

Status FaultyStore::commit(const store::Batch& batch) {
  if (look_at) look_at(batch);
  if (broken_) return Faults::broken("a commit before the reload");
  Status done = faults_.run(faults_.commits, "commit", [&]() -> Status {
    CIYUAN_TRY_STATUS(real_->commit(batch));
    history_ = sha256(to_hex(history_) + bytes_of_batch(batch));
    return {};
  });
  broken_ = !done.ok();
  return done;
}

Status FaultyStore::reload() {
  if (faults_.fails_to_read()) return Faults::broken("reload");
  CIYUAN_TRY_STATUS(real_->reload());
  broken_ = false;
  return {};
}

Result<store::Head> FaultyStore::head() {
  if (faults_.fails_to_read()) return Faults::broken("head");
  return real_->head();
}
Result<std::vector<store::OpenCall>> FaultyStore::open_calls() {
  if (faults_.fails_to_read()) return Faults::broken("open calls");
  return real_->open_calls();
}
Result<std::optional<store::AccountRow>> FaultyStore::account(std::string_view name) {
  if (faults_.fails_to_read()) return Faults::broken("account");
  return real_->account(name);
}
Result<std::optional<store::AccountRow>> FaultyStore::account(store::AccountNumber number) {
  if (faults_.fails_to_read()) return Faults::broken("account");
  return real_->account(number);
}
Result<std::optional<store::RecordRow>> FaultyStore::record(const Id& id) {
  if (faults_.fails_to_read()) return Faults::broken("record");
  return real_->record(id);
}
Result<std::optional<store::EntryRow>> FaultyStore::posting(const Id& id) {
  if (faults_.fails_to_read()) return Faults::broken("posting");
  return real_->posting(id);
}
Result<std::optional<TimePoint>> FaultyStore::entry_time(store::EntryNumber number) {
  if (faults_.fails_to_read()) return Faults::broken("entry_time");
  return real_->entry_time(number);
}
Result<std::optional<store::IdempotencyRow>> FaultyStore::idempotency(std::string_view key) {
  if (faults_.fails_to_read()) return Faults::broken("idempotency");
  return real_->idempotency(key);
}
Result<Bytes> FaultyStore::tile(unsigned level, std::uint64_t index) {
  if (faults_.fails_to_read()) return Faults::broken("tile");
  return real_->tile(level, index);
}
Result<std::optional<store::DocumentRow>> FaultyStore::document(std::string_view kind,
                                                                std::string_view name) {
  if (faults_.fails_to_read()) return Faults::broken("document");
  return real_->document(kind, name);
}

}  // namespace ciyuan::clerk::sim
