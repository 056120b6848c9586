#pragma once

/// A text on its way through a chain, and where in the original each of its bytes comes from.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "token/internal/unicode.h"

namespace ciyuan::token::pipeline {

/// Bytes of the original that a byte came of.
struct Span {
  std::size_t begin = 0, end = 0;
  bool operator==(const Span&) const = default;
};

struct Text {
  std::string bytes;
  std::vector<Span> spans;  ///< for each byte; empty where nobody asks for them
  bool is_traced = false;

  static Text of(std::string_view original, std::size_t offset, bool is_traced);
};

/// Places at which a text could be cut in two, and each part go through the rest of the chain alone, with the
/// same outcome whatever follows the text. A stage drops those that it cannot vouch for, and says where it
/// has moved the others. What stands before a place is final at the stage it has come to.
class Cuts {
 public:
  struct Place {
    std::size_t original = 0, here = 0;
    bool is_inside = true;  ///< of a pretoken, for certain: none begins or ends here
  };
  /// All borders of characters but the first; the end is one of them.
  static Cuts of(std::string_view text);

  std::vector<Place>& places() { return places_; }
  const std::vector<Place>& places() const { return places_; }
  bool empty() const { return places_.empty(); }
  /// What stands before it is final.
  std::size_t horizon() const { return places_.empty() ? 0 : places_.back().here; }

  /// Keeps the places that `keep(here)` says.
  template <class Keep>
  void filter(Keep keep) {
    std::erase_if(places_, [&](const Place& place) { return !keep(place.here); });
  }

  /// For a stage that writes another text: the places are moved in order as it goes along.
  void begin() { next_ = kept_ = 0; }
  /// The text before `from` has become that before `to`. A place that is not vouched for by the time it is
  /// passed is dropped. Nothing may stand before a place any more: then a later stage could not tell.
  void reach(std::size_t from, std::size_t to, bool stays = true) {
    while (next_ < places_.size() && places_[next_].here < from) ++next_;
    for (; next_ < places_.size() && places_[next_].here == from; ++next_)
      if (stays && to > 0) {
        places_[kept_] = places_[next_];
        places_[kept_++].here = to;
      }
  }
  void end() { places_.resize(kept_); }

 private:
  std::vector<Place> places_;
  std::size_t next_ = 0, kept_ = 0;
};

/// Writes a text anew, as the reference's NormalizedString::transform: each character comes with how many
/// it stands for. 0: for the next one; 1: for none, it is added; -n: for the next one and the n after it.
class Rewrite {
 public:
  Rewrite(Text& text, std::size_t skipped_bytes = 0) : text_(text), at_(skipped_bytes) {
    bytes_.reserve(text.bytes.size());
    if (text.is_traced) spans_.reserve(text.bytes.size());
  }
  void put(std::uint32_t c, std::ptrdiff_t change);
  /// Puts the text's own next bytes, whole characters.
  void copy(std::size_t size);
  /// As HF's `replace`: the content for the next `size` bytes.
  void replace(std::size_t size, std::string_view content);
  std::size_t written() const { return bytes_.size(); }
  void finish();

 private:
  Text& text_;
  std::size_t at_;
  std::string bytes_;
  std::vector<Span> spans_;
};

/// Calls take(character, its offset, its length).
template <class Take>
void for_each_character(std::string_view text, Take take) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t c = 0;
    const unsigned length = internal::decode(text.data() + at, c);
    take(c, at, length);
    at += length;
  }
}

std::uint32_t character_at(std::string_view text, std::size_t at);
/// The one that ends there; at > 0.
std::uint32_t character_before(std::string_view text, std::size_t at);

}  // namespace ciyuan::token::pipeline
