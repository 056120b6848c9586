/// Method::from_json: a document into rules.

#include <utility>

#include "measure/grapheme.h"
#include "measure/internal/fields.h"
#include "measure/method.h"

namespace ciyuan::measure {
namespace {

constexpr int kWeightScale = 6;
constexpr int kPriceScale = 12;
constexpr std::int64_t kControlMax = 1'000'000;
constexpr std::int64_t kUnitsMax = 1000;  // of one character
constexpr std::size_t kRulesMax = 1000;
constexpr std::size_t kModelsMax = 10'000;
constexpr std::size_t kHexDigits = 64;
const Amount kPriceMax(Int128{1'000'000'000} * 1'000'000'000'000);
// A million million Ciyuan for a token: times any count it fits an Amount.
const Amount kWeightMax(Int128{1'000'000'000'000} * 1'000'000);

Result<std::map<std::string, Amount>> read_weights(const Json& object, const std::string& path, int scale,
                                                   Amount most) {
  std::map<std::string, Amount> weights;
  if (!object.is_object()) return invalid(path, "must be an object of kind and decimal");
  Fields fields(object, path);
  for (const auto& [kind, value] : object.items()) {
    if (!kind_named(kind)) return invalid(path + "/" + kind, "is no kind of token");
    weights[kind] = fields.decimal(kind.c_str(), scale, true);
    if (weights[kind] > most)
      fields.fault(kind, value.dump() + " must be at most " + format_decimal(most, scale));
  }
  CIYUAN_TRY_STATUS(fields.done("weights"));
  return weights;
}

Result<std::map<std::string, std::int64_t>> read_counts(const Json& object, const std::string& path) {
  std::map<std::string, std::int64_t> counts;
  if (!object.is_object()) return invalid(path, "must be an object of name and whole number");
  Fields fields(object, path);
  for (const auto& [name, value] : object.items())
    counts[name] = fields.whole(name.c_str(), 0, kControlMax, true);
  CIYUAN_TRY_STATUS(fields.done("counts"));
  return counts;
}

Result<std::array<bool, kKinds>> read_kinds(const Json& list, const std::string& path) {
  std::array<bool, kKinds> kinds{};
  if (!list.is_array()) return invalid(path, "must be a list of kinds");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto kind = list[i].is_string() ? kind_named(list[i].get_ref<const std::string&>()) : std::nullopt;
    if (!kind) return invalid(path + "/" + std::to_string(i), list[i].dump() + " is no kind of token");
    kinds[index_of(*kind)] = true;
  }
  return kinds;
}

std::string read_digest(Fields& fields, const char* name) {
  std::string digest = fields.text(name, false);
  if (digest.empty()) return digest;
  if (digest.size() != kHexDigits || digest.find_first_not_of("0123456789abcdef") != digest.npos)
    fields.fault(name, "\"" + digest + "\" must be a SHA-256 as 64 lower-case hexadecimal digits");
  return digest;
}

// Where a table has no price for a kind, it is that of the kind it is a part of.
Kind priced_as(Kind kind, const std::map<std::string, Amount>& prices) {
  if (prices.contains(std::string(name_of(kind)))) return kind;
  return is_generated(kind) ? Kind::kOutput : Kind::kInput;
}

}  // namespace

class MethodReading {
 public:
  explicit MethodReading(const Json& document) : document_(document) {}

  Result<Method> read() {
    if (!document_.is_object()) return invalid("", "must be an object");
    CIYUAN_TRY_STATUS(read_head());
    CIYUAN_TRY_STATUS(read_characters());
    CIYUAN_TRY_STATUS(read_modality_rules());
    CIYUAN_TRY_STATUS(read_rules(document_, "", method_.general_));
    CIYUAN_TRY_STATUS(read_models());
    CIYUAN_TRY_STATUS(read_price_ratio());
    return std::move(method_);
  }

 private:
  Status read_head() {
    Fields fields(document_, "");
    method_.name_ = fields.text("name", true);
    const std::string basis = fields.has("basis") ? fields.text("basis", true) : "native";
    bool known = false;
    for (int i = 0; i <= static_cast<int>(Basis::kProviderReported); ++i)
      if (name_of(static_cast<Basis>(i)) == basis) method_.basis_ = static_cast<Basis>(i), known = true;
    if (!known) fields.fault("basis", "\"" + basis + "\" is no basis of counting");
    method_.reference_tokenizer_ = fields.text("tokenizer", false);
    if ((method_.basis_ == Basis::kReference) != !method_.reference_tokenizer_.empty())
      fields.fault("tokenizer", "belongs to basis \"reference\", and only there");
    const std::string unlisted = fields.text("unlisted_models", false);
    if (!unlisted.empty() && unlisted != "refuse" && unlisted != "count")
      fields.fault("unlisted_models", "\"" + unlisted + "\" is none of count, refuse");
    method_.refuses_unlisted_ = unlisted == "refuse";
    return first_fault(fields);
  }

  // The members that others read are none of this one's faults.
  Status first_fault(Fields& fields) {
    for (const auto& [name, value] : document_.items()) (void)fields.member(name.c_str());
    return fields.done("a method");
  }

