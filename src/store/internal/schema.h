#pragma once

/// The tables, and the check that a file is ours and of a version we know.

#include "store/internal/sqlite.h"

namespace ciyuan::store::internal {

constexpr std::int64_t kApplicationId = 0x4359554E;  // "CYUN"
constexpr std::int64_t kSchemaVersion = 1;

/// Creates the tables in an empty database, or checks an existing one. kCorrupt: not ours, or newer than we
/// know.
Status prepare_schema(const Database& database);
/// The check alone, for readers. kNotFound: the database is empty.
Status check_schema(const Database& database);

}  // namespace ciyuan::store::internal
