#pragma once

/// What SentencePiece's own models need, beside what they share with a tokenizer.json: their normalizer,
/// their models (which keep sums in single precision, and join pieces by their texts) and their decoder.
///
/// Source: github.com/google/sentencepiece, normalizer.cc, unigram_model.cc, bpe_model.cc,
/// sentencepiece_processor.cc.

#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "token/pipeline/decoder.h"
#include "token/pipeline/model.h"
#include "token/pipeline/normalizer.h"

namespace ciyuan::token::pipeline {

/// {"type": "SentencePiece", "precompiled_charsmap": base64 or "", "add_dummy_prefix",
/// "remove_extra_whitespaces", "escape_whitespaces", "treat_whitespace_as_suffix": booleans, "symbols": texts
/// that stay as they are}
Result<std::unique_ptr<Normalizer>> make_sentencepiece_normalizer(const Json& settings,
                                                                  const std::string& path);

/// {"type": "SentencePieceUnigram" or "SentencePieceBPE", "kinds": a digit for each piece, "unk_id",
/// "byte_fallback"}: the kinds are those of import/sentencepiece.h.
Result<std::unique_ptr<Model>> make_sentencepiece_unigram(const Json& settings, const ModelParts& parts,
                                                          const std::string& path);
Result<std::unique_ptr<Model>> make_sentencepiece_bpe(const Json& settings, const ModelParts& parts,
                                                      const std::string& path);

/// {"type": "SentencePiece", "strip": "none", "one" or "all", "byte_fallback", "unk_piece", "unk_surface"}
Result<std::unique_ptr<Decoder>> make_sentencepiece_decoder(const Json& settings, const std::string& path);

}  // namespace ciyuan::token::pipeline
