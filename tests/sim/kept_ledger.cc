#include "kept_ledger.h"

#include "store/varint.h"

namespace ciyuan::ledger {
namespace {

using store::ByteReader;
using store::ByteWriter;

// Accounts by their numbers in the store: indexes are given anew at each start.
template <class NumberOf>
std::string bytes_of_lines(Lines lines, NumberOf&& number_of) {
  std::string bytes;
  ByteWriter out(bytes);
  for (const Line& line : lines) out.number(number_of(line.account)), out.amount(line.amount);
  return bytes;
}

Error corrupt(const char* what) { return Error{ErrorCode::kCorrupt, what, ""}; }

}  // namespace

KeptLedger::Place& KeptLedger::place(AccountIndex index) {
  if (index.value >= places_.size()) places_.resize(index.value + 1);
  return places_[index.value];
}

Status KeptLedger::load() {
  CIYUAN_TRY(store::Head head, store_.head());
  batch_ = head.batch;
  accounts_given_ = head.accounts;
  entries_given_ = head.entries;
  holds_given_ = head.opened;
  leaves_ = head.log_size;
  log_root_ = head.log_root;
  for (store::AccountNumber number = 1; number <= accounts_given_; ++number) {
    CIYUAN_TRY(std::optional<store::AccountRow> row, store_.account(number));
    if (!row) continue;  // opened in a set that was taken back
    Account account;
    account.name = row->name;
    account.unit = row->unit;
    account.scale = row->scale;
    account.may_overdraw = row->may_overdraw;
    account.closed = row->closed;
    account.side = row->debit_side ? Side::kDebit : Side::kCredit;
    account.credit_limit = row->credit_limit;
    account.debits_posted = row->debits_posted;
    account.credits_posted = row->credits_posted;
    account.funded = row->funded;
    account.granted = row->granted;
    CIYUAN_TRY(AccountIndex index, ledger_.restore_account(account));
    place(index) = {number, row->last_entry, account.balance(), 0};
    indexes_[number] = index;
  }
  auto lines_in = [this](ByteReader& in) {
    std::vector<Line> lines;
    while (in.ok() && !in.empty()) {
      store::AccountNumber number = in.number();
      lines.push_back({indexes_.at(number), in.amount()});
    }
    return lines;
  };
  CIYUAN_TRY(std::vector<store::OpenCall> calls, store_.open_calls());
  for (const store::OpenCall& call : calls) {
    ByteReader in(call.call.data);
    TimePoint expires{in.integer()};
    std::vector<Line> opened = lines_in(in), held = opened;
    if (call.mark) {
      ByteReader mark(*call.mark);
      held = lines_in(mark);
    }
    CIYUAN_TRY_STATUS(ledger_.restore_hold(call.call.id, held, expires, opened));
    hold_numbers_[call.call.id] = call.call.number;
  }
  return {};
}

Result<std::vector<Line>> KeptLedger::lines_of(const store::EntryRow& row) const {
  std::vector<Line> lines;
  for (const store::EntryLine& line : row.lines) {
    auto index = indexes_.find(line.account);
    if (index == indexes_.end()) return corrupt("an entry names an account that is not there");
    lines.push_back({index->second, line.amount});
  }
  return lines;
}

Status KeptLedger::look_up(const Id& id) {
  if (!options_.looks_ids_up || ledger_.knows(id)) return {};
  CIYUAN_TRY(std::optional<store::RecordRow> record, store_.record(id));
  if (record) {
    Result<Bytes> bytes = from_hex(record->json);
    if (!bytes.ok()) return corrupt("a record's lines are damaged");
    std::vector<Line> lines;
    ByteReader in(text_of(*bytes));
    while (in.ok() && !in.empty()) {
      store::AccountNumber number = in.number();
      lines.push_back({indexes_.at(number), in.amount()});
    }
    return ledger_.recall_settled(id, lines);
  }
  CIYUAN_TRY(std::optional<store::EntryRow> row, store_.posting(id));
  if (!row) return {};
  CIYUAN_TRY(std::vector<Line> posted, lines_of(*row));
  if (row->memo.front() != 'b')
    return ledger_.recall_post(id, posted, static_cast<Funding>(row->memo.front() - '0'));
  Result<Bytes> bytes = from_hex(std::string_view(row->memo).substr(1));
  if (!bytes.ok()) return corrupt("a posting's note is damaged");
  std::vector<BalancedLine> wanted;
  ByteReader in(text_of(*bytes));
  while (in.ok() && !in.empty()) {
    AccountIndex account = indexes_.at(in.number());
    auto take = static_cast<Take>(in.number());
    wanted.push_back({account, in.amount(), take});
  }
  return ledger_.recall_balanced(id, wanted, posted);
}

void KeptLedger::add(What what, const Id& id, Lines lines, std::string note, TimePoint expires) {
  effects_.push_back({what, id, {lines.begin(), lines.end()}, std::move(note), expires, {}});
}

Result<AccountIndex> KeptLedger::open_account(const AccountSpec& spec) {
  bool is_new = !ledger_.find(spec.name);
  CIYUAN_TRY(AccountIndex index, ledger_.open_account(spec));
  if (is_new) {
    place(index) = {++accounts_given_, 0, Amount(), 0};
    indexes_[accounts_given_] = index;
    effects_.push_back({What::kAccount, {}, {}, "", {}, index});
  }
  return index;
}

Status KeptLedger::set_credit_limit(AccountIndex account, Amount limit) {
  CIYUAN_TRY_STATUS(ledger_.set_credit_limit(account, limit));
  effects_.push_back({What::kAccount, {}, {}, "", {}, account});
  return {};
}

Status KeptLedger::close_account(AccountIndex account) {
  CIYUAN_TRY_STATUS(ledger_.close_account(account));
  effects_.push_back({What::kAccount, {}, {}, "", {}, account});
  return {};
}

Result<Applied> KeptLedger::post(const Id& id, Lines lines, Funding funding) {
  CIYUAN_TRY_STATUS(look_up(id));
  CIYUAN_TRY(Applied applied, ledger_.post(id, lines, funding));
  if (!applied.existed)
    add(What::kPosted, id, lines, std::string(1, static_cast<char>('0' + static_cast<int>(funding))));
  return applied;
}

Result<std::vector<Line>> KeptLedger::post_balanced(const Id& id, BalancedLines wanted) {
  CIYUAN_TRY_STATUS(look_up(id));
  bool existed = ledger_.knows(id);
  CIYUAN_TRY(std::vector<Line> lines, ledger_.post_balanced(id, wanted));
  if (existed || lines.empty()) return lines;
  std::string bytes;
  ByteWriter out(bytes);
  for (const BalancedLine& line : wanted) {
    out.number(place(line.account).number);
    out.number(static_cast<std::uint64_t>(line.take));
    out.amount(line.amount);
  }
  add(What::kPosted, id, lines, "b" + to_hex(bytes_of(bytes)));
  return lines;
}

Result<Applied> KeptLedger::hold(const Id& id, Lines lines, TimePoint expires) {
  CIYUAN_TRY_STATUS(look_up(id));
  CIYUAN_TRY(Applied applied, ledger_.hold(id, lines, expires));
  if (!applied.existed) add(What::kOpened, id, lines, "", expires);
  return applied;
}

Status KeptLedger::raise(const Id& id, Lines more) {
  CIYUAN_TRY_STATUS(ledger_.raise(id, more));
  add(What::kRaised, id, {});
  return {};
}

Result<Applied> KeptLedger::settle(const Id& id, Lines lines) {
  CIYUAN_TRY_STATUS(look_up(id));
  CIYUAN_TRY(Applied applied, ledger_.settle(id, lines));
  if (!applied.existed) add(What::kSettled, id, lines);
  return applied;
}

Status KeptLedger::settle_part(const Id& id, Lines lines) {
  CIYUAN_TRY_STATUS(ledger_.settle_part(id, lines));
  add(What::kPart, id, lines);
  return {};
}

std::vector<Id> KeptLedger::expire(TimePoint now) {
  std::vector<Id> expired = ledger_.expire(now);
  for (const Id& id : expired) add(What::kSettled, id, {});
  return expired;
}

// Batches

void KeptLedger::touch(AccountIndex index) {
  Place& there = place(index);
  if (there.dirty_in == batch_ + 1) return;
  there.dirty_in = batch_ + 1;
  dirty_.push_back(index);
}

void KeptLedger::journal(store::EntryKind kind, const Effect& effect) {
  store::EntryRow row;
  row.number = ++entries_given_;
  row.kind = kind;
  row.id = effect.id;
  row.at = out_.at;
  row.memo = effect.note;
  row.lines.reserve(effect.lines.size());
  for (const Line& line : effect.lines) {
    touch(line.account);
    Place& there = places_[line.account.value];
    there.balance += line.amount;
    row.lines.push_back({there.number, line.amount, there.balance, there.last_entry});
    there.last_entry = row.number;
  }
  out_.entries.push_back(std::move(row));
}

void KeptLedger::write(const Effect& effect) {
  auto number_of = [this](AccountIndex account) { return places_[account.value].number; };
  switch (effect.what) {
    case What::kAccount:
      return touch(effect.account);
    case What::kPosted:
      return journal(store::EntryKind::kPost, effect);
    case What::kPart:
      raised_.push_back(effect.id);
      return journal(store::EntryKind::kFund, effect);
    case What::kRaised:
      return raised_.push_back(effect.id);
    case What::kOpened: {
      std::string data;
      ByteWriter(data).integer(effect.expires.ns);
      data += bytes_of_lines(effect.lines, number_of);
      hold_numbers_[effect.id] = ++holds_given_;
      out_.opened.push_back({holds_given_, effect.id, std::move(data)});
      return;
    }
    case What::kSettled: {
      if (!effect.lines.empty()) journal(store::EntryKind::kCharge, effect);
      auto number = hold_numbers_.find(effect.id);
      CIYUAN_CHECK(number != hold_numbers_.end(), "what is settled was opened");
      out_.ended.push_back(number->second);
      hold_numbers_.erase(number);
      store::RecordRow record;
      record.leaf = leaves_++;
      record.id = effect.id;
      record.at = out_.at;
      record.json = to_hex(bytes_of(bytes_of_lines(effect.lines, number_of)));
      out_.records.push_back(std::move(record));
      return;
    }
  }
}

Status KeptLedger::commit(TimePoint at) {
  std::optional<store::Batch> batch = take_batch(at);
  return batch ? store_.commit(*batch) : Status();
}

std::optional<store::Batch> KeptLedger::take_batch(TimePoint at) {
  if (effects_.empty()) return std::nullopt;
  out_ = store::Batch();
  out_.number = batch_ + 1;  // what touch() marks accounts with
  out_.at = at;
  out_.entries.reserve(effects_.size());
  for (const Effect& effect : effects_) write(effect);
  for (const Id& id : raised_) {
    auto number = hold_numbers_.find(id);
    if (number == hold_numbers_.end()) continue;  // and ended since
    out_.marks.push_back({number->second, bytes_of_lines(ledger_.held(id), [this](AccountIndex account) {
                            return places_[account.value].number;
                          })});
  }
  for (AccountIndex index : dirty_) {
    const Account& account = ledger_.account(index);
    const Place& there = places_[index.value];
    CIYUAN_CHECK(there.balance == account.balance(), "the journal sums up to the ledger's balances");
    out_.accounts.push_back({there.number, account.name, account.unit, account.scale, account.may_overdraw,
                             account.closed, account.debits_posted, account.credits_posted, account.funded,
                             there.last_entry, account.granted, account.credit_limit,
                             account.side == Side::kDebit});
  }
  out_.opened_max = holds_given_;
  out_.log_size = leaves_;
  out_.log_root = log_root_;
  effects_.clear();
  raised_.clear();
  dirty_.clear();
  ++batch_;
  return std::move(out_);
}

}  // namespace ciyuan::ledger
