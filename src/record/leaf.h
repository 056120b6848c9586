#pragma once

/// What goes into the log. A record's entry has digests only, one for each group of the record:
///
///   {"fields":{"answer":"<hex>","charges":"<hex>",…},"id":"<uuid>","v":"ciyuan/record/v1"}
///
/// An administrative act's entry is readable (F85):
///
///   {"action":"apply","actor":"<key id>","digest":"<hex>","id":"<uuid>","kind":"Contract","name":"…",
///    "time":"<RFC 3339>","v":"ciyuan/admin/v1"}
///
/// Both are canonical JSON, so an entry can be made again from its parts; the leaf hash is tlog::leaf_hash of
/// it.
///
///   Sealed sealed = seal(record, key);
///   writer.append(sealed.leaf);
///
/// Pure functions: any thread. Sealing costs a few microseconds.

#include <array>
#include <string>
#include <string_view>

#include "record/commitment.h"
#include "record/record.h"
#include "tlog/tree.h"

namespace ciyuan::record {

inline constexpr std::string_view kAdminVersion = "ciyuan/admin/v1";

struct Sealed {
  EncodedRecord record;
  /// The digests of the groups that the record has, 32 bytes each, in the order of kGroups.
  std::string fields;
  std::string entry;
  tlog::Hash leaf{};
};

/// Record, entry and leaf in one go.
Sealed seal(const UsageRecord& record, const SecretKey& key);
/// The same from a record's stored JSON. kInvalid where it is not one.
Result<Sealed> seal_json(std::string_view record_json, const SecretKey& key);

/// Whether so many bytes are a record's digests: those of all groups, or of all but the optional one.
constexpr bool are_fields(std::size_t bytes) {
  return bytes == kGroups.size() * sizeof(Digest) || bytes == (kGroups.size() - 1) * sizeof(Digest);
}
/// The entry that has these digests: what a log keeps instead of its text, which is three times as long.
std::string entry_of(const Id& id, std::string_view fields);

/// A change made by an operator.
struct AdminAction {
  Id id;
  std::string action;  ///< apply, delete, …
  std::string kind;    ///< of the document
  std::string name;
  std::string digest;  ///< lower-case hex SHA-256 of the document; empty for a deletion
  std::string actor;   ///< id of the key that did it
  TimePoint time;
  bool operator==(const AdminAction&) const = default;
};
std::string admin_entry(const AdminAction& action);
/// Strict: admin_entry() of the result is the input again. kInvalid.
Result<AdminAction> parse_admin_entry(std::string_view entry);

}  // namespace ciyuan::record
