#pragma once

/// Byte-pair encoding of one pretoken.
///
/// The vocabulary is a list of joins (left token, right token) -> token, each with a priority; encoding
/// starts from single bytes and always makes the join of the best (lowest) priority, the leftmost among
/// equals. Rank-based vocabularies (tiktoken), merge lists (Hugging Face) and scores (SentencePiece) differ
/// only in which joins exist and how they are ranked.
///
/// SentencePiece's families start from characters instead; a character that is no token falls back to a token
/// for each of its bytes, which joins with nothing.
///
/// Of all joins that make a token only one is kept: the last when its own bytes are encoded. In a text, too,
/// a token is made by that one alone: what is joined inside of its bytes is joined as if they stood alone,
/// since nothing is joined across their ends before. (tests/token/twin_test.cc tries it against all joins.)
///
/// Threads: immutable after building; all const functions may be called from any thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ciyuan::token::internal {

using TokenId = std::uint32_t;
constexpr TokenId kNoToken = 0xFFFFFFFF;
constexpr std::uint32_t kNoPriority = 0xFFFFFFFF;

/// Open-addressing map from a pair of tokens to the priority of their join. One word an entry, so that a
/// lookup is one cache line nearly always.
class JoinTable {
 public:
  void reserve(std::size_t joins);
  void insert(TokenId left, TokenId right, std::uint32_t priority);
  void prefetch(TokenId left, TokenId right) const {
    __builtin_prefetch(slots_.data() + home(static_cast<std::uint64_t>(left) << kIdBits | right), 1);
  }
  std::uint32_t find(TokenId left, TokenId right) const {
    const std::uint64_t key = static_cast<std::uint64_t>(left) << kIdBits | right;
    for (const std::uint64_t* slot = slots_.data() + home(key);; ++slot) {
      if (*slot == kEmpty) return kNoPriority;
      if (*slot >> kPriorityBits == key) return static_cast<std::uint32_t>(*slot & kPriorityMask);
    }
  }

  static constexpr int kIdBits = 18;
  static constexpr int kPriorityBits = 28;

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  static constexpr std::uint64_t kPriorityMask = (std::uint64_t{1} << kPriorityBits) - 1;
  // A share of the slots, so that their number need not be a power of two.
  std::size_t home(std::uint64_t key) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>(Wide{key * 0x9E3779B97F4A7C15u} * homes_ >> 64);
  }

  std::vector<std::uint64_t> slots_;  ///< runs go on to the right; the last slot is always empty
  std::size_t homes_ = 0;
};

class Bpe {
 public:
  /// What the vocabulary file holds, see vocabulary_file.h.
  struct Source {
    std::vector<std::uint8_t> lengths;      ///< per token; 0: no bytes
    std::vector<std::uint8_t> final_split;  ///< per token; left length of the last join, 0: none
    std::vector<std::uint8_t> split_counts;
    std::vector<std::uint8_t> splits;  ///< left lengths of all joins, grouped by token, in order of priority
    std::string bytes;                 ///< all tokens, one after the other
    bool priority_is_token = false;    ///< else the index of the join, or
    std::vector<std::uint32_t> priorities;  ///< of each join, if not empty; joins that make different tokens
                                            ///< may have the same
    std::vector<TokenId> byte_tokens;  ///< if not empty: joins start from characters, these 256 stand for
                                       ///< the bytes of characters that are no token
    bool whole_piece = false;  ///< a piece that is a token is that token, even if joins do not lead there
  };

  /// False if the source contradicts itself (a kept join whose sides are not tokens).
  bool build(Source source);

  std::uint32_t size() const { return static_cast<std::uint32_t>(source_.lengths.size()); }
  /// Joins start from characters: the text must be well-formed UTF-8.
  bool starts_from_characters() const { return !source_.byte_tokens.empty(); }
  /// The bytes of a token; empty if it has none, stands for a byte that no token holds, or there is no such
  /// token.
  std::string_view bytes_of(TokenId id) const {
    return id < size() ? std::string_view(source_.bytes).substr(offsets_[id], source_.lengths[id])
                       : std::string_view();
  }

  /// Number of tokens of one pretoken; O(n log n).
  std::uint32_t count(std::string_view piece) const {
    return is_token_only_whole(piece) ? 1 : count_joined(piece);
  }
  /// Number of tokens that joins make of a piece, be it a pretoken or a part of one.
  std::uint32_t count_joined(std::string_view piece) const;
  /// Whether the piece is a token that joins do not lead to, which it is only as a whole pretoken.
  bool is_token_only_whole(std::string_view piece) const {
    if (!has_only_whole_) return false;
    const TokenId id = whole(piece);
    return id != kNoToken && !comes_out(id);
  }
  bool has_only_whole() const { return has_only_whole_; }
  /// Whether a token is what joins make of its bytes.
  bool comes_out(TokenId id) const { return source_.lengths[id] == 1 || source_.final_split[id] != 0; }
  /// The longest run of spaces if joins make of each longer run this one again and again, from the left, and
  /// of a shorter one a single token, whatever stands beside it; 0 if they do not, or start from bytes.
  std::size_t greedy_space_run() const { return space_run_; }
  /// The byte that a token stands for where a character is no token; -1 if it is none of these.
  int byte_of(TokenId id) const;
  void encode(std::string_view piece, std::vector<TokenId>& out) const;
  /// What joins make of a piece, be it a pretoken or a part of one.
  void encode_joined(std::string_view piece, std::vector<TokenId>& out) const;

  /// The token that the whole piece is, if it is one without (or in spite of) joining; kNoToken if not.
  TokenId whole(std::string_view piece) const;

