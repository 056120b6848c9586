#include "clerk/internal/payment.h"

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk::internal {
namespace {

/// Takes from a room as many times the price as it has, at most `wanted` times.
std::int64_t take(Room& room, Amount price, std::int64_t wanted, Amount& paid) {
  std::int64_t count = wanted;
  if (!room.is_endless && !price.is_zero())
    count = static_cast<std::int64_t>(std::min<Int128>(whole_quotient(room.left, price), wanted));
  paid += price * count;
  room.left -= price * count;
  return count;
}

}  // namespace

bool has_sources(const contract::Terms& terms) {
  return std::any_of(terms.limits.begin(), terms.limits.end(),
                     [](const contract::Limit& limit) { return limit.is_source; });
}

Split split(const contract::Terms& terms, const Bill& bill, std::span<const Room> rooms, std::size_t first) {
  const auto& limits = terms.limits;
  Split result;
  result.amounts.resize(limits.size());
  result.tokens.resize(limits.size());
  KindCounts rest = bill.counts;
  bool needs_request = bill.with_request;
  std::int64_t further = bill.further;
  const bool asks_for_tokens = bill.counts != KindCounts() || bill.further > 0;
  for (std::size_t i = first; i < limits.size(); ++i) {
    const contract::Limit& limit = limits[i];
    if (!limit.is_source || rooms[i].is_shut) continue;
    Room room = rooms[i];
    Amount paid;
    bool has_part = bill.is_settled || !asks_for_tokens;
    if (needs_request && !limit.per_request.is_zero() && take(room, limit.per_request, 1, paid) == 1) {
      result.request_by = i;
      needs_request = false;
      has_part = true;
    }
    for (Kind kind : kAllKinds) {
      const std::int64_t count = take(room, limit.per_token[index_of(kind)], rest[kind], paid);
      result.tokens[i][kind] = count;
      rest[kind] -= count;
      has_part |= count > 0;
    }
    // A further token may only follow a whole prompt: else the second split could give it the prompt's place.
    if (rest == KindCounts() && further > 0) {
      const std::int64_t count = take(room, output_cost(limit), further, paid);
      further -= count;
      has_part |= count > 0;
    }
    // A request without a price of its own goes with the first token.
    if (needs_request && limit.per_request.is_zero() && has_part) {
      result.request_by = i;
      needs_request = false;
    }
    if (has_part) result.amounts[i] = paid;
  }
  result.is_whole = !needs_request && rest == KindCounts();
  result.further = bill.further - further;
  return result;
}

std::vector<Room> rooms_of(const Held& held) {
  std::vector<Room> rooms;
  rooms.reserve(held.size());
  for (const std::optional<Amount>& amount : held)
    rooms.push_back({.left = amount.value_or(Amount()), .is_shut = !amount});
  return rooms;
}

std::size_t last_part(const Held& held) {
  for (std::size_t i = held.size(); i-- > 0;)
    if (held[i]) return i;
  return 0;
}

}  // namespace ciyuan::clerk::internal
