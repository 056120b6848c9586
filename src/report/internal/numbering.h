#pragma once

/// Numbers of papers: "lantern-2026-000001" of the series "lantern-2026-", without gaps.

#include <string>
#include <string_view>

#include "store/store.h"

namespace ciyuan::report::internal {

/// The series' next number. kTooLarge: it has none left.
Result<std::string> next_number(store::Reader& reader, std::string_view kind, const std::string& series);

}  // namespace ciyuan::report::internal
