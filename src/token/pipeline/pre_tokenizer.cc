#include "token/pipeline/pre_tokenizer.h"

#include <algorithm>
#include <span>

#include "token/pipeline/characters.h"
#include "token/pipeline/normalization_form.h"
#include "token/pipeline/normalizer.h"
#include "token/pipeline/settings.h"
#include "token/pipeline/splitter.h"

namespace ciyuan::token::pipeline {
namespace {

/// Writes each piece anew: change(text, cuts, is_first).
template <class Change>
void rewrite_pieces(Pieces& pieces, BorderSearch* search, Change change) {
  Pieces made;
  made.text.is_traced = pieces.text.is_traced;
  std::vector<Cuts::Place> places;
  std::size_t next = 0;
  for (std::size_t i = 0; i < pieces.ranges.size(); ++i) {
    const auto [begin, end] = pieces.ranges[i];
    Text part{pieces.text.bytes.substr(begin, end - begin), {}, pieces.text.is_traced};
    if (part.is_traced)
      part.spans.assign(pieces.text.spans.begin() + static_cast<std::ptrdiff_t>(begin),
                        pieces.text.spans.begin() + static_cast<std::ptrdiff_t>(end));
    Cuts cuts;
    if (search) {
      const auto& all = search->cuts.places();
      while (next < all.size() && all[next].here <= begin) ++next;
      for (; next < all.size() && all[next].here <= end; ++next) {
        cuts.places().push_back(all[next]);
        cuts.places().back().here -= begin;
      }
    }
    change(part, search ? &cuts : nullptr, i == 0);
    const std::size_t offset = made.text.bytes.size();
    for (Cuts::Place place : cuts.places()) {
      place.here += offset;
      places.push_back(place);
    }
    made.text.bytes += part.bytes;
    made.text.spans.insert(made.text.spans.end(), part.spans.begin(), part.spans.end());
    made.ranges.push_back({offset, made.text.bytes.size()});
  }
  pieces = std::move(made);
  if (search) search->cuts.places() = std::move(places);
}

class Metaspace : public PreTokenizer {
 public:
  enum class Scheme { kAlways, kFirst, kNever };
  Metaspace(std::string sign, Scheme scheme) : sign_(std::move(sign)), scheme_(scheme) {}
  void apply(Pieces& pieces, BorderSearch* search, bool continues, std::size_t) const override {
    rewrite_pieces(pieces, search, [&](Text& part, Cuts* cuts, bool is_first) {
      if (part.bytes.find(' ') != std::string::npos) write_spaces(part, cuts);
      if (scheme_ == Scheme::kNever || (is_first && continues) || part.bytes.starts_with(sign_)) return;
      if (scheme_ == Scheme::kFirst && part.spans[0].begin != 0) return;
      prepend(part, sign_, cuts);
    });
  }
  std::size_t growth() const override { return sign_.size(); }
  std::size_t added() const override { return sign_.size(); }
  bool asks_for_spans() const override { return scheme_ == Scheme::kFirst; }

 private:
  void write_spaces(Text& part, Cuts* cuts) const {
    const std::string from = part.bytes;
    if (cuts) cuts->begin();
    Rewrite rewrite(part);
    for (std::size_t at = 0; at < from.size(); ++at) {
      if (cuts) cuts->reach(at, rewrite.written());
      from[at] == ' ' ? rewrite.replace(1, sign_) : rewrite.copy(1);
    }
    if (cuts) cuts->reach(from.size(), rewrite.written()), cuts->end();
    rewrite.finish();
  }
  std::string sign_;
  Scheme scheme_;
};

/// ByteLevel's add_prefix_space.
class PrefixSpace : public PreTokenizer {
 public:
  void apply(Pieces& pieces, BorderSearch* search, bool continues, std::size_t) const override {
    rewrite_pieces(pieces, search, [&](Text& part, Cuts* cuts, bool is_first) {
      if (!(is_first && continues) && !part.bytes.starts_with(' ')) prepend(part, " ", cuts);
    });
  }
  std::size_t added() const override { return 1; }
};

class Alphabet : public PreTokenizer {
 public:
  void apply(Pieces& pieces, BorderSearch* search, bool, std::size_t) const override {
    rewrite_pieces(pieces, search, [](Text& part, Cuts* cuts, bool) { map_to_alphabet(part, cuts); });
  }
  std::size_t growth() const override { return 2; }
};

class Cutter : public PreTokenizer {
 public:
  explicit Cutter(std::unique_ptr<Splitter> splitter) : splitter_(std::move(splitter)) {}
  void apply(Pieces& pieces, BorderSearch* search, bool, std::size_t step) const override {
    std::vector<Range> made;
    std::vector<Segment> segments;
    Found found;
    made.reserve(pieces.ranges.size());
    for (const Range range : pieces.ranges) {
      const std::size_t first = made.size();
      segments.clear();
      const std::string_view part =
          std::string_view(pieces.text.bytes).substr(range.begin, range.end - range.begin);
      splitter_->cut(part, segments);
      splitter_->join(segments, made);
      for (std::size_t i = first; i < made.size(); ++i)
        made[i].begin += range.begin, made[i].end += range.begin;
      if (search)
        look(part, range.begin, segments, {made.begin() + static_cast<std::ptrdiff_t>(first), made.end()},
             search->cuts, found);
    }
    if (search) {
      search->cuts.places() = std::move(found.kept);
      if (found.border) search->found(*found.border, step);
    }
    pieces.ranges = std::move(made);
  }

