#pragma once

/// Cutting text into pretokens, exactly as the families' regular expressions do, without a regex engine.
///
/// Every matcher looks only at the text from its start onwards, so that cutting can begin at any pretoken
/// boundary. It says whether it looked at the end of the buffer: if it did not, no later byte can change the
/// match. That is what makes incremental counting exact.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ciyuan::token::internal {

/// o200k, cl100k: tiktoken's o200k_base and cl100k_base; gpt2: its r50k_base, also p50k's. qwen2, qwen35,
/// llama3, deepseek_v3, smollm2: the `pre_tokenizer` entries of these models' tokenizer.json. tekken: the
/// `pattern` of Mistral's tekken.json. kimi_k2: `pat_str` of Moonshot's tokenization_kimi.py. The expressions
/// themselves are in tools/import_vocabulary.py and tests/token/slow_twin.h.
enum class Pretokenizer : std::uint8_t {
  kO200k,
  kCl100k,
  kQwen2,
  kLlama3,
  kDeepseekV3,
  kSmollm2,
  kGpt2,
  kQwen35,
  kTekken,
  kKimiK2,
  kRegex,         ///< the vocabulary brings its expressions: regex_pretokenizer.h
  kSentencePiece  ///< no pretokens: word_cutter.h
};

std::optional<Pretokenizer> pretokenizer_named(std::string_view name);

/// The space that kSentencePiece's vocabularies may put in front of a text that is not empty.
enum class Prefix : std::uint8_t {
  kNone,
  kAlways,           ///< in front of each text, and of what follows a special token
  kUnlessSpace,      ///< the same, but for texts that begin with one
  kFirstUnlessSpace  ///< not of what follows a special token
};

struct Match {
  std::size_t length = 0;  ///< at least one character
  bool hit_end = false;    ///< more text after the buffer could change this match
  static constexpr std::size_t kWhole = 255;
  static constexpr std::size_t kLiteral = 254;  ///< one token, whatever joins would make of it
  std::size_t step =
      kWhole;  ///< else the match is several pretokens, which the regex's steps from here on cut
};

/// What a matcher found out about runs of like characters that reach the end of the buffer. Given again with
/// the same start and a longer buffer, the matcher goes on from there, so that a pretoken that grows byte by
/// byte costs O(1) a byte. Offsets from the start of the match; only ever valid for one start.
class RunMemo {
 public:
  struct Run {
    std::size_t begin = 0, end = 0;
    std::size_t mark =
        0;  ///< end of the last character with a property, 0 if none (which one: the matcher knows)
    std::size_t last = 0;  ///< start of the last character
  };
  std::array<Run, 4> runs{};
};

/// The first pretoken of well-formed, non-empty UTF-8 text. `memo` may be null. Not for kRegex and
/// kSentencePiece: Engine has these.
Match next_pretoken(Pretokenizer family, std::string_view text, RunMemo* memo);

}  // namespace ciyuan::token::internal
