/// Entries whose lines are as much as there is.

#include <algorithm>

#include "ledger/internal/errors.h"
#include "ledger/ledger.h"

namespace ciyuan::ledger {

using internal::conflict;
using internal::refused;
using internal::too_large;

Result<std::vector<Line>> Ledger::post_balanced(const Id& id, BalancedLines wanted) {
  Prints prints = prints_of(wanted);
  if (const Finished* finished = finished_.find(id)) {
    CIYUAN_TRY(Applied applied, compare(*finished, Form::kBalanced, prints));
    (void)applied;
    return *balanced_.find(id);
  }
  if (holds_.find(id) != nullptr) return conflict("form", "the id stands for an open hold");
  if (wanted.empty()) return invalid("lines", "an entry needs lines");
  std::vector<Line> lines;
  lines.reserve(wanted.size());
  for (const BalancedLine& line : wanted)
    lines.push_back({line.account, line.take == Take::kExact ? line.amount : Amount()});
  if (auto wrong = check_lines(lines)) return std::move(*wrong);
  for (const BalancedLine& line : wanted)
    if (line.amount < -kAmountMax || line.amount > kAmountMax) return too_large(account(line.account).name);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& unit = account(lines[i].account).unit;
    bool is_first = std::none_of(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i),
                                 [&](const Line& line) { return account(line.account).unit == unit; });
    if (!is_first) continue;
    if (auto wrong = balance_unit(wanted, lines, i)) return std::move(*wrong);
  }
  std::erase_if(lines, [](const Line& line) { return line.amount.is_zero(); });
  if (lines.empty()) return lines;
  if (auto wrong = check_zero_sums(lines)) return std::move(*wrong);
  if (auto wrong = check_room(lines)) return std::move(*wrong);
  add_posted(lines, Funding::kNo);
  remember(id, {Form::kBalanced, prints.accounts, prints.content});
  if (remembered_max_ > 0) balanced_.insert(id, lines);
  return lines;
}

// Fills the kUpTo and kRest lines of the unit that line `first` is the first of. Amounts are at most
// kAmountMax and lines at most kLinesMax, so no sum here leaves 128 bits before it is looked at.
std::optional<Error> Ledger::balance_unit(BalancedLines wanted, std::vector<Line>& lines,
                                          std::size_t first) const {
  const std::string& unit = account(lines[first].account).unit;
  Amount sum;  // of the lines as they are
  std::size_t rest = lines.size();
  bool has_up_to = false, up_to_is_negative = false;
  for (std::size_t i = first; i < lines.size(); ++i) {
    const BalancedLine& line = wanted[i];
    if (account(line.account).unit != unit) continue;
    if (line.take == Take::kRest) {
      if (rest != lines.size()) return invalid(unit, "two lines are to take the rest");
      rest = i;
    }
    if (line.take == Take::kUpTo && !line.amount.is_zero()) {
      if (has_up_to && up_to_is_negative != line.amount.is_negative())
        return invalid(unit, "lines of both signs are to take as much as there is");
      has_up_to = true;
      up_to_is_negative = line.amount.is_negative();
    }
    std::optional<Amount> next = checked_add(sum, lines[i].amount);
    if (!next || *next > kAmountMax || *next < -kAmountMax) return too_large(unit);
    sum = *next;
  }
  // What the kUpTo lines may take together: what the exact ones lack, and what the other side can still take.
  Amount open = up_to_is_negative ? sum : -sum;
  if (rest != lines.size() && wanted[rest].amount.is_negative() != up_to_is_negative)
    open += room_for(wanted[rest].account, wanted[rest].amount);
  open = std::max(open, Amount());
  for (std::size_t i = first; i < lines.size(); ++i) {
    if (wanted[i].take != Take::kUpTo || account(wanted[i].account).unit != unit) continue;
    Amount taken = std::min(open, room_for(wanted[i].account, wanted[i].amount));
    open -= taken;
    lines[i].amount = up_to_is_negative ? -taken : taken;
    sum += lines[i].amount;
  }
  if (rest == lines.size()) {
    if (sum.is_zero()) return std::nullopt;
    if (!has_up_to) return invalid(unit, "the lines sum to " + to_text(sum) + ", not to zero");
    return refused(unit, "there is too little: the lines sum to " + to_text(sum));
  }
  lines[rest].amount = -sum;
  const Amount most = wanted[rest].amount;
  bool fits = most.is_negative() ? -sum <= Amount() && -sum >= most : -sum >= Amount() && -sum <= most;
  if (fits) return std::nullopt;
  return refused(account(wanted[rest].account).name,
                 "the rest would be " + to_text(-sum) + ", which is not within " + to_text(most));
}

}  // namespace ciyuan::ledger
