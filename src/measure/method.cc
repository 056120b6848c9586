#include "measure/method.h"

namespace ciyuan::measure {
namespace {

constexpr std::array<std::string_view, 7> kBasisNames = {
    "native", "reference", "bytes", "characters", "words", "calls", "provider_reported"};
constexpr std::int64_t kCodePointBytesMax = 4;

}  // namespace

std::string_view name_of(Basis basis) { return kBasisNames[static_cast<std::size_t>(basis)]; }

const Method::Rules* Method::rules_for(std::string_view model) const {
  auto found = by_name_.find(model);
  return found == by_name_.end() ? nullptr : &models_[found->second];
}

std::optional<std::int64_t> Method::unit_bytes_max() const {
  if (basis_ == Basis::kBytes) return 1;
  const bool each_counts = characters_.han > 0 && characters_.other > 0;
  if (basis_ == Basis::kCharacters && !characters_.grapheme && each_counts) return kCodePointBytesMax;
  return std::nullopt;
}

std::array<Amount, kKinds> Method::ciyuan_per_token(std::string_view model) const {
  std::array<Amount, kKinds> weights;
  weights.fill(Amount(1'000'000));
  const Rules* own = rules_for(model);
  for (const Rules* rules : {&general_, own})
    if (rules != nullptr)
      for (const auto& [kind, weight] : rules->weights) weights[index_of(*kind_named(kind))] = weight;
  const auto& kinds = own != nullptr && own->kinds ? own->kinds : general_.kinds;
  for (Kind kind : kAllKinds)
    if (kinds && !(*kinds)[index_of(kind)]) weights[index_of(kind)] = Amount();
  return weights;
}

std::map<std::string, std::int64_t> Method::control_tokens(std::string_view model) const {
  if (basis_ != Basis::kNative && basis_ != Basis::kProviderReported) return {};
  const Rules* own = rules_for(model);
  return (own != nullptr && own->control ? own->control : general_.control)
      .value_or(std::map<std::string, std::int64_t>());
}

std::int64_t Method::control_tokens(std::string_view model, std::string_view finish_reason) const {
  if (basis_ != Basis::kNative && basis_ != Basis::kProviderReported) return 0;
  const Rules* own = rules_for(model);
  const auto& control = own != nullptr && own->control ? own->control : general_.control;
  if (!control) return 0;
  auto found = control->find(std::string(finish_reason));
  return found == control->end() ? 0 : found->second;
}

const ModalityRule* Method::modality_rule(std::string_view model, Medium medium) const {
  for (const Rules* rules : {rules_for(model), &general_}) {
    if (rules == nullptr) continue;
    if (auto found = rules->modalities.find(medium); found != rules->modalities.end())
      return &modality_rules_[found->second];
  }
  return nullptr;
}

MediaCount Method::count_media(std::string_view model, const MediaPart& part) const {
  if (const ModalityRule* rule = modality_rule(model, part.medium)) return rule->count(part);
  auto stated = media_tokens_.find(std::string(name_of(part.medium)));
  if (stated == media_tokens_.end()) return {};
  return {stated->second, record::Level::kEstimated};
}

Status Method::covers(std::string_view model) const {
  if (!refuses_unlisted_ || rules_for(model) != nullptr) return {};
  return Error{ErrorCode::kNotFound,
               "\"" + std::string(model) + "\" is not among the models of the method " + name_ +
                   ", which counts no others",
               "/models"};
}

Status Method::check_pins(std::string_view model, std::string_view tokenizer,
                          std::string_view tokenizer_digest_hex, std::string_view chat_template,
                          std::string_view template_digest_hex) const {
  auto differs = [&](const Rules& rules, const char* member, const std::string& pinned, std::string_view what,
                     std::string_view name, std::string_view used) {
    return Error{ErrorCode::kConflict,
                 "\"" + pinned + "\" is the " + std::string(what) + " that the method " + name_ +
                     " counts by; the one in use" +
                     (name.empty() ? std::string() : ", " + std::string(name) + ",") +
                     (used.empty() ? " has no digest" : " has " + std::string(used)),
                 rules.path + "/" + member};
  };
  for (const Rules* rules : {&general_, rules_for(model)}) {
    if (rules == nullptr) continue;
    if (!rules->tokenizer_sha256.empty() && rules->tokenizer_sha256 != tokenizer_digest_hex)
      return differs(*rules, "tokenizer_sha256", rules->tokenizer_sha256, "vocabulary", tokenizer,
                     tokenizer_digest_hex);
    if (!rules->template_sha256.empty() && rules->template_sha256 != template_digest_hex)
      return differs(*rules, "template_sha256", rules->template_sha256, "chat template", chat_template,
                     template_digest_hex);
  }
  return {};
}

Method::Pins Method::pins(std::string_view model) const {
  Pins pins;
  for (const Rules* rules : {&general_, rules_for(model)}) {
    if (rules == nullptr) continue;
    if (!rules->tokenizer_sha256.empty()) pins.tokenizer_sha256 = rules->tokenizer_sha256;
    if (!rules->template_sha256.empty()) pins.template_sha256 = rules->template_sha256;
  }
  return pins;
}

std::vector<std::string> Method::models() const {
  std::vector<std::string> names;
  for (const Rules& rules : models_) names.push_back(rules.names.front());
  return names;
}

}  // namespace ciyuan::measure
