#pragma once

/// The pre_tokenizers of a tokenizer.json: each cuts the pieces that the ones before it left, and some write
/// them anew.
///
/// Source: github.com/huggingface/tokenizers, tokenizers/src/pre_tokenizers and NormalizedString::split.
/// Threads: immutable.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/pipeline/text.h"

namespace ciyuan::token::pipeline {

struct Range {
  std::size_t begin = 0, end = 0;
};

/// A text in pieces; what no piece holds is gone.
struct Pieces {
  Text text;
  std::vector<Range> ranges;
};

/// Looks for a place to begin anew, beside a cutting: the last border that is one whatever follows.
struct BorderSearch {
  Cuts cuts;  ///< of the pieces after it
  struct Border {
    std::size_t original = 0;
    std::size_t step = 0;
  };
  std::optional<Border> last;

  /// The places up to here are of no use any more.
  void found(const Cuts::Place& place, std::size_t step);
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// `continues`: the first piece goes on with one that this step has seen. `step`: its number, for the
  /// search.
  virtual void apply(Pieces& pieces, BorderSearch* search, bool continues, std::size_t step) const = 0;
  virtual std::size_t growth() const { return 1; }
  virtual std::size_t added() const { return 0; }
  /// Whether it asks where in the original a piece begins.
  virtual bool asks_for_spans() const { return false; }
};

using PreTokenizers = std::vector<std::unique_ptr<PreTokenizer>>;

/// As read_normalizer.
Status read_pre_tokenizer(const Json& pre_tokenizer, const std::string& path, PreTokenizers& steps,
                          std::size_t depth = 0);

}  // namespace ciyuan::token::pipeline
