#pragma once

/// How a pre_tokenizer cuts a piece: into matches and what is between them, which a behaviour then joins or
/// drops.

#include <memory>
#include <string_view>
#include <vector>

#include "token/pipeline/pattern.h"
#include "token/pipeline/pre_tokenizer.h"

namespace ciyuan::token::pipeline {

struct Segment {
  std::size_t begin = 0, end = 0;
  bool is_match = false;
  bool is_whole = false;  ///< cutting cannot begin anew inside of it
};

/// SplitDelimiterBehavior: what becomes of the matches.
enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

class Splitter {
 public:
  explicit Splitter(Behavior behavior) : behavior_(behavior) {}
  virtual ~Splitter() = default;
  /// All of the text, in order.
  virtual void cut(std::string_view text, std::vector<Segment>& segments) const = 0;
  /// Of a text that may grow: the segments that end up to here stay as they are, and so does what begins
  /// before.
  virtual std::size_t final_until(std::string_view text) const { return text.size(); }
  /// See Pattern::keep_closed.
  virtual void keep_closed(std::string_view, std::vector<std::size_t>&) const {}
  /// The pieces that come of the segments, never empty.
  void join(const std::vector<Segment>& segments, std::vector<Range>& pieces) const;
  bool drops(const Segment& segment) const { return behavior_ == Behavior::kRemoved && segment.is_match; }

 private:
  Behavior behavior_;
};

/// Matches are single characters: `test(flags, character)`.
std::unique_ptr<Splitter> split_at_flags(std::uint8_t flags, Behavior behavior);
std::unique_ptr<Splitter> split_at_character(std::uint32_t c, Behavior behavior);
std::unique_ptr<Splitter> split_at_pattern(Pattern pattern, bool invert, Behavior behavior);
/// Whitespace: \w+|[^\w\s]+
std::unique_ptr<Splitter> split_words();
std::unique_ptr<Splitter> split_scripts();
std::unique_ptr<Splitter> split_by_length(std::size_t characters);

}  // namespace ciyuan::token::pipeline
