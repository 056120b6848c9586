#include "contract/internal/suspension.h"

#include <algorithm>

#include "contract/internal/compiler.h"
#include "contract/internal/names.h"

namespace ciyuan::contract {
namespace {

bool is_key_at_or_below(const KeyPlan& key, std::string_view name) {
  for (const KeyPlan* one = &key; one != nullptr; one = one->parent)
    if (one->name == name) return true;
  return false;
}

}  // namespace

const SuspensionPlan* suspension_of(const std::vector<SuspensionPlan>& suspensions, const KeyPlan& key,
                                    const Resolved& whom, std::string_view model, TimePoint at) {
  auto fits = [](const std::string& wanted, std::string_view is) { return wanted.empty() || wanted == is; };
  for (const SuspensionPlan& one : suspensions) {
    const bool in_force = at >= one.from && (one.until == TimePoint{} || at < one.until);
    if (in_force && fits(one.contract, key.contract->name) && fits(one.session, whom.session) &&
        fits(one.tenant, whom.tenant) && fits(one.user, whom.user) && fits(one.model, model) &&
        (one.key.empty() || is_key_at_or_below(key, one.key)) &&
        (one.agent.empty() || is_agent_at_or_below(whom.agent, one.agent)))
      return &one;
  }
  return nullptr;
}

void Compiler::add_suspension(const Document& document) {
  const Json &value = document.value, &of = value["of"];
  SuspensionPlan plan{.name = document.name,
                      .contract = text_at(of, "contract"),
                      .key = text_at(of, "key"),
                      .session = text_at(of, "session"),
                      .tenant = text_at(of, "tenant"),
                      .user = text_at(of, "user"),
                      .agent = text_at(of, "agent"),
                      .model = text_at(of, "model"),
                      .from = {},
                      .until = {}};
  if (!plan.contract.empty() && !state_->contracts.contains(plan.contract))
    fault(document, "/of/contract", "\"" + plan.contract + "\" names no Contract");
  if (!plan.key.empty() && !state_->keys.contains(plan.key))
    fault(document, "/of/key", "\"" + plan.key + "\" names no Key");
  if (auto model = state_->model_names.find(plan.model); model != state_->model_names.end())
    plan.model = model->second->name;
  else if (!plan.model.empty())
    fault(document, "/of/model", "\"" + plan.model + "\" names no Model");
  const std::string effect = text_at(value, "effect"), target = text_at(value, "model");
  plan.ends_running = effect == "suspend";
  if ((effect == "downgrade") != !target.empty())
    fault(document, "/model", "says where a downgrade leads, and belongs to one");
  if (auto model = state_->model_names.find(target); model != state_->model_names.end())
    plan.downgrade_to = model->second;
  else if (!target.empty())
    fault(document, "/model", "\"" + target + "\" names no Model");
  if (plan.downgrade_to != nullptr && plan.downgrade_to->name == plan.model)
    fault(document, "/model", "\"" + target + "\" is the model that it is of");
  const Json& effective = object_at(value, "effective");
  const bool from = moment_at(document, effective, "from", "/effective/from", plan.from);
  const bool until = moment_at(document, effective, "until", "/effective/until", plan.until);
  if (from && until && plan.until != TimePoint{} && plan.until <= plan.from)
    fault(document, "/effective/until", "\"" + text_at(effective, "until") + "\" is not after from");
  const Json& reason = object_at(value, "reason");
  state_->other_texts[plan.path()] = {plan.path(), text_at(reason, "en"), text_at(reason, "zh")};
  state_->suspensions.push_back(std::move(plan));
}

}  // namespace ciyuan::contract
