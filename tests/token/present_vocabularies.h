#pragma once

/// A test for each vocabulary that is installed. Llama's need not be; golden_test.cc then shows a skip.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "token/vocabulary_set.h"

namespace ciyuan::token {

inline std::vector<std::string> present_vocabularies() { return VocabularySet::standard().present().value(); }

/// "qwen2.5" is no name of a test.
inline std::string vocabulary_test_name(const testing::TestParamInfo<std::string>& each) {
  std::string name = each.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

class PresentVocabulary : public testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Vocabulary> vocabulary = VocabularySet::standard().find(GetParam()).value();
};

}  // namespace ciyuan::token
