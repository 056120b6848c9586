// Any bytes in any pieces: the count after each append is that of the whole so far, never above the bound,
// and the longest prefix keeps its promise. The first two bytes choose the vocabulary and the sizes of the
// pieces.

#include <cstdlib>
#include <string>

#include "growing.h"
#include "token/incremental_counter.h"
#include "token/vocabulary_set.h"

using namespace ciyuan;
using namespace ciyuan::token;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr const char* kNames[] = {"o200k",   "cl100k",     "qwen3",      "deepseek_v3",
                                           "smollm2", "mistral_v1", "mistral_v3", "tekken"};
  if (size < 3) return 0;
  const auto vocabulary = VocabularySet::standard().find(kNames[data[0] % std::size(kNames)]);
  if (!vocabulary.ok()) std::abort();
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  count_growing(*vocabulary, text, data[1]);
  return 0;
}
