#pragma once

/// What the same text costs in each language: tokens per 1,000 characters and per 1,000 bytes, and against a
/// base language, from texts whose lines say the same (line 7 of one is line 7 of the others).
///
///   CIYUAN_TRY(auto texts, read_parity_texts({"en=a.txt", "de=b.txt"}));
///   CIYUAN_TRY(ParityReport report, measure_parity(texts, {vocabulary}, {.base = "en"}));
///
/// Intervals: 95 %, percentile bootstrap over lines (Efron 1979). A resample draws the same lines from every
/// language, since they are translations of each other, so the relative cost's interval is the paired one.
/// Each line is counted by itself. The draws depend on the seed alone: the same texts give the same figures
/// anywhere.
///
/// Cost: resamples × lines × (languages × tokenizers) additions.

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "token/vocabulary.h"

namespace ciyuan::cli {

constexpr std::size_t kParityTextBytesMax = 256 << 20;
constexpr unsigned kResamplesMin = 100, kResamplesMax = 100'000;
constexpr double kConfidence = 0.95;

struct ParityText {
  std::string language;       ///< a tag: "en", "zh-Hans"
  std::string name, name_zh;  ///< for people, where the folder's manifest.json says them
  std::vector<std::string> lines;
};

/// Each input is LANGUAGE=FILE or a folder of LANGUAGE.txt files. kInvalid names the input and the rule:
/// UTF-8, the same number of lines in each, no language twice.
Result<std::vector<ParityText>> read_parity_texts(const std::vector<std::string>& inputs);

/// Takes out of every text the lines that are blank in any; says how many.
std::size_t leave_out_blank_lines(std::vector<ParityText>& texts);

/// How often each line is in a resample, and the next resample: as many draws as there are lines.
using LineWeights = std::vector<std::uint32_t>;
void draw_lines(std::mt19937_64& random, LineWeights& weights);

struct Interval {
  double value = 0, low = 0, high = 0;
};

struct ParityRow {
  std::size_t text = 0;  ///< its place among the texts
  std::string language, tokenizer;
  std::int64_t tokens = 0, characters = 0, bytes = 0;
  Interval per_1000_characters, per_1000_bytes;
  Interval relative;  ///< tokens over the base's tokens for the same lines
};

struct ParityOptions {
  std::string base;  ///< empty: "en" where it is, else the first text
  unsigned resamples = 1000;
  std::uint64_t seed = 1;
};

struct ParityReport {
  std::string base;
  std::size_t lines = 0;           ///< compared
  std::size_t lines_left_out = 0;  ///< empty in one language at least
  unsigned resamples = 0;
  std::uint64_t seed = 0;
  std::vector<ParityText> texts;  ///< the cheapest first, by the relative cost under the first tokenizer
  std::vector<std::string> tokenizers;  ///< as given
  std::vector<ParityRow> rows;          ///< text by text, tokenizer by tokenizer
};

/// kInvalid where the base is none of the texts, or nothing is left to compare.
Result<ParityReport> measure_parity(std::vector<ParityText> texts,
                                    const std::vector<std::shared_ptr<const token::Vocabulary>>& vocabularies,
                                    const ParityOptions& options);

Json parity_json(const ParityReport& report);

}  // namespace ciyuan::cli
