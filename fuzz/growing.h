#pragma once

/// A text that is counted as it grows, in pieces whose sizes the input chooses.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "token/incremental_counter.h"
#include "token/vocabulary.h"

namespace ciyuan::token {

/// Aborts where a count on the way, a bound, or the longest prefix under a limit is not what the whole says.
inline void count_growing(const std::shared_ptr<const Vocabulary>& vocabulary, std::string_view text,
                          std::uint32_t sizes) {
  IncrementalCounter counter(vocabulary);
  for (std::size_t at = 0; at < text.size();) {
    sizes = sizes * 1664525 + 1013904223;
    const std::string_view delta = text.substr(at, 1 + (sizes >> 24) % 9);
    const Tokens limit{counter.count().value + (sizes >> 16) % 3};
    const std::size_t fits = counter.longest_prefix(delta, limit);
    if (fits > delta.size()) std::abort();
    if (fits > 0 && vocabulary->count(text.substr(0, at + fits)) > limit) std::abort();
    counter.append(delta);
    at += delta.size();
    if (counter.count() != vocabulary->count(text.substr(0, at))) std::abort();
    if (counter.count() > counter.upper_bound() || counter.settled() > counter.count()) std::abort();
  }
  if (counter.count().value != static_cast<std::int64_t>(vocabulary->encode(text).size())) std::abort();
}

}  // namespace ciyuan::token
