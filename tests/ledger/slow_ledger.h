#pragma once

/// The ledger again, as plainly as it can be written: maps, copies of everything, checks in the order of the
/// header. What it says is what ledger::Ledger must say. Accounts and ids are numbers.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace ciyuan::ledger::testing {

struct SlowAccount {
  std::string unit;
  bool may_overdraw = false, closed = false, debit_side = false;
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
using SlowLines = std::map<int, Int128>;  // account → amount
using SlowTakes = std::map<int, Take>;    // account → how much of it

struct SlowHold {
  SlowLines lines, opened;
  std::int64_t expires = 0;
};

class SlowLedger {
 public:
  using Number = std::uint64_t;  // of an id
  enum class Answer { kDone, kExisted, kInvalid, kRefused, kConflict, kNotFound };

  std::vector<SlowAccount> accounts;
  std::map<Number, SlowHold> holds;

  Answer post(Number id, const SlowLines& lines, Funding funding) {
    Finished entry{funding == Funding::kNo    ? "post"
                   : funding == Funding::kYes ? "fund"
                                              : "grant",
                   lines,
                   {},
                   {}};
    if (finished_.contains(id)) return finished_[id] == entry ? Answer::kExisted : Answer::kConflict;
    if (holds.contains(id)) return Answer::kConflict;
    if (lines.empty() || !sums_to_zero(lines)) return Answer::kInvalid;
    if (!has_room(lines)) return Answer::kRefused;
    add(lines, funding);
    finished_[id] = entry;
    return Answer::kDone;
  }

  /// `posted` are the lines then posted.
  Answer post_balanced(Number id, const SlowLines& wanted, const SlowTakes& takes, SlowLines& posted) {
    Finished entry{"balanced", wanted, takes, {}};
    if (finished_.contains(id)) {
      entry.posted = posted = finished_[id].posted;
      return finished_[id] == entry ? Answer::kExisted : Answer::kConflict;
    }
    if (holds.contains(id)) return Answer::kConflict;
    if (wanted.empty()) return Answer::kInvalid;
    std::vector<std::string> units;
    for (auto& [account, amount] : wanted)
      if (std::find(units.begin(), units.end(), accounts[account].unit) == units.end())
        units.push_back(accounts[account].unit);
    SlowLines lines;
    for (const std::string& unit : units)
      if (Answer answer = balance(unit, wanted, takes, lines); answer != Answer::kDone) return answer;
    std::erase_if(lines, [](auto& line) { return line.second == 0; });
    if (!has_room(lines)) return Answer::kRefused;
    add(lines, Funding::kNo);
    entry.posted = posted = lines;
    if (!lines.empty()) finished_[id] = entry;
    return Answer::kDone;
  }

  Answer hold(Number id, const SlowLines& lines, std::int64_t expires) {
    if (holds.contains(id))
      return holds[id].opened == lines && holds[id].expires == expires ? Answer::kExisted : Answer::kConflict;
    if (finished_.contains(id)) return Answer::kConflict;
    if (lines.empty() || !sums_to_zero(lines)) return Answer::kInvalid;
    if (!has_room(lines)) return Answer::kRefused;
    pend(lines, 1);
    holds[id] = {lines, lines, expires};
    return Answer::kDone;
  }

  Answer raise(Number id, const SlowLines& more) {
    if (!holds.contains(id)) return Answer::kNotFound;
    if (!sums_to_zero(more)) return Answer::kInvalid;
    SlowLines& held = holds[id].lines;
    for (auto& [account, amount] : more) {
      if (!held.contains(account)) return Answer::kInvalid;
      if (amount != 0 && held[account] != 0 && (amount < 0) != (held[account] < 0)) return Answer::kInvalid;
    }
    if (!has_room(more)) return Answer::kRefused;
    pend(more, 1);
    for (auto& [account, amount] : more) held[account] += amount;
    return Answer::kDone;
  }

