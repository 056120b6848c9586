#include "token/pipeline/splitter.h"

#include <algorithm>

#include "token/pipeline/characters.h"

namespace ciyuan::token::pipeline {
namespace {

template <class Test>
class CharacterSplitter : public Splitter {
 public:
  CharacterSplitter(Test test, Behavior behavior) : Splitter(behavior), test_(test) {}
  void cut(std::string_view text, std::vector<Segment>& segments) const override {
    std::size_t begin = 0;
    for_each_character(text, [&](std::uint32_t c, std::size_t at, unsigned length) {
      if (!test_(c)) return;
      if (begin < at) segments.push_back({begin, at});
      begin = at + length;
      segments.push_back({at, begin, true});
    });
    if (begin < text.size()) segments.push_back({begin, text.size()});
  }

 private:
  Test test_;
};

class PatternSplitter : public Splitter {
 public:
  PatternSplitter(Pattern pattern, bool invert, Behavior behavior)
      : Splitter(behavior), pattern_(std::move(pattern)), invert_(invert) {}
  void cut(std::string_view text, std::vector<Segment>& segments) const override {
    for (std::size_t at = 0; at < text.size();) {
      const Pattern::Match match = pattern_.find(text, at);
      if (match.begin > at) segments.push_back({at, match.begin, invert_});
      if (match.end > match.begin) segments.push_back({match.begin, match.end, !invert_, true});
      at = match.end;
    }
  }
  std::size_t final_until(std::string_view text) const override { return pattern_.final_until(text); }
  void keep_closed(std::string_view text, std::vector<std::size_t>& places) const override {
    pattern_.keep_closed(text, places);
  }

 private:
  Pattern pattern_;
  bool invert_;
};

class WordSplitter : public Splitter {
 public:
  WordSplitter() : Splitter(Behavior::kRemoved) {}
  void cut(std::string_view text, std::vector<Segment>& segments) const override {
    unsigned last = 3;
    for_each_character(text, [&](std::uint32_t c, std::size_t at, unsigned length) {
      const unsigned sort = flags(c) & kWord ? 0 : flags(c) & kWhite ? 1 : 2;
      if (sort == last)
        segments.back().end = at + length;
      else
        segments.push_back({at, at + length, sort == 1});
      last = sort;
    });
  }
};

class ScriptSplitter : public Splitter {
 public:
  ScriptSplitter() : Splitter(Behavior::kRemoved) {}
  void cut(std::string_view text, std::vector<Segment>& segments) const override {
    unsigned last = 0;
    for_each_character(text, [&](std::uint32_t c, std::size_t at, unsigned length) {
      const unsigned now = script(c);
      const bool begins = now != 0 && now != last;
      if (now != 0) last = now;
      // What is of any script before all others is lost in the reference.
      if (begins || segments.empty())
        segments.push_back({at, at + length, !begins, true});
      else
        segments.back().end = at + length;
    });
  }
};

class LengthSplitter : public Splitter {
 public:
  explicit LengthSplitter(std::size_t characters) : Splitter(Behavior::kIsolated), characters_(characters) {}
  void cut(std::string_view text, std::vector<Segment>& segments) const override {
    std::size_t count = 0;
    for_each_character(text, [&](std::uint32_t, std::size_t at, unsigned length) {
      if (count++ % characters_ == 0)
        segments.push_back({at, at + length, false, true});
      else
        segments.back().end = at + length;
    });
  }

 private:
  std::size_t characters_;
};

template <class Test>
std::unique_ptr<Splitter> by_character(Test test, Behavior behavior) {
  return std::make_unique<CharacterSplitter<Test>>(test, behavior);
}

}  // namespace

void Splitter::join(const std::vector<Segment>& segments, std::vector<Range>& pieces) const {
  const std::size_t first = pieces.size();
  bool before = false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    const bool has_piece = pieces.size() > first;
    bool joins = false;
    if (drops(segment)) continue;
    if (behavior_ == Behavior::kContiguous) joins = segment.is_match == before && has_piece;
    if (behavior_ == Behavior::kMergedWithPrevious) joins = segment.is_match && !before && has_piece;
    if (behavior_ == Behavior::kMergedWithNext)
      joins = i > 0 && segments[i - 1].is_match && !segment.is_match;
    before = segment.is_match;
    if (joins)
      pieces.back().end = segment.end;
    else
      pieces.push_back({segment.begin, segment.end});
  }
}

std::unique_ptr<Splitter> split_at_flags(std::uint8_t wanted, Behavior behavior) {
  return by_character([wanted](std::uint32_t c) { return (flags(c) & wanted) != 0; }, behavior);
}
std::unique_ptr<Splitter> split_at_character(std::uint32_t wanted, Behavior behavior) {
  return by_character([wanted](std::uint32_t c) { return c == wanted; }, behavior);
}
std::unique_ptr<Splitter> split_at_pattern(Pattern pattern, bool invert, Behavior behavior) {
  return std::make_unique<PatternSplitter>(std::move(pattern), invert, behavior);
}
std::unique_ptr<Splitter> split_words() { return std::make_unique<WordSplitter>(); }
std::unique_ptr<Splitter> split_scripts() { return std::make_unique<ScriptSplitter>(); }
std::unique_ptr<Splitter> split_by_length(std::size_t characters) {
  return std::make_unique<LengthSplitter>(characters);
}

}  // namespace ciyuan::token::pipeline
