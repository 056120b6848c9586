#pragma once

/// Cutting text for SentencePiece's byte-pair encoding, which joins over the whole text and knows no
/// pretokens.
///
/// Joins only ever make tokens. Where no token holds one character followed by the next, nothing is joined
/// across, and the two sides can be encoded each for itself (borders.h says the same of Chinese).
/// SentencePiece trains on words, so that this holds before nearly every space and around most punctuation:
/// what a pretokenizer does by rule falls out of the vocabulary's own tokens, and is exact by construction.
///
/// Literals ("user-defined symbols", Hugging Face's added tokens that are no control tokens) are found first,
/// the leftmost, and of those that begin there the longest: each is one token, and joins with nothing.
///
/// A space here stands for SentencePiece's U+2581, too.
///
/// Threads: immutable after prepare().

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "token/internal/borders.h"
#include "token/internal/bpe.h"
#include "token/internal/pretokenizer.h"

namespace ciyuan::token::internal {

/// U+2581, which SentencePiece writes for a space.
constexpr std::string_view kSpaceSign = "\xE2\x96\x81";
/// Each U+2581 from `from` on becomes a space.
void fold_space_signs(std::string& text, std::size_t from = 0);

/// A set of ASCII bytes, in the form that 16-byte table lookups want: bit h of low[l] stands for the byte hl.
struct AsciiSet {
  alignas(16) std::array<std::uint8_t, 16> low{};
  void add(unsigned char c) { low[c & 15] = static_cast<std::uint8_t>(low[c & 15] | 1u << (c >> 4)); }
  bool has(unsigned char c) const { return c < 0x80 && (low[c & 15] >> (c >> 4) & 1) != 0; }
  bool empty() const { return low == std::array<std::uint8_t, 16>{}; }
};

class WordCutter {
 public:
  /// Of which the vocabulary is made, with spaces for U+2581.
  void add_token(std::string_view text);
  void add_literal(std::string_view text, TokenId id);
  /// Runs of spaces are as literals: joins make one token of each, up to so many (Bpe::greedy_space_run).
  void take_space_runs(std::size_t longest) { space_run_most_ = longest; }
  /// After all of these, and `borders`, which must outlive this.
  void prepare(const Borders& borders);

  /// The first part of well-formed, non-empty text: a literal, or up to the first place where it may be cut.
  Match first(std::string_view text, RunMemo* memo) const;
  /// Calls take(part) for each part.
  template <class Take>
  void cut(std::string_view text, Take take) const {
    while (!text.empty()) {
      const Match match = first(text, nullptr);
      take(text.substr(0, match.length));
      text.remove_prefix(match.length);
    }
  }

  /// The literal that `part` is; kNoToken if it is none.
  TokenId literal(std::string_view part) const;
  /// Length of the longest literal at `p`, 0 if there is none. `may_grow`: a longer one might, if the text
  /// went on behind `end`.
  std::size_t literal_at(const char* p, const char* end, bool& may_grow) const;
  /// A literal holds U+2581 as it stands, so that in text it is not the same as a space.
  bool keeps_space_signs() const { return keeps_space_signs_; }

  /// Some token holds the one character followed by the other; one byte of each, of ASCII or any other.
  bool is_crossed(char left, char right) const {
    return crossed_[class_of(left) * kClasses + class_of(right)];
  }

  bool takes_space_runs() const { return space_run_most_ > 0; }

  /// For looking at many bytes at once. None of these cuts is wrong; first() may know of more.
  struct Sets {
    AsciiSet after_letter;    ///< may be cut off a letter of ASCII before them
    AsciiSet before_letter;   ///< may be cut off a letter of ASCII after them
    AsciiSet keeps_space;     ///< a space after them may not be cut off
    AsciiSet begins_literal;  ///< the first byte of a literal; a space only where single ones are literals
    bool space_after_others = false;  ///< a space may be cut off a character beyond ASCII, but for U+2581
    bool single_digits = false;       ///< between two digits text may be cut
  };
  const Sets& sets() const { return sets_; }
  /// The bytes at `p` may begin a literal; false for most that do not.
  bool may_begin_literal(const char* p, const char* end) const {
    if (!first_bytes_[static_cast<unsigned char>(*p)]) return false;
    return end - p < 2 || begins_[pair_of(p)];
  }
  /// All literals begin with a byte of ASCII, or with U+2581.
  bool literals_are_plain() const { return literals_are_plain_; }

 private:
  static constexpr std::size_t kClasses = 129;  ///< bytes of ASCII, and all other characters
  static std::size_t class_of(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 ? byte : 0x80;
  }
  static std::size_t pair_of(const char* p) {
    return static_cast<std::size_t>(static_cast<unsigned char>(p[0])) << 8 | static_cast<unsigned char>(p[1]);
  }
  std::size_t space_run_at(const char* p, const char* end, bool& may_grow) const;
  bool may_cut(const char* begin, const char* p, const char* end) const;
  void find_sets();
  void find_runs();

  struct Literal {
    std::string text;
    TokenId id;
  };
  std::vector<Literal> literals_;  ///< in order of their bytes
  std::array<bool, 256> first_bytes_{};
  std::vector<bool> begins_ = std::vector<bool>(65536);  ///< the first two bytes of literals
  std::vector<bool> crossed_ = std::vector<bool>(kClasses * kClasses);
  std::array<std::size_t, 256>
      run_most_{};  ///< the longest run of a byte whose runs are its literals; 0: others are
  std::size_t space_run_most_ = 0;
  const Borders* borders_ = nullptr;
  Sets sets_;
  bool keeps_space_signs_ = false;
  bool literals_are_plain_ = true;
};

}  // namespace ciyuan::token::internal
