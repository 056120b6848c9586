#pragma once

/// What one run of `ciyuan count` counts by: its columns, each a tokenizer or a model, and the models'
/// prices.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/amount.h"
#include "base/kind.h"
#include "cli/count.h"
#include "cli/internal/json_lines.h"
#include "price/book.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {

struct Column {
  std::string name;            ///< the model's, else the tokenizer's
  std::size_t vocabulary = 0;  ///< its place in CountPlan::vocabularies
  std::optional<price::Rates> rates;
};

struct CountPlan {
  std::vector<std::shared_ptr<const token::Vocabulary>> vocabularies;  ///< each once
  std::vector<Column> columns;                                         ///< at least one
  std::vector<FieldPath> fields;                                       ///< none: whole texts
  Kind kind = Kind::kInput;
  std::string currency;            ///< empty: no prices
  std::vector<std::string> notes;  ///< for people: what is right but may not be meant

  const std::string& tokenizer_of(const Column& column) const {
    return vocabularies[column.vocabulary]->name();
  }
  /// What the tokens cost by the column's rates, exactly; kTooLarge beyond 128 bits.
  Result<Amount> cost(const Column& column, token::Tokens tokens) const;
};

/// Errors name the option, its value and the rule.
Result<CountPlan> plan_count(const CountOptions& options);

}  // namespace ciyuan::cli
