#include <algorithm>

#include "contract/internal/access.h"
#include "contract/internal/caps.h"
#include "contract/internal/compiler.h"
#include "contract/internal/tag_faults.h"

namespace ciyuan::contract {

void Compiler::add_key(const Document& document) {
  const Json& value = document.value;
  KeyPlan key;
  key.name = document.name;
  key.digest = document.digest;
  key.disabled = flag_at(value, "disabled", false);
  moment_at(document, value, "expires", "/expires", key.expires);
  if (Result<Bytes> hash = from_hex(text_at(value, "sha256"));
      hash.ok() && hash->size() == key.secret_sha256.size())
    std::copy(hash->begin(), hash->end(), key.secret_sha256.begin());
  auto [other, fresh] = secrets_.emplace(text_at(value, "sha256"), document.name);
  if (!fresh) fault(document, "/sha256", "is the secret of the key " + other->second + " as well");
  std::string contract_name = text_at(value, "contract");
  auto contract = state_->contracts.find(contract_name);
  if (contract == state_->contracts.end())
    return fault(document, "/contract", "\"" + contract_name + "\" names no Contract");
  key.contract = &contract->second;
  take_key_caps(document, key, contract->second);
  take_key_tags(document, key);
  take_key_licence(document, key);
  const Json& identity = object_at(value, "identity");
  key.identity = {text_at(identity, "tenant"), text_at(identity, "user"), text_at(identity, "agent")};
  const KeyPlan* kept = &state_->keys.emplace(document.name, std::move(key)).first->second;
  std::uint64_t prefix;
  std::copy_n(kept->secret_sha256.begin(), sizeof prefix, reinterpret_cast<std::uint8_t*>(&prefix));
  state_->keys_by_hash[prefix].push_back(kept);
}

// Keys refer to each other, so that all of them must be there.
void Compiler::finish_keys() {
  for (auto& [name, key] : state_->keys) {
    const Document& document = *find_in(state_->documents, "Key", name);
    const std::string parent = text_at(document.value, "parent");
    if (parent.empty()) continue;
    auto above = state_->keys.find(parent);
    if (above == state_->keys.end())
      fault(document, "/parent", "\"" + parent + "\" names no Key");
    else if (above->second.contract != key.contract)
      fault(document, "/parent", "\"" + parent + "\" is a key of another contract");
    else
      key.parent = &above->second;
  }
  for (const auto& [name, contract] : state_->contracts)
    for (const std::string& warning : key_faults(contract, *state_))
      warn(*find_in(state_->documents, "Contract", name), warning);
  for (auto& [name, key] : state_->keys) {
    std::size_t depth = 1;
    for (const KeyPlan* one = key.parent; one != nullptr && depth <= kDepthMax; one = one->parent) ++depth;
    if (depth <= kDepthMax) continue;
    fault(*find_in(state_->documents, "Key", name), "/parent",
          "stands below more than " + std::to_string(kDepthMax - 1) + " keys, or below itself");
    key.parent = nullptr;
  }
}

void Compiler::take_key_tags(const Document& document, KeyPlan& key) {
  auto tags = std::make_shared<KeyTags>();
  const Json own = document.value.value("tags", Json::object());
  take_faults(document, "", tag_faults(document.value));
  for (const auto& tag : own.items()) tags->own.emplace(tag.key(), tag.value().get<std::string>());
  const Json names = document.value.value("overridable_tags", Json::array());
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string name = names[i].get<std::string>();
    if (!tags->own.contains(name))
      fault(document, "/overridable_tags/" + std::to_string(i), "\"" + name + "\" is none of the key's tags");
    tags->overridable.insert(std::move(name));
  }
  key.tags = std::move(tags);
}

void Compiler::take_key_caps(const Document& document, KeyPlan& key, const ContractPlan& contract) {
  auto plans = std::make_shared<CapPlans>();
  std::set<std::string> ids;
  for (const ClauseText& text : contract.texts) ids.insert(text.id);
  for (const char* member : {"caps", "rates"}) {
    const Json clauses = document.value.value(member, Json::array());
    for (std::size_t i = 0; i < clauses.size(); ++i) {
      std::string pointer = "/" + std::string(member) + "/" + std::to_string(i),
                  id = text_at(clauses[i], "id");
      if (!ids.insert(id).second)
        fault(document, pointer + "/id",
              "\"" + id + "\" is the id of another clause of this key or its contract");
      key.clauses.push_back(
          {id, text_at(object_at(clauses[i], "text"), "en"), text_at(object_at(clauses[i], "text"), "zh")});
      take_cap(document, pointer, clauses[i], contract, &key, plans->caps);
    }
  }
  const std::size_t licences =
      (contract.site != nullptr ? 1 : 0) + (document.value.contains("licence") ? 1 : 0);
  if (contract.caps.size() + plans->caps.size() + licences + 1 > kLimitsMax)
    fault(document, "/caps",
          "with those of the contract and its licences, more than " + std::to_string(kLimitsMax - 1) +
              " caps apply to one call");
  auto prepaid = std::count_if(plans->caps.begin(), plans->caps.end(), is_prepaid_money);
  if (prepaid + (contract.prepaid_money ? 1 : 0) > 1)
    fault(document, "/caps", "two prepaid balances in money: a call would be paid twice");
  if (prepaid > 0 && !contract.payment.sources.empty())
    fault(document, "/caps",
          "a prepaid balance in money beside a payment clause: a call would be paid twice");
  key.caps = std::move(plans);
}

}  // namespace ciyuan::contract
