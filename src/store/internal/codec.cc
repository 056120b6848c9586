#include "store/internal/codec.h"

#include "store/varint.h"

namespace ciyuan::store::internal {

std::string encode_lines(EntryNumber entry, const std::vector<EntryLine>& lines) {
  std::string bytes;
  bytes.reserve(lines.size() * 20);
  ByteWriter out(bytes);
  for (const EntryLine& line : lines) {
    out.number(line.account);
    out.amount(line.amount);
    out.amount(line.balance);
    // As the distance back, which is short for busy accounts; 0 stands for none.
    out.number(line.previous == 0 ? 0 : entry - line.previous);
  }
  return bytes;
}

Result<std::vector<EntryLine>> decode_lines(EntryNumber entry, std::string_view bytes) {
  std::vector<EntryLine> lines;
  ByteReader in(bytes);
  while (in.ok() && !in.empty()) {
    EntryLine line;
    line.account = in.number();
    line.amount = in.amount();
    line.balance = in.amount();
    std::uint64_t back = in.number();
    if (back > entry) return Error{ErrorCode::kCorrupt, "a line points before the journal's beginning", ""};
    line.previous = back == 0 ? 0 : entry - back;
    lines.push_back(line);
  }
  if (!in.done())
    return Error{ErrorCode::kCorrupt, "the lines of entry " + std::to_string(entry) + " are damaged", ""};
  return lines;
}

AccountState AccountState::of(const AccountRow& row) {
  return {.may_overdraw = row.may_overdraw,
          .closed = row.closed,
          .debits_posted = row.debits_posted,
          .credits_posted = row.credits_posted,
          .funded = row.funded,
          .granted = row.granted,
          .credit_limit = row.credit_limit,
          .last_entry = row.last_entry};
}

void AccountState::put_into(AccountRow& row) const {
  row.may_overdraw = may_overdraw;
  row.closed = closed;
  row.debits_posted = debits_posted;
  row.credits_posted = credits_posted;
  row.funded = funded;
  row.granted = granted;
  row.credit_limit = credit_limit;
  row.last_entry = last_entry;
}

std::string encode_states(const std::vector<AccountState>& states) {
  std::string bytes;
  bytes.reserve(states.size() * 40);
  ByteWriter out(bytes);
  for (const AccountState& state : states) {
    out.number((state.may_overdraw ? 1u : 0u) | (state.closed ? 2u : 0u));
    out.number(state.last_entry);
    for (const Amount& amount :
         {state.debits_posted, state.credits_posted, state.funded, state.granted, state.credit_limit})
      out.amount(amount);
  }
  return bytes;
}

Result<std::vector<AccountState>> decode_states(AccountNumber block, std::string_view bytes) {
  std::vector<AccountState> states;
  states.reserve(kBlockAccounts);
  ByteReader in(bytes);
  bool known = true;
  while (in.ok() && !in.empty()) {
    AccountState& state = states.emplace_back();
    std::uint64_t flags = in.number();
    known = known && flags < 4 && states.size() <= kBlockAccounts;
    state.may_overdraw = (flags & 1) != 0;
    state.closed = (flags & 2) != 0;
    state.last_entry = in.number();
    for (Amount* amount :
         {&state.debits_posted, &state.credits_posted, &state.funded, &state.granted, &state.credit_limit})
      *amount = in.amount();
  }
  if (!in.done() || !known)
    return Error{
        ErrorCode::kCorrupt,
        "the balances of the accounts from " + std::to_string(block * kBlockAccounts) + " on are damaged",
        ""};
  return states;
}

std::string encode_calls(const std::vector<OpenCallRow>& calls) {
  std::string bytes;
  std::size_t size = 0;
  for (const OpenCallRow& call : calls) size += call.data.size() + 32;
  bytes.reserve(size);
  ByteWriter out(bytes);
  for (const OpenCallRow& call : calls) {
    out.number(call.number - calls.front().number);
    out.fixed(call.id.bytes);
    out.text(call.data);
  }
  return bytes;
}

Result<std::vector<OpenCallRow>> decode_calls(std::uint64_t first, std::string_view bytes) {
  std::vector<OpenCallRow> calls;
  ByteReader in(bytes);
  while (in.ok() && !in.empty()) {
    OpenCallRow call;
    call.number = first + in.number();
    call.id.bytes = in.fixed<16>();
    call.data = in.text();
    calls.push_back(std::move(call));
  }
  if (!in.done() || calls.empty())
    return Error{ErrorCode::kCorrupt, "the open calls from " + std::to_string(first) + " on are damaged", ""};
  return calls;
}

}  // namespace ciyuan::store::internal
