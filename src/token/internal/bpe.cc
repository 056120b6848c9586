#include "token/internal/bpe.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "base/check.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::internal {

void JoinTable::reserve(std::size_t joins) {
  homes_ = joins + joins / 2 + 16;
  // Behind the last home there is room for all, in the worst case, and one that stays empty.
  slots_.assign(homes_ + std::min<std::size_t>(joins, 4096) + 1, kEmpty);
}

void JoinTable::insert(TokenId left, TokenId right, std::uint32_t priority) {
  const std::uint64_t key = static_cast<std::uint64_t>(left) << kIdBits | right;
  std::size_t slot = home(key);
  while (slots_[slot] != kEmpty && slots_[slot] >> kPriorityBits != key) ++slot;
  if (slot + 1 == slots_.size()) slots_.push_back(kEmpty);
  if (slots_[slot] == kEmpty) slots_[slot] = key << kPriorityBits | priority;
}

bool Bpe::build(Source source) {
  source_ = std::move(source);
  const std::size_t tokens = source_.lengths.size();
  offsets_.resize(tokens);
  std::uint32_t offset = 0;
  byte_tokens_.fill(kNoToken);
  longest_by_ending_.assign(65536, 1);
  strings_.assign(tokens + tokens / 2 + 16, kNoString);
  for (TokenId id = 0; id < tokens; ++id) {
    offsets_[id] = offset;
    const std::size_t length = source_.lengths[id];
    offset += static_cast<std::uint32_t>(length);
    if (length == 0) continue;
    const std::string_view text = bytes_of(id);
    insert(id);
    has_only_whole_ |= source_.whole_piece && !comes_out(id);
    if (length == 1) {
      byte_tokens_[static_cast<unsigned char>(text[0])] = id;
    } else {
      const auto ending =
          static_cast<unsigned char>(text[length - 1]) << 8 | static_cast<unsigned char>(text[length - 2]);
      longest_by_ending_[ending] = std::max(longest_by_ending_[ending], source_.lengths[id]);
    }
  }
  for (std::size_t byte = 0; byte < source_.byte_tokens.size(); ++byte) {
    const TokenId id = source_.byte_tokens[byte];
    if (id >= tokens || source_.lengths[id] != 0) return false;
    if (byte < 0x80 && byte_tokens_[byte] == kNoToken) byte_tokens_[byte] = id;
  }
  return build_joins();
}

// The two tokens of each token's last join, and its priority: the token's own, or what is listed.
bool Bpe::find_sides() {
  const bool are_listed = !source_.priorities.empty();
  if (are_listed && source_.priorities.size() != source_.splits.size()) return false;
  sides_.resize(source_.lengths.size());
  if (are_listed) times_.resize(sides_.size());
  std::size_t split = 0;
  for (TokenId id = 0; id < sides_.size(); split += source_.split_counts[id++]) {
    const std::string_view text = bytes_of(id);
    const std::size_t left_length = source_.final_split[id];
    if (left_length == 0 || left_length == text.size()) continue;
    if (left_length > text.size()) return false;
    Sides& sides = sides_[id];
    sides = {find(text.substr(0, left_length)), find(text.substr(left_length))};
    if (sides.left == kNoToken || sides.right == kNoToken) return false;
    const auto begin = source_.splits.begin() + static_cast<std::ptrdiff_t>(split);
    const auto end = begin + source_.split_counts[id];
    const auto found = std::find(begin, end, source_.final_split[id]);
    if (found == end) return false;
    if (are_listed)
      times_[id] = source_.priorities[static_cast<std::size_t>(found - source_.splits.begin())] + 1;
  }
  return true;
}

// Listed priorities become small numbers in the same order; equal ones stay equal.
void Bpe::rank_listed() {
  std::vector<TokenId> order;
  for (TokenId id = 0; id < sides_.size(); ++id)
    if (sides_[id].left != kNoToken) order.push_back(id);
  std::sort(order.begin(), order.end(), [this](TokenId a, TokenId b) { return times_[a] < times_[b]; });
  std::uint32_t last = kNoPriority;
  for (const TokenId id : order) {
    std::uint32_t& priority = times_[id];
    if (priority == last)
      made_.back() = kSeveral;
    else
      made_.push_back(id);
    last = priority;
    priority = static_cast<std::uint32_t>(made_.size());
  }
}

