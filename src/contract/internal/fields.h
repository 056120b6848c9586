#pragma once

/// Members of a document that has passed its schema, with what holds where they are missing.

#include <cstdint>
#include <string>

#include "base/json.h"

namespace ciyuan::contract {

inline std::string text_at(const Json& object, const char* field, std::string fallback = "") {
  auto found = object.find(field);
  if (found == object.end()) return fallback;
  return found->is_string() ? found->get<std::string>() : found->dump();
}
inline std::int64_t integer_at(const Json& object, const char* field, std::int64_t fallback) {
  auto found = object.find(field);
  return found == object.end() ? fallback : found->get<std::int64_t>();
}
inline bool flag_at(const Json& object, const char* field, bool fallback) {
  auto found = object.find(field);
  return found == object.end() ? fallback : found->get<bool>();
}
inline const Json& object_at(const Json& object, const char* field) {
  static const Json kEmpty = Json::object();
  auto found = object.find(field);
  return found == object.end() ? kEmpty : *found;
}

}  // namespace ciyuan::contract