  Status read_characters() {
    if (!document_.contains("characters")) return {};
    if (method_.basis_ != Basis::kCharacters)
      return invalid("/characters", "belongs to basis \"characters\", and only there");
    Fields fields(document_["characters"], "/characters");
    const std::string unit = fields.text("unit", true);
    if (unit != "grapheme" && unit != "code_point")
      fields.fault("unit", "\"" + unit + "\" is none of code_point, grapheme");
    const std::string unicode = fields.text("unicode", unit == "grapheme");
    if (!unicode.empty() && unicode != kGraphemeUnicode)
      fields.fault("unicode", "\"" + unicode + "\" is not the version that is counted by here, " +
                                  std::string(kGraphemeUnicode));
    CharacterRule& rule = method_.characters_;
    rule.grapheme = unit == "grapheme";
    rule.han = fields.whole("han", 0, kUnitsMax, false, 1);
    rule.other = fields.whole("other", 0, kUnitsMax, false, 1);
    if (rule.han == 0 && rule.other == 0) fields.fault("han", "and other must not both be 0");
    return fields.done("characters");
  }

  Status read_modality_rules() {
    if (!document_.contains("modality_rules")) return {};
    const Json& list = document_["modality_rules"];
    if (!list.is_array() || list.size() > kRulesMax)
      return invalid("/modality_rules", "must be a list of at most " + std::to_string(kRulesMax) + " rules");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = "/modality_rules/" + std::to_string(i);
      CIYUAN_TRY(ModalityRule rule, ModalityRule::from_json(list[i], path));
      if (!rule_index_.emplace(rule.name(), i).second)
        return invalid(path + "/name", "\"" + rule.name() + "\" names a rule already");
      method_.modality_rules_.push_back(std::move(rule));
    }
    return {};
  }

  Status read_modalities(const Json& object, const std::string& path, Method::Rules& rules) {
    if (!object.is_object()) return invalid(path, "must be an object of medium and rule");
    for (const auto& [name, value] : object.items()) {
      const std::string where = path + "/" + name;
      const auto medium = medium_named(name);
      if (!medium) return invalid(where, "is no medium");
      auto rule =
          value.is_string() ? rule_index_.find(value.get_ref<const std::string&>()) : rule_index_.end();
      if (rule == rule_index_.end())
        return invalid(where, value.dump() + " names no rule of /modality_rules");
      if (method_.modality_rules_[rule->second].medium() != *medium)
        return invalid(where, value.dump() + " is a rule for " +
                                  std::string(name_of(method_.modality_rules_[rule->second].medium())));
      rules.modalities[*medium] = rule->second;
    }
    return {};
  }

  // What stands at the top for all models, and in /models for one.
  Status read_rules(const Json& object, const std::string& path, Method::Rules& rules) {
    rules.path = path;
    if (object.contains("weights")) {
      CIYUAN_TRY(rules.weights, read_weights(object["weights"], path + "/weights", kWeightScale, kWeightMax));
    }
    if (object.contains("kinds")) {
      CIYUAN_TRY(rules.kinds, read_kinds(object["kinds"], path + "/kinds"));
    }
    for (const auto& [kind, weight] : rules.weights)
      if (rules.kinds && !(*rules.kinds)[index_of(*kind_named(kind))])
        return invalid(path + "/weights/" + kind, "is not among /kinds, so it has no weight");
    if (object.contains("control_tokens")) {
      CIYUAN_TRY(rules.control, read_counts(object["control_tokens"], path + "/control_tokens"));
    }
    if (object.contains("modalities"))
      CIYUAN_TRY_STATUS(read_modalities(object["modalities"], path + "/modalities", rules));
    Fields fields(object, path);
    rules.tokenizer_sha256 = read_digest(fields, "tokenizer_sha256");
    rules.template_sha256 = read_digest(fields, "template_sha256");
    const bool by_tokens = method_.basis_ == Basis::kNative || method_.basis_ == Basis::kProviderReported;
    if (!rules.tokenizer_sha256.empty() && !by_tokens && method_.basis_ != Basis::kReference)
      fields.fault("tokenizer_sha256", "pins a vocabulary, and this basis counts by none");
    if (!rules.template_sha256.empty() && !by_tokens)
      fields.fault("template_sha256", "pins a chat template, and this basis counts by none");
    for (const auto& [name, value] : object.items()) (void)fields.member(name.c_str());
    return fields.done("a model");
  }

  Status add_name(const Json& name, const std::string& path, Method::Rules& rules) {
    if (!name.is_string()) return invalid(path, "is missing");
    if (!method_.by_name_.emplace(name.get<std::string>(), method_.models_.size()).second)
      return invalid(path, name.dump() + " has a rule already");
    rules.names.push_back(name);
    return {};
  }

