#pragma once

/// For whom a call is: what the client says, within what its key says.

#include "contract/registry.h"

namespace ciyuan::contract {

/// Fills session, tenant, user, agent and purpose. kInvalid with the name as path: missing where the contract
/// asks for it, or malformed. kRefused, path "key": other than the key says.
Status identify(const Call& call, Resolved& resolved);

}  // namespace ciyuan::contract
