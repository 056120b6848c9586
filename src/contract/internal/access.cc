#include "contract/internal/access.h"

#include <algorithm>

#include "contract/internal/fields.h"
#include "contract/internal/names.h"

namespace ciyuan::contract {
namespace {

constexpr std::string_view kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::int64_t kMinutesADay = 24 * 60;

std::vector<std::string> names_at(const Json& rule, const char* field) {
  std::vector<std::string> names;
  for (const Json& name : rule.value(field, Json::array())) names.push_back(name.get<std::string>());
  std::sort(names.begin(), names.end());
  return names;
}

int minutes_of(const std::string& text) {  // "08:30", as the schema says
  return (text[0] - '0') * 600 + (text[1] - '0') * 60 + (text[3] - '0') * 10 + (text[4] - '0');
}

AccessHours hours_of(const Json& hours) {
  AccessHours plan;
  plan.from = minutes_of(text_at(hours, "from"));
  plan.until = minutes_of(text_at(hours, "until"));
  plan.utc_offset_minutes = static_cast<int>(integer_at(hours, "utc_offset_minutes", 0));
  const Json days = hours.value("days", Json(kDays));
  for (const Json& day : days)
    plan.days |= 1U << (std::find(std::begin(kDays), std::end(kDays), day.get<std::string>()) - kDays);
  return plan;
}

// Of a span past midnight, the hours after it belong to the day on which it began.
bool is_within(const AccessHours& hours, TimePoint at) {
  const std::int64_t minutes = at.ns / 60'000'000'000 + hours.utc_offset_minutes;
  const std::int64_t day = minutes / kMinutesADay, minute = minutes % kMinutesADay;
  auto is_on = [&](std::int64_t one) {
    return (hours.days >> (one + 3) % 7 & 1) != 0;
  };  // day 0 was a Thursday
  if (hours.from < hours.until) return is_on(day) && minute >= hours.from && minute < hours.until;
  return (minute >= hours.from && is_on(day)) || (minute < hours.until && is_on(day - 1));
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::binary_search(names.begin(), names.end(), name, std::less<>());
}

bool has_key(const std::vector<std::string>& names, const KeyPlan& key) {
  for (const KeyPlan* one = &key; one != nullptr; one = one->parent)
    if (has(names, one->name)) return true;
  return false;
}

bool has_agent(const std::vector<std::string>& names, std::string_view agent) {
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return is_agent_at_or_below(agent, name);
         });
}

bool matches(const AccessRule& rule, const KeyPlan& key, const Resolved& call, std::string_view region,
             const AccessFacts& facts) {
  return has(rule.models, call.model->name) && has(rule.endpoints, facts.endpoint) &&
         has(rule.users, call.user) && has(rule.tenants, call.tenant) && has(rule.purposes, call.purpose) &&
         has(rule.regions, region) && has_key(rule.keys, key) && has_agent(rule.agents, call.agent) &&
         (!rule.prompt_tokens_over || facts.prompt_tokens > *rule.prompt_tokens_over) &&
         (!rule.hours || is_within(*rule.hours, facts.at));
}

}  // namespace

void compile_access(const Json& clause, const Registry::State& state, std::vector<AccessRule>& rules,
                    std::vector<ClauseText>& texts, std::vector<Fault>& faults) {
  const std::string id = text_at(clause, "id");
  const Json& listed = clause["rules"];
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const Json& one = listed[i];
    const std::string pointer = "/rules/" + std::to_string(i);
    AccessRule rule{.clause = id, .id = text_at(one, "id"), .allows = text_at(one, "effect") == "allow"};
    for (const AccessRule& other : rules)
      if (other.clause == id && other.id == rule.id)
        faults.push_back({pointer + "/id", "\"" + rule.id + "\" is the id of another rule of the clause"});
    rule.keys = names_at(one, "keys");
    rule.tenants = names_at(one, "tenants");
    rule.users = names_at(one, "users");
    rule.agents = names_at(one, "agents");
    rule.purposes = names_at(one, "purposes");
    rule.endpoints = names_at(one, "endpoints");
    rule.regions = names_at(one, "regions");
    rule.models = names_at(one, "models");
    for (std::string& name : rule.models) {
      auto model = state.model_names.find(name);
      if (model == state.model_names.end())
        faults.push_back({pointer + "/models", "\"" + name + "\" names no Model"});
      else
        name = model->second->name;
    }
    std::sort(rule.models.begin(), rule.models.end());
    if (one.contains("prompt_tokens_over"))
      rule.prompt_tokens_over = integer_at(one, "prompt_tokens_over", 0);
    if (one.contains("hours")) rule.hours = hours_of(one["hours"]);
    if (rule.hours && rule.hours->from == rule.hours->until)
      faults.push_back(
          {pointer + "/hours/until", "\"" + text_at(one["hours"], "until") + "\" is the same as from"});
    if (one.contains("output_tokens_max")) {
      rule.output_tokens_max = integer_at(one, "output_tokens_max", 0);
      if (!rule.allows)
        faults.push_back({pointer + "/output_tokens_max", "bounds what a rule allows, and this one denies"});
    }
    const Json& text = object_at(one, "text");
    texts.push_back({id + "/" + rule.id, text_at(text, "en"), text_at(text, "zh")});
    rules.push_back(std::move(rule));
  }
}

