#pragma once

/// Makes a vocabulary of ours out of a tokenizer that its publisher ships in a file of another kind, and
/// proves it.
///
///   ImportOptions options{.name = "mine"};
///   CIYUAN_TRY(std::string content, import_vocabulary(file, options));      // a vocabulary file, unpacked
///   CIYUAN_TRY(auto vocabulary, Vocabulary::parse(content));
///   CIYUAN_TRY(Proof proof, prove_vocabulary(*vocabulary, vectors));        // or refused
///   CIYUAN_TRY_STATUS(add_vocabulary(content, sha256_of_file, proof, user_vocabulary_folder()));
///
/// Kinds, told apart by content: tokenizer.json, tekken.json, *.tiktoken ranks, SentencePiece's *.model (BPE
/// and unigram), GGUF (byte-level BPE, and SentencePiece's BPE with byte fallback). What is in a file and
/// could not be done exactly is an error that names its place in the file: nothing is left out in silence.
/// The result depends on the input alone. What the fast engine can do (BPE of bytes, or of SentencePiece's
/// kind with byte fallback) is byte for byte what tools/import_vocabulary.py makes; all else goes to the
/// general one (pipeline/chain.h), of which Hugging Face's tokenizers and SentencePiece themselves are the
/// second opinion (tests/conformance/general).
///
/// Memory: some ten times the file. Time: seconds for 250,000 tokens. Any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "token/vocabulary.h"

namespace ciyuan::token {

constexpr std::size_t kImportBytesMax = 128 << 20;  ///< of a GGUF so much of its front is read

struct ImportOptions {
  std::string name;                                       ///< lower case, digits, ".", "_", "-"
  std::string pretokenizer;                               ///< by name; empty: the file tells
  std::vector<std::pair<std::string, TokenId>> specials;  ///< for files that do not tell theirs (ranks)
  bool whole_texts = false;  ///< a file's `truncation` is left out: texts are counted to their end
};

/// kInvalid, kTooLarge: the place in the file, and what is there.
Result<std::string> import_vocabulary(std::string_view file, const ImportOptions& options);

/// What a file says that has no part in counting a text: a line for people each. Nothing for files that are
/// no tokenizer.json.
std::vector<std::string> left_out(std::string_view file);

/// What was found to hold.
struct Proof {
  std::size_t tokens = 0;  ///< that decode to their bytes, and whose text survives encoding and decoding (of
                           ///< the general engine: whose text is counted as it is encoded)
  std::size_t specials = 0;  ///< whose text encodes to their id
  std::size_t vectors = 0;   ///< texts whose ids are the publisher's
};

/// `vectors`: lines of {"text": …, "ids": […]}, or one document with a list "vectors" of them; "mode":
/// "plain" takes special tokens for text, "framed" has what the post-processor puts round a text. Empty: only
/// what the vocabulary says of itself is tried. kCorrupt: the first that fails.
Result<Proof> prove_vocabulary(const Vocabulary& vocabulary, std::string_view vectors);

}  // namespace ciyuan::token
