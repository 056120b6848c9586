#pragma once

/// The general tokenizer: what a tokenizer.json says, step by step.
///
///   text ─► added tokens ─► normalizers ─► added tokens ─► pre_tokenizers ─► model, piece by piece ─► tokens
///                (raw)                      (normalized)
///
/// Slower than the engine beside it (internal/engine.h), which does the kinds that most large models use;
/// this one does all that Hugging Face's tokenizers do, in their order and with their quirks. Each step is a
/// file.
///
/// What is settled of a text that grows (open_text.h) rests on one rule that every step keeps: it is given
/// places in the text, and drops those at which the text could not be cut in two and each part be processed
/// alone, with the same outcome whatever follows. A place that is left when all steps have seen it is one to
/// begin anew.
///
/// Threads: immutable but for a bounded table of pieces counted before.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/internal/piece_table.h"
#include "token/pipeline/added_tokens.h"
#include "token/pipeline/decoder.h"
#include "token/pipeline/model.h"
#include "token/pipeline/normalizer.h"
#include "token/pipeline/post_processor.h"
#include "token/pipeline/pre_tokenizer.h"
#include "token/vocabulary.h"

namespace ciyuan::token::pipeline {

struct ChainParts {
  Json settings;  ///< normalizer, pre_tokenizer, model (without its lists), post_processor, decoder, as in
                  ///< tokenizer.json
  ModelParts model;
  std::vector<AddedToken> added;
};

/// Where a text begins that goes on with another.
struct Start {
  std::size_t offset = 0;     ///< bytes before it
  std::size_t continued = 0;  ///< so many steps go on with a part that they have begun before
  bool is_inside = false;     ///< its first piece goes on with one that has begun before
};

class Chain {
 public:
  /// kInvalid names the place in the settings.
  static Result<std::unique_ptr<Chain>> make(ChainParts parts);

  const std::vector<AddedToken>& added() const { return parts_.added; }
  std::uint32_t size() const { return size_; }

  /// Of well-formed text.
  std::uint64_t count(std::string_view text, const Wanted& wanted) const;
  std::vector<TokenId> encode(std::string_view text, const Wanted& wanted) const;
  std::vector<Piece> encode_with_ends(std::string_view text, const Wanted& wanted) const;
  /// The tokens of a text with what the post-processor puts round them.
  std::vector<TokenId> framed(const std::vector<TokenId>& ids) const { return post_processor_.framed(ids); }
  /// kInvalid: an id that there is not.
  Result<std::string> decode(std::span<const TokenId> ids) const;
  /// The token's own text, "" if there is no such id.
  std::string_view text_of(TokenId id) const;

  /// A place in the text from which on it can be processed alone, whatever follows it.
  struct Restart {
    std::size_t at = 0;
    std::size_t continued = 0;
    bool is_inside = false;
  };
  /// `keeps`: a text of at most so many bytes is not cut inside of a piece.
  std::optional<Restart> restart(std::string_view text, const Start& start, std::size_t keeps) const;
  /// Calls on_piece(piece) and on_token() for what `text` is cut into. `goes_on`: its end is none.
  template <class OnPiece, class OnToken>
  void cut(std::string_view text, const Start& start, bool goes_on, OnPiece on_piece, OnToken on_token) const;
  std::uint64_t count_piece(std::string_view piece) const;
  const Model& model() const { return *model_; }
  /// At most so many tokens come of a byte.
  std::uint64_t tokens_of_byte() const { return tokens_of_byte_; }
  /// What counts as a token in ordinary text.
  static bool is_literal(const AddedToken& token) { return token.literal; }

 private:
  Chain() : table_(kSets) {}
  static constexpr std::size_t kSets = 1 << 14;
  Status read_added();
  template <class OnPiece, class OnToken>
  void run(std::string_view text, const Start& start, bool goes_on, bool is_traced, const Wanted& wanted,
           OnPiece on_piece, OnToken on_token) const;
  std::optional<Restart> inside(const Pieces& pieces, const BorderSearch& search, bool is_growing) const;

  ChainParts parts_;
  Normalizers normalizers_;
  PreTokenizers pre_tokenizers_;
  std::unique_ptr<Model> model_;
  Decoders decoders_;
  PostProcessor post_processor_;
  std::vector<std::string> raw_texts_, normalized_texts_;
  AddedTokens raw_, normalized_;
  std::vector<std::pair<TokenId, std::string>> decoded_added_;  ///< by id
  std::uint32_t size_ = 0;
  std::uint64_t tokens_of_byte_ = 1;
  bool asks_for_spans_ = false;
  mutable internal::PieceTable table_;
};

}  // namespace ciyuan::token::pipeline

#include "token/pipeline/chain.inc"
