#pragma once

/// A tokenizer as its publisher's file says it, before it is one of our vocabulary files. The readers refuse
/// what we could not do exactly: the error names the place in the file and what is there.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/internal/bpe.h"
#include "token/pipeline/settings.h"
#include "token/vocabulary_file.h"

namespace ciyuan::token::import {

/// So many tokens a publisher's file may list: one more than fits, since the last may be only added tokens,
/// which ours leaves out of the list. What is left then must fit (check_size).
constexpr std::uint32_t kListedTokensMax = kTokensMax + 1;
constexpr std::size_t kTokenLengthMax = 255;
constexpr std::size_t kAllTokensBytesMax = 8 << 20;  ///< of all tokens together; the largest known need 2 MB

struct RawTokenizer {
  std::vector<std::string> tokens;                ///< by id; empty where an id has none
  std::vector<std::vector<std::uint8_t>> splits;  ///< by id: left lengths of its joins, in order of priority
  std::string pretokenizer;                       ///< a name of internal/pretokenizer.h
  std::vector<std::string> expressions;           ///< for "regex"
  bool nfc = false;
  bool priority_is_token = false;
  std::vector<std::vector<std::uint32_t>> priorities;  ///< of the splits, where these are not in order
  std::vector<TokenId> byte_tokens;                    ///< for "sentencepiece", as is the next
  std::string prefix = "none";
  bool whole_piece = false;
  std::vector<AddedToken> added;
};

/// Lines of base64 and rank. The file tells neither expression nor special tokens.
Result<RawTokenizer> read_rank_file(std::string_view text, const std::string& pretokenizer);
/// Hugging Face's tokenizer.json (byte-level BPE), or Mistral's tekken.json. `pretokenizer` may be empty.
Result<RawTokenizer> read_tokenizer_json(std::string_view text, const std::string& pretokenizer);
/// The metadata of a GGUF file, of which `bytes` may be the beginning.
Result<RawTokenizer> read_gguf(std::string_view bytes, const std::string& pretokenizer);

/// A SentencePiece model (its protocol buffer): byte-pair encoding with byte fallback.
Result<RawTokenizer> read_sentencepiece_model(std::string_view bytes);
/// Whether a tokenizer.json is of that kind, whose text `tree` is; and what it then says.
bool is_sentencepiece_json(const Json& tree);
Result<RawTokenizer> read_sentencepiece_json(const Json& tree);

/// For the readers.
/// Every way to write a token as two: what a rank-based loop can join.
void split_by_ranks(RawTokenizer& tokenizer);
using pipeline::bytes_of_alphabet;
/// Added tokens that are no control tokens are kept whole in ordinary text, as the references do. The fast
/// engine finds them by a plain search; where the reference would find others, that is an error, and the
/// general one's.
Status check_literals(const RawTokenizer& tokenizer);
/// kTooLarge: more than kTokensMax, which a vocabulary file cannot hold.
Status check_size(std::size_t tokens);
/// Adds the join of `left` and `right` (in bytes), which makes token `made`; in order of priority.
Status add_join(RawTokenizer& tokenizer, std::uint32_t made, std::uint32_t& last_made,
                std::size_t left_length, const std::string& where);

}  // namespace ciyuan::token::import
