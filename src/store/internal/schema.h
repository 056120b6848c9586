#pragma once

/// The tables, and the check that a file is ours and of a version we know.

#include "store/internal/sqlite.h"

namespace ciyuan::store::internal {

constexpr std::int64_t kApplicationId = 0x4359554E;  // "CYUN"
constexpr std::int64_t kSchemaVersion = 6;

/// Creates the tables in an empty database, or checks an existing one and brings an older one up to date.
/// kCorrupt: not ours, or newer than we know.
Status prepare_schema(const Database& database);
/// The version of a database that is ours. kNotFound: it is empty. kCorrupt: as above.
Result<std::int64_t> schema_version(const Database& database);
/// The check for readers: errors as schema_version(), and kUnavailable: older than we read.
Status check_schema(const Database& database);

}  // namespace ciyuan::store::internal
