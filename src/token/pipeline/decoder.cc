#include "token/pipeline/decoder.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "token/internal/utf8_repair.h"
#include "token/pipeline/normalizer.h"
#include "token/pipeline/pattern.h"
#include "token/pipeline/sentencepiece_steps.h"
#include "token/pipeline/settings.h"
#include "token/pipeline/text.h"

namespace ciyuan::token::pipeline {
namespace {

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string made;
  // An empty text is found between all characters, as in Rust.
  if (what.empty()) {
    made += by;
    for_each_character(text, [&](std::uint32_t, std::size_t at, unsigned length) {
      made += text.substr(at, length);
      made += by;
    });
    return made;
  }
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(what, at);
    made += text.substr(at, found - at);
    if (found == text.npos) return made;
    made += by;
    at = found + what.size();
  }
}

std::string tidied(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [what, by] : kRules) text = replaced(text, what, by);
  return text;
}

class BpeSuffix : public Decoder {
 public:
  explicit BpeSuffix(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = replaced(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

class ByteLevel : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all, bytes;
    for (const std::string& token : tokens)
      all += token.empty() || bytes_of_alphabet(token, bytes) ? (token.empty() ? token : bytes) : token;
    std::string repaired;
    tokens = {std::string(internal::repaired_utf8(all, repaired))};
  }
};

class WordPiece : public Decoder {
 public:
  WordPiece(std::string prefix, bool tidies) : prefix_(std::move(prefix)), tidies_(tidies) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0)
        tokens[i] = tokens[i].starts_with(prefix_) ? tokens[i].substr(prefix_.size()) : " " + tokens[i];
      if (tidies_) tokens[i] = tidied(tokens[i]);
    }
  }

 private:
  std::string prefix_;
  bool tidies_;
};

class Metaspace : public Decoder {
 public:
  Metaspace(std::string sign, bool prepends) : sign_(std::move(sign)), prepends_(prepends) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = replaced(tokens[i], sign_, i == 0 && prepends_ ? "" : " ");
  }

 private:
  std::string sign_;
  bool prepends_;
};

class Ctc : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool tidies)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), tidies_(tidies) {}
  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      token = replaced(token, pad_, "");
      if (tidies_) token = replaced(tidied(token), delimiter_, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
  }

 private:
  std::string pad_, delimiter_;
  bool tidies_;
};

class Replace : public Decoder {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string made;
      for (std::size_t at = 0; at < token.size();) {
        const Pattern::Match match = pattern_.find(token, at);
        made.append(token, at, match.begin - at);
        if (match.end > match.begin) made += content_;
        at = match.end;
      }
      token = std::move(made);
    }
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Fuse : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens = {std::move(all)};
  }
};

class Strip : public Decoder {
 public:
  Strip(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view left = token;
      for (std::size_t i = 0; i < start_ && left.starts_with(content_); ++i)
        left.remove_prefix(content_.size());
      for (std::size_t i = 0; i < stop_ && left.ends_with(content_); ++i) left.remove_suffix(content_.size());
      token = std::string(left);
    }
  }

 private:
  std::string content_;
  std::size_t start_, stop_;
};

class ByteFallback : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> made;
    std::string bytes;
    const auto flush = [&] {
      if (is_utf8(bytes) && !bytes.empty())
        made.push_back(bytes);
      else
        made.insert(made.end(), bytes.size(), std::string(internal::kReplacement));
      bytes.clear();
    };
    for (std::string& token : tokens) {
      unsigned byte = 0;
      if (is_byte(token, byte)) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      made.push_back(std::move(token));
    }
    flush();
    tokens = std::move(made);
  }

 private:
  static bool is_byte(std::string_view token, unsigned& byte) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return false;
    // Rust's from_str_radix takes a sign.
    std::string_view digits = token.substr(3, 2);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size() && digits[0] != '-';
  }
};

Result<std::string> text_of(const Json& step, const char* name, const std::string& path) {
  const Json value = step.value(name, Json());
  if (!value.is_string()) return not_supported(path + "." + name, value);
  return value.get<std::string>();
}

