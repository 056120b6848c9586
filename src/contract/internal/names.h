#pragma once

/// Names that stand below each other.

#include <string_view>

namespace ciyuan::contract {

/// "planner/search" is below "planner".
inline bool is_agent_at_or_below(std::string_view agent, std::string_view name) {
  return agent.starts_with(name) && (agent.size() == name.size() || agent[name.size()] == '/');
}

}  // namespace ciyuan::contract
