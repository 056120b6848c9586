#pragma once

/// Keys that are not the dialect's own, but that a lenient reader takes for one of them.
///
/// Go's encoding/json matches names in any case, the letters U+017F (ſ) and U+212A (K) included, and of
/// several that match it takes the last: behind such a service {"model":"cheap","Model":"dear"} asks for the
/// dear one.

#include <simdjson.h>

#include <string>
#include <string_view>

namespace ciyuan::dialect::internal {

/// The member of a request that `key` could be taken for; empty where it is that member, or none.
std::string_view taken_for(std::string_view key);

/// The first such key in messages or options, at any depth but for arguments of calls; empty where none is.
std::string misleading_key(simdjson::dom::element value);

}  // namespace ciyuan::dialect::internal
