#include "contract/internal/identity.h"

#include <algorithm>

#include "contract/internal/names.h"
#include "contract/internal/plan.h"

namespace ciyuan::contract {
namespace {

Status check_name(const char* what, std::string_view sent) {
  if (sent.size() > kSessionIdMax)
    return invalid(what, "is longer than " + std::to_string(kSessionIdMax) + " bytes");
  if (!std::all_of(sent.begin(), sent.end(), [](char c) { return c > ' ' && c < 0x7F; }))
    return invalid(what, "may hold printable ASCII without spaces only");
  return {};
}

Status check_required(const char* what, const ContractPlan& contract, const NamingRule& rule) {
  if (!rule.required) return {};
  return invalid(what,
                 "the contract " + contract.name + " asks for a " + what + " in the header " + rule.header);
}

Result<std::string> session_of(const KeyPlan& key, std::string_view sent) {
  if (sent.empty()) {
    CIYUAN_TRY_STATUS(check_required("session", *key.contract, key.contract->naming.session));
    return "key:" + key.name;
  }
  CIYUAN_TRY_STATUS(check_name("session", sent));
  if (sent.starts_with("key:")) return invalid("session", "a session id may not begin with \"key:\"");
  return std::string(sent);
}

// An agent's name is a path: who is called by whom. Empty segments would make one agent two.
Status check_agent(std::string_view agent) {
  if (agent.empty()) return {};
  const auto depth = static_cast<std::size_t>(std::count(agent.begin(), agent.end(), '/')) + 1;
  if (depth > kDepthMax) return invalid("agent", "has more than " + std::to_string(kDepthMax) + " levels");
  if (agent.starts_with('/') || agent.ends_with('/') || agent.find("//") != agent.npos)
    return invalid("agent", "has an empty level");
  return {};
}

struct Named {
  const char* what;
  std::string_view sent;
  const std::string& by_key;
  const NamingRule& rule;
  std::string& target;
};

}  // namespace

Status identify(const Call& call, Resolved& resolved) {
  const KeyPlan& key = *call.key;
  const NamingRules& rules = key.contract->naming;
  CIYUAN_TRY(resolved.session, session_of(key, call.session));
  static const std::string kNothing;
  const Named names[] = {{"tenant", call.tenant, key.identity.tenant, rules.tenant, resolved.tenant},
                         {"user", call.user, key.identity.user, rules.user, resolved.user},
                         {"agent", call.agent, key.identity.agent, rules.agent, resolved.agent},
                         {"purpose", call.purpose, kNothing, rules.purpose, resolved.purpose}};
  for (const Named& name : names) {
    CIYUAN_TRY_STATUS(check_name(name.what, name.sent));
    if (name.sent.empty() && name.by_key.empty())
      CIYUAN_TRY_STATUS(check_required(name.what, *key.contract, name.rule));
    const bool is_agent = &name.target == &resolved.agent;
    if (!name.by_key.empty() && !name.sent.empty() && name.sent != name.by_key &&
        !(is_agent && is_agent_at_or_below(name.sent, name.by_key)))
      return Error{ErrorCode::kRefused,
                   "the key " + key.name + " is of the " + name.what + " " + name.by_key + ", not " +
                       std::string(name.sent),
                   "key"};
    name.target = name.sent.empty() ? name.by_key : std::string(name.sent);
  }
  return check_agent(resolved.agent);
}

}  // namespace ciyuan::contract
