/// How a table of equivalence comes about, basis by basis.

#include <algorithm>
#include <random>
#include <set>

#include "base/crypto.h"
#include "base/file.h"
#include "cli/internal/equivalence.h"
#include "measure/plain_counter.h"
#include "price/book.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using measure::EquivalenceBasis;
using measure::Figures;
using measure::kEquivalenceScale;
using measure::Value;

using Series = std::vector<std::int64_t>;  // a figure for each line

constexpr std::size_t kPerMille = 1000, kTailPerMille = 25;  // 2.5 in 100 at each end

std::string decimal(Amount amount) { return format_decimal(amount, kEquivalenceScale); }

void put_figures(Json& row, const Figures& figures) {
  for (Value value : measure::kAllValues)
    row[std::string(name_of(value))] = decimal(figures[static_cast<std::size_t>(value)]);
}

// What a unit weighs where nobody says: as in the shipped methods bytes-v1 and characters-v1.
measure::UnitWeights weights_for(const EquivalenceRequest& request) {
  if (!request.weights.empty()) return request.weights;
  switch (request.basis) {
    case EquivalenceBasis::kBytes:
      return {{"bytes", Amount(250'000)}};
    case EquivalenceBasis::kHanCharacters:
      return {{"han", Amount(600'000)}, {"other", Amount(300'000)}};
    default:
      return {{"tokens", Amount(1'000'000)}};
  }
}

std::int64_t characters_in(const std::string& line, bool han) {
  measure::PlainCounter counter(measure::Basis::kCharacters,
                                {.grapheme = true, .han = han ? 1 : 0, .other = han ? 0 : 1});
  counter.add(line);
  return counter.count();
}

template <class Count>
Series added_up(const std::vector<ParityText>& texts, const Count& count) {
  Series sums(texts.front().lines.size());
  for (const ParityText& text : texts)
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += count(text.lines[i]);
  return sums;
}

Json corpus_of(const std::vector<ParityText>& texts, std::size_t left_out) {
  Json list = Json::array();
  std::string all;
  for (const ParityText& text : texts) {
    std::string lines;
    for (const std::string& line : text.lines) lines += line + "\n";
    const std::string digest = to_hex(sha256(lines));
    all += digest + "\n";
    list.push_back({{"language", text.language}, {"sha256", digest}});
  }
  return {{"sha256", to_hex(sha256(all))},
          {"lines", texts.front().lines.size()},
          {"lines_left_out", left_out},
          {"texts", std::move(list)},
          {"units", Json::object()}};
}

struct Fraction {
  Int128 above, below;
  bool operator<(const Fraction& other) const { return above * other.below < other.above * below; }
};

/// The texts, counted once, and a row made for each model.
class TextTable {
 public:
  explicit TextTable(const EquivalenceRequest& request)
      : request_(request), weights_(weights_for(request)), texts_(request.texts) {}

  Status make(Json& table) {
    if (texts_.empty()) return invalid("TEXT", "there is no text to count");
    const std::size_t left_out = leave_out_blank_lines(texts_);
    if (texts_.front().lines.empty()) return invalid("TEXT", "no line has a text in every language");
    CIYUAN_TRY_STATUS(count_units(table));
    table["corpus"] = corpus_of(texts_, left_out);
    measure::UnitCounts units;
    ciyuan_.assign(texts_.front().lines.size(), 0);
    for (const auto& [unit, series] : units_) {
      auto weight = weights_.find(unit);
      if (weight == weights_.end() || weights_.size() != units_.size())
        return invalid("--unit-weight", "this basis weighs " + unit_names() + ", each and no other");
      for (std::size_t i = 0; i < series.size(); ++i) {
        units[unit] += series[i];
        ciyuan_[i] += Int128{series[i]} * weight->second.units();
      }
      table["corpus"]["units"][unit] = units[unit];
      table["weights"][unit] = decimal(weight->second);
    }
    table["interval"] = {{"by", "bootstrap over lines"},
                         {"percent", "95"},
                         {"resamples", request_.resamples},
                         {"seed", request_.seed}};
    for (const auto& [model, tokenizer] : request_.models) {
      CIYUAN_TRY(Json row, row_of(model, tokenizer, units));
      table["models"].push_back(std::move(row));
    }
    return {};
  }

 private:
  std::string unit_names() const {
    std::string names;
    for (const auto& [unit, series] : units_) names += (names.empty() ? "" : " and ") + unit;
    return names;
  }

  Status count_units(Json& table) {
    if (request_.basis == EquivalenceBasis::kBytes) {
      units_["bytes"] =
          added_up(texts_, [](const std::string& line) { return static_cast<std::int64_t>(line.size()); });
    } else if (request_.basis == EquivalenceBasis::kHanCharacters) {
      for (bool han : {true, false})
        units_[han ? "han" : "other"] =
            added_up(texts_, [han](const std::string& line) { return characters_in(line, han); });
    } else {
      if (request_.tokenizer.empty()) return invalid("--tokenizer", "is missing: the reference");
      auto reference = token::VocabularySet::standard().find(request_.tokenizer);
      if (!reference.ok()) return invalid("--tokenizer", reference.error().message);
      table["tokenizer"] = (*reference)->name();
      table["tokenizer_sha256"] = to_hex((*reference)->digest());
      units_["tokens"] =
          added_up(texts_, [&](const std::string& line) { return (*reference)->count(line).value; });
    }
    return {};
  }

  Result<Json> row_of(const std::string& model, const std::string& tokenizer,
                      const measure::UnitCounts& units) {
    auto vocabulary = token::VocabularySet::standard().find(tokenizer);
    if (!vocabulary.ok()) return invalid("--model", model + ": " + vocabulary.error().message);
    const Series tokens =
        added_up(texts_, [&](const std::string& line) { return (*vocabulary)->count(line).value; });
    std::int64_t sum = 0;
    for (std::int64_t count : tokens) sum += count;
    auto middle = measure::middle_of_units(units, weights_, sum);
    if (!middle.ok()) return invalid("--model", model + ": " + middle.error().message);
    CIYUAN_TRY(Figures figures, interval_around(*middle, tokens, model));
    Json row = {{"model", model},
                {"tokenizer", (*vocabulary)->name()},
                {"tokenizer_sha256", to_hex((*vocabulary)->digest())},
                {"tokens", sum}};
    put_figures(row, figures);
    return row;
  }

  Result<Figures> interval_around(Amount middle, const Series& tokens, const std::string& model) {
    std::mt19937_64 random(request_.seed);  // anew for each model: all see the same resamples
    LineWeights drawn(tokens.size());
    std::vector<Fraction> ratios;
    for (unsigned i = 0; i < request_.resamples; ++i) {
      draw_lines(random, drawn);
      Fraction ratio{0, 0};
      for (std::size_t line = 0; line < tokens.size(); ++line) {
        ratio.above += Int128{drawn[line]} * ciyuan_[line];
        ratio.below += Int128{drawn[line]} * tokens[line];
      }
      if (ratio.above <= 0 || ratio.below <= 0)
        return invalid("--model", model + ": a resample of the lines has no token or no unit");
      ratios.push_back(ratio);
    }
    std::sort(ratios.begin(), ratios.end());
    const std::size_t last = ratios.size() - 1;
    const Fraction& low = ratios[kTailPerMille * last / kPerMille];
    const Fraction& high = ratios[((kPerMille - kTailPerMille) * last + kPerMille - 1) / kPerMille];
    Figures figures{Amount(), middle, Amount()};
    for (const auto& [place, ratio] : {std::pair<std::size_t, const Fraction&>(0, low), {2, high}}) {
      auto figure = measure::ciyuan_ratio(ratio.above, ratio.below * 1'000'000);
      if (!figure.ok()) return invalid("--model", model + ": " + figure.error().message);
      figures[place] = *figure;
    }
    figures[0] = std::min(figures[0], middle);
    figures[2] = std::max(figures[2], middle);
    return figures;
  }

  const EquivalenceRequest& request_;
  measure::UnitWeights weights_;
  std::vector<ParityText> texts_;
  std::map<std::string, Series> units_;
  std::vector<Int128> ciyuan_;  // micro-Ciyuan of each line
};

// At the table's date, of the standard class, a short prompt, no region: what a list of prices shows.
Result<measure::TokenPrices> prices_of(const price::Book& book, const std::string& model,
                                       const std::string& date) {
  CIYUAN_TRY(const TimePoint at, price::parse_moment(date));
  const std::optional<price::Rates> rates = book.rates_for(model, {.at = at});
  if (!rates) return invalid("--model", "\"" + model + "\" has no price in the book " + book.name());
  measure::TokenPrices prices;
  std::set<const price::Line*> taken;  // a line that prices several kinds counts once, as the first of them
  for (Kind kind : kAllKinds)
    if (rates->knows(kind) && !rates->per_token[index_of(kind)].is_zero() &&
        taken.insert(rates->lines[index_of(kind)]).second)
      prices[std::string(name_of(kind))] = rates->per_token[index_of(kind)];
  return prices;
}

Status make_price_ratio(const EquivalenceRequest& request, Json& table) {
  if (!request.book) return invalid("--book", "is missing: a file with the PriceBook");
  CIYUAN_TRY(const price::Book book, price::Book::parse(request.book->value));
  table["price_book"] = {
      {"name", book.name()}, {"sha256", to_hex(request.book->digest)}, {"currency", book.currency()}};
  CIYUAN_TRY(const measure::TokenPrices reference, prices_of(book, request.reference, request.date));
  for (const auto& [model, tokenizer] : request.models) {
    CIYUAN_TRY(const measure::TokenPrices prices, prices_of(book, model, request.date));
    auto figures = measure::figures_of_prices(prices, reference);
    if (!figures.ok()) return invalid("--model", model + ": " + figures.error().message);
    Json row = {{"model", model}, {"prices", Json::object()}};
    for (const auto& [kind, price] : prices)
      row["prices"][kind] = format_decimal(price, measure::kTokenPriceScale);
    put_figures(row, *figures);
    table["models"].push_back(std::move(row));
  }
  return {};
}

const EquivalenceRequest::Declared* declared_for(const EquivalenceRequest& request, const std::string& model,
                                                 std::string_view kind) {
  for (const auto& declared : request.declared)
    if (declared.model == model && declared.kind == kind) return &declared;
  return nullptr;
}

Status make_capacity(const EquivalenceRequest& request, Json& table) {
  if (request.hardware.empty()) return invalid("--hardware", "is missing: one unit of it, in words");
  table["hardware"] = request.hardware;
  const auto* reference = declared_for(request, request.reference, "");
  if (reference == nullptr)
    return invalid("--reference", "\"" + request.reference + "\" has no --figure of tokens a second");
  for (const auto& [model, tokenizer] : request.models) {
    const auto* capacity = declared_for(request, model, "");
    if (capacity == nullptr)
      return invalid("--figure", "is missing for the model " + model + ": tokens a second");
    auto figures = measure::figures_of_capacity(capacity->figures, reference->figures);
    if (!figures.ok()) return invalid("--figure", model + ": " + figures.error().message);
    Json row = {{"model", model}, {"capacity", Json::object()}};
    put_figures(row["capacity"], capacity->figures);
    put_figures(row, *figures);
    table["models"].push_back(std::move(row));
  }
  return {};
}

Status make_burndown(const EquivalenceRequest& request, Json& table) {
  for (const auto& [model, tokenizer] : request.models) {
    const auto* general = declared_for(request, model, "");
    if (general == nullptr)
      return invalid("--figure", "is missing for the model " + model + ": Ciyuan for one token");
    Json row = {{"model", model}};
    put_figures(row, general->figures);
    for (Kind kind : kAllKinds)
      if (const auto* own = declared_for(request, model, name_of(kind)))
        put_figures(row["kinds"][std::string(name_of(kind))], own->figures);
    table["models"].push_back(std::move(row));
  }
  return {};
}

Status make_rows(const EquivalenceRequest& request, Json& table) {
  switch (request.basis) {
    case EquivalenceBasis::kReferenceTokenizer:
    case EquivalenceBasis::kBytes:
    case EquivalenceBasis::kHanCharacters:
      return TextTable(request).make(table);
    case EquivalenceBasis::kPriceRatio:
      return make_price_ratio(request, table);
    case EquivalenceBasis::kCapacity:
      return make_capacity(request, table);
    case EquivalenceBasis::kBurndown:
      return make_burndown(request, table);
    case EquivalenceBasis::kIdentity:
      for (const auto& [model, tokenizer] : request.models)
        table["models"].push_back({{"model", model}, {"low", "1"}, {"middle", "1"}, {"high", "1"}});
      return {};
  }
  return {};
}

}  // namespace

Result<Json> make_equivalence(const EquivalenceRequest& request) {
  if (request.models.empty()) return invalid("--model", "is missing: at least one");
  Json table = {{"kind", "Equivalence"},
                {"name", request.name},
                {"version", request.version},
                {"date", request.date},
                {"status", "not official: no calculation method for Ciyuan has been published"},
                {"source", request.source},
                {"unit", "CIYUAN"},
                {"basis", name_of(request.basis)},
                {"models", Json::array()}};
  if (!request.provider.empty() || !request.consumer.empty())
    table["parties"] = {{"provider", request.provider}, {"consumer", request.consumer}};
  if (!request.from.empty()) table["effective_from"] = request.from;
  if (!request.until.empty()) table["effective_until"] = request.until;
  if (request.basis != EquivalenceBasis::kIdentity && request.basis != EquivalenceBasis::kBurndown)
    table["rounding"] = "half_up";
  const bool has_reference =
      request.basis == EquivalenceBasis::kPriceRatio || request.basis == EquivalenceBasis::kCapacity;
  if (has_reference) {
    const auto& models = request.models;
    if (std::none_of(models.begin(), models.end(),
                     [&](const auto& model) { return model.first == request.reference; }))
      return invalid("--reference", request.reference.empty()
                                        ? "is missing: the model of which one token is one Ciyuan"
                                        : "\"" + request.reference + "\" is none of the models");
    table["reference"] = request.reference;
  }
  CIYUAN_TRY_STATUS(make_rows(request, table));
  const contract::Reading reading = contract::read_document(table, "the table");
  if (!reading.errors.empty()) return reading.errors.front();
  Result<measure::Equivalence> read = measure::Equivalence::from_json(table);
  if (!read.ok()) return read.error();
  return table;
}

Result<Figures> figures_in(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t slash = std::min(text.find('/', at), text.size());
    parts.push_back(text.substr(at, slash - at));
    at = slash + 1;
  }
  if (parts.size() == 1) parts = {parts[0], parts[0], parts[0]};
  if (parts.size() != measure::kValues)
    return invalid("", "\"" + text + "\" is neither one decimal nor LOW/MIDDLE/HIGH");
  Figures figures;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    CIYUAN_TRY(figures[i], parse_decimal(parts[i], kEquivalenceScale));
    if (figures[i] <= Amount()) return invalid("", "\"" + parts[i] + "\" is not above 0");
  }
  return figures;
}

EquivalenceFiles read_equivalences(const std::string& file) {
  EquivalenceFiles files;
  const Result<std::string> text = read_file(file, contract::kDocumentBytesMax);
  if (!text.ok()) {
    files.errors.push_back(invalid(file, text.error().message));
    return files;
  }
  contract::Reading read = contract::read_documents(*text, file);
  files.errors = std::move(read.errors);
  for (contract::Document& document : read.documents) {
    if (document.kind != "Equivalence") continue;
    Result<measure::Equivalence> table = measure::Equivalence::from_json(document.value);
    if (!table.ok())
      files.errors.push_back(contract::document_error(document, table.error().path, table.error().message));
    else
      files.tables.push_back({file, std::move(document), std::move(*table)});
  }
  if (files.tables.empty() && files.errors.empty())
    files.errors.push_back(invalid(file, "holds no Equivalence"));
  return files;
}

}  // namespace ciyuan::cli
