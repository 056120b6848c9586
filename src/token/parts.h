#pragma once

/// Counting a long text in parts, so that several threads can: the sum is the count of the whole.
///
///   if (is_border(*vocabulary, text, at))
///     total = count_part(*vocabulary, text.substr(0, at), true) + count_part(*vocabulary, text.substr(at),
///     false);
///
/// A border is a place before or after a line feed where, whatever stands further away, one pretoken ends and
/// another begins, normalization joins nothing, and no token kept whole lies across:
///
///   letter of ASCII │ line feed          no family's word takes a line feed
///   no white space, line feed │ letter   none begins a word with it, and one alone is cut the same at the
///   end
///
/// (Of several line feeds GPT-2 leaves the last one apart if text follows: there is no border behind them.)
/// Of SentencePiece's families it is a border if no token holds the one character followed by the other.
/// Vocabularies with expressions of their own and general tokenizers have no borders known beforehand.
///
/// Any thread.

#include <cstddef>
#include <string_view>

#include "token/vocabulary.h"

namespace ciyuan::token {

/// Whether the vocabulary has borders at all.
bool has_borders(const Vocabulary& vocabulary);

/// So many bytes on both sides of a place are looked at.
constexpr std::size_t kBorderReach = 4;

/// Whether `text` can be cut before its byte `at`. `text` may be any part of a longer one that reaches
/// kBorderReach bytes to both sides: nearer to its ends there is no border.
bool is_border(const Vocabulary& vocabulary, std::string_view text, std::size_t at);

/// Tokens between two borders. `is_first`: the part is the text's beginning, where a vocabulary may add a
/// space.
Tokens count_part(const Vocabulary& vocabulary, std::string_view part, bool is_first);

}  // namespace ciyuan::token
