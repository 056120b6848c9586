#include "contract/internal/equivalence.h"

#include <set>

#include "contract/equivalence.h"
#include "contract/internal/fields.h"
#include "price/book.h"

namespace ciyuan::contract {
namespace {

using measure::Method;
using measure::Value;

constexpr Int128 kOne = 1'000'000;  // of kCiyuanScale

std::vector<const Model*> models_of(const ContractPlan& contract, const Registry::State& state) {
  std::vector<const Model*> models;
  for (const auto& [name, model] : state.models)
    if (contract.scope_models.empty() || contract.scope_models.contains(std::string_view(name)))
      models.push_back(&model);
  return models;
}

// A method's document without what it says of itself and without weights: what is left says what is counted.
Json what_is_counted(Json method) {
  for (const char* member : {"name", "version", "date", "status", "source", "text", "rounding", "weights",
                             "kinds", "price_ratio", "unlisted_models"})
    method.erase(member);
  Json models = Json::array();
  for (Json entry : method.value("models", Json::array())) {
    for (const char* member : {"weights", "kinds", "source", "date", "aliases"}) entry.erase(member);
    if (entry.size() > 1) models.push_back(std::move(entry));
  }
  method["models"] = std::move(models);
  return method;
}

class EquivalenceCompiler {
 public:
  EquivalenceCompiler(const ContractPlan& contract, const Registry::State& state, std::vector<Fault>& faults,
                      std::vector<std::string>& warnings)
      : contract_(contract),
        state_(state),
        faults_(faults),
        warnings_(warnings),
        models_(models_of(contract, state)) {}

  EquivalencePlan compile(const Json& clause) {
    EquivalencePlan plan;
    plan.clause = text_at(clause, "id", "equivalence");
    for (const Json& party : clause.value("signed_by", Json::array())) signers_.push_back(party);
    const bool has_table = clause.contains("table"), has_parallel = clause.contains("parallel");
    if (!has_table && !has_parallel) fault("", "names neither a table nor a parallel one");
    if (!has_table && clause.contains("bills"))
      fault("/bills", shown(clause["bills"]) + ": which value bills is a table's matter, and there is none");
    plan.first = has_table ? of_table("", clause) : of_method(contract_.method_name, contract_.method, "");
    if (has_parallel) plan.second = of_parallel(clause["parallel"]);
    take_times(clause, plan);
    if (!signers_.empty() && !has_table && !object_at(clause, "parallel").contains("table"))
      fault("/signed_by", "there is no table to be signed");
    if (!signers_.empty() && plan.switch_at != TimePoint{} &&
        object_at(clause, "parallel").contains("method"))
      fault("/signed_by", "does not cover the method that bills from switch_at on: only tables are signed");
    check_keys_differ();
    return plan;
  }

 private:
  void fault(std::string pointer, std::string message) {
    faults_.push_back({std::move(pointer), std::move(message)});
  }

  // A table weighs tokens of the model's own; a method that does something else with them beside it would
  // make two truths.
  void check_method(const std::string& pointer, const std::string& table) {
    const Method* method = contract_.method;
    if (method == nullptr) return;
    if (method->basis() != measure::Basis::kNative && method->basis() != measure::Basis::kProviderReported)
      return fault(pointer, "\"" + table + "\" weighs native tokens, and the method " +
                                contract_.method_name + " counts by basis \"" +
                                std::string(name_of(method->basis())) + "\"");
    for (const Model* model : models_)
      for (Amount weight : method->ciyuan_per_token(model->name))
        if (!weight.is_zero() && weight.units() != kOne)
          return fault(pointer, "\"" + table + "\" weighs native tokens, and so does the method " +
                                    contract_.method_name + ", with " + format_decimal(weight, kCiyuanScale) +
                                    " for the model " + model->name + ": one of them can");
  }

