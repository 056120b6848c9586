/// GrowingPiece, of bpe.h.

#include <algorithm>
#include <array>

#include "token/internal/bpe.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::internal {

bool GrowingPiece::neighbours_stay(const Bpe& bpe, TokenId left, TokenId right) {
  // Undo joins on both sides of the border, the latest first; `limit` is the time of the earliest undone. A
  // join across the border that is better would have been made instead.
  std::uint32_t limit = kNoPriority;
  for (;;) {
    const std::uint32_t across = bpe.joins_.find(left, right);
    if (across != kNoPriority && across + 1 < limit) return false;
    const std::uint32_t left_time = bpe.time_of(left), right_time = bpe.time_of(right);
    if (left_time == 0 && right_time == 0) return true;
    if (left_time > right_time) {
      limit = left_time;
      left = bpe.sides_[left].right;
    } else {
      limit = right_time + 1;  // at equal times the join further left comes first
      right = bpe.sides_[right].left;
    }
  }
}

bool GrowingPiece::add_unknown_character(const Bpe& bpe, std::string_view piece, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && continues_character(piece[begin])) --begin;
  const auto bytes = static_cast<std::uint32_t>(end - begin);
  const TokenId last = bpe.source_.byte_tokens[static_cast<unsigned char>(piece[end - 1])];
  prefixes_.push_back({last, bytes + (begin == 0 ? 0 : prefixes_[begin - 1].tokens)});
  return true;
}

bool GrowingPiece::add_prefix(const Bpe& bpe, std::string_view piece, std::size_t end) {
  const auto byte = [&](std::size_t back) { return static_cast<unsigned char>(piece[end - back]); };
  if (bpe.starts_from_characters()) {
    if (end < piece.size() && continues_character(piece[end])) {
      prefixes_.push_back({kNoToken, 0});
      return true;
    }
  } else if (bpe.byte_tokens_[byte(1)] == kNoToken) {
    return false;
  }
  const std::size_t longest =
      end == 1 ? 1 : std::min<std::size_t>(end, bpe.longest_by_ending_[byte(1) << 8 | byte(2)]);
  std::array<TokenId, 256> candidates;
  std::size_t found = 0;
  std::uint64_t hash = 0;
  for (std::size_t length = 1; length <= longest; ++length) {
    hash = Bpe::hash_step(hash, piece[end - length]);
    const TokenId id = bpe.find(piece.substr(end - length, length), hash);
    if (id == kNoToken || !bpe.comes_out(id)) continue;
    if (!bpe.is_in_order(id)) return false;
    candidates[found++] = id;
  }
  if (found == 0 && bpe.starts_from_characters()) return add_unknown_character(bpe, piece, end);
  for (std::size_t i = found; i-- > 0;) {  // the longest first: it is the likeliest
    const std::size_t before = end - bpe.source_.lengths[candidates[i]];
    if (before > 0 && !neighbours_stay(bpe, prefixes_[before - 1].last, candidates[i])) continue;
    prefixes_.push_back({candidates[i], before == 0 ? 1 : prefixes_[before - 1].tokens + 1});
    return true;
  }
  return false;  // joins that contradict each other, in a vocabulary not of ours
}

std::uint32_t GrowingPiece::count(const Bpe& bpe, std::string_view piece) {
  prefixes_.reserve(piece.size());
  while (prefixes_.size() < piece.size() && !does_not_apply_)
    does_not_apply_ = !add_prefix(bpe, piece, prefixes_.size() + 1);
  if (does_not_apply_) return bpe.count(piece);
  if (bpe.whole(piece) != kNoToken) return 1;
  return prefixes_[piece.size() - 1].tokens;
}

}  // namespace ciyuan::token::internal
