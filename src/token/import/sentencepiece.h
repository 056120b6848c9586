#pragma once

/// What SentencePiece's models say, whatever file they come in.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "token/import/raw_tokenizer.h"
#include "token/pipeline/chain.h"

namespace ciyuan::token::import {

/// sentencepiece_model.proto, ModelProto.SentencePiece; GGUF has the same types.
struct SentencePiece {
  enum Type : std::uint32_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  std::string text;
  float score = 0;
  std::uint32_t type = kNormal;
};

/// Byte-pair encoding with byte fallback. Any two tokens join that make a third, the best score first.
/// `where`: what the file calls its list of pieces.
Result<RawTokenizer> bpe_of_pieces(const std::vector<SentencePiece>& pieces, const std::string& where);

/// What the general tokenizer needs to know of a model beside its pieces: NormalizerSpec and TrainerSpec.
struct SentencePieceSettings {
  bool is_bpe = false;  ///< else unigram
  bool has_prefix = true, removes_spaces = true, writes_space_signs = true, space_is_suffix = false;
  bool byte_fallback = false;
  std::string_view character_map;
  std::string unknown_surface;
};
Result<pipeline::ChainParts> sentencepiece_chain(const SentencePieceSettings& settings,
                                                 const std::vector<SentencePiece>& pieces,
                                                 const std::string& where);
/// A model's file, for the general tokenizer: unigram, and BPE of all kinds.
Result<pipeline::ChainParts> read_sentencepiece_chain(std::string_view bytes);

/// GGUF's "t5", a unigram model; of another kind the error is `why_not_fast`.
Result<pipeline::ChainParts> read_gguf_chain(std::string_view bytes, const Error& why_not_fast);

/// Takes byte `byte` for the token "<0x..>" with id `id`, if that is its text.
bool take_byte_token(std::string_view text, TokenId id, std::vector<TokenId>& byte_tokens);
/// A clear error unless all 256 are there.
Status check_byte_tokens(const std::vector<TokenId>& byte_tokens, const std::string& where);

}  // namespace ciyuan::token::import