  RatingPlan of_table(const std::string& pointer, const Json& object) {
    RatingPlan plan;
    const std::string name = text_at(object, "table");
    auto found = state_.equivalences.find(name);
    if (found == state_.equivalences.end())
      return fault(pointer + "/table", "\"" + name + "\" names no Equivalence"), plan;
    const EquivalenceTable& entry = found->second;
    const measure::Equivalence& table = entry.table;
    const Document* document = find_in(state_.documents, "Equivalence", name);
    plan.from = entry.from, plan.until = entry.until;
    const Value value = measure::value_named(text_at(object, "bills", "middle")).value_or(Value::kMiddle);
    const Rating head{.kind = "Equivalence",
                      .name = name,
                      .version = table.version(),
                      .digest = to_hex(document->digest),
                      .value = std::string(name_of(value)),
                      .ciyuan_per_token = {}};
    check_method(pointer + "/table", name);
    for (const Model* model : models_) {
      const std::string* row = row_of(table, *model);
      if (row == nullptr) {
        fault(pointer + "/table",
              "\"" + name + "\" has no row for the model " + model->name + ", which the contract covers");
        continue;
      }
      plan.models.emplace(model->name, weighed(head, table, *row, model->name));
    }
    check_tokenizers(pointer + "/table", *document);
    check_signatures(*document);
    return plan;
  }

  // A figure for tokens of one vocabulary says nothing of another's.
  void check_tokenizers(const std::string& pointer, const Document& table) {
    for (const Json& row : table.value.at("models")) {
      const std::string tokenizer = text_at(row, "tokenizer");
      auto named = state_.model_names.find(text_at(row, "model"));
      if (tokenizer.empty() || named == state_.model_names.end() || named->second->tokenizer.empty())
        continue;
      if (named->second->tokenizer != tokenizer)
        fault(pointer, "\"" + table.name + "\" has figures for tokens of " + tokenizer + ", and the model " +
                           named->second->name + " counts with " + named->second->tokenizer);
    }
  }

  static const std::string* row_of(const measure::Equivalence& table, const Model& model) {
    if (table.covers(model.name)) return &model.name;
    for (const std::string& alias : model.aliases)
      if (table.covers(alias)) return &alias;
    return nullptr;
  }

  // A kind that the method does not count stays uncounted.
  Rating weighed(Rating rating, const measure::Equivalence& table, const std::string& row,
                 const std::string& model) const {
    for (Value value : measure::kAllValues) {
      auto& weights = rating.ciyuan_per_token[static_cast<std::size_t>(value)];
      weights = table.ciyuan_per_token(row, value);
      if (contract_.method == nullptr) continue;
      const auto counted = contract_.method->ciyuan_per_token(model);
      for (std::size_t kind = 0; kind < kKinds; ++kind)
        if (counted[kind].is_zero()) weights[kind] = Amount();
    }
    return rating;
  }

  RatingPlan of_method(const std::string& name, const Method* method, const std::string& pointer) {
    RatingPlan plan;
    if (method == nullptr) return plan;
    const Document* document = find_in(state_.documents, "Method", name);
    for (const Model* model : models_) {
      if (Status covered = method->covers(model->name); !covered.ok()) {
        if (!pointer.empty()) fault(pointer, covered.error().message);
        continue;
      }
      Rating rating{.kind = "Method",
                    .name = name,
                    .version = text_at(document->value, "version"),
                    .digest = to_hex(document->digest),
                    .value = "middle",
                    .ciyuan_per_token = {}};
      rating.ciyuan_per_token.fill(method->ciyuan_per_token(model->name));
      plan.models.emplace(model->name, std::move(rating));
    }
    return plan;
  }

