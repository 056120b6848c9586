#pragma once

/// Vocabulary: text to tokens, exactly as the model's own tokenizer does it.
///
///   CIYUAN_TRY(std::shared_ptr<const Vocabulary> vocabulary, VocabularySet::standard().find("qwen3"));
///   Tokens used = vocabulary->count("The quick brown fox");
///   std::vector<TokenId> ids = vocabulary->encode_with_specials("<|im_start|>user\nHi<|im_end|>\n");
///
/// Exact means: the same ids as tiktoken (o200k, cl100k) or Hugging Face tokenizers (the others), which
/// tests/conformance/token and general check. Text that is not UTF-8 is read as if each maximal ill-formed
/// part were U+FFFD, for every vocabulary. No beginning-of-text token is added; SentencePiece's families that
/// begin a text with a space of their own (Llama 2, Mistral's first) count it, as their references do.
///
/// Threads: immutable but for a bounded table of pieces counted before, which all threads share without a
/// lock; any number of them may use one object.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "token/tokens.h"

namespace ciyuan::token {

namespace internal {
class Engine;
}

using TokenId = std::uint32_t;

/// A token outside byte-pair encoding: it stands for its text as a whole.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;      ///< a control token, against one that is merely kept whole
  bool lstrip = false;       ///< takes white space before it with it
  bool rstrip = false;       ///< takes white space after it with it
  bool normalized = false;   ///< looked for in normalised text, after the others
  bool literal = false;      ///< kept whole in ordinary text, too
  bool single_word = false;  ///< not inside of a word
};

/// A token, and the byte after it in the text.
struct Piece {
  TokenId id = 0;
  std::size_t end = 0;
};

class Vocabulary {
 public:
  /// From the content of a vocabulary file (vocabulary_file.h), packed with zstd or not. kCorrupt if it
  /// contradicts itself. `is_proved`: as below.
  static Result<std::shared_ptr<const Vocabulary>> parse(std::string_view file, bool is_proved = true);

  ~Vocabulary();
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  const std::string& name() const;
  /// SHA-256 of the unpacked vocabulary file: for records.
  const Digest& digest() const;
  /// Its ids were compared with those that its publisher's own tokenizer gives. Without that it agrees with
  /// its file as we read it, and its counts are estimates.
  bool is_proved() const;
  /// One more than the largest id.
  std::uint32_t size() const;
  const std::vector<AddedToken>& added_tokens() const;

  /// No byte of a text makes more tokens, whatever stands around it.
  std::uint64_t tokens_per_byte_max() const;

  /// Ordinary text: what looks like a special token is text; other added tokens are kept whole, as Hugging
  /// Face's tokenizers keep them with `encode_special_tokens`. O(n), but O(n log n) in a pretoken's length.
  Tokens count(std::string_view text) const;
  std::vector<TokenId> encode(std::string_view text) const;
  /// The same with where each token ends. Of a general tokenizer (WordPiece, Unigram, …): in the text itself,
  /// as the reference's offsets say. Of others: in the text as it is tokenized, which is the text itself
  /// where that is UTF-8 and, for a vocabulary that normalises, in form NFC. (A space that the vocabulary
  /// adds in front is no part of it, and U+2581 is a space where the vocabulary takes it for one.)
  std::vector<Piece> encode_with_ends(std::string_view text) const;

  /// Text in which added tokens count as themselves, as rendered chat templates need. Among several that
  /// begin at one place the longest is taken. The second form knows only the added tokens named in `allowed`
  /// (by content).
  std::vector<TokenId> encode_with_specials(std::string_view text) const;
  std::vector<TokenId> encode_with_specials(std::string_view text,
                                            std::span<const std::string_view> allowed) const;
  Tokens count_with_specials(std::string_view text) const;
  /// The same with what the file's post-processor puts round a text ([CLS] … [SEP]). kInvalid for a
  /// vocabulary of the fast engine, whose file does not say it.
  Result<std::vector<TokenId>> encode_framed(std::string_view text) const;

  /// The bytes of the tokens, one after the other: not always UTF-8. A space that the vocabulary adds in
  /// front of texts is taken away again. Of a general tokenizer what its decoder makes of them. kInvalid for
  /// an id that the vocabulary lacks.
  Result<std::string> decode(std::span<const TokenId> ids) const;

  /// For the library's own parts.
  const internal::Engine& engine() const { return *engine_; }

 private:
  explicit Vocabulary(std::unique_ptr<internal::Engine> engine);
  std::unique_ptr<internal::Engine> engine_;
};

}  // namespace ciyuan::token
