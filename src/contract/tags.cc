#include "contract/tags.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/percent.h"

namespace ciyuan::contract {
namespace {

Error wrong(std::string_view what, const std::string& why) {
  std::string shown(what.substr(0, kTagNameBytesMax));
  // The refusal goes into JSON; a header's bytes need not.
  if (!is_utf8(shown)) shown = "(not UTF-8)";
  return invalid(std::string(kTagsHeader), "\"" + shown + "\" " + why);
}

std::string_view trimmed(std::string_view text) {
  std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Baggage's octets stand for themselves, and % with two hexadecimal digits for any byte.
bool is_octet(char c) {
  return c > 0x20 && c < 0x7F && std::string_view("\",;\\").find(c) == std::string_view::npos;
}
Result<std::string> decoded(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_octet))
    return wrong(text, "has a character that must be percent-encoded");
  std::optional<std::string> value = percent_decoded(text);
  if (!value) return wrong(text, "has a % without two hexadecimal digits");
  return std::move(*value);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

bool is_tag_name(std::string_view name) {
  if (name.empty() || name.size() > kTagNameBytesMax || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

Status check_tag_value(std::string_view value) {
  if (value.empty() || value.size() > kTagValueBytesMax)
    return wrong(value, "is not 1 to " + std::to_string(kTagValueBytesMax) + " bytes long");
  if (!is_utf8(value) || std::any_of(value.begin(), value.end(), is_control))
    return wrong(value, "is not UTF-8 text without control characters");
  return {};
}

Result<Tags> tags_of_call(const KeyTags& key, std::string_view header) {
  Tags tags = key.own;
  if (header.empty()) return tags;
  if (header.size() > kTagsHeaderBytesMax)
    return invalid(std::string(kTagsHeader),
                   "is longer than " + std::to_string(kTagsHeaderBytesMax) + " bytes");
  std::set<std::string> seen;
  for (std::size_t begin = 0; begin <= header.size();) {
    std::size_t end = std::min(header.find(',', begin), header.size());
    std::string_view member = trimmed(header.substr(begin, end - begin));
    begin = end + 1;
    std::size_t equals = member.find('=');
    if (equals == member.npos) return wrong(member, "is not like name=value");
    std::string name(trimmed(member.substr(0, equals)));
    if (!is_tag_name(name))
      return wrong(name, "is no name of a tag: small letters, digits, \".\", \"_\", \"-\", at most " +
                             std::to_string(kTagNameBytesMax));
    CIYUAN_TRY(std::string value, decoded(trimmed(member.substr(equals + 1))));
    CIYUAN_TRY_STATUS(check_tag_value(value));
    if (!seen.insert(name).second) return wrong(name, "stands twice");
    auto [tag, fresh] = tags.try_emplace(name, value);
    if (!fresh && tag->second != value && !key.overridable.contains(name))
      return wrong(name, "is set by the key, which does not let a call change it");
    tag->second = std::move(value);
  }
  if (tags.size() > kTagsMax)
    return invalid(std::string(kTagsHeader), "brings the tags to " + std::to_string(tags.size()) +
                                                 ", more than " + std::to_string(kTagsMax));
  return tags;
}

}  // namespace ciyuan::contract
