#pragma once

/// `ciyuan count`: what `wc` is for words, for tokens. The same figures as the gateway's, file by file.
///
///   CountOptions options;
///   options.inputs = {"docs", "src/*.cc", "-"};
///   options.tokenizers = {"o200k", "qwen3"};           // a column each
///   return run_count(options);
///
/// An input is a file, "-" (standard input), a pattern with * ? [ ] that names no file itself (for shells
/// that leave patterns alone), or a folder. A folder is walked through in order of names, without what is
/// hidden (a name that begins with a dot), what is no text (a zero byte among the first kLookForZeroBytes),
/// and links to folders. A file that is named is counted whatever it holds; bytes that are not UTF-8 count as
/// U+FFFD, as everywhere.
///
/// Files are read in parts: memory does not grow with their size. They are spread over threads: files, the
/// parts of a file (count_parts.h), the lines of JSON lines; the output keeps the order of the input. What
/// has no size (standard input, a pipe), and a file without borders known beforehand, is counted on one
/// thread as it comes: memory grows with its longest word, and a word of more than kWordBytesMax is refused.
///
/// With fields, inputs are JSON lines (of a folder, its .jsonl and .ndjson files), and what is counted is,
/// for each line, the text in each of the fields by itself. A line that is no JSON or lacks a field is named
/// by its number and left out; empty lines are passed over.
///
/// With a price file, each model has a column with what its tokens cost: the exact product, never rounded.

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"

namespace ciyuan::cli {

struct CountOptions {
  std::vector<std::string> inputs;  ///< none: standard input
  std::vector<std::string>
      tokenizers;  ///< names or aliases, a column each; none: kDefaultTokenizer, or models
  /// Models instead: NAME=TOKENIZER, a Model document of the price file, or one for `tokenizer_of_model`.
  std::vector<std::string> models;
  std::vector<std::string> fields;  ///< of JSON lines: messages.0.content, messages.*.content, /a/pointer
  bool each_line = false;           ///< a row for each JSON line, named FILE:NUMBER, instead of each file
  std::string price_file;           ///< documents (YAML or JSON) with one PriceBook; for models only
  std::string kind = "input";       ///< what the tokens are priced as
  bool json = false;  ///< one object a line: file, tokens (by name where there are several columns), bytes, …
  bool header = false;    ///< names above the columns, for people; always where there are several
  bool progress = false;  ///< a bar on `err` that renews itself, once the work takes longer than a second
  unsigned threads = 0;   ///< 0: one a core
  /// The tokenizer of a model the caller knows; without it, `model` is refused.
  std::function<Result<std::string>(std::string model)> tokenizer_of_model;
};

constexpr const char* kDefaultTokenizer = "o200k";
constexpr std::size_t kLookForZeroBytes = 8192;
/// No text has a word like this; a disk image of zeros has, and its tokens would take all memory.
constexpr std::size_t kWordBytesMax = 16 << 20;

/// Prints the counts to `out`, and to `err` a line for each input that could not be counted (the others still
/// are). 0 if all were counted, else 2.
int run_count(const CountOptions& options, std::istream& in, std::ostream& out, std::ostream& err);
/// The same on the program's standard streams; header and progress where they are terminals.
int run_count(const CountOptions& options);

}  // namespace ciyuan::cli
