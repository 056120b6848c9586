#pragma once

/// The decoders of a tokenizer.json: the texts of tokens become one text.
///
/// Source: github.com/huggingface/tokenizers, tokenizers/src/decoders. Threads: immutable.

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ciyuan::token::pipeline {

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

using Decoders = std::vector<std::unique_ptr<Decoder>>;

/// As read_normalizer. Without any step, tokens are joined with spaces.
Status read_decoder(const Json& decoder, const std::string& path, Decoders& steps, std::size_t depth = 0);

}  // namespace ciyuan::token::pipeline