  RatingPlan of_parallel(const Json& parallel) {
    const bool by_table = parallel.contains("table");
    if (by_table == parallel.contains("method")) {
      fault("/parallel", "names one table or one method, not both and not none");
      return {};
    }
    if (by_table) return of_table("/parallel", parallel);
    if (parallel.contains("bills"))
      fault("/parallel/bills", shown(parallel["bills"]) + ": a method has one value");
    const std::string name = text_at(parallel, "method");
    auto method = state_.methods.find(name);
    if (method == state_.methods.end())
      return fault("/parallel/method", "\"" + name + "\" names no Method"), RatingPlan{};
    const Document* own = find_in(state_.documents, "Method", contract_.method_name);
    const Document* other = find_in(state_.documents, "Method", name);
    if (own != nullptr && what_is_counted(own->value) != what_is_counted(other->value))
      fault("/parallel/method", "\"" + name + "\" counts something else than the contract's method " +
                                    contract_.method_name +
                                    ": only its weights may differ; a table compares units of other kinds");
    return of_method(name, method->second.get(), "/parallel/method");
  }

  // What is signed says for whom and from when on it is: else a signature for one contract would do for any.
  void check_what_is_signed(const Document& table) {
    const std::string pointer = "/signed_by", what = "the table " + table.name;
    const Json& parties = object_at(table.value, "parties");
    const std::string provider = text_at(parties, "provider"), consumer = text_at(parties, "consumer");
    if (provider.empty())
      fault(pointer, what + " names no parties: what is signed would stand in anybody's contract");
    else if (provider != contract_.provider || consumer != contract_.consumer)
      fault(pointer, what + " is signed for the provider " + provider + " and the consumer " + consumer);
    if (text_at(table.value, "effective_from").empty())
      fault(pointer, what + " has no effective_from: what is signed would be in force at any time");
  }

  void check_signatures(const Document& table) {
    if (!checked_.insert(table.name).second) return;
    if (!signers_.empty()) check_what_is_signed(table);
    for (std::size_t i = 0; i < signers_.size(); ++i) {
      const std::string pointer = "/signed_by/" + std::to_string(i);
      const std::string& party = signers_[i] == "provider" ? contract_.provider : contract_.consumer;
      const Document* document = find_in(state_.documents, "Party", party);
      if (document == nullptr) continue;  // said already
      const std::string text = text_at(document->value, "settlement_key");
      if (text.empty()) {
        fault(pointer, "\"" + signers_[i] + "\": the party " + party +
                           " has no settlement_key, so that nobody can sign for it");
        continue;
      }
      Result<tlog::VerifierKey> key = tlog::VerifierKey::parse(text);
      if (!key.ok()) continue;  // said already
      if (Status right = check_equivalence_signature(table.value, *key); !right.ok())
        fault(pointer, "\"" + signers_[i] + "\": the table " + table.name + " " + right.error().message);
    }
  }

  // One key that both have would sign for both.
  void check_keys_differ() {
    if (signers_.size() < 2) return;
    std::set<std::string> keys;
    for (const std::string& party : {contract_.provider, contract_.consumer})
      if (const Document* document = find_in(state_.documents, "Party", party); document != nullptr) {
        Result<tlog::VerifierKey> key = tlog::VerifierKey::parse(text_at(document->value, "settlement_key"));
        if (key.ok() && !keys.insert(to_hex(key->key)).second)
          fault("/signed_by", "the parties have the same settlement_key: one signature would be both");
      }
  }

  bool moment(const Json& object, const char* member, const std::string& pointer, TimePoint& target) {
    if (!object.contains(member)) return false;
    Result<TimePoint> time = price::parse_moment(text_at(object, member));
    if (!time.ok()) return fault(pointer, time.error().message), false;
    target = *time;
    return true;
  }

  void take_times(const Json& clause, EquivalencePlan& plan) {
    const Json& parallel = object_at(clause, "parallel");
    moment(parallel, "from", "/parallel/from", plan.parallel_from);
    const bool until = moment(parallel, "until", "/parallel/until", plan.parallel_until);
    if (until && plan.parallel_until <= plan.parallel_from)
      fault("/parallel/until", shown(parallel["until"]) + " is not after from");
    if (moment(clause, "switch_at", "/switch_at", plan.switch_at)) {
      if (!plan.second)
        fault("/switch_at", shown(clause["switch_at"]) + ": there is no parallel one to switch to");
      if (plan.second &&
          (plan.parallel_from >= plan.switch_at || (until && plan.parallel_until < plan.switch_at)))
        fault("/switch_at", shown(clause["switch_at"]) +
                                ": the other does not run beside the first one until then, so that nothing "
                                "could be compared");
      if (plan.switch_at <= contract_.from ||
          (contract_.until != TimePoint{} && plan.switch_at >= contract_.until))
        fault("/switch_at", shown(clause["switch_at"]) + " is not within the contract's time");
    }
    warn_of_gaps(plan);
  }

