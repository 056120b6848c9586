#pragma once

/// Counting a text 64 bytes at a time: the fast road of Engine::count.
///
/// A block's bytes become bit masks, one for each class of character; a few dozen operations on these 64-bit
/// words find where the pretokens of the block begin (block_rules.h), which is what the matchers of matcher.h
/// find character by character. The next block begins where the last pretoken of this one does: a matcher
/// looks only forward, so that no state has to be carried over. What the masks cannot decide (a rare class, a
/// pretoken longer than a block) the matcher decides, for one pretoken. Pieces then are looked up in the
/// vocabulary's table; between Chinese and Japanese characters they are cut where no token crosses.
///
/// The tiers differ in how wide they look, never in what they find; tests/token/block_test.cc holds each
/// against the matchers.

#include <cstdint>

#include "token/internal/pretokenizer.h"

namespace ciyuan::token::internal {

class Engine;

/// Tokens of prepared, well-formed text.
using CountText = std::uint64_t (*)(const Engine& engine, const char* begin, const char* end);

enum class Tier : std::uint8_t { kPlain, kAvx2, kAvx512 };

/// The best this processor has, or the one that the environment variable CIYUAN_SIMD names, if it has that:
/// plain, avx2, avx512.
Tier best_tier();
bool has_tier(Tier tier);
/// Null: this tier does nothing for this family, the matchers count.
CountText block_counter(Tier tier, Pretokenizer family);

CountText avx2_counter(Pretokenizer family);
CountText avx512_counter(Pretokenizer family);

}  // namespace ciyuan::token::internal
