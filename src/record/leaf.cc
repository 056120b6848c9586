#include "record/leaf.h"

#include "base/canonical_json.h"
#include "base/check.h"

namespace ciyuan::record {
namespace {

Sealed seal_encoded(EncodedRecord record, const Id& id, const SecretKey& key) {
  Sealed sealed;
  HmacKey hmac(key);
  sealed.fields.reserve(kGroups.size() * sizeof(Digest));
  for (std::size_t group = 0; group < kGroups.size(); ++group)
    if (record.has(group))
      sealed.fields +=
          text_of(field_digest(kGroups[group], field_salt(hmac, kGroups[group]), record.value(group)));
  sealed.entry = entry_of(id, sealed.fields);
  sealed.leaf = tlog::leaf_hash(bytes_of(sealed.entry));
  sealed.record = std::move(record);
  return sealed;
}

}  // namespace

Sealed seal(const UsageRecord& record, const SecretKey& key) {
  return seal_encoded(encode(record), record.id, key);
}

Result<Sealed> seal_json(std::string_view record_json, const SecretKey& key) {
  CIYUAN_TRY(UsageRecord record, parse_record(record_json));
  return seal(record, key);
}

std::string entry_of(const Id& id, std::string_view fields) {
  static constexpr char kHex[] = "0123456789abcdef";
  CIYUAN_CHECK(are_fields(fields.size()), "an entry has one digest for each group of its record");
  const bool whole = fields.size() == kGroups.size() * sizeof(Digest);
  std::string entry = "{\"fields\":{";
  entry.reserve(1280);
  std::size_t at = 0;
  for (std::size_t group = 0; group < kGroups.size(); ++group) {
    if (group == kOptionalGroup && !whole) continue;
    if (group != 0) entry += ',';
    entry += '"';
    entry += kGroups[group];
    entry += "\":\"";
    char digits[2 * sizeof(Digest)];
    for (std::size_t i = 0; i < sizeof(Digest); ++i) {
      const auto byte = static_cast<std::uint8_t>(fields[at++]);
      digits[2 * i] = kHex[byte >> 4];
      digits[2 * i + 1] = kHex[byte & 15];
    }
    entry.append(digits, sizeof digits);
    entry += '"';
  }
  entry += "},\"id\":\"";
  entry += id.text();
  entry += "\",\"v\":\"";
  entry += kRecordVersion;
  entry += "\"}";
  return entry;
}

std::string admin_entry(const AdminAction& action) {
  std::string out;
  auto member = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? "{\"" : ",\"";
    out += name;
    out += "\":";
    append_json_string(out, is_utf8(value) ? value : std::string_view("\xEF\xBF\xBD"));
  };
  member("action", action.action);
  member("actor", action.actor);
  member("digest", action.digest);
  member("id", action.id.text());
  member("kind", action.kind);
  member("name", action.name);
  member("time", to_rfc3339(action.time));
  member("v", kAdminVersion);
  return out + "}";
}

Result<AdminAction> parse_admin_entry(std::string_view entry) {
  CIYUAN_TRY(Json json, parse_json(entry));
  auto text = [&json](const char* name) {
    auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  AdminAction action;
  CIYUAN_TRY(action.id, parse_id(text("id")));
  CIYUAN_TRY(action.time, parse_rfc3339(text("time")));
  action.action = text("action");
  action.actor = text("actor");
  action.digest = text("digest");
  action.kind = text("kind");
  action.name = text("name");
  if (admin_entry(action) != entry)
    return invalid("entry", "not the canonical form of an administrative act");
  return action;
}

}  // namespace ciyuan::record
