#include "report/comparison.h"

#include <algorithm>
#include <map>
#include <optional>

#include "contract/limit.h"
#include "measure/equivalence.h"
#include "measure/method.h"
#include "report/money.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

using measure::Equivalence;
using measure::kValues;
using measure::Method;
using measure::Value;

using Weights = std::array<Amount, kKinds>;

struct Row {
  std::int64_t tokens = 0;
  Amount billed;
  std::array<Amount, kValues> other{};

  Status add_row(const Row& row) {
    tokens += row.tokens;
    CIYUAN_TRY_STATUS(add_to(billed, row.billed));
    for (std::size_t i = 0; i < kValues; ++i) CIYUAN_TRY_STATUS(add_to(other[i], row.other[i]));
    return {};
  }
};

std::string ciyuan_text(Amount amount) { return format_decimal(amount, contract::kCiyuanScale); }

// "-12.34": half up, away from zero.
std::optional<std::string> difference_percent(Amount billed, Amount other) {
  if (billed.is_zero()) return std::nullopt;
  constexpr int kPercentDecimals = 2;
  const std::optional<Amount> scaled = checked_multiply(other - billed, 10'000);
  if (!scaled) return std::nullopt;
  const bool below = billed.is_negative();
  const Int128 divisor = below ? -billed.units() : billed.units();
  const Int128 hundredths =
      rounded_quotient(below ? -scaled->units() : scaled->units(), divisor, Rounding::kHalfUp);
  return format_decimal(Amount(hundredths), kPercentDecimals);
}

Json json_of(const Row& row) {
  Json json = {{"tokens", row.tokens}, {"billed", ciyuan_text(row.billed)}};
  for (Value value : measure::kAllValues)
    json[std::string(name_of(value))] = ciyuan_text(row.other[static_cast<std::size_t>(value)]);
  if (auto percent = difference_percent(row.billed, row.other[1])) json["difference_percent"] = *percent;
  return json;
}

/// The documents that records name, each read once.
class Rules {
 public:
  explicit Rules(store::Reader& reader) : reader_(reader) {}

  Result<const Method*> method(const std::string& digest_hex) { return find(methods_, digest_hex); }
  Result<const Equivalence*> table(const std::string& digest_hex) { return find(tables_, digest_hex); }

 private:
  template <class T>
  Result<const T*> find(std::map<std::string, T>& known, const std::string& digest_hex) {
    auto found = known.find(digest_hex);
    if (found == known.end()) {
      CIYUAN_TRY(std::optional<Json> document, document_named(reader_, digest_hex));
      if (!document) return missing(digest_hex);
      CIYUAN_TRY(T rule, T::from_json(*document));
      found = known.emplace(digest_hex, std::move(rule)).first;
    }
    return &found->second;
  }
  static Error missing(const std::string& digest_hex) {
    return {ErrorCode::kCorrupt, "a document that a record names is not in the store", digest_hex};
  }

  store::Reader& reader_;
  std::map<std::string, Method> methods_;
  std::map<std::string, Equivalence> tables_;
};

class Comparison {
 public:
  Comparison(store::Reader& reader, const Equivalence& table)
      : rules_(reader), reader_(reader), table_(table) {}

  Status read_aliases() {
    CIYUAN_TRY(names_, model_names(reader_));
    for (const auto& [alias, model] : names_) aliases_[model].push_back(alias);
    return {};
  }

  Status take(const Json& record, int sign) {
    const std::string asked = text_at(record.at("model"), "asked");
    auto known = names_.find(asked);
    const std::string& model = known == names_.end() ? asked : known->second;
    const std::string* covered = row_name(table_, asked, model);
    if (covered == nullptr) {
      uncovered_[model] += sign;
      return {};
    }
    CIYUAN_TRY(const Method* method, rules_.method(text_at(record.at("digests"), "method")));
    // A table weighs native tokens: bytes or words under it would be figures of nothing.
    if (method->basis() != measure::Basis::kNative && method->basis() != measure::Basis::kProviderReported)
      return Error{ErrorCode::kRefused,
                   "the contract's calls are counted by the method " + method->name() + ", in " +
                       std::string(name_of(method->basis())) + ": a table weighs native tokens",
                   record.at("id").get<std::string>()};
    calls_ += sign;
    const Weights counted = method->ciyuan_per_token(model);
    CIYUAN_TRY(const Weights weights, billing_weights(record, asked, model, counted));
    Amount sum;
    for (const auto& [name, figure] : record.at("usage").items()) {
      const std::optional<Kind> kind = kind_named(name);
      if (!kind) continue;
      const auto tokens = static_cast<std::int64_t>(figure.at("billed").get<std::uint64_t>());
      Row row{.tokens = sign * tokens, .billed = weights[index_of(*kind)] * (sign * tokens), .other = {}};
      CIYUAN_TRY_STATUS(add_to(sum, row.billed));
      for (Value value : measure::kAllValues)
        if (!counted[index_of(*kind)].is_zero())
          row.other[static_cast<std::size_t>(value)] =
              table_.ciyuan_per_token(*covered, value)[index_of(*kind)] * (sign * tokens);
      Row& line = rows_[std::pair(model, *kind)];
      CIYUAN_TRY_STATUS(line.add_row(row));
    }
    CIYUAN_TRY(const Amount recorded, ciyuan_of(record));
    const Amount rest = (sign < 0 ? -recorded : recorded) - sum;
    if (rest.is_zero()) return {};
    ++unexplained_calls_;
    return add_to(unexplained_, rest);
  }

  Result<Json> json() const {
    Json rows = Json::array(), uncovered = Json::object();
    Row totals;
    for (const auto& [key, row] : rows_) {
      if (row.tokens == 0) continue;
      Json json = json_of(row);
      json["model"] = key.first, json["kind"] = name_of(key.second);
      rows.push_back(std::move(json));
      CIYUAN_TRY_STATUS(totals.add_row(row));
    }
    for (const auto& [model, calls] : uncovered_)
      if (calls != 0) uncovered[model] = calls;
    return Json{{"calls", calls_},
                {"rows", std::move(rows)},
                {"totals", json_of(totals)},
                {"uncovered", std::move(uncovered)},
                {"unexplained", {{"calls", unexplained_calls_}, {"ciyuan", ciyuan_text(unexplained_)}}}};
  }

 private:
  // The name under which the table has the model's row.
  const std::string* row_name(const Equivalence& table, const std::string& asked,
                              const std::string& model) const {
    if (table.covers(model)) return &model;
    if (table.covers(asked)) return &asked;
    if (auto found = aliases_.find(model); found != aliases_.end())
      for (const std::string& alias : found->second)
        if (table.covers(alias)) return &alias;
    return nullptr;
  }

  // What the record was billed by, as the contract's compiler made it of the documents.
  Result<Weights> billing_weights(const Json& record, const std::string& asked, const std::string& model,
                                  const Weights& counted) {
    auto equivalence = record.find("equivalence");
    if (equivalence == record.end()) return counted;
    const Json& billed = equivalence->at("billed");
    if (text_at(billed, "kind") != "Equivalence") {
      CIYUAN_TRY(const Method* method, rules_.method(text_at(billed, "digest")));
      return method->ciyuan_per_token(model);
    }
    CIYUAN_TRY(const Equivalence* table, rules_.table(text_at(billed, "digest")));
    const std::string* name = row_name(*table, asked, model);
    const std::optional<Value> value = measure::value_named(text_at(billed, "value"));
    if (name == nullptr || !value)
      return Error{ErrorCode::kCorrupt, "the table that it was billed by has no such row", record.at("id")};
    Weights weights = table->ciyuan_per_token(*name, *value);
    for (std::size_t kind = 0; kind < kKinds; ++kind)
      if (counted[kind].is_zero()) weights[kind] = Amount();
    return weights;
  }

  Rules rules_;
  store::Reader& reader_;
  const Equivalence& table_;
  std::map<std::string, std::string> names_;                 ///< alias → model
  std::map<std::string, std::vector<std::string>> aliases_;  ///< model → its aliases
  std::map<std::pair<std::string, Kind>, Row> rows_;
  std::map<std::string, std::int64_t> uncovered_;
  std::int64_t calls_ = 0;
  std::uint64_t unexplained_calls_ = 0;
  Amount unexplained_;
};

}  // namespace

Result<Json> compare_equivalence(store::Reader& reader, const std::string& contract, const Period& period,
                                 const std::string& table_name) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(contract::Document contract_document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Equivalence", table_name));
  CIYUAN_TRY(const Equivalence table, Equivalence::from_json(document.value));
  Comparison comparison(reader, table);
  CIYUAN_TRY_STATUS(comparison.read_aliases());
  CIYUAN_TRY_STATUS(for_each_effective(
      reader, {.contract = contract, .key = "", .model = "", .from = period.from, .to = period.to},
      [&](const Json& record, int sign, bool) { return comparison.take(record, sign); }));
  CIYUAN_TRY(Json json, comparison.json());
  json["contract"] = contract;
  if (!period.name.empty()) json["period"] = period.name;
  json["from"] = to_rfc3339(period.from);
  json["to"] = to_rfc3339(period.to);
  json["table"] = {{"name", table.name()},
                   {"version", table.version()},
                   {"digest", to_hex(document.digest)},
                   {"basis", name_of(table.basis())}};
  return json;
}

}  // namespace ciyuan::report
