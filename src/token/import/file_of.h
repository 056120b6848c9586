#pragma once

#include <string>

#include "base/result.h"
#include "token/import/raw_tokenizer.h"

namespace ciyuan::token::import {

/// The vocabulary file (vocabulary_file.h), unpacked. kInvalid: a token of more than kTokenLengthMax bytes,
/// or two of the same. kTooLarge: more than kTokensMax.
Result<std::string> file_of(const std::string& name, const RawTokenizer& tokenizer);

}  // namespace ciyuan::token::import
