#pragma once

/// The count of a text that grows, by a Chain: what nothing can change any more is counted once.
///
/// The text since the last place to begin anew (Chain::restart) is kept, and counted again at each call:
/// usually a word. A piece without such a place inside is kept too, unless its model goes on without its
/// beginning: Unigram always does, keeping the places at which tokens may still begin; WordPiece and
/// WordLevel once it is too long to be a token; BPE where no token holds one character followed by the next.
/// So only BPE with a prefix or a suffix, and chains whose normalizers or expressions find no end, keep what
/// they count: then a count costs the length of the text.
///
/// Copyable: a copy is a trial. One thread at a time.

#include <memory>
#include <string>
#include <string_view>

#include "token/pipeline/chain.h"

namespace ciyuan::token::pipeline {

class OpenText {
 public:
  /// `chain` must outlive this.
  explicit OpenText(const Chain& chain) : chain_(&chain) {}
  OpenText(const OpenText& other);
  OpenText(OpenText&&) = default;
  OpenText& operator=(OpenText other);

  /// Well-formed text.
  void append(std::string_view text);
  /// With `waiting` behind it, as if it ended there.
  std::uint64_t count(std::string_view waiting) const;
  /// Never above any count to come.
  std::uint64_t least() const { return settled_ + (growing_ ? growing_->least() : 0); }
  std::uint64_t settled() const { return settled_; }
  /// Never below the count, with so many bytes waiting.
  std::uint64_t most(std::size_t waiting) const;
  std::size_t kept() const { return open_.size(); }

 private:
  static constexpr std::size_t kKeptMax = 256;  ///< so much is kept of a piece before its beginning is let go
  void settle();

  const Chain* chain_;
  Start start_;
  std::unique_ptr<GrowingTokens> growing_;  ///< of the piece that goes on, if any
  std::string open_;
  std::uint64_t settled_ = 0;
  std::size_t next_try_ = 0;  ///< the size of open_ from which on another search may find something
};

}  // namespace ciyuan::token::pipeline
