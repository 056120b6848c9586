#include "contract/redline.h"

#include <algorithm>

#include "contract/internal/fields.h"
#include "contract/internal/parse.h"

namespace ciyuan::contract {
namespace {

bool is_identified(const Json& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& one) {
           return one.is_object() && (one.contains("id") || one.contains("kind"));
         });
}

std::string id_of(const Json& item) { return text_at(item, "id", text_at(item, "kind")); }

const Json* item_of(const Json& list, const std::string& id) {
  for (const Json& item : list)
    if (id_of(item) == id) return &item;
  return nullptr;
}

void compare(const Json& before, const Json& after, const std::string& path, std::vector<Change>& changes);

void compare_members(const Json& before, const Json& after, const std::string& path,
                     std::vector<Change>& changes) {
  for (const auto& member : before.items()) {
    const std::string at = path + "/" + pointer_token(member.key());
    if (auto other = after.find(member.key()); other != after.end())
      compare(member.value(), *other, at, changes);
    else
      changes.push_back({at, member.value(), Json()});
  }
  for (const auto& member : after.items())
    if (!before.contains(member.key()))
      changes.push_back({path + "/" + pointer_token(member.key()), Json(), member.value()});
}

void compare_items(const Json& before, const Json& after, const std::string& path,
                   std::vector<Change>& changes) {
  for (const Json& item : before) {
    const std::string id = id_of(item), at = path + "/" + pointer_token(id);
    if (const Json* other = item_of(after, id); other != nullptr)
      compare(item, *other, at, changes);
    else
      changes.push_back({at, item, Json()});
  }
  for (const Json& item : after)
    if (const std::string id = id_of(item); item_of(before, id) == nullptr)
      changes.push_back({path + "/" + pointer_token(id), Json(), item});
}

void compare(const Json& before, const Json& after, const std::string& path, std::vector<Change>& changes) {
  if (before == after) return;
  if (before.is_object() && after.is_object()) return compare_members(before, after, path, changes);
  if (is_identified(before) && is_identified(after)) return compare_items(before, after, path, changes);
  changes.push_back({path, before, after});
}

}  // namespace

std::vector<Change> redline(const Json& before, const Json& after) {
  std::vector<Change> changes;
  compare(before, after, "", changes);
  return changes;
}

}  // namespace ciyuan::contract