  Status read_models() {
    if (document_.contains("media_tokens")) {
      CIYUAN_TRY(method_.media_tokens_, read_counts(document_["media_tokens"], "/media_tokens"));
    }
    if (!document_.contains("models")) return {};
    const Json& list = document_["models"];
    if (!list.is_array() || list.size() > kModelsMax)
      return invalid("/models", "must be a list of at most " + std::to_string(kModelsMax) + " models");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = "/models/" + std::to_string(i);
      if (!list[i].is_object()) return invalid(path, "must be an object");
      Method::Rules rules;
      CIYUAN_TRY_STATUS(add_name(list[i].value("model", Json()), path + "/model", rules));
      const Json aliases = list[i].value("aliases", Json::array());
      if (!aliases.is_array()) return invalid(path + "/aliases", "must be a list of names");
      for (std::size_t k = 0; k < aliases.size(); ++k)
        CIYUAN_TRY_STATUS(add_name(aliases[k], path + "/aliases/" + std::to_string(k), rules));
      CIYUAN_TRY_STATUS(read_rules(list[i], path, rules));
      method_.models_.push_back(std::move(rules));
    }
    return {};
  }

  // Weights out of prices: each kind's price over the reference price, at six decimals.
  Status read_price_ratio() {
    if (!document_.contains("price_ratio")) return {};
    for (const char* other : {"weights", "models"})
      if (document_.contains(other))
        return invalid("/price_ratio",
                       "makes the weights itself: /" + std::string(other) + " must not stand beside it");
    const Json& table = document_["price_ratio"];
    Fields fields(table, "/price_ratio");
    for (const char* words : {"currency", "per"}) (void)fields.text(words, true);
    const Json* reference = fields.member("reference");
    const std::string rounding = fields.text("rounding", true);
    if (rounding != "exact" && rounding != "half_up" && rounding != "up" && rounding != "down")
      fields.fault("rounding", "\"" + rounding + "\" is none of exact, half_up, up, down");
    const Json* models = fields.member("models");
    if (reference == nullptr) fields.fault("reference", "is missing");
    if (models == nullptr || !models->is_array()) fields.fault("models", "must be a list");
    CIYUAN_TRY_STATUS(fields.done("a price ratio"));
    Fields unit(*reference, "/price_ratio/reference");
    (void)unit.text("model", true), (void)unit.text("kind", true);
    const Amount price = unit.decimal("price", kPriceScale, true);
    if (price.is_zero() || price > kPriceMax) unit.fault("price", "must be above 0 and at most 1000000000");
    for (const char* words : {"source", "date"}) (void)unit.member(words);
    CIYUAN_TRY_STATUS(unit.done("a reference price"));
    for (std::size_t i = 0; i < models->size(); ++i)
      CIYUAN_TRY_STATUS(
          read_priced_model((*models)[i], "/price_ratio/models/" + std::to_string(i), price, rounding));
    method_.refuses_unlisted_ = true;  // a model without a price has no ratio
    return {};
  }

  Status read_priced_model(const Json& entry, const std::string& path, Amount reference,
                           const std::string& rounding) {
    Fields fields(entry, path);
    (void)fields.text("model", true);
    const Json* prices = fields.member("prices");
    if (prices == nullptr) fields.fault("prices", "is missing");
    for (const char* words : {"aliases", "source", "date"}) (void)fields.member(words);
    CIYUAN_TRY_STATUS(fields.done("a model's prices"));
    CIYUAN_TRY(auto known, read_weights(*prices, path + "/prices", kPriceScale, kPriceMax));
    Method::Rules rules;
    rules.path = path;
    CIYUAN_TRY_STATUS(add_name(entry["model"], path + "/model", rules));
    const Json aliases = entry.value("aliases", Json::array());
    if (!aliases.is_array()) return invalid(path + "/aliases", "must be a list of names");
    for (std::size_t k = 0; k < aliases.size(); ++k)
      CIYUAN_TRY_STATUS(add_name(aliases[k], path + "/aliases/" + std::to_string(k), rules));
    for (const char* needed : {"input", "output"})
      if (!known.contains(needed)) return invalid(path + "/prices/" + needed, "is missing");
    const Rounding how = rounding == "up"     ? Rounding::kUp
                         : rounding == "down" ? Rounding::kDown
                                              : Rounding::kHalfUp;
    for (Kind kind : kAllKinds) {
      const std::string name(name_of(priced_as(kind, known)));
      const std::string where = path + "/prices/" + name;
      const Int128 scaled = known[name].units() * 1'000'000;
      const bool exact = scaled % reference.units() == 0;
      if (!exact && rounding == "exact")
        return invalid(where, entry["prices"][name].dump() +
                                  " over the reference price is not exact at six decimals, and "
                                  "/price_ratio/rounding is \"exact\"");
      if (!exact && name == name_of(kind)) method_.rounded_ratios_.push_back(where);
      const Amount weight(rounded_quotient(scaled, reference.units(), how));
      if (weight > kWeightMax)
        return invalid(where, entry["prices"][name].dump() + " is more than " +
                                  format_decimal(kWeightMax, kWeightScale) + " times the reference price");
      rules.weights[std::string(name_of(kind))] = weight;
    }
    method_.models_.push_back(std::move(rules));
    return {};
  }

  const Json& document_;
  Method method_;
  std::map<std::string, std::size_t> rule_index_;
};

Result<Method> Method::from_json(const Json& document) { return MethodReading(document).read(); }

}  // namespace ciyuan::measure
