#pragma once

/// What `tokenizer.ggml.pre` of a GGUF file means: how llama.cpp cuts text of that name.
///
/// Source: github.com/ggml-org/llama.cpp, src/llama-vocab.cpp (llm_tokenizer_bpe, and the names in load), as
/// in PyPI llama-cpp-python 0.3.36, read 2026-12-01. tests/conformance/gguf holds the result against the ids
/// that llama.cpp publishes. Names are left out where a step is code of its own and no expression (afmoe),
/// looks behind or at word borders (tiny_aya), or works on text that is not bytes in GPT-2's alphabet
/// (gemma4, sarvam-moe).

#include <string>
#include <string_view>
#include <vector>

namespace ciyuan::token::import {

struct GgufPre {
  std::string pretokenizer;              ///< a name of internal/pretokenizer.h
  std::vector<std::string> expressions;  ///< for "regex"
  bool nfc = false;                      ///< llama.cpp never normalises; these models' own tokenizers do
  bool whole_piece = false;              ///< "ignore_merges"
};

/// Null: the name is not known, or left out.
const GgufPre* gguf_pre(std::string_view name);

}  // namespace ciyuan::token::import
