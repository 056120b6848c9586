#include "measure/method.h"

#include <utility>

namespace ciyuan::measure {
namespace {

constexpr int kWeightScale = 6;
constexpr std::array<std::pair<std::string_view, Basis>, 7> kBases = {
    {{"native", Basis::kNative},
     {"reference", Basis::kReference},
     {"bytes", Basis::kBytes},
     {"characters", Basis::kCharacters},
     {"words", Basis::kWords},
     {"calls", Basis::kCalls},
     {"provider_reported", Basis::kProviderReported}}};

Result<std::map<std::string, Amount>> read_weights(const Json& object, const std::string& path) {
  std::map<std::string, Amount> weights;
  if (!object.is_object()) return invalid(path, "must be an object of kind and decimal");
  for (const auto& [kind, value] : object.items()) {
    std::string where = path + "/" + kind;
    if (!kind_named(kind)) return invalid(where, "is no kind of token");
    if (!value.is_string() && !value.is_number_integer())
      return invalid(where, "must be a decimal in quotes");
    auto weight = parse_decimal(value.is_string() ? value.get<std::string>() : value.dump(), kWeightScale);
    if (!weight) return invalid(where, weight.error().message);
    if (weight->is_negative()) return invalid(where, "must not be negative");
    weights[kind] = *weight;
  }
  return weights;
}

Result<std::map<std::string, std::int64_t>> read_counts(const Json& object, const std::string& path) {
  std::map<std::string, std::int64_t> counts;
  if (!object.is_object()) return invalid(path, "must be an object of name and whole number");
  for (const auto& [name, value] : object.items()) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > 1'000'000)
      return invalid(path + "/" + name, "must be a whole number from 0 to 1000000");
    counts[name] = value.get<std::int64_t>();
  }
  return counts;
}

}  // namespace

Result<Method> Method::from_json(const Json& document) {
  Method method;
  if (!document.is_object() || !document.contains("name") || !document["name"].is_string())
    return invalid("/name", "is missing");
  method.name_ = document["name"];
  std::string basis = document.value("basis", std::string("native"));
  bool known = false;
  for (const auto& [name, value] : kBases) {
    if (name != basis) continue;
    method.basis_ = value;
    known = true;
  }
  if (!known) return invalid("/basis", "\"" + basis + "\" is no basis of counting");
  if (document.contains("tokenizer")) method.reference_tokenizer_ = document["tokenizer"].get<std::string>();
  if ((method.basis_ == Basis::kReference) != !method.reference_tokenizer_.empty())
    return invalid("/tokenizer", "belongs to basis \"reference\", and only there");
  method.weights_.fill(Amount(1'000'000));
  if (document.contains("weights")) {
    CIYUAN_TRY(auto weights, read_weights(document["weights"], "/weights"));
    for (const auto& [kind, weight] : weights) method.weights_[index_of(*kind_named(kind))] = weight;
  }
  if (document.contains("control_tokens")) {
    CIYUAN_TRY(method.control_, read_counts(document["control_tokens"], "/control_tokens"));
  }
  if (document.contains("media_tokens")) {
    CIYUAN_TRY(method.media_tokens_, read_counts(document["media_tokens"], "/media_tokens"));
  }
  if (!document.contains("models")) return method;
  for (std::size_t i = 0; i < document["models"].size(); ++i) {
    const Json& entry = document["models"][i];
    std::string path = "/models/" + std::to_string(i);
    ModelRule rule;
    if (!entry.is_object() || !entry.contains("model") || !entry["model"].is_string())
      return invalid(path + "/model", "is missing");
    rule.model = entry["model"];
    if (method.rule_for(rule.model) != nullptr)
      return invalid(path + "/model", "\"" + rule.model + "\" has a rule already");
    if (entry.contains("weights")) {
      CIYUAN_TRY(rule.weights, read_weights(entry["weights"], path + "/weights"));
    }
    if (entry.contains("control_tokens")) {
      CIYUAN_TRY(rule.control, read_counts(entry["control_tokens"], path + "/control_tokens"));
      rule.has_control = true;
    }
    method.models_.push_back(std::move(rule));
  }
  return method;
}

const Method::ModelRule* Method::rule_for(std::string_view model) const {
  for (const ModelRule& rule : models_)
    if (rule.model == model) return &rule;
  return nullptr;
}

std::array<Amount, kKinds> Method::ciyuan_per_token(std::string_view model) const {
  std::array<Amount, kKinds> weights = weights_;
  if (const ModelRule* rule = rule_for(model))
    for (const auto& [kind, weight] : rule->weights) weights[index_of(*kind_named(kind))] = weight;
  return weights;
}

std::int64_t Method::control_tokens(std::string_view model, std::string_view finish_reason) const {
  if (basis_ != Basis::kNative && basis_ != Basis::kProviderReported) return 0;
  const ModelRule* rule = rule_for(model);
  const auto& control = rule != nullptr && rule->has_control ? rule->control : control_;
  auto found = control.find(std::string(finish_reason));
  return found == control.end() ? 0 : found->second;
}

}  // namespace ciyuan::measure