 private:
  friend class GrowingPiece;
  static constexpr std::uint64_t kHashFactor = 0x9FB21C651E98DF25u;
  static std::uint64_t hash_step(std::uint64_t hash, char c) {
    return (hash + static_cast<unsigned char>(c) + 1) * kHashFactor;
  }
  /// From the last byte to the first, so that the hash of "one byte more to the left" is one step.
  static std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0;
    for (std::size_t i = text.size(); i-- > 0;) hash = hash_step(hash, text[i]);
    return hash;
  }
  /// Where the search for a string begins; the slots go on to the right, and around.
  std::size_t home(std::uint64_t hash) const {
    return static_cast<std::size_t>(((hash ^ hash >> 29) & 0xFFFFFFFF) * strings_.size() >> 32);
  }
  std::size_t next(std::size_t slot) const { return slot + 1 == strings_.size() ? 0 : slot + 1; }
  TokenId find(std::string_view text, std::uint64_t hash) const;
  TokenId find(std::string_view text) const { return find(text, hash_of(text)); }
  void insert(TokenId id);
  bool build_joins();
  /// The token that the join of two makes.
  TokenId made(std::uint32_t priority, TokenId left, TokenId right) const {
    if (made_.empty()) return priority;
    const TokenId only = made_[priority];
    return only != kSeveral ? only : made_by_text(left, right);
  }
  /// No part of the token is made by a worse join than the token.
  bool is_in_order(TokenId id) const {
    const Sides& sides = sides_[id];
    return sides.left == kNoToken || std::max(time_of(sides.left), time_of(sides.right)) <= time_of(id);
  }
  /// When a token is made: the priority of its join, and one; 0 for what joins start from, which is there
  /// first.
  std::uint32_t time_of(TokenId id) const {
    if (sides_[id].left == kNoToken) return 0;
    return times_.empty() ? id + 1 : times_[id];
  }
  TokenId made_by_text(TokenId left, TokenId right) const;
  std::size_t greedy_run(char c) const;
  bool find_sides();
  void rank_listed();

  /// What joins start from and the priorities of their joins; bytes that are no token are left out. Room for
  /// as many as the piece has bytes.
  std::size_t first_parts(std::string_view piece, TokenId* ids, std::uint32_t* priorities) const {
    return starts_from_characters() ? character_parts(piece, ids, priorities)
                                    : byte_parts(piece, ids, priorities);
  }
  std::size_t byte_parts(std::string_view piece, TokenId* ids, std::uint32_t* priorities) const;
  std::size_t character_parts(std::string_view piece, TokenId* ids, std::uint32_t* priorities) const;
  /// Of up to 32 bytes; returns the number of tokens.
  std::size_t join_tiny(std::string_view piece, TokenId* ids) const;
  /// Leaves the tokens of the piece in `parts`.
  void join_short(std::string_view piece, std::vector<TokenId>& parts) const;
  void join_long(std::string_view piece, std::vector<TokenId>& parts) const;

  Source source_;
  std::vector<std::uint32_t> offsets_;
  std::array<TokenId, 256> byte_tokens_{};
  static constexpr std::uint32_t kNoString = 0xFFFFFFFF;  ///< no token has the highest id
  std::vector<std::uint32_t> strings_;                    ///< hash table: 14 bits of hash, 18 of token
  JoinTable joins_;
  std::vector<std::uint32_t>
      byte_joins_;  ///< priorities of the joins of two bytes, which every piece asks for
  static constexpr TokenId kSeveral = kNoToken - 1;  ///< joins of this priority make different tokens
  std::vector<TokenId> made_;                        ///< by priority; empty: the priority is the token
  struct Sides {
    TokenId left = kNoToken, right = kNoToken;
  };
  std::vector<Sides> sides_;          ///< by which join each token comes out
  std::vector<std::uint32_t> times_;  ///< of these joins, their priorities and one; empty: the token and one
  bool has_only_whole_ = false;
  std::size_t space_run_ = 0;
  std::vector<std::uint8_t> longest_by_ending_;  ///< by the last two bytes: the longest such token
};

/// Counts a pretoken that grows at its end, O(1) lookups a byte (times the length of the longest fitting
/// token).
///
/// A sequence of tokens is what BPE makes of its bytes exactly if that holds for each pair of neighbours; so
/// the last token of each prefix is the one that fits the last token of the prefix before it (H. van
/// Antwerpen and A. Neubeck, "So many tokens, so little time", GitHub blog, 2024-12-12, and their crate
/// `bpe`).
class GrowingPiece {
 public:
  /// Number of tokens of `piece`, of which an earlier call's piece is usually a prefix or an extension.
  std::uint32_t count(const Bpe& bpe, std::string_view piece);
  /// Forgets what is known of the piece after `length` bytes.
  void truncate(std::size_t length) {
    if (length < prefixes_.size()) prefixes_.resize(length);
  }

 private:
  struct Prefix {
    TokenId last;
    std::uint32_t tokens;
  };
  static bool neighbours_stay(const Bpe& bpe, TokenId left, TokenId right);
  /// The encoding of the first `end` bytes, given those of fewer; false if this way of counting does not
  /// apply.
  bool add_prefix(const Bpe& bpe, std::string_view piece, std::size_t end);
  bool add_unknown_character(const Bpe& bpe, std::string_view piece, std::size_t end);

  std::vector<Prefix> prefixes_;  ///< [i]: the encoding of the first i + 1 bytes; unused inside characters
                                  ///< where joins start from these
  bool does_not_apply_ = false;   ///< some byte is no token, or the joins of some token are not in order
};

}  // namespace ciyuan::token::internal
