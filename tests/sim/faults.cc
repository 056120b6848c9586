#include "faults.h"

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
    for (Amount amount : {row.debits_posted, row.credits_posted, row.funded, row.granted}) out.amount(amount);
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
  for (const store::RecordRow& row : batch.records) out.text(row.json);
  for (const store::LogEntryRow& row : batch.log_entries) out.text(row.entry);
  for (const store::IdempotencyRow& row : batch.idempotency) out.text(row.key), out.fixed(row.id.bytes);
  for (const store::DocumentRow& row : batch.documents) out.text(row.name), out.text(row.json);
  out.number(batch.log_size);
  out.fixed(batch.log_root);
  return bytes;
}

}  // namespace

Result<SecretKey> Keys::find(const Id& id) {
  if (faults_.fails_to_read()) return Faults::broken("keys");
  if (const SecretKey* key = kept(id)) return *key;
  return Error{ErrorCode::kNotFound, "no such key", ""};
}

Status Keys::keep(std::span<const record::KeyRow> rows) {
  return faults_.run(faults_.keeps, "keys", [&]() -> Status {
    for (const record::KeyRow& row : rows) keys_[row.id] = row.key;
    return {};
  });
}

const SecretKey* Keys::kept(const Id& id) const {
  auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

Status FaultyStore::commit(const store::Batch& batch) {
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
