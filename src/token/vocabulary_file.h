#pragma once

/// The vocabulary file (*.ciyuan-vocab.zst), written by tools/import_vocabulary.py and importer.h. Unpacked
/// it is:
///
///   8 bytes  "CIYUANV1"
///   4 bytes  length of the header, little-endian
///   header   JSON: name, pretokenizer ("regex" has its expressions, a list), normalizer ("none", "nfc"),
///            priority ("token": a join is as good as the token it makes is old; "split": in file order;
///            "listed": see below), whole_piece, tokens (their number n), added_tokens; for "sentencepiece"
///            byte_tokens (256 ids) and prefix ("none", "always", "unless_space",
///            "first_unless_space": internal/pretokenizer.h)
///   n bytes  length of each token, 0 if the id has none
///   n bytes  left length of the join by which the token comes out of its own bytes, 0 if it does not; its
///            whole length if it is what joins start from, a character
///   n bytes  number of joins that make the token
///   …        left length of each of these joins
///   …        the tokens' bytes
///   …        if listed: the priority of each join, 4 bytes, little-endian
///
/// So a join costs one byte, and nothing in the file is redundant but the second array.
///
/// With the pretokenizer "chain" it is a general tokenizer (pipeline/chain.h), and reads
///
///   header     JSON: name, pretokenizer, settings (normalizer, pre_tokenizer, model, post_processor,
///   decoder, as
///              in tokenizer.json, without the model's lists), tokens (n), merges (m), has_scores,
///              added_tokens
///   4 n bytes  length of each token and one more, 0 if the id has none; all numbers little-endian
///   …          the tokens' bytes
///   8 n bytes  if has_scores: the tokens' scores, IEEE 754
///   8 m bytes  ids of the two tokens that each merge joins, the best first

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "token/internal/bpe.h"
#include "token/internal/pretokenizer.h"
#include "token/pipeline/chain.h"
#include "token/vocabulary.h"

namespace ciyuan::token {

/// Ids below it: the highest of 18 bits means none in the tables (internal/bpe.h). The largest known
/// vocabulary has 262,144, of which the last are only added tokens, and not among these.
constexpr std::uint32_t kTokensMax = (1u << internal::JoinTable::kIdBits) - 1;
constexpr std::size_t kVocabularyBytesMax = 64 << 20;  ///< unpacked; the largest known need is 3 MB

struct VocabularyFile {
  std::string name;
  internal::Pretokenizer pretokenizer = internal::Pretokenizer::kO200k;
  std::vector<std::string> expressions;  ///< for kRegex, as published
  bool nfc = false;
  internal::Prefix prefix = internal::Prefix::kNone;
  std::vector<AddedToken> added_tokens;
  internal::Bpe::Source bpe;
  std::optional<pipeline::ChainParts> chain;  ///< for "chain": then the name and this are all there is
};

/// Unpacks zstd frames; returns other input as it is. kTooLarge over kVocabularyBytesMax.
Result<std::string> unpack_vocabulary(std::string_view file);
/// kCorrupt says what is wrong.
Result<VocabularyFile> parse_vocabulary_file(std::string_view unpacked);

}  // namespace ciyuan::token
