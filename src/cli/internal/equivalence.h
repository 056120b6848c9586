#pragma once

/// Tables of equivalence as files, and how one is made: for `ciyuan equivalence make`, check, sign and diff.
///
/// Texts are counted line by line. A resample draws as many lines as there are, with replacement, the same
/// lines from every text (they are translations of each other) and for every model; low and high are the
/// ratios at 2.5 and 97.5 in 100 of the resamples' ratios in order, widened to hold the middle. Ratios are
/// compared as fractions and rounded once, half up at six decimals: no floating point has a part in them.
///
/// Cost: resamples × lines × models additions, and one sort of the resamples for each model.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/internal/parity.h"
#include "contract/document.h"
#include "measure/equivalence.h"

namespace ciyuan::cli {

struct EquivalenceRequest {
  measure::EquivalenceBasis basis = measure::EquivalenceBasis::kIdentity;
  std::string name, version = "1", date, source;
  std::string provider, consumer, from, until;              ///< may be empty
  std::vector<std::pair<std::string, std::string>> models;  ///< name, and tokenizer where texts are counted

  // Of bases that count texts.
  std::string tokenizer;          ///< the reference
  measure::UnitWeights weights;   ///< empty: those of the shipped methods
  std::vector<ParityText> texts;  ///< of the same number of lines
  unsigned resamples = 1000;
  std::uint64_t seed = 1;

  std::optional<contract::Document> book;  ///< of a price ratio
  std::string reference;                   ///< model of a price ratio or a capacity
  std::string hardware;
  /// Tokens a second, or Ciyuan: by model, or for one kind of a model's tokens.
  struct Declared {
    std::string model, kind;  ///< kind empty: all that have no figures of their own
    measure::Figures figures;
  };
  std::vector<Declared> declared;
};

/// An Equivalence document that its own reader takes. kInvalid names the option at fault.
Result<Json> make_equivalence(const EquivalenceRequest& request);

/// Makes low and high again of a table that counts texts, which holds the texts' digests and not the texts.
/// kInvalid: a figure is another one (path: its JSON pointer). kNotFound: a text is none of `texts` or is
/// another there (path: "/corpus/texts/N"), a tokenizer is not here, or the table does not say how they were
/// made.
Status check_interval(const Json& table, const std::vector<ParityText>& texts);
bool counts_texts(measure::EquivalenceBasis basis);

/// "2", or "1.5/2/2.25" for low, middle and high.
Result<measure::Figures> figures_in(const std::string& text);

struct EquivalenceFile {
  std::string file;
  contract::Document document;
  measure::Equivalence table;
};
struct EquivalenceFiles {
  std::vector<EquivalenceFile> tables;
  std::vector<Error> errors;
};
EquivalenceFiles read_equivalences(const std::string& file);

}  // namespace ciyuan::cli
