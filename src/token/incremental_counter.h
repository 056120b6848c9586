#pragma once

/// Counts a text that arrives in pieces: at any moment the same figure as Vocabulary::count of the whole so
/// far, whatever the pieces, a cut inside a character included.
///
///   IncrementalCounter counter(vocabulary);
///   counter.append("Hel");
///   counter.append("lo");
///   counter.count();                                    // as vocabulary->count("Hello")
///   counter.longest_prefix(" world", Tokens{2});        // bytes of " world" that may still be appended
///
/// How: a pretoken is final once its match did not look at the end of the text (internal/pretokenizer.h); its
/// tokens are counted once. What follows the last final pretoken, usually a word, is counted again at each
/// call, and a pretoken that grows without end costs amortised O(1) a byte (internal/bpe.h, GrowingPiece).
/// Under NFC the last normalization segment waits, since what follows may join it; it is normalised again at
/// each call, which only a text of thousands of combining marks in a row feels.
///
/// Vocabularies with a chain (WordPiece, Unigram, …): pipeline/open_text.h says what of the text is kept
/// there.
///
/// Memory: the text since the last final pretoken, and 8 bytes for each byte of a pretoken of more than 64.
/// Copyable: a copy is a trial that can be thrown away. One thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "token/internal/bpe.h"
#include "token/internal/pretokenizer.h"
#include "token/pipeline/open_text.h"
#include "token/tokens.h"
#include "token/vocabulary.h"

namespace ciyuan::token {

class IncrementalCounter {
 public:
  explicit IncrementalCounter(std::shared_ptr<const Vocabulary> vocabulary);

  void append(std::string_view bytes);

  /// Exact.
  Tokens count() const;
  /// Never below count(): cheap, no tokenization. It falls, too, as text turns out to be fewer tokens than
  /// bytes.
  Tokens upper_bound() const;
  /// Tokens of pretokens that nothing can change any more: never above count(), and never smaller later.
  Tokens settled() const {
    return Tokens{static_cast<std::int64_t>(general_ ? general_->least() : settled_)};
  }

  /// How many bytes of `delta`, up to the end of a character, can be appended so that count() stays at most
  /// `limit`. The longest such prefix, but looked for no further than kLookBeyond tokens past the limit: a
  /// text whose count falls by more than that as it grows is not known to exist. (Of a vocabulary with a
  /// chain, where a word may become one unknown token, it is looked for until what is settled is past the
  /// limit, or kLookBeyondBytes have been counted in vain: those of a chain that keeps its text are few
  /// characters. Such a prefix is safe to deliver, though it may not be the longest.)
  std::size_t longest_prefix(std::string_view delta, Tokens limit) const;
  static constexpr std::int64_t kLookBeyond = 16;
  static constexpr std::size_t kLookBeyondBytes = 1 << 19;

  /// Bytes of text that are kept, because what follows may still change their tokens.
  std::size_t kept_bytes() const { return open_size() + segment_.size() + held_.size() + partial_.size(); }

 private:
  void settle();
  void release_held();
  void finish_text();
  void take(std::string_view text);
  /// Text has been put behind the first `known` bytes of segment_, or `size` of open_.
  void take(std::size_t known, std::size_t size);
  std::uint64_t count_open(std::string_view open) const;

  std::size_t open_size() const { return general_ ? general_->kept() : open_.size() - start_; }

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::optional<pipeline::OpenText> general_;  // for a vocabulary with a chain: then only partial_ beside it
  std::uint64_t settled_ = 0;
  std::string partial_;       // bytes of a character that is not whole yet
  std::string held_;          // text in which a literal may have begun
  std::string segment_;       // characters that NFC may still join with what follows
  mutable std::string open_;  // prepared text; from start_ on it is not settled
  std::size_t start_ = 0;
  bool has_begun_ = false;                  // a prefix, if any, is in open_
  internal::RunMemo memo_;                  // of the pretoken at start_
  mutable internal::GrowingPiece growing_;  // of the same, and of what the last count put after it
  mutable std::string counted_waiting_;     // what the last count put after open_
  mutable std::optional<std::uint64_t> known_;
};

}  // namespace ciyuan::token
