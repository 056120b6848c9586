#include "token/internal/block_counter.h"

#include <cstdlib>
#include <string_view>

namespace ciyuan::token::internal {

bool has_tier(Tier tier) {
#if defined(__x86_64__)
  switch (tier) {
    case Tier::kPlain:
      return true;
    case Tier::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    case Tier::kAvx512:
      return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi") &&
             __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
  }
#endif
  return tier == Tier::kPlain;
}

Tier best_tier() {
  static const Tier best = [] {
    const char* named = std::getenv("CIYUAN_SIMD");
    const std::string_view wish = named == nullptr ? "" : named;
    if (wish == "plain") return Tier::kPlain;
    if (wish != "avx2" && has_tier(Tier::kAvx512)) return Tier::kAvx512;
    return has_tier(Tier::kAvx2) ? Tier::kAvx2 : Tier::kPlain;
  }();
  return best;
}

CountText block_counter(Tier tier, Pretokenizer family) {
  if (family == Pretokenizer::kRegex) return nullptr;  // the vocabulary's own expressions
  if (tier == Tier::kAvx512) return avx512_counter(family);
  if (tier == Tier::kAvx2) return avx2_counter(family);
  return nullptr;
}

}  // namespace ciyuan::token::internal
