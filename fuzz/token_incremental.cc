// Any bytes in any pieces: the count after each append is that of the whole so far, never above the bound,
// and the longest prefix keeps its promise. The first two bytes choose the vocabulary and the sizes of the
// pieces.

#include <cstdlib>
#include <string>

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
  std::uint32_t sizes = data[1];
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);

  IncrementalCounter counter(*vocabulary);
  for (std::size_t at = 0; at < text.size();) {
    sizes = sizes * 1664525 + 1013904223;
    const std::string_view delta = text.substr(at, 1 + (sizes >> 24) % 9);
    const Tokens limit{counter.count().value + (sizes >> 16) % 3};
    const std::size_t fits = counter.longest_prefix(delta, limit);
    if (fits > delta.size()) std::abort();
    if (fits > 0 && (*vocabulary)->count(text.substr(0, at + fits)) > limit) std::abort();
    counter.append(delta);
    at += delta.size();
    if (counter.count() != (*vocabulary)->count(text.substr(0, at))) std::abort();
    if (counter.count() > counter.upper_bound()) std::abort();
  }
  if (counter.count().value != static_cast<std::int64_t>((*vocabulary)->encode(text).size())) std::abort();
  return 0;
}
