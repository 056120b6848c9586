#pragma once

/// The four normalization forms (UAX #15) with the reference's tables, and how its alignments count.

#include "token/pipeline/normalizer.h"

namespace ciyuan::token::pipeline {

class NormalizationForm : public Normalizer {
 public:
  NormalizationForm(bool compatible, bool composed) : compatible_(compatible), composed_(composed) {}
  void apply(Text& text, Cuts* cuts, Ends ends) const override;
  std::size_t growth() const override { return compatible_ ? 12 : 4; }

 private:
  bool begins_anew(std::uint32_t c) const;
  std::u32string decomposed(std::uint32_t c) const;
  void rewrite_segment(std::string_view segment, Rewrite& rewrite) const;
  bool compatible_, composed_;
};

/// Writes each byte as its character of GPT-2's alphabet.
void map_to_alphabet(Text& text, Cuts* cuts);
/// In front of a text that is not empty.
void prepend(Text& text, std::string_view front, Cuts* cuts);

}  // namespace ciyuan::token::pipeline