  Answer settle(Number id, const SlowLines& lines, bool keep_rest) {
    if (!holds.contains(id)) {
      if (keep_rest || !finished_.contains(id)) return Answer::kNotFound;
      return finished_[id] == Finished{"settle", lines, {}, {}} ? Answer::kExisted : Answer::kConflict;
    }
    if (!sums_to_zero(lines)) return Answer::kInvalid;
    SlowLines& held = holds[id].lines;
    for (auto& [account, amount] : lines) {
      if (!held.contains(account)) return Answer::kInvalid;
      if (amount != 0 && (amount < 0) != (held[account] < 0)) return Answer::kInvalid;
      if (amount < 0 ? amount < held[account] : amount > held[account]) return Answer::kInvalid;
    }
    pend(keep_rest ? lines : held, -1);
    add(lines, Funding::kNo);
    if (keep_rest) {
      for (auto& [account, amount] : lines) held[account] -= amount;
    } else {
      holds.erase(id);
      finished_[id] = {"settle", lines, {}, {}};
    }
    return Answer::kDone;
  }

  /// Those that were due, in their order.
  std::vector<Number> expire(std::int64_t now) {
    std::vector<std::pair<std::int64_t, Number>> due;
    for (auto& [id, hold] : holds)
      if (hold.expires != 0 && hold.expires <= now) due.emplace_back(hold.expires, id);
    std::sort(due.begin(), due.end());
    std::vector<Number> ids;
    for (auto& [at, id] : due) ids.push_back(id), settle(id, {}, false);
    return ids;
  }

 private:
  struct Finished {
    std::string what;
    SlowLines lines;
    SlowTakes takes;
    SlowLines posted;
    bool operator==(const Finished&) const = default;
  };

  // The lines of one unit as they are posted.
  Answer balance(const std::string& unit, const SlowLines& wanted, const SlowTakes& takes, SlowLines& lines) {
    Int128 exact = 0;
    int up_to_sign = 0;
    std::optional<int> rest;
    for (auto& [account, amount] : wanted) {
      if (accounts[account].unit != unit) continue;
      int sign = amount < 0 ? -1 : amount > 0 ? 1 : 0;
      if (takes.at(account) == Take::kExact) exact += lines[account] = amount;
      if (takes.at(account) == Take::kRest && std::exchange(rest, account)) return Answer::kInvalid;
      if (takes.at(account) == Take::kUpTo && sign != 0 && std::exchange(up_to_sign, sign) == -sign)
        return Answer::kInvalid;
    }
    // What the kUpTo lines may take together.
    Int128 open = up_to_sign < 0 ? exact : -exact;
    if (rest && (wanted.at(*rest) < 0) != (up_to_sign < 0))
      open += accounts[*rest].room_for(wanted.at(*rest));
    open = std::max(open, Int128{0});
    Int128 sum = exact;
    for (auto& [account, amount] : wanted) {
      if (accounts[account].unit != unit || takes.at(account) != Take::kUpTo) continue;
      Int128 taken = std::min(open, accounts[account].room_for(amount));
      open -= taken;
      sum += lines[account] = taken * (up_to_sign < 0 ? -1 : 1);
    }
    if (!rest) return sum == 0 ? Answer::kDone : up_to_sign == 0 ? Answer::kInvalid : Answer::kRefused;
    Int128 most = wanted.at(*rest);
    lines[*rest] = -sum;
    return -sum >= std::min(most, Int128{0}) && -sum <= std::max(most, Int128{0}) ? Answer::kDone
                                                                                  : Answer::kRefused;
  }
  bool sums_to_zero(const SlowLines& lines) {
    std::map<std::string, Int128> sums;
    for (auto& [account, amount] : lines) sums[accounts[account].unit] += amount;
    return std::all_of(sums.begin(), sums.end(), [](auto& sum) { return sum.second == 0; });
  }
  bool has_room(const SlowLines& lines) {
    return std::all_of(lines.begin(), lines.end(), [this](auto& line) {
      const SlowAccount& account = accounts[line.first];
      return !account.closed &&
             account.room_for(line.second) == (line.second < 0 ? -line.second : line.second);
    });
  }
  void pend(const SlowLines& lines, int sign) {
    for (auto& [account, amount] : lines) {
      if (amount < 0)
        accounts[account].debits_pending += sign * -amount;
      else
        accounts[account].credits_pending += sign * amount;
    }
  }
  void add(const SlowLines& lines, Funding funding) {
    for (auto& [number, amount] : lines) {
      SlowAccount& account = accounts[number];
      if (amount < 0)
        account.debits -= amount;
      else
        account.credits += amount;
      if (funding == Funding::kYes && amount > 0) account.funded += amount;
      if (funding == Funding::kGrant) account.granted += amount;
      if (funding == Funding::kGrant && !account.may_overdraw) account.funded += amount;
    }
  }
  std::map<Number, Finished> finished_;
};

}  // namespace ciyuan::ledger::testing
