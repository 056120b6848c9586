// The header Ciyuan-Tags from clients: refused with its name and a rule, or tags within their bounds, of
// which none contradicts the key's.

#include <cstdlib>

#include "contract/tags.h"

using namespace ciyuan;
using namespace ciyuan::contract;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const KeyTags kKey{.own = {{"team", "red"}, {"project", "x"}}, .overridable = {"project"}};
  const std::string_view header(reinterpret_cast<const char*>(data), size);
  const Result<Tags> tags = tags_of_call(kKey, header);
  if (!tags.ok()) {
    if (tags.error().path != kTagsHeader || tags.error().message.empty()) std::abort();
    return 0;
  }
  if (tags->size() > kTagsMax || tags->at("team") != "red" || !tags->contains("project")) std::abort();
  for (const auto& [name, value] : *tags)
    if (!is_tag_name(name) || !check_tag_value(value).ok()) std::abort();
  // What a key has of itself it may say again.
  const Result<Tags> again = tags_of_call({.own = *tags, .overridable = {}}, header);
  if (!again.ok() || *again != *tags) std::abort();
  return 0;
}
