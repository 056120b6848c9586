#pragma once

/// The ledger again, as plainly as it can be written: maps, copies of everything, checks in the order of the
/// header. What it says is what ledger::Ledger must say.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/amount.h"
#include "base/result.h"
#include "ledger/ledger.h"

namespace ciyuan::ledger::testing {

struct SlowAccount {
  std::string unit;
  bool may_overdraw = false, closed = false;
  bool debit_side = false;
  Int128 credit_limit = 0;
  Int128 debits = 0, credits = 0, debits_pending = 0, credits_pending = 0, funded = 0, granted = 0;

  Int128 headroom() const {
    return credit_limit +
           (debit_side ? debits - credits - credits_pending : credits - debits - debits_pending);
  }
  /// The most of a line's amount that there is room for.
  Int128 room_for(Int128 amount) const {
    Int128 size = amount < 0 ? -amount : amount;
    bool takes = debit_side ? amount > 0 : amount < 0;
    return takes && !may_overdraw ? std::min(size, std::max(headroom(), Int128{0})) : size;
  }
};
using SlowLines = std::map<std::string, Int128>;  // account → amount

class SlowLedger {
 public:
  enum class Answer { kDone, kExisted, kInvalid, kRefused, kConflict, kNotFound };

  std::map<std::string, SlowAccount> accounts;
  std::map<int, SlowLines> holds;

  Answer post(int id, const SlowLines& lines, Funding funding) {
    std::string what = funding == Funding::kNo ? "post" : funding == Funding::kYes ? "fund" : "grant";
    if (finished_.contains(id))
      return finished_[id] == std::pair(what, lines) ? Answer::kExisted : Answer::kConflict;
    if (holds.contains(id)) return Answer::kConflict;
    if (lines.empty() || !sums_to_zero(lines)) return Answer::kInvalid;
    if (!has_room(lines)) return Answer::kRefused;
    add(lines, funding);
    finished_[id] = {what, lines};
    return Answer::kDone;
  }

  Answer hold(int id, const SlowLines& lines) {
    if (holds.contains(id)) return opened_[id] == lines ? Answer::kExisted : Answer::kConflict;
    if (finished_.contains(id)) return Answer::kConflict;
    if (lines.empty() || !sums_to_zero(lines)) return Answer::kInvalid;
    if (!has_room(lines)) return Answer::kRefused;
    pend(lines, 1);
    holds[id] = opened_[id] = lines;
    return Answer::kDone;
  }

  Answer raise(int id, const SlowLines& more) {
    if (!holds.contains(id)) return Answer::kNotFound;
    if (!sums_to_zero(more)) return Answer::kInvalid;
    for (auto& [name, amount] : more) {
      if (!holds[id].contains(name)) return Answer::kInvalid;
      Int128 held = holds[id][name];
      if (amount != 0 && held != 0 && (amount < 0) != (held < 0)) return Answer::kInvalid;
    }
    if (!has_room(more)) return Answer::kRefused;
    pend(more, 1);
    for (auto& [name, amount] : more) holds[id][name] += amount;
    return Answer::kDone;
  }

  Answer settle(int id, const SlowLines& lines, bool keep_rest) {
    if (!holds.contains(id)) {
      if (keep_rest || !finished_.contains(id)) return Answer::kNotFound;
      return finished_[id] == std::pair(std::string("settle"), lines) ? Answer::kExisted : Answer::kConflict;
    }
    if (!sums_to_zero(lines)) return Answer::kInvalid;
    for (auto& [name, amount] : lines) {
      if (!holds[id].contains(name)) return Answer::kInvalid;
      Int128 held = holds[id][name];
      if (amount != 0 && (amount < 0) != (held < 0)) return Answer::kInvalid;
      if (amount < 0 ? amount < held : amount > held) return Answer::kInvalid;
    }
    pend(keep_rest ? lines : holds[id], -1);
    add(lines, Funding::kNo);
    if (keep_rest) {
      for (auto& [name, amount] : lines) holds[id][name] -= amount;
    } else {
      holds.erase(id);
      finished_[id] = {"settle", lines};
    }
    return Answer::kDone;
  }

  /// The amount moved, or nothing for a conflict.
  std::optional<Int128> post_up_to(int id, const std::string& debit, const std::string& credit,
                                   Int128 wanted) {
    SlowLines named{{debit, 0}, {credit, 0}};
    std::string what = "up to " + debit + " " + credit;
    if (finished_.contains(id)) {
      if (finished_[id] != std::pair(what, named)) return std::nullopt;
      return moved_[id];
    }
    if (holds.contains(id)) return std::nullopt;
    Int128 amount = std::min(accounts[debit].room_for(-wanted), accounts[credit].room_for(wanted));
    if (amount == 0) return 0;
    SlowLines lines{{debit, -amount}, {credit, amount}};
    if (!sums_to_zero(lines) || !has_room(lines)) return std::nullopt;
    add(lines, Funding::kNo);
    finished_[id] = {what, named};
    moved_[id] = amount;
    return amount;
  }

 private:
  bool sums_to_zero(const SlowLines& lines) {
    std::map<std::string, Int128> sums;
    for (auto& [name, amount] : lines) sums[accounts[name].unit] += amount;
    for (auto& [unit, sum] : sums)
      if (sum != 0) return false;
    return true;
  }
  bool has_room(const SlowLines& lines) {
    for (auto& [name, amount] : lines) {
      const SlowAccount& account = accounts[name];
      if (account.closed) return false;
      if (account.room_for(amount) < (amount < 0 ? -amount : amount)) return false;
    }
    return true;
  }
  void pend(const SlowLines& lines, int sign) {
    for (auto& [name, amount] : lines) {
      if (amount < 0)
        accounts[name].debits_pending += sign * -amount;
      else
        accounts[name].credits_pending += sign * amount;
    }
  }
  void add(const SlowLines& lines, Funding funding) {
    for (auto& [name, amount] : lines) {
      if (amount < 0) {
        accounts[name].debits -= amount;
      } else {
        accounts[name].credits += amount;
        if (funding == Funding::kYes) accounts[name].funded += amount;
      }
      if (funding == Funding::kGrant) accounts[name].granted += amount;
      if (funding == Funding::kGrant && !accounts[name].may_overdraw) accounts[name].funded += amount;
    }
  }
  std::map<int, SlowLines> opened_;
  std::map<int, std::pair<std::string, SlowLines>> finished_;
  std::map<int, Int128> moved_;
};

}  // namespace ciyuan::ledger::testing
