#pragma once

/// The same as the fast parts, by obvious code: regular expressions for cutting, a map and a loop for
/// joining.

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "token/internal/pretokenizer.h"
#include "token/internal/unicode.h"
#include "token/vocabulary_file.h"

namespace ciyuan::token {

class SlowExpression {
 public:
  explicit SlowExpression(std::string_view pattern) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY, &code, &offset, nullptr);
    if (!code_) throw std::runtime_error("a pattern that does not compile");
    data_ = pcre2_match_data_create_from_pattern(code_, nullptr);
  }
  ~SlowExpression() {
    pcre2_match_data_free(data_);
    pcre2_code_free(code_);
  }
  SlowExpression(const SlowExpression&) = delete;
  SlowExpression& operator=(const SlowExpression&) = delete;

  bool matches_all(std::string_view text) const {
    const auto found = find(text, 0);
    return found.first == 0 && found.second == text.size();
  }

  /// Hugging Face's Split with "Isolated": the matches, and what is between them.
  std::vector<std::string_view> isolate(std::string_view text) const {
    std::vector<std::string_view> parts;
    std::size_t at = 0;
    while (at < text.size()) {
      const auto [begin, end] = find(text, at);
      if (begin > at) parts.push_back(text.substr(at, begin - at));
      if (end > begin) parts.push_back(text.substr(begin, end - begin));
      at = end;
    }
    return parts;
  }

 private:
  std::pair<std::size_t, std::size_t> find(std::string_view text, std::size_t from) const {
    const int rc = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                               PCRE2_NO_UTF_CHECK, data_, nullptr);
    if (rc < 0) return {text.size(), text.size()};
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data_);
    return {range[0], range[1]};
  }

  pcre2_code* code_;
  pcre2_match_data* data_;
};

/// Pretokens by the published expressions.
class SlowPretokenizer {
 public:
  explicit SlowPretokenizer(internal::Pretokenizer family) {
    using enum internal::Pretokenizer;
    const std::string qwen_head = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)";
    const std::string qwen_tail = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    const std::string u = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])", v = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
    const std::string suffix = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)", head = R"([^\r\n\p{L}\p{N}]?)";
    switch (family) {
      case kO200k:
        add(head + u + "*" + v + "+" + suffix + "|" + head + u + "+" + v + "*" + suffix +
            R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        break;
      case kCl100k:
        add(R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|)"
            R"(\s*[\r\n]|\s+(?!\S)|\s)");
        break;
      case kQwen2:
        add(qwen_head + R"(\p{N})" + qwen_tail);
        break;
      case kLlama3:
        add(qwen_head + R"(\p{N}{1,3})" + qwen_tail);
        break;
      case kDeepseekV3:
        add(R"(\p{N}{1,3})");
        add(R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)");
        add(R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
            R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        break;
      case kGpt2:
        add(R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)");
        break;
      case kQwen35:
        add(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)"
            R"(|\s*[\r\n]+|\s+(?!\S)|\s+)");
        break;
      case kTekken:
        add(head + u + "*" + v + "+|" + head + u + "+" + v +
            R"(*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        break;
      case kKimiK2: {  // [X&&[^\p{Han}]] in PCRE2's words
        const std::string k = R"((?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]))";
        const std::string l = R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}]))";
        add(R"([\p{Han}]+|)" + head + k + "*" + l + "+" + suffix + "|" + head + k + "+" + l + "*" + suffix +
            R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        break;
      }
      case kSmollm2:
        add(R"(\p{N})");
        add(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
        break;
      case kRegex:  // has its own test, against these
      case kSentencePiece:
        break;  // has none
    }
  }

  std::vector<std::string> cut(std::string_view text) const {
    std::vector<std::string_view> parts{text};
    for (const auto& step : steps_) {
      std::vector<std::string_view> smaller;
      for (std::string_view part : parts) {
        for (std::string_view piece : step->isolate(part)) smaller.push_back(piece);
      }
      parts = std::move(smaller);
    }
    return {parts.begin(), parts.end()};
  }

 private:
  void add(const std::string& pattern) { steps_.push_back(std::make_unique<SlowExpression>(pattern)); }
  std::vector<std::unique_ptr<SlowExpression>> steps_;
};

/// Joins by trying every pair, again and again.
class SlowBpe {
 public:
  explicit SlowBpe(const internal::Bpe::Source& source)
      : whole_piece_(source.whole_piece), byte_tokens_(source.byte_tokens) {
    std::size_t offset = 0, split = 0;
    for (std::uint32_t id = 0; id < source.lengths.size(); ++id) {
      const std::string token = source.bytes.substr(offset, source.lengths[id]);
      offset += source.lengths[id];
      if (!token.empty()) ids_[token] = id;
      for (int n = 0; n < source.split_counts[id]; ++n, ++split) {
        const std::size_t left = source.splits[split];
        ranks_.emplace(std::pair{token.substr(0, left), token.substr(left)},
                       !source.priorities.empty() ? source.priorities[split]
                       : source.priority_is_token ? id
                                                  : split);
      }
    }
  }

  std::vector<TokenId> encode(const std::string& piece) const {
    if (whole_piece_ && ids_.count(piece)) return {ids_.at(piece)};
    std::vector<std::string> parts;
    for (std::size_t at = 0, length = 1; at < piece.size(); at += length) {
      if (!byte_tokens_.empty()) length = internal::character_length(piece[at]);
      if (!byte_tokens_.empty() || ids_.count(piece.substr(at, length)))
        parts.push_back(piece.substr(at, length));
    }
    for (;;) {
      std::size_t best = parts.size(), best_rank = static_cast<std::size_t>(-1);
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto found = ranks_.find({parts[i], parts[i + 1]});
        if (found != ranks_.end() && found->second < best_rank) best = i, best_rank = found->second;
      }
      if (best == parts.size()) break;
      parts[best] += parts[best + 1];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    std::vector<TokenId> ids;
    for (const std::string& part : parts) {
      if (const auto known = ids_.find(part); known != ids_.end()) {
        ids.push_back(known->second);
        continue;
      }
      for (const char byte : part) ids.push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
    }
    return ids;
  }

 private:
  bool whole_piece_;
  std::vector<TokenId> byte_tokens_;
  std::map<std::string, TokenId> ids_;
  std::map<std::pair<std::string, std::string>, std::size_t> ranks_;
};

}  // namespace ciyuan::token
