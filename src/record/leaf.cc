#include "record/leaf.h"

#include "base/canonical_json.h"

namespace ciyuan::record {
namespace {

void append_hex(std::string& out, const Digest& digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  char digits[64];
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digits[2 * i] = kHex[digest[i] >> 4];
    digits[2 * i + 1] = kHex[digest[i] & 15];
  }
  out.append(digits, sizeof digits);
}

Sealed seal_encoded(EncodedRecord record, std::string_view id, const SecretKey& key) {
  Sealed sealed;
  HmacKey hmac(key);
  std::string& entry = sealed.entry;
  entry.reserve(1280);
  entry = "{\"fields\":{";
  for (std::size_t group = 0; group < kGroups.size(); ++group) {
    if (group != 0) entry += ',';
    entry += '"';
    entry += kGroups[group];
    entry += "\":\"";
    append_hex(entry, field_digest(kGroups[group], field_salt(hmac, kGroups[group]), record.value(group)));
    entry += '"';
  }
  entry += "},\"id\":\"";
  entry += id;
  entry += "\",\"v\":\"";
  entry += kRecordVersion;
  entry += "\"}";
  sealed.leaf = tlog::leaf_hash(bytes_of(entry));
  sealed.record = std::move(record);
  return sealed;
}

}  // namespace

Sealed seal(const UsageRecord& record, const SecretKey& key) {
  return seal_encoded(encode(record), record.id.text(), key);
}

Result<Sealed> seal_json(std::string_view record_json, const SecretKey& key) {
  CIYUAN_TRY(UsageRecord record, parse_record(record_json));
  return seal(record, key);
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
