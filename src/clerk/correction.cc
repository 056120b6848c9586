/// Corrections: a new record in the place of an old one, and the difference on the accounts.

#include "base/canonical_json.h"
#include "clerk/internal/call.h"
#include "record/leaf.h"

namespace ciyuan::clerk {

using internal::conflict;
using ledger::AccountIndex;
using ledger::Line;

Id correction_of(const Id& corrected) { return id_from_content("ciyuan/correction/v1/" + corrected.text()); }

Result<std::optional<store::RecordRow>> StateMachine::committed_or_new_record(const Id& id) {
  for (const store::RecordRow& row : batch_.records)
    if (row.id == id) return std::optional(row);
  return source_.record(id);
}

Result<std::vector<Line>> StateMachine::correcting_lines(const Correct& command) {
  std::vector<Line> lines;
  Amount sum;
  std::string unit;
  for (const auto& [name, amount] : command.lines) {
    CIYUAN_TRY(std::optional<AccountIndex> account, find_account(name));
    if (!account) return invalid("lines", "no account " + name);
    const ledger::Account& found = ledger_.account(*account);
    if (!unit.empty() && found.unit != unit) return invalid("lines", "are of two units");
    unit = found.unit;
    if (amount.is_negative() && !found.may_overdraw && found.headroom() < -amount)
      return Error{ErrorCode::kRefused,
                   "account " + name + " has " +
                       format_decimal(std::max(found.headroom(), Amount()), found.scale) + " " + unit +
                       " left, the correction takes " + format_decimal(-amount, found.scale),
                   name};
    std::optional<Amount> next = checked_add(sum, amount);
    if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", "lines"};
    sum = *next;
    lines.push_back({*account, amount});
  }
  if (!sum.is_zero()) return invalid("lines", "do not add up to zero");
  return lines;
}

Reply StateMachine::correct(Correct& command) {
  record::UsageRecord& record = command.record;
  if (command.actor.empty() || command.actor.size() > kNameBytesMax || !is_utf8(command.actor))
    return invalid("actor", "is empty, too long or not UTF-8 text");
  if (!record.corrects || record.id != correction_of(*record.corrects))
    return invalid("record", "does not correct another under the id that stands for it");
  auto before = committed_or_new_record(*record.corrects);
  if (!before.ok()) return before.error();
  if (!*before) return Error{ErrorCode::kNotFound, "no record " + record.corrects->text(), "corrects"};
  auto earlier = committed_or_new_record(record.id);
  if (!earlier.ok()) return earlier.error();
  if (*earlier) {
    auto made = record::parse_record((*earlier)->json);
    if (!made.ok()) return made.error();
    if (made->price_book_digest != record.price_book_digest)
      return conflict("corrects",
                      "was corrected under another price book by " + record.id.text() + ": correct that one");
    return Closed{(*earlier)->json, (*earlier)->leaf, {}};
  }
  auto lines = correcting_lines(command);
  if (!lines.ok()) return lines.error();
  auto key = take_key();
  if (!key.ok()) return key.error();
  if (!lines->empty()) {
    auto posted = ledger_.post(internal::derived_id(record.id, 2), *lines);
    if (!posted.ok()) return posted.error();
  }
  (void)log_action(id_from_content("correct/" + record.id.text()), "correct", "Record",
                   record.corrects->text(), Digest{}, command.actor);
  record::Sealed sealed = record::seal(record, key->key);
  std::uint64_t leaf = tree_.append(sealed.leaf);
  if (!lines->empty())
    journal(store::EntryKind::kPost, record.id, *lines, leaf,
            command.actor + ": corrects " + record.corrects->text());
  Closed closed{sealed.record.json, leaf, {}};
  batch_.records.push_back({leaf, record.id, at_, record.contract, record.key, record.session,
                            std::move(sealed.record.json), std::move(sealed.fields), key->slot});
  for (const Line& line : *lines) woken_.push_back(line.account);
  return closed;
}

}  // namespace ciyuan::clerk