Result<bool> flag_of(const Json& step, const char* name, const std::string& path) {
  const Json value = step.value(name, Json(true));
  if (!value.is_boolean()) return not_supported(path + "." + name, value);
  return value.get<bool>();
}

Status read_one(const std::string& type, const Json& step, const std::string& path, Decoders& steps) {
  if (type == "ByteLevel") return steps.push_back(std::make_unique<ByteLevel>()), Status();
  if (type == "Fuse") return steps.push_back(std::make_unique<Fuse>()), Status();
  if (type == "ByteFallback") return steps.push_back(std::make_unique<ByteFallback>()), Status();
  if (type == "SentencePiece") {
    CIYUAN_TRY(std::unique_ptr<Decoder> made, make_sentencepiece_decoder(step, path));
    return steps.push_back(std::move(made)), Status();
  }
  if (type == "BPEDecoder") {
    CIYUAN_TRY(std::string suffix, text_of(step, "suffix", path));
    return steps.push_back(std::make_unique<BpeSuffix>(std::move(suffix))), Status();
  }
  if (type == "WordPiece") {
    CIYUAN_TRY(std::string prefix, text_of(step, "prefix", path));
    CIYUAN_TRY(const bool tidies, flag_of(step, "cleanup", path));
    return steps.push_back(std::make_unique<WordPiece>(std::move(prefix), tidies)), Status();
  }
  if (type == "Metaspace") {
    CIYUAN_TRY(std::string sign, text_of(step, "replacement", path));
    if (sign.empty() || internal::character_length(sign[0]) != sign.size())
      return not_supported(path + ".replacement", step["replacement"]);
    const bool never = step.value("prepend_scheme", Json()) == "never";
    return steps.push_back(std::make_unique<Metaspace>(std::move(sign), !never)), Status();
  }
  if (type == "CTC") {
    CIYUAN_TRY(std::string pad, text_of(step, "pad_token", path));
    CIYUAN_TRY(std::string delimiter, text_of(step, "word_delimiter_token", path));
    CIYUAN_TRY(const bool tidies, flag_of(step, "cleanup", path));
    return steps.push_back(std::make_unique<Ctc>(std::move(pad), std::move(delimiter), tidies)), Status();
  }
  if (type == "Replace") {
    CIYUAN_TRY(Pattern pattern, Pattern::read(step.value("pattern", Json()), path + ".pattern"));
    CIYUAN_TRY(std::string content, text_of(step, "content", path));
    return steps.push_back(std::make_unique<Replace>(std::move(pattern), std::move(content))), Status();
  }
  if (type == "Strip") {
    CIYUAN_TRY(std::string content, text_of(step, "content", path));
    const Json start = step.value("start", Json()), stop = step.value("stop", Json());
    if (content.empty() || internal::character_length(content[0]) != content.size() ||
        !start.is_number_unsigned() || !stop.is_number_unsigned())
      return not_supported(path, step);
    steps.push_back(
        std::make_unique<Strip>(std::move(content), start.get<std::size_t>(), stop.get<std::size_t>()));
    return {};
  }
  return not_supported(path, step);
}

}  // namespace

Status read_decoder(const Json& decoder, const std::string& path, Decoders& steps, std::size_t depth) {
  if (decoder.is_null()) return {};
  if (depth > kDepthMax)
    return invalid(path, "sequences in more than " + std::to_string(kDepthMax) + " others");
  const std::string type = type_of(decoder);
  if (type != "Sequence") {
    CIYUAN_TRY_STATUS(read_one(type, decoder, path, steps));
  } else {
    const Json list = decoder.value("decoders", Json());
    if (!list.is_array()) return not_supported(path + ".decoders", list);
    for (std::size_t i = 0; i < list.size(); ++i)
      CIYUAN_TRY_STATUS(
          read_decoder(list[i], path + ".decoders[" + std::to_string(i) + "]", steps, depth + 1));
  }
  if (steps.size() > kStepsMax) return invalid(path, "more than " + std::to_string(kStepsMax) + " steps");
  return {};
}

}  // namespace ciyuan::token::pipeline
