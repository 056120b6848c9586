#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "token/pipeline/chain.h"

namespace ciyuan::token::import {

/// Any tokenizer.json, for the general tokenizer (pipeline/chain.h). kInvalid names the place. What only says
/// how long an input may be (truncation, padding) is no part of a tokenizer, and what a post_processor adds
/// is not text: it is kept, and counted by nobody.
Result<pipeline::ChainParts> read_chain_json(const Json& tree);

/// The vocabulary file (vocabulary_file.h), unpacked; the parts have been tried out.
Result<std::string> chain_file_of(const std::string& name, const pipeline::ChainParts& parts);

}  // namespace ciyuan::token::import