bool Bpe::build_joins() {
  if (!find_sides()) return false;
  if (starts_from_characters()) space_run_ = greedy_run(' ');
  if (!source_.priorities.empty()) rank_listed();
  joins_.reserve(static_cast<std::size_t>(std::count_if(
      sides_.begin(), sides_.end(), [](const Sides& sides) { return sides.left != kNoToken; })));
  // The table's places are far apart: some are asked for before any is written.
  constexpr std::size_t kAhead = 32;
  for (std::size_t id = 0; id < sides_.size() + kAhead; ++id) {
    if (id < sides_.size() && sides_[id].left != kNoToken) joins_.prefetch(sides_[id].left, sides_[id].right);
    if (id < kAhead || sides_[id - kAhead].left == kNoToken) continue;
    const Sides& sides = sides_[id - kAhead];
    joins_.insert(sides.left, sides.right, time_of(static_cast<TokenId>(id - kAhead)) - 1);
  }
  byte_joins_.resize(std::size_t{256} * 256, kNoPriority);
  for (std::size_t left = 0; left < 256; ++left)
    for (std::size_t right = 0; right < 256; ++right)
      if (byte_tokens_[left] != kNoToken && byte_tokens_[right] != kNoToken)
        byte_joins_[left << 8 | right] = joins_.find(byte_tokens_[left], byte_tokens_[right]);
  // What is known now is not needed as it was given.
  source_.splits = {}, source_.split_counts = {}, source_.priorities = {};
  return true;
}

TokenId Bpe::made_by_text(TokenId left, TokenId right) const {
  const std::string_view left_text = bytes_of(left);
  std::uint64_t hash = hash_of(bytes_of(right));
  for (std::size_t i = left_text.size(); i-- > 0;) hash = hash_step(hash, left_text[i]);
  return find(std::string(left_text).append(bytes_of(right)), hash);
}

// From the left: two make a token, and what there is takes one more each time, before anything else is
// joined.
std::size_t Bpe::greedy_run(char c) const {
  std::array<std::uint32_t, 256> grows;  // by length of the run: the priority of its join with one more
  grows.fill(kNoPriority);
  std::uint32_t best_other = kNoPriority;
  for (TokenId id = 0; id < size(); ++id) {
    const Sides& sides = sides_[id];
    if (sides.left == kNoToken) continue;
    const std::string_view left = bytes_of(sides.left), right = bytes_of(sides.right);
    const bool is_run = bytes_of(id).find_first_not_of(c) == std::string_view::npos;
    const bool has_end =
        left.starts_with(c) || left.ends_with(c) || right.starts_with(c) || right.ends_with(c);
    if (is_run && right.size() == 1)
      grows[left.size()] = time_of(id);
    else if (has_end)
      best_other = std::min(best_other, time_of(id));
  }
  std::size_t longest = 1;
  while (longest < grows.size() && grows[longest] <= grows[1] && grows[longest] < best_other) ++longest;
  const bool goes_on = longest < grows.size() && grows[longest] != kNoPriority;
  return longest == 1 || goes_on || find(std::string(longest + 1, c)) != kNoToken ? 0 : longest;
}

int Bpe::byte_of(TokenId id) const {
  const auto& tokens = source_.byte_tokens;
  const auto found = std::find(tokens.begin(), tokens.end(), id);
  return found == tokens.end() ? -1 : static_cast<int>(found - tokens.begin());
}

void Bpe::insert(TokenId id) {
  const std::uint64_t hash = hash_of(bytes_of(id));
  std::size_t slot = home(hash);
  while (strings_[slot] != kNoString) slot = next(slot);
  strings_[slot] = static_cast<std::uint32_t>(hash >> 50) << JoinTable::kIdBits | id;
}

TokenId Bpe::find(std::string_view text, std::uint64_t hash) const {
  constexpr std::uint32_t kIdMask = (std::uint32_t{1} << JoinTable::kIdBits) - 1;
  for (std::size_t slot = home(hash);; slot = next(slot)) {
    const std::uint32_t entry = strings_[slot];
    if (entry == kNoString) return kNoToken;
    if (entry >> JoinTable::kIdBits != hash >> 50) continue;
    const TokenId id = entry & kIdMask;
    if (bytes_of(id) == text) return id;
  }
}