  // A call at a time when what bills is not in force is refused: better to be told before.
  void warn_of_gaps(const EquivalencePlan& plan) {
    const bool switches = plan.switch_at != TimePoint{} && plan.second;
    warn_of_gap(plan.first, contract_.from, switches ? plan.switch_at : contract_.until);
    if (switches) warn_of_gap(*plan.second, plan.switch_at, contract_.until);
  }
  void warn_of_gap(const RatingPlan& rating, TimePoint from, TimePoint until) {
    if (rating.models.empty()) return;
    const std::string& name = rating.models.begin()->second.name;
    if (rating.from > from)
      warnings_.push_back("the table " + name + " bills from " + to_rfc3339(from) +
                          " on and is in force from " + to_rfc3339(rating.from) +
                          ": calls before are refused");
    if (rating.until != TimePoint{} && (until == TimePoint{} || until > rating.until))
      warnings_.push_back("the table " + name + " is in force until " + to_rfc3339(rating.until) +
                          " only: calls after that are refused");
  }

  const ContractPlan& contract_;
  const Registry::State& state_;
  std::vector<Fault>& faults_;
  std::vector<std::string>& warnings_;
  std::vector<const Model*> models_;
  std::vector<std::string> signers_;
  std::set<std::string> checked_;
};

bool in_force(const RatingPlan& rating, TimePoint at) {
  return at >= rating.from && (rating.until == TimePoint{} || at < rating.until);
}

}  // namespace

EquivalencePlan compile_equivalence(const Json& clause, const ContractPlan& contract,
                                    const Registry::State& state, std::vector<Fault>& faults,
                                    std::vector<std::string>& warnings) {
  return EquivalenceCompiler(contract, state, faults, warnings).compile(clause);
}

TimePoint billing_until(const EquivalencePlan& plan, TimePoint at) {
  const bool switches = plan.switch_at != TimePoint{} && plan.second;
  const bool switched = switches && at >= plan.switch_at;
  TimePoint until = switched ? plan.second->until : plan.first.until;
  if (switches && !switched && (until == TimePoint{} || plan.switch_at < until)) until = plan.switch_at;
  return until;
}

Status rate_call(const EquivalencePlan& plan, std::string_view model, TimePoint at, Terms& terms) {
  const RatingPlan* bills = &plan.first;
  const RatingPlan* beside = plan.second ? &*plan.second : nullptr;
  if (plan.switch_at != TimePoint{} && at >= plan.switch_at && beside != nullptr) std::swap(bills, beside);
  auto rating = bills->models.find(model);
  if (rating == bills->models.end())
    return Error{ErrorCode::kRefused, "nothing says what a token of " + std::string(model) + " is in Ciyuan",
                 plan.clause};
  if (!in_force(*bills, at))
    return Error{ErrorCode::kRefused,
                 "the table " + rating->second.name + " is not in force at " + to_rfc3339(at), plan.clause};
  terms.ratings.push_back(rating->second);
  const Value value = measure::value_named(rating->second.value).value_or(Value::kMiddle);
  terms.ciyuan_per_token = rating->second.ciyuan_per_token[static_cast<std::size_t>(value)];
  const bool side_by_side =
      at >= plan.parallel_from && (plan.parallel_until == TimePoint{} || at < plan.parallel_until);
  if (beside == nullptr || !side_by_side || !in_force(*beside, at)) return {};
  if (auto other = beside->models.find(model); other != beside->models.end())
    terms.ratings.push_back(other->second);
  return {};
}

}  // namespace ciyuan::contract