std::vector<std::string> key_faults(const ContractPlan& contract, const Registry::State& state) {
  std::vector<std::string> faults;
  for (const AccessRule& rule : contract.access)
    for (const std::string& name : rule.keys) {
      auto key = state.keys.find(name);
      if (key == state.keys.end() || key->second.contract != &contract)
        faults.push_back("the rule " + rule.clause + "/" + rule.id + " names the key " + name +
                         ", which the contract has not: it matches nothing until there is one");
    }
  return faults;
}

std::vector<std::string> access_warnings(const std::vector<AccessRule>& rules) {
  auto covers = [](const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
    return wide.empty() ||
           (!narrow.empty() && std::includes(wide.begin(), wide.end(), narrow.begin(), narrow.end()));
  };
  std::vector<std::string> warnings;
  for (const AccessRule& dead : rules)
    for (const AccessRule& denies : rules)
      if (dead.allows && !denies.allows && !denies.hours && !denies.prompt_tokens_over &&
          covers(denies.keys, dead.keys) && covers(denies.tenants, dead.tenants) &&
          covers(denies.users, dead.users) && covers(denies.agents, dead.agents) &&
          covers(denies.purposes, dead.purposes) && covers(denies.models, dead.models) &&
          covers(denies.endpoints, dead.endpoints) && covers(denies.regions, dead.regions))
        warnings.push_back("the rule " + dead.clause + "/" + dead.id + " allows nothing: " + denies.clause +
                           "/" + denies.id + " denies all that it matches");
  return warnings;
}

Decision decide(const std::vector<AccessRule>& rules, const KeyPlan& key, const Resolved& call,
                std::string_view region, const AccessFacts& facts) {
  Decision decision;
  const AccessRule *denies = nullptr, *allows = nullptr;
  bool any_allows = false;
  for (const AccessRule& rule : rules) {
    any_allows |= rule.allows;
    if (!matches(rule, key, call, region, facts)) continue;
    decision.matched.push_back(rule.clause + "/" + rule.id);
    const AccessRule*& first = rule.allows ? allows : denies;
    if (first == nullptr) first = &rule;
    // Each that allows allows so much; the most generous counts, and one without a bound has none.
    if (!rule.allows) continue;
    if (allows == &rule)
      decision.output_tokens_max = rule.output_tokens_max;
    else if (decision.output_tokens_max)
      decision.output_tokens_max = rule.output_tokens_max
                                       ? std::max(*decision.output_tokens_max, *rule.output_tokens_max)
                                       : rule.output_tokens_max;
  }
  const AccessRule* decides = denies != nullptr ? denies : allows;
  decision.allowed = denies == nullptr && (allows != nullptr || !any_allows);
  if (decides != nullptr) {
    decision.clause = decides->clause;
    decision.rule = decides->id;
  } else if (!decision.allowed) {
    decision.clause = rules.front().clause;
  }
  if (!decision.allowed)
    decision.message = denies != nullptr ? "the rule " + denies->clause + "/" + denies->id +
                                               " of the contract " + call.contract + " denies it"
                                         : "no access rule of the contract " + call.contract + " allows it";
  return decision;
}

}  // namespace ciyuan::contract
