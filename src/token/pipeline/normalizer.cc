#include "token/pipeline/normalizer.h"

#include <algorithm>

#include "base/bytes.h"
#include "token/pipeline/characters.h"
#include "token/pipeline/charsmap.h"
#include "token/pipeline/normalization_form.h"
#include "token/pipeline/pattern.h"
#include "token/pipeline/sentencepiece_steps.h"
#include "token/pipeline/settings.h"

namespace ciyuan::token::pipeline {
namespace {

bool is_white(std::uint32_t c) { return flags(c) & kWhite; }

/// Each character for itself, kept or not.
template <class Keep>
void keep_only(Text& text, Cuts* cuts, Keep keep) {
  const std::string from = text.bytes;
  std::size_t first_kept = from.size();
  bool is_changed = false;
  for_each_character(from, [&](std::uint32_t c, std::size_t at, unsigned) {
    if (!keep(c))
      is_changed = true;
    else
      first_kept = std::min(first_kept, at);
  });
  if (!is_changed) return;
  if (cuts) cuts->begin();
  Rewrite rewrite(text, first_kept);
  std::uint32_t last = 0;
  std::ptrdiff_t removed = 0;
  std::size_t kept = 0;
  const auto put_last = [&] {
    // A character stands for those that were taken away behind it.
    if (kept > 0) rewrite.put(last, -removed);
  };
  for_each_character(from, [&](std::uint32_t c, std::size_t at, unsigned length) {
    if (cuts) cuts->reach(at, kept);
    if (!keep(c)) {
      ++removed;
      return;
    }
    put_last();
    last = c, removed = 0;
    kept += length;
  });
  put_last();
  if (cuts) cuts->reach(from.size(), kept), cuts->end();
  rewrite.finish();
}

/// Each character for itself becomes others: map(c, put), which calls put(character, change).
template <class Map>
void map_each(Text& text, Cuts* cuts, Map map) {
  if (cuts) cuts->begin();
  Rewrite rewrite(text);
  const std::string from = text.bytes;
  for_each_character(from, [&](std::uint32_t c, std::size_t at, unsigned) {
    if (cuts) cuts->reach(at, rewrite.written());
    map(c, [&](std::uint32_t made, std::ptrdiff_t change) { rewrite.put(made, change); });
  });
  if (cuts) cuts->reach(from.size(), rewrite.written()), cuts->end();
  rewrite.finish();
}

class Lowercase : public Normalizer {
 public:
  void apply(Text& text, Cuts* cuts, Ends) const override {
    map_each(text, cuts, [](std::uint32_t c, auto put) {
      std::uint32_t second = 0;
      put(lowercase(c, second), 0);
      if (second != 0) put(second, 1);
    });
  }
  std::size_t growth() const override { return 3; }
};

class Filter : public Normalizer {
 public:
  explicit Filter(std::uint8_t removed) : removed_(removed) {}
  void apply(Text& text, Cuts* cuts, Ends) const override {
    keep_only(text, cuts, [this](std::uint32_t c) { return (flags(c) & removed_) == 0; });
  }

 private:
  std::uint8_t removed_;
};

/// BertNormalizer's second half of clean_text.
class CleanSpaces : public Normalizer {
 public:
  void apply(Text& text, Cuts* cuts, Ends) const override {
    map_each(text, cuts, [](std::uint32_t c, auto put) { put(flags(c) & kCleanedToSpace ? ' ' : c, 0); });
  }
};

class SpaceChinese : public Normalizer {
 public:
  void apply(Text& text, Cuts* cuts, Ends) const override {
    map_each(text, cuts, [](std::uint32_t c, auto put) {
      if (!is_chinese(c)) return put(c, 0);
      put(' ', 0), put(c, 1), put(' ', 1);
    });
  }
  std::size_t growth() const override { return 2; }

