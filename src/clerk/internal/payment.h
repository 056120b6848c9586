#pragma once

/// Sources: who pays for which token of a call, where several limits pay for it together (Limit::is_source).
///
/// Each token is paid whole by the first source that has enough left for it, kind by kind, the prompt first;
/// the request itself by the first that pays for anything. What a source has left that is less than a token's
/// price stays there.
///
/// A hold is split by what the sources have at that moment, each further token at the price of the source's
/// dearest generated kind. What is billed is split again by what each source holds for the call. That the
/// second split never lacks anything rests on three things: the prompt comes first in both, so that it falls
/// on the same sources; a source that holds for n further tokens can pay for n of any kind, since stopping
/// short of them would leave it more than the dearest costs; and an extension holds only on the last source
/// that has a part in the call, or on later ones, so that it moves no part of the prompt.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/kind.h"
#include "contract/limit.h"

namespace ciyuan::clerk::internal {

/// What is asked of the sources.
struct Bill {
  KindCounts counts;
  bool with_request = true;
  std::int64_t further = 0;  ///< tokens of a kind that is not known yet
  bool is_settled = false;   ///< the second split: every source that has room has a part in the call
};

/// What a source may give.
struct Room {
  bool is_endless = false;
  Amount left;
  bool is_shut = false;  ///< it may not even pay for what costs nothing
};

/// Who pays. The vectors have a place for each limit.
struct Split {
  std::vector<std::optional<Amount>> amounts;  ///< nothing: it has no part in the call
  std::vector<KindCounts> tokens;
  std::optional<std::size_t> request_by;
  bool is_whole = false;     ///< everything but further tokens is paid for
  std::int64_t further = 0;  ///< of them, how many are paid for
};

bool has_sources(const contract::Terms& terms);

/// Splits `bill` over the sources of `terms` from place `first` on.
Split split(const contract::Terms& terms, const Bill& bill, std::span<const Room> rooms,
            std::size_t first = 0);

/// What each source holds for a call; nothing: it has no part in it.
using Held = std::vector<std::optional<Amount>>;
/// The rooms of the second split.
std::vector<Room> rooms_of(const Held& held);
/// The last source that has a part; 0 where none has.
std::size_t last_part(const Held& held);

}  // namespace ciyuan::clerk::internal
