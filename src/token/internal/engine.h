#pragma once

/// What a Vocabulary is made of; IncrementalCounter uses the parts one by one.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "token/internal/added_token_index.h"
#include "token/internal/block_counter.h"
#include "token/internal/borders.h"
#include "token/internal/bpe.h"
#include "token/internal/long_piece_table.h"
#include "token/internal/piece_table.h"
#include "token/internal/pretokenizer.h"
#include "token/internal/regex_pretokenizer.h"
#include "token/internal/word_cutter.h"
#include "token/pipeline/chain.h"
#include "token/vocabulary.h"

namespace ciyuan::token::internal {

/// Calls on_text(piece, is_beginning) and on_token(added token) for the parts of `text`, in order.
template <class OnText, class OnToken>
void split(std::string_view text, const AddedTokenIndex& index, OnText on_text, OnToken on_token) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto found = index.find(text, at);
    const std::size_t stop = found.token ? found.begin : text.size();
    if (stop > at) on_text(text.substr(at, stop - at), at == 0);
    if (!found.token) return;
    on_token(*found.token);
    at = found.end;
  }
}

class Engine {
 public:
  std::string name;
  Digest digest{};
  bool is_proved = true;
  Pretokenizer pretokenizer = Pretokenizer::kO200k;
  std::shared_ptr<const RegexPretokenizer> regex;  ///< for kRegex
  std::shared_ptr<WordCutter> words;               ///< for kSentencePiece
  Prefix prefix = Prefix::kNone;                   ///< kSentencePiece
  bool nfc = false;
  std::unique_ptr<const pipeline::Chain> chain;  ///< if given, it does all, and the parts below are empty
  Bpe bpe;
  std::vector<AddedToken> added;
  std::vector<const AddedToken*> added_by_id;
  AddedTokenIndex raw_added, normalized_added;
  AddedTokenIndex literals;  ///< kept whole in ordinary text; `words` has those of its own
  Borders borders;
  std::unique_ptr<PieceTable> table;            ///< filled by all threads
  std::unique_ptr<LongPieceTable> long_pieces;  ///< as well
  std::vector<std::uint8_t>
      character_tokens;              ///< of U+4E00 to U+9FFF each, as a part of a pretoken; some unused after
  bool has_borders = false;          ///< parts.h
  bool has_all_bytes = false;        ///< each byte of ASCII is a token
  CountText count_blocks = nullptr;  ///< null: this processor counts by the matchers

  /// After the parts above are there.
  void prepare_counting();

  /// The text that pretokenization sees, but for a prefix: repaired and normalised. A view of `text` or of
  /// `buffer`.
  std::string_view prepare(std::string_view text, std::string& buffer) const;
  /// U+2581 becomes a space in prepared text.
  bool folds_space_signs() const { return words && !words->keeps_space_signs(); }
  /// Whether a space goes in front of prepared text. `is_beginning`: no special token comes before it.
  bool has_prefix(std::string_view prepared, bool is_beginning = true) const;
  /// Ordinary text between literals, and these: on_text(part, is_beginning), on_token(token).
  template <class OnText, class OnToken>
  void split_at_literals(std::string_view text, OnText on_text, OnToken on_token) const {
    if (literals.empty()) return on_text(text, true);
    split(text, literals, on_text, on_token);
  }
  /// Of prepared text.
  std::uint64_t count(std::string_view prepared, bool is_beginning = true) const;
  /// The same of text that has another in front, behind a border of parts.h.
  std::uint64_t count_inside(std::string_view prepared) const { return count_bare(prepared, count_blocks); }
  std::uint64_t count_by_matchers(std::string_view prepared) const;
  void encode(std::string_view prepared, std::vector<TokenId>& out, bool is_beginning = true) const;
  /// Joins see the piece as it is: no sign in it stands for a space.
  bool is_plain(std::string_view piece) const {
    return !words || !words->keeps_space_signs() || piece.find(kSpaceSign) == piece.npos;
  }
  /// The text of any token, added ones too; a view of `buffer` at most. Empty if there is no such token.
  std::string_view bytes_of(TokenId id, char& buffer) const;
  /// The first pretoken of prepared text with its prefix, or, by a regex of several steps, what it cuts
  /// first; and its tokens.
  Match next_pretoken(std::string_view prepared, RunMemo* memo) const;
  std::uint64_t count_match(std::string_view piece, const Match& match) const;
  /// Of one pretoken, through the table.
  std::uint32_t count_pretoken(std::string_view piece) const;
  /// Of a piece that the table lacks, or could not hold. `is_whole`: it is a pretoken, not a part of one.
  std::uint32_t count_piece(std::string_view piece, bool is_whole) const;
  /// As above, of a piece that no border cuts.
  std::uint32_t count_cut_piece(std::string_view piece, bool is_whole) const;

 private:
  std::uint64_t count_with(std::string_view prepared, CountText by_blocks, bool is_beginning) const;
  std::uint64_t count_bare(std::string_view prepared, CountText by_blocks) const;
  void encode_piece(std::string_view piece, std::vector<TokenId>& out) const;
  void fill_table();
  template <class Take>
  void cut_at_borders(std::string_view piece, Take take) const;
  std::uint32_t count_part(std::string_view part) const;
  template <class Take>
  void cut(std::string_view prepared, Take take) const;
  template <class Take>
  std::size_t cut_head(std::string_view prepared, Take take) const;
};

}  // namespace ciyuan::token::internal
