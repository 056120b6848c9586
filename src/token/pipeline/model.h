#pragma once

/// The models of a tokenizer.json: a piece becomes tokens.
///
/// Source: github.com/huggingface/tokenizers, tokenizers/src/models. Threads: immutable.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ciyuan::token::pipeline {

struct Token {
  std::uint32_t id = 0;
  std::size_t begin = 0, end = 0;  ///< in the piece
};

/// A piece that goes on, of which the beginning is no longer kept.
class GrowingTokens {
 public:
  virtual ~GrowingTokens() = default;
  virtual std::unique_ptr<GrowingTokens> copy() const = 0;
  virtual void append(std::string_view text) = 0;
  virtual std::uint64_t count() const = 0;
  /// Never above what count() will be, nor below what it would be with as many tokens more as bytes follow.
  virtual std::uint64_t least() const = 0;
  virtual std::uint64_t most() const { return count(); }
};

class Model {
 public:
  virtual ~Model() = default;
  virtual void encode(std::string_view piece, std::vector<Token>& tokens) const = 0;
  virtual std::uint64_t count(std::string_view piece) const {
    std::vector<Token> tokens;
    encode(piece, tokens);
    return tokens.size();
  }
  /// Whether the piece, which goes on, need not be kept up to `at`. `is_growing`: it has been begun by a
  /// GrowingTokens of ours before.
  virtual bool may_drop(std::string_view, std::size_t at, bool is_growing) const {
    return static_cast<void>(at), static_cast<void>(is_growing), false;
  }
  virtual std::unique_ptr<GrowingTokens> grow() const { return nullptr; }
  /// At most so many tokens come of a byte, and so many more of a piece.
  virtual std::size_t tokens_of_byte() const { return 1; }
};

/// What a model is made of, beside its JSON.
struct ModelParts {
  std::vector<std::string> tokens;  ///< by id
  std::vector<bool> is_token;       ///< by id: an empty text may be one
  std::vector<double> scores;       ///< by id: Unigram
  struct Merge {
    std::uint32_t left, right;
  };
  std::vector<Merge> merges;  ///< BPE
};

/// `settings`: the model's members but the vocabulary. kInvalid names the place. `parts` must outlive the
/// model.
Result<std::unique_ptr<Model>> make_model(const Json& settings, const ModelParts& parts,
                                          const std::string& path);

Result<std::unique_ptr<Model>> make_unigram(const Json& settings, const ModelParts& parts,
                                            const std::string& path);
/// What a unigram model is, whoever's.
struct UnigramParts {
  std::vector<std::pair<std::string_view, std::uint32_t>> texts;
  std::vector<double> scores;  ///< by id
  std::uint32_t unknown = 0;
  double unknown_score = 0;
  bool falls_back = false;  ///< to the tokens of bytes
  bool has_single_precision =
      false;  ///< SentencePiece's own: sums are floats, runs of unknown characters no tokens
  std::vector<std::uint32_t> bytes;  ///< by byte, kNoId where there is none; may be empty
};
std::unique_ptr<Model> make_unigram(UnigramParts parts);
Result<std::unique_ptr<Model>> make_bpe(const Json& settings, const ModelParts& parts,
                                        const std::string& path);

}  // namespace ciyuan::token::pipeline
