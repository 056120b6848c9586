#pragma once

/// Tags: names and values that a call's cost is split by. A key has tags of its own, and a call may bring
/// more in the header Ciyuan-Tags, in the form of W3C Baggage (without properties): names and values with "="
/// between, commas between tags, percent-encoding for what is no plain character.
///
///   Ciyuan-Tags: project=x,centre=%E7%A0%94%E5%8F%91
///
/// Whoever pays decides by the key whose cost a call is: a call adds to the key's tags, and gives one of them
/// another value only where the key says so. What a call says for itself limits nothing and proves nothing.
///
/// Pure functions: any thread.

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::contract {

inline constexpr std::string_view kTagsHeader = "Ciyuan-Tags";
constexpr std::size_t kTagsMax = 16;  ///< of one call, the key's among them
constexpr std::size_t kTagNameBytesMax = 64;
constexpr std::size_t kTagValueBytesMax = 128;
constexpr std::size_t kTagsHeaderBytesMax = 8192;

using Tags = std::map<std::string, std::string>;

struct KeyTags {
  Tags own;
  std::set<std::string> overridable;  ///< names of `own`
};

/// A small letter, then small letters, digits, ".", "_" and "-": kTagNameBytesMax at most.
bool is_tag_name(std::string_view name);
/// 1 to kTagValueBytesMax bytes of UTF-8 without control characters.
Status check_tag_value(std::string_view value);

/// The tags of a call: the key's with those of the header (empty: none). kInvalid, path "Ciyuan-Tags": it is
/// malformed, names a tag twice, or gives the key's tag another value that it may not.
Result<Tags> tags_of_call(const KeyTags& key, std::string_view header);

}  // namespace ciyuan::contract
