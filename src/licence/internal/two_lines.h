#pragma once

/// The form that vouchers and statements share: what it is, and canonical JSON, a line each.

#include <string>
#include <string_view>

#include "base/canonical_json.h"

namespace ciyuan::licence::internal {

inline Result<std::string> two_lines(std::string_view what, const Json& value) {
  CIYUAN_TRY(std::string canonical, canonical_json(value));
  return std::string(what) + "\n" + canonical + "\n";
}

/// kInvalid: something else, or JSON that is not canonical.
inline Result<Json> read_two_lines(std::string_view what, std::string_view text) {
  if (!text.starts_with(what) || text.substr(what.size(), 1) != "\n" || !text.ends_with('\n'))
    return invalid("", "is not a " + std::string(what));
  std::string_view line = text.substr(what.size() + 1, text.size() - what.size() - 2);
  CIYUAN_TRY(Json value, parse_json(line));
  CIYUAN_TRY(std::string canonical, canonical_json(value));
  if (canonical != line || !value.is_object()) return invalid("", "is not canonical JSON of an object");
  return value;
}

inline Result<std::string> text_member(const Json& object, const char* member) {
  auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return invalid(member, "is missing, or no text");
  return found->get<std::string>();
}

}  // namespace ciyuan::licence::internal
