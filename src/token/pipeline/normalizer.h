#pragma once

/// The normalizers of a tokenizer.json, one after the other: each writes the text anew.
///
/// Source: github.com/huggingface/tokenizers, tokenizers/src/normalizers, which the tests compare with.
/// Threads: immutable.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/pipeline/text.h"

namespace ciyuan::token::pipeline {

/// What is known of a text's two ends.
struct Ends {
  bool continues = false;  ///< it goes on with what a stage has seen before
  bool goes_on = false;    ///< more of it follows: its end is none
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// `cuts`, if given, keep the places that remain places after this step.
  virtual void apply(Text& text, Cuts* cuts, Ends ends) const = 0;
  /// At most so many bytes come of one, but for `added()` more.
  virtual std::size_t growth() const { return 1; }
  virtual std::size_t added() const { return 0; }
};

using Normalizers = std::vector<std::unique_ptr<Normalizer>>;

constexpr std::size_t kStepsMax = 64;  ///< of a chain, sequences unrolled; published ones have at most 10
constexpr std::size_t kDepthMax = 8;   ///< of sequences in sequences

/// Appends the steps of `normalizer`; null adds none. kInvalid names the place.
Status read_normalizer(const Json& normalizer, const std::string& path, Normalizers& steps,
                       std::size_t depth = 0);

}  // namespace ciyuan::token::pipeline
