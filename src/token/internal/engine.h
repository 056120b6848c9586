#pragma once

/// What a Vocabulary is made of; IncrementalCounter uses the parts one by one.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "token/internal/added_token_index.h"
#include "token/internal/bpe.h"
#include "token/internal/piece_cache.h"
#include "token/internal/pretokenizer.h"
#include "token/internal/regex_pretokenizer.h"
#include "token/vocabulary.h"

namespace ciyuan::token::internal {

class Engine {
 public:
  std::string name;
  Digest digest{};
  Pretokenizer pretokenizer = Pretokenizer::kO200k;
  std::shared_ptr<const RegexPretokenizer> regex;  ///< for kRegex
  bool nfc = false;
  Bpe bpe;
  std::vector<AddedToken> added;
  AddedTokenIndex raw_added, normalized_added;
  std::uint64_t serial = 0;  ///< of the object, never used again: the key of thread caches

  /// The text that pretokenization sees: repaired and normalised. A view of `text` or of `buffer`.
  std::string_view prepare(std::string_view text, std::string& buffer) const;
  /// Of prepared text.
  std::uint64_t count(std::string_view prepared) const;
  void encode(std::string_view prepared, std::vector<TokenId>& out) const;
  /// The first pretoken of prepared text, or, by a regex of several steps, what it cuts first; and its
  /// tokens.
  Match next_pretoken(std::string_view prepared, RunMemo* memo) const;
  std::uint64_t count_match(PieceCache& cache, std::string_view piece, const Match& match,
                            const char* end) const;
  /// Of one pretoken, through the thread's cache. `end` is the end of the readable buffer.
  std::uint32_t count_pretoken(PieceCache& cache, std::string_view piece, const char* end) const;
  PieceCache& cache() const { return PieceCache::of_this_thread(serial); }
};

}  // namespace ciyuan::token::internal
