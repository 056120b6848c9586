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

Json json_of(const Row& row) {
  Json json = {{"tokens", row.tokens}, {"billed", ciyuan_text(row.billed)}};
  for (Value value : measure::kAllValues)
    json[std::string(name_of(value))] = ciyuan_text(row.other[static_cast<std::size_t>(value)]);
  if (auto hundredths = difference_of_percent(row.billed, row.other[1]))
    json["difference_percent"] = format_decimal(*hundredths, 2);
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

/// What is compared with: a table, or a method (then the three figures are the same).
struct Other {
  contract::Document document;
  std::optional<Equivalence> table;
  std::optional<Method> method;

  static Result<Other> named(store::Reader& reader, const std::string& name) {
    const std::size_t slash = name.find('/');
    const std::string kind = slash == name.npos ? "" : name.substr(0, slash);
    if (!kind.empty() && kind != "Equivalence" && kind != "Method")
      return invalid("with", "\"" + kind + "\" is neither Equivalence nor Method");
    const std::string rest = kind.empty() ? name : name.substr(slash + 1);
    Other other;
    if (kind != "Method") {
      Result<contract::Document> table = newest_document(reader, "Equivalence", rest);
      if (!table.ok() && (table.error().code != ErrorCode::kNotFound || !kind.empty())) return table.error();
      if (table.ok()) {
        CIYUAN_TRY(other.table, Equivalence::from_json(table->value));
        other.document = std::move(*table);
        return other;
      }
    }
    Result<contract::Document> method = newest_document(reader, "Method", rest);
    if (!method.ok() && method.error().code == ErrorCode::kNotFound && kind.empty())
      return Error{ErrorCode::kNotFound, "there never was an Equivalence or a Method of this name", rest};
    if (!method.ok()) return method.error();
    CIYUAN_TRY(other.method, Method::from_json(method->value));
    CIYUAN_TRY_STATUS(check_counts_tokens(*other.method));
    other.document = std::move(*method);
    return other;
  }

  // Records hold tokens: bytes or words cannot be made of them.
  static Status check_counts_tokens(const Method& method) {
    if (method.basis() == measure::Basis::kNative || method.basis() == measure::Basis::kProviderReported)
      return {};
    return Error{ErrorCode::kRefused,
                 "the method " + method.name() + " counts " + std::string(name_of(method.basis())) +
                     ", and records hold tokens: make a table of that basis, or repeat the calls with "
                     "`ciyuan method recount`",
                 "with"};
  }

  Json json() const {
    return {{"kind", document.kind},
            {"name", document.name},
            {"version", text_at(document.value, "version")},
            {"digest", to_hex(document.digest)},
            {"basis", table ? name_of(table->basis()) : name_of(method->basis())}};
  }
};

class Comparison {
 public:
  Comparison(store::Reader& reader, const Other& other) : rules_(reader), reader_(reader), other_(other) {}

  Status read_aliases() {
    CIYUAN_TRY(names_, model_names(reader_));
    for (const auto& [alias, model] : names_) aliases_[model].push_back(alias);
    return {};
  }

  Status take(const Json& record, int sign) {
    const std::string asked = text_at(record.at("model"), "asked");
    auto known = names_.find(asked);
    const std::string& model = known == names_.end() ? asked : known->second;
    const std::string* covered = other_.table                        ? row_name(*other_.table, asked, model)
                                 : other_.method->covers(model).ok() ? &model
                                                                     : nullptr;
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
        row.other[static_cast<std::size_t>(value)] =
            other_weight(*covered, value, *kind, counted) * (sign * tokens);
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

  // A kind that the contract's method does not count stays uncounted under a table.
  Amount other_weight(const std::string& model, Value value, Kind kind, const Weights& counted) const {
    if (other_.method) return other_.method->ciyuan_per_token(model)[index_of(kind)];
    return counted[index_of(kind)].is_zero() ? Amount()
                                             : other_.table->ciyuan_per_token(model, value)[index_of(kind)];
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
  const Other& other_;
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
                                 const std::string& with) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(contract::Document contract_document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(const Other other, Other::named(reader, with));
  Comparison comparison(reader, other);
  CIYUAN_TRY_STATUS(comparison.read_aliases());
  CIYUAN_TRY_STATUS(for_each_effective(
      reader, {.contract = contract, .key = "", .model = "", .from = period.from, .to = period.to},
      [&](const Json& record, int sign, bool) { return comparison.take(record, sign); }));
  CIYUAN_TRY(Json json, comparison.json());
  json["contract"] = contract;
  if (!period.name.empty()) json["period"] = period.name;
  json["from"] = to_rfc3339(period.from);
  json["to"] = to_rfc3339(period.to);
  json["table"] = other.json();
  return json;
}

}  // namespace ciyuan::report