 private:
  static bool is_chinese(std::uint32_t c) {
    constexpr struct {
      std::uint32_t first, last;
    } kRanges[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
                   {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
    return std::any_of(std::begin(kRanges), std::end(kRanges),
                       [c](const auto& range) { return c >= range.first && c <= range.last; });
  }
};

class Nmt : public Normalizer {
 public:
  void apply(Text& text, Cuts* cuts, Ends) const override {
    keep_only(text, cuts, [](std::uint32_t c) {
      return !((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
               c == 0x9F);
    });
    map_each(text, cuts, [](std::uint32_t c, auto put) { put(is_space(c) ? ' ' : c, 0); });
  }

 private:
  static bool is_space(std::uint32_t c) {
    return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
  }
};

class ByteLevel : public Normalizer {
 public:
  void apply(Text& text, Cuts* cuts, Ends) const override { map_to_alphabet(text, cuts); }
  std::size_t growth() const override { return 2; }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(Text& text, Cuts* cuts, Ends ends) const override {
    const std::string from = text.bytes;
    if (cuts) cuts->filter([&](std::size_t here) { return !is_white(character_before(from, here)); });
    std::vector<std::uint32_t> characters;
    for_each_character(from, [&](std::uint32_t c, std::size_t, unsigned) { characters.push_back(c); });
    std::size_t leading = 0, trailing = 0;
    if (left_ && !ends.continues)
      while (leading < characters.size() && is_white(characters[leading])) ++leading;
    if (right_)
      while (trailing < characters.size() && is_white(characters[characters.size() - 1 - trailing]))
        ++trailing;
    if (leading == 0 && trailing == 0) return;
    std::size_t skipped = 0;
    for (std::size_t i = 0; i < leading; ++i) skipped += internal::character_length(from[skipped]);
    if (cuts) cuts->begin();
    Rewrite rewrite(text, skipped);
    const std::size_t count = characters.size();
    std::size_t at = skipped;
    for (std::size_t i = leading; i + trailing < count; ++i) {
      if (cuts) cuts->reach(at, rewrite.written());
      at += internal::character_length(from[at]);
      // The reference compares characters with bytes here: where a token ends depends on it.
      const bool takes_all = i + trailing + 1 == from.size();
      rewrite.put(characters[i], takes_all ? -static_cast<std::ptrdiff_t>(trailing) : 0);
    }
    if (cuts) cuts->reach(at, rewrite.written()), cuts->end();
    rewrite.finish();
  }

 private:
  bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string text) : text_(std::move(text)) {}
  void apply(Text& text, Cuts* cuts, Ends ends) const override {
    if (ends.continues || text.bytes.empty() || text_.empty()) return;
    prepend(text, text_, cuts);
  }
  std::size_t added() const override { return text_.size(); }

 private:
  std::string text_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(Text& text, Cuts* cuts, Ends) const override {
    const std::string from = text.bytes;
    if (cuts) {
      const std::size_t until = pattern_.final_until(std::string_view(from).substr(0, cuts->horizon()));
      cuts->filter([&](std::size_t here) { return here <= until; });
      std::vector<std::size_t> closed;
      for (const Cuts::Place& place : cuts->places()) closed.push_back(place.here);
      pattern_.keep_closed(from, closed);
      cuts->filter([&](std::size_t here) { return std::binary_search(closed.begin(), closed.end(), here); });
      cuts->begin();
    }
    Rewrite rewrite(text);
    for (std::size_t at = 0; at < from.size();) {
      const Pattern::Match match = pattern_.find(from, at);
      for (std::size_t border = at; cuts && border <= match.begin; ++border)
        cuts->reach(border, rewrite.written() + border - at);
      rewrite.copy(match.begin - at);
      if (match.end > match.begin) rewrite.replace(match.end - match.begin, content_);
      at = match.end;
    }
    // A place inside of what was replaced was passed over, and is none any more.
    if (cuts) cuts->reach(from.size(), rewrite.written()), cuts->end();
    rewrite.finish();
  }
  std::size_t growth() const override {
    return std::max<std::size_t>(1, (content_.size() + pattern_.least_size() - 1) / pattern_.least_size());
  }

 private:
  Pattern pattern_;
  std::string content_;
};

/// HF's Precompiled: a cluster of up to five bytes as a whole, others character by character.
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(std::shared_ptr<const Charsmap> map) : map_(std::move(map)) {}
  void apply(Text& text, Cuts* cuts, Ends) const override {
    const std::string from = text.bytes;
    if (cuts) {
      const std::size_t horizon = cuts->horizon();
      cuts->filter([&](std::size_t here) {
        return here < horizon &&
               ClusterBreaker::always_breaks(character_before(from, here), character_at(from, here));
      });
      cuts->begin();
    }
    Changes changes;
    ClusterBreaker breaker;
    std::size_t begin = 0;
    const auto end_cluster = [&](std::size_t end) {
      if (cuts) cuts->reach(begin, changes.bytes);
      add(std::string_view(from).substr(begin, end - begin), changes);
      begin = end;
    };
    for_each_character(from, [&](std::uint32_t c, std::size_t at, unsigned) {
      if (breaker.begins(c) && at > begin) end_cluster(at);
    });
    if (begin < from.size()) end_cluster(from.size());
    if (cuts) cuts->reach(from.size(), changes.bytes), cuts->end();
    if (!changes.is_changed) return;
    Rewrite rewrite(text);
    for (const auto& [c, change] : changes.list) rewrite.put(c, change);
    rewrite.finish();
  }
  std::size_t growth() const override { return std::max<std::size_t>(1, map_->growth_max()); }

 private:
  struct Changes {
    std::vector<std::pair<std::uint32_t, std::ptrdiff_t>> list;
    std::size_t bytes = 0;
    bool is_changed = false;
  };
  void add(std::string_view cluster, Changes& changes) const {
    constexpr std::size_t kWholeMax = 5;
    if (cluster.size() <= kWholeMax)
      if (const auto found = map_->shortest(cluster); found.length > 0)
        return add_mapped(cluster, found.becomes, changes);
    for_each_character(cluster, [&](std::uint32_t c, std::size_t at, unsigned length) {
      const std::string_view part = cluster.substr(at, length);
      if (const auto found = map_->shortest(part); found.length > 0)
        return add_mapped(part, found.becomes, changes);
      changes.list.emplace_back(c, 0);
      changes.bytes += length;
    });
  }
  static std::ptrdiff_t characters_of(std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return !internal::continues_character(c); });
  }
  static void add_mapped(std::string_view part, std::string_view becomes, Changes& changes) {
    changes.is_changed = true;
    changes.bytes += becomes.size();
    auto& list = changes.list;
    for_each_character(becomes, [&](std::uint32_t c, std::size_t, unsigned) { list.emplace_back(c, 0); });
    const std::ptrdiff_t grown = characters_of(becomes) - characters_of(part);
    for (std::ptrdiff_t i = 0; i < grown; ++i) list[list.size() - 1 - static_cast<std::size_t>(i)].second = 1;
    if (grown < 0 && !list.empty()) list.back().second += grown;
  }
  std::shared_ptr<const Charsmap> map_;
};

/// The steps of one that is not a sequence.
Status read_one(const std::string& type, const Json& normalizer, const std::string& path,
                Normalizers& steps) {
  for (const char* name : {"strip_left", "strip_right", "clean_text", "handle_chinese_chars", "lowercase"})
    if (!normalizer.value(name, Json(false)).is_boolean())
      return not_supported(path + "." + name, normalizer[name]);
  const auto flag = [&](const char* name, bool otherwise) { return normalizer.value(name, otherwise); };
  const auto text = [&](const char* name) -> Result<std::string> {
    const Json value = normalizer.value(name, Json());
    if (!value.is_string()) return not_supported(path + "." + name, value);
    return value.get<std::string>();
  };
  const auto form = [&](bool compatible, bool composed) {
    steps.push_back(std::make_unique<NormalizationForm>(compatible, composed));
  };
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD")
    return form(type.size() == 4, type.back() == 'C'), Status();
  if (type == "Lowercase") return steps.push_back(std::make_unique<Lowercase>()), Status();
  if (type == "StripAccents") return steps.push_back(std::make_unique<Filter>(kMark)), Status();
  if (type == "Nmt") return steps.push_back(std::make_unique<Nmt>()), Status();
  if (type == "ByteLevel") return steps.push_back(std::make_unique<ByteLevel>()), Status();
  if (type == "Strip") {
    steps.push_back(std::make_unique<Strip>(flag("strip_left", false), flag("strip_right", false)));
    return {};
  }
  if (type == "Prepend") {
    CIYUAN_TRY(std::string front, text("prepend"));
    return steps.push_back(std::make_unique<Prepend>(std::move(front))), Status();
  }
  if (type == "Replace") {
    CIYUAN_TRY(Pattern pattern, Pattern::read(normalizer.value("pattern", Json()), path + ".pattern"));
    CIYUAN_TRY(std::string content, text("content"));
    return steps.push_back(std::make_unique<Replace>(std::move(pattern), std::move(content))), Status();
  }
  if (type == "Precompiled") {
    CIYUAN_TRY(const std::string packed, text("precompiled_charsmap"));
    const auto blob = from_base64(packed);
    if (!blob.ok()) return invalid(path + ".precompiled_charsmap", "not base64");
    auto map = Charsmap::read(ciyuan::text_of(*blob));
    if (!map) return invalid(path + ".precompiled_charsmap", map.error().message);
    return steps.push_back(std::make_unique<Precompiled>(std::move(*map))), Status();
  }
  if (type == "SentencePiece") {
    CIYUAN_TRY(std::unique_ptr<Normalizer> made, make_sentencepiece_normalizer(normalizer, path));
    return steps.push_back(std::move(made)), Status();
  }
  if (type == "BertNormalizer") {
    const bool lower = flag("lowercase", true);
    const Json accents = normalizer.value("strip_accents", Json());
    if (!accents.is_null() && !accents.is_boolean()) return not_supported(path + ".strip_accents", accents);
    if (flag("clean_text", true)) {
      steps.push_back(std::make_unique<Filter>(kCleanedAway));
      steps.push_back(std::make_unique<CleanSpaces>());
    }
    if (flag("handle_chinese_chars", true)) steps.push_back(std::make_unique<SpaceChinese>());
    if (accents.is_null() ? lower : accents.get<bool>()) {
      form(false, false);
      steps.push_back(std::make_unique<Filter>(kNonspacing));
    }
    if (lower) steps.push_back(std::make_unique<Lowercase>());
    return {};
  }
  return not_supported(path, normalizer);
}

}  // namespace

Status read_normalizer(const Json& normalizer, const std::string& path, Normalizers& steps,
                       std::size_t depth) {
  if (normalizer.is_null()) return {};
  if (depth > kDepthMax)
    return invalid(path, "sequences in more than " + std::to_string(kDepthMax) + " others");
  const std::string type = type_of(normalizer);
  if (type != "Sequence") {
    CIYUAN_TRY_STATUS(read_one(type, normalizer, path, steps));
  } else {
    const Json list = normalizer.value("normalizers", Json());
    if (!list.is_array()) return not_supported(path + ".normalizers", list);
    for (std::size_t i = 0; i < list.size(); ++i)
      CIYUAN_TRY_STATUS(
          read_normalizer(list[i], path + ".normalizers[" + std::to_string(i) + "]", steps, depth + 1));
  }
  if (steps.size() > kStepsMax) return invalid(path, "more than " + std::to_string(kStepsMax) + " steps");
  return {};
}

}  // namespace ciyuan::token::pipeline
