#pragma once

/// What the readers of tokenizer.json share.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/import/raw_tokenizer.h"

namespace ciyuan::token::import {

using pipeline::not_supported;
using pipeline::type_of;
/// A member that must be absent, null, false or empty.
Status must_be_unset(const Json& object, const char* member, const std::string& path);

/// The id that `text` has in a list of tokens at `path`.
Result<std::uint32_t> token_id(const Json& id, const std::string& path, const std::string& text);

struct Merge {
  std::string left, right;
  std::uint32_t made = 0;
};
/// model.merges, of both notations; each joins two tokens of model.vocab, and makes one.
Result<std::vector<Merge>> merges_of(const Json& model);

/// added_tokens.
Status read_added(const Json& tree, RawTokenizer& raw);

}  // namespace ciyuan::token::import
