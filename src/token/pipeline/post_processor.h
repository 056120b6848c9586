#pragma once

/// The post-processors of a tokenizer.json: what is put round the tokens of one text, [CLS] and [SEP].
///
/// They are no part of the text, and no count has them but where they are asked for
/// (Vocabulary::encode_framed). Of pairs of texts nothing is read.
///
/// Source: github.com/huggingface/tokenizers, tokenizers/src/processors. Threads: immutable.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ciyuan::token::pipeline {

class PostProcessor {
 public:
  /// Null frames nothing. kInvalid names the place.
  static Result<PostProcessor> read(const Json& settings, const std::string& path);
  std::vector<std::uint32_t> framed(const std::vector<std::uint32_t>& text) const;

 private:
  static constexpr std::size_t kPartsMax = 1024;  ///< published ones have three
  using Parts = std::vector<std::optional<std::uint32_t>>;
  static Result<Parts> read_template(const Json& settings, const std::string& path);
  static Result<Parts> read_parts(const Json& settings, const std::string& path);
  Parts parts_{std::nullopt};  ///< ids; none stands for the text
};

}  // namespace ciyuan::token::pipeline