TokenId Bpe::whole(std::string_view piece) const {
  if (piece.size() > 255) return kNoToken;
  const TokenId id = find(piece);
  return id != kNoToken && (source_.whole_piece || comes_out(id)) ? id : kNoToken;
}

namespace {
// Below this many bytes a scan for the best pair beats a heap; below the other, moving nothing beats that.
constexpr std::size_t kShortPiece = 96;
constexpr std::size_t kTinyPiece = 32;
}  // namespace

std::size_t Bpe::byte_parts(std::string_view piece, TokenId* ids, std::uint32_t* priorities) const {
  std::size_t n = 0;
  unsigned char last = 0;
  for (const char c : piece) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte_tokens_[byte] == kNoToken) continue;
    ids[n] = byte_tokens_[byte];
    if (n > 0) priorities[n - 1] = byte_joins_[std::size_t{last} << 8 | byte];
    last = byte;
    ++n;
  }
  return n;
}

std::size_t Bpe::character_parts(std::string_view piece, TokenId* ids, std::uint32_t* priorities) const {
  std::size_t n = 0;
  const auto add = [&](TokenId id) {
    ids[n] = id;
    if (n > 0) priorities[n - 1] = joins_.find(ids[n - 1], id);
    ++n;
  };
  for (std::size_t at = 0, length = 0; at < piece.size(); at += length) {
    length = character_length(piece[at]);
    const std::string_view character = piece.substr(at, length);
    const TokenId id = length == 1 ? byte_tokens_[static_cast<unsigned char>(piece[at])] : find(character);
    if (id != kNoToken) {
      add(id);
      continue;
    }
    for (const char c : character) add(source_.byte_tokens[static_cast<unsigned char>(c)]);
  }
  return n;
}

// Up to 32 parts, in their places to the end: what is joined into its left neighbour is passed over.
std::size_t Bpe::join_tiny(std::string_view piece, TokenId* ids) const {
  std::uint32_t priorities[kTinyPiece];
  std::uint8_t next[kTinyPiece], previous[kTinyPiece];
  const std::size_t n = first_parts(piece, ids, priorities);
  if (n == 0) return 0;
  for (std::size_t i = 0; i < n; ++i) {
    next[i] = static_cast<std::uint8_t>(i + 1);
    previous[i] = static_cast<std::uint8_t>(i - 1);
  }
  priorities[n - 1] = kNoPriority;
  std::size_t parts = n;
  for (;;) {
    std::size_t best = 0;
    std::uint32_t best_priority = priorities[0];
    for (std::size_t i = 1; i < n; ++i)
      if (priorities[i] < best_priority) best_priority = priorities[i], best = i;
    if (best_priority == kNoPriority) break;
    const std::size_t gone = next[best], after = next[gone];
    ids[best] = made(best_priority, ids[best], ids[gone]);
    next[best] = static_cast<std::uint8_t>(after);
    priorities[gone] = kNoPriority;
    --parts;
    if (after < n) {
      previous[after] = static_cast<std::uint8_t>(best);
      priorities[best] = joins_.find(ids[best], ids[after]);
    } else {
      priorities[best] = kNoPriority;
    }
    if (best > 0) priorities[previous[best]] = joins_.find(ids[previous[best]], ids[best]);
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; i = next[i]) ids[at++] = ids[i];
  return parts;
}

void Bpe::join_short(std::string_view piece, std::vector<TokenId>& parts) const {
  std::uint32_t priorities[kShortPiece];
  TokenId ids[kShortPiece];
  std::size_t n = first_parts(piece, ids, priorities);
  while (n > 1) {
    std::size_t best = 0;
    std::uint32_t best_priority = priorities[0];
    for (std::size_t i = 1; i + 1 < n; ++i)
      if (priorities[i] < best_priority) best_priority = priorities[i], best = i;
    if (best_priority == kNoPriority) break;
    ids[best] = made(best_priority, ids[best], ids[best + 1]);
    std::copy(ids + best + 2, ids + n, ids + best + 1);
    std::copy(priorities + std::min(best + 2, n - 1), priorities + n - 1, priorities + best + 1);
    --n;
    if (best + 1 < n) priorities[best] = joins_.find(ids[best], ids[best + 1]);
    if (best > 0) priorities[best - 1] = joins_.find(ids[best - 1], ids[best]);
  }
  parts.assign(ids, ids + n);
}

