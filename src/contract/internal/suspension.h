#pragma once

/// Which suspension a call falls under, if any.

#include "contract/internal/plan.h"

namespace ciyuan::contract {

/// The first, by name, that matches and is in force at `at`. `model`: its own name.
const SuspensionPlan* suspension_of(const std::vector<SuspensionPlan>& suspensions, const KeyPlan& key,
                                    const Resolved& whom, std::string_view model, TimePoint at);

}  // namespace ciyuan::contract