 private:
  struct Found {
    std::vector<Cuts::Place> kept;
    std::optional<Cuts::Place> border;
    std::size_t next = 0;
  };
  /// The places in one piece, which begins at `offset`.
  void look(std::string_view part, std::size_t offset, const std::vector<Segment>& segments,
            std::span<const Range> made, const Cuts& cuts, Found& found) const {
    const auto& places = cuts.places();
    while (found.next < places.size() && places[found.next].here <= offset) ++found.next;
    if (found.next == places.size() || places[found.next].here > offset + part.size()) return;
    const std::size_t horizon = std::min(cuts.horizon() - offset, part.size());
    const std::size_t until = splitter_->final_until(part.substr(0, horizon));
    // The places that are not inside of a match.
    std::vector<std::size_t> closed;
    std::size_t segment = 0, piece = 0;
    const std::size_t first = found.next;
    for (; found.next < places.size() && places[found.next].here <= offset + part.size(); ++found.next) {
      const std::size_t here = places[found.next].here - offset;
      if (here > until) continue;
      while (segments[segment].end < here) ++segment;
      if (segments[segment].end == here || !segments[segment].is_whole) closed.push_back(here);
    }
    splitter_->keep_closed(part, closed);
    segment = 0;
    for (std::size_t i = first; i < found.next; ++i) {
      Cuts::Place place = places[i];
      const std::size_t here = place.here - offset;
      if (!std::binary_search(closed.begin(), closed.end(), here)) continue;
      while (piece < made.size() && made[piece].end < place.here) ++piece;
      const bool is_edge =
          piece == made.size() || made[piece].end == place.here || made[piece].begin >= place.here;
      if (is_edge && here < until) found.border = place;
      place.is_inside = place.is_inside && !is_edge && here < until;
      found.kept.push_back(place);
    }
  }
  std::unique_ptr<Splitter> splitter_;
};

void add(PreTokenizers& steps, std::unique_ptr<Splitter> splitter) {
  steps.push_back(std::make_unique<Cutter>(std::move(splitter)));
}

Result<Behavior> behavior_of(const Json& step, const std::string& path, const char* otherwise) {
  const Json name = step.value("behavior", Json(otherwise));
  constexpr std::pair<std::string_view, Behavior> kNames[] = {
      {"Removed", Behavior::kRemoved},
      {"Isolated", Behavior::kIsolated},
      {"MergedWithPrevious", Behavior::kMergedWithPrevious},
      {"MergedWithNext", Behavior::kMergedWithNext},
      {"Contiguous", Behavior::kContiguous}};
  for (const auto& [known, behavior] : kNames)
    if (name == known) return behavior;
  return not_supported(path + ".behavior", name);
}

Result<bool> flag_of(const Json& step, const char* name, bool otherwise, const std::string& path) {
  const Json flag = step.value(name, Json(otherwise));
  if (!flag.is_boolean()) return not_supported(path + "." + name, flag);
  return flag.get<bool>();
}

Result<std::string> character_of(const Json& step, const char* name, const std::string& path) {
  const Json text = step.value(name, Json());
  if (!text.is_string() || text == "" ||
      internal::character_length(text.get_ref<const std::string&>()[0]) !=
          text.get_ref<const std::string&>().size())
    return not_supported(path + "." + name, text);
  return text.get<std::string>();
}

Status read_metaspace(const Json& step, const std::string& path, PreTokenizers& steps) {
  CIYUAN_TRY(const std::string sign, character_of(step, "replacement", path));
  CIYUAN_TRY(const bool adds, flag_of(step, "add_prefix_space", true, path));
  std::string scheme = "always";
  if (const Json named = step.value("prepend_scheme", Json("always")); named.is_string()) scheme = named;
  // The reference refuses a file in which the two disagree.
  if ((!adds && scheme != "never") || (scheme != "never" && scheme != "first" && scheme != "always"))
    return not_supported(path + ".prepend_scheme", step.value("prepend_scheme", Json()));
  const auto kind = scheme == "never"   ? Metaspace::Scheme::kNever
                    : scheme == "first" ? Metaspace::Scheme::kFirst
                                        : Metaspace::Scheme::kAlways;
  steps.push_back(std::make_unique<Metaspace>(sign, kind));
  const Json split = step.value("split", Json());
  if (!split.is_null() && !split.is_boolean()) return not_supported(path + ".split", split);
  if (split.is_null() || split.get<bool>())
    add(steps, split_at_character(character_at(sign, 0), Behavior::kMergedWithNext));
  return {};
}

Status read_byte_level(const Json& step, const std::string& path, PreTokenizers& steps) {
  constexpr std::string_view kWords =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  CIYUAN_TRY(const bool adds, flag_of(step, "add_prefix_space", true, path));
  CIYUAN_TRY(const bool cuts, flag_of(step, "use_regex", true, path));
  if (adds) steps.push_back(std::make_unique<PrefixSpace>());
  if (cuts) {
    CIYUAN_TRY(Pattern words, Pattern::read(Json{{"Regex", kWords}}, path));
    add(steps, split_at_pattern(std::move(words), false, Behavior::kIsolated));
  }
  steps.push_back(std::make_unique<Alphabet>());
  return {};
}

Status read_one(const std::string& type, const Json& step, const std::string& path, PreTokenizers& steps) {
  if (type == "Metaspace") return read_metaspace(step, path, steps);
  if (type == "ByteLevel") return read_byte_level(step, path, steps);
  if (type == "BertPreTokenizer") {
    add(steps, split_at_flags(kWhite, Behavior::kRemoved));
    return add(steps, split_at_flags(kPunctuation, Behavior::kIsolated)), Status();
  }
  if (type == "Whitespace") return add(steps, split_words()), Status();
  if (type == "WhitespaceSplit") return add(steps, split_at_flags(kWhite, Behavior::kRemoved)), Status();
  if (type == "UnicodeScripts") return add(steps, split_scripts()), Status();
  if (type == "Punctuation") {
    CIYUAN_TRY(const Behavior behavior, behavior_of(step, path, "Isolated"));
    return add(steps, split_at_flags(kPunctuation, behavior)), Status();
  }
  if (type == "Digits") {
    CIYUAN_TRY(const bool alone, flag_of(step, "individual_digits", false, path));
    return add(steps, split_at_flags(kNumeric, alone ? Behavior::kIsolated : Behavior::kContiguous)),
           Status();
  }
  if (type == "CharDelimiterSplit") {
    CIYUAN_TRY(const std::string delimiter, character_of(step, "delimiter", path));
    return add(steps, split_at_character(character_at(delimiter, 0), Behavior::kRemoved)), Status();
  }
  if (type == "Split") {
    CIYUAN_TRY(Pattern pattern, Pattern::read(step.value("pattern", Json()), path + ".pattern"));
    CIYUAN_TRY(const Behavior behavior, behavior_of(step, path, ""));
    CIYUAN_TRY(const bool invert, flag_of(step, "invert", false, path));
    return add(steps, split_at_pattern(std::move(pattern), invert, behavior)), Status();
  }
  if (type == "FixedLength") {
    const Json length = step.value("length", Json(5));
    if (!length.is_number_unsigned() || length == 0) return not_supported(path + ".length", length);
    return add(steps, split_by_length(length.get<std::size_t>())), Status();
  }
  return not_supported(path, step);
}

}  // namespace

void BorderSearch::found(const Cuts::Place& place, std::size_t step) {
  last = Border{place.original, step};
  std::erase_if(cuts.places(), [&](const Cuts::Place& other) { return other.original <= place.original; });
}

Status read_pre_tokenizer(const Json& pre_tokenizer, const std::string& path, PreTokenizers& steps,
                          std::size_t depth) {
  if (pre_tokenizer.is_null()) return {};
  if (depth > kDepthMax)
    return invalid(path, "sequences in more than " + std::to_string(kDepthMax) + " others");
  const std::string type = type_of(pre_tokenizer);
  if (type != "Sequence") {
    CIYUAN_TRY_STATUS(read_one(type, pre_tokenizer, path, steps));
  } else {
    const Json list = pre_tokenizer.value("pretokenizers", Json());
    if (!list.is_array()) return not_supported(path + ".pretokenizers", list);
    for (std::size_t i = 0; i < list.size(); ++i)
      CIYUAN_TRY_STATUS(
          read_pre_tokenizer(list[i], path + ".pretokenizers[" + std::to_string(i) + "]", steps, depth + 1));
  }
  if (steps.size() > kStepsMax) return invalid(path, "more than " + std::to_string(kStepsMax) + " steps");
  return {};
}

}  // namespace ciyuan::token::pipeline