void Bpe::join_long(std::string_view piece, std::vector<TokenId>& parts) const {
  CIYUAN_CHECK(piece.size() < 0xFFFFFFFF, "a pretoken is shorter than 4 GiB");
  struct Node {
    TokenId id;
    std::uint32_t priority;  ///< of the join with the next node
    std::uint32_t previous, next;
  };
  constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::vector<TokenId> ids(piece.size());
  std::vector<std::uint32_t> priorities(piece.size(), kNoPriority);
  const std::size_t n = first_parts(piece, ids.data(), priorities.data());
  if (n == 0) return parts.clear();
  std::vector<Node> nodes(n);
  for (std::uint32_t at = 0; at < n; ++at)
    nodes[at] = {ids[at], at + 1 < n ? priorities[at] : kNoPriority, at == 0 ? kNone : at - 1, at + 1};
  nodes.back().next = kNone;

  // Entries are (priority, position); one whose node has since changed its priority is stale.
  std::vector<std::uint64_t> storage;
  storage.reserve(nodes.size());
  const auto entry = [&](std::uint32_t at) {
    return static_cast<std::uint64_t>(nodes[at].priority) << 32 | at;
  };
  const auto look_up = [&](std::uint32_t at) {
    const std::uint32_t next = nodes[at].next;
    nodes[at].priority = next == kNone ? kNoPriority : joins_.find(nodes[at].id, nodes[next].id);
  };
  for (std::uint32_t at = 0; at < n; ++at)
    if (nodes[at].priority != kNoPriority) storage.push_back(entry(at));
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> heap(std::greater<>(),
                                                                                      std::move(storage));
  while (!heap.empty()) {
    const std::uint64_t top = heap.top();
    heap.pop();
    const auto at = static_cast<std::uint32_t>(top);
    if (nodes[at].priority != top >> 32) continue;
    const std::uint32_t gone = nodes[at].next;
    nodes[at].id = made(nodes[at].priority, nodes[at].id, nodes[gone].id);
    nodes[at].next = nodes[gone].next;
    nodes[gone].priority = kNoPriority;
    if (nodes[at].next != kNone) nodes[nodes[at].next].previous = at;
    look_up(at);
    if (nodes[at].priority != kNoPriority) heap.push(entry(at));
    if (const std::uint32_t before = nodes[at].previous; before != kNone) {
      look_up(before);
      if (nodes[before].priority != kNoPriority) heap.push(entry(before));
    }
  }
  parts.clear();
  for (std::uint32_t at = 0; at != kNone; at = nodes[at].next) parts.push_back(nodes[at].id);
}

void Bpe::encode(std::string_view piece, std::vector<TokenId>& out) const {
  if (const TokenId id = whole(piece); id != kNoToken) return out.push_back(id);
  encode_joined(piece, out);
}

void Bpe::encode_joined(std::string_view piece, std::vector<TokenId>& out) const {
  if (piece.size() <= 255)
    if (const TokenId id = find(piece); id != kNoToken && comes_out(id)) return out.push_back(id);
  if (piece.size() <= kTinyPiece) {
    TokenId ids[kTinyPiece];
    out.insert(out.end(), ids, ids + join_tiny(piece, ids));
    return;
  }
  thread_local std::vector<TokenId> parts;
  piece.size() <= kShortPiece ? join_short(piece, parts) : join_long(piece, parts);
  out.insert(out.end(), parts.begin(), parts.end());
}

std::uint32_t Bpe::count_joined(std::string_view piece) const {
  // Who asks has looked for short tokens already; the joins find them too.
  if (piece.size() <= kTinyPiece) {
    TokenId ids[kTinyPiece];
    return static_cast<std::uint32_t>(join_tiny(piece, ids));
  }
  if (piece.size() <= 255)
    if (const TokenId id = find(piece); id != kNoToken && comes_out(id)) return 1;
  thread_local std::vector<TokenId> parts;
  piece.size() <= kShortPiece ? join_short(piece, parts) : join_long(piece, parts);
  return static_cast<std::uint32_t>(parts.size());
}

}  // namespace ciyuan::token::internal
