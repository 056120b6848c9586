#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "contract/internal/schema_check.h"
#include "contract/tags.h"

namespace ciyuan::contract {

/// What is wrong with the field `tags` of a document; pointers begin at the document.
inline std::vector<Fault> tag_faults(const Json& document) {
  std::vector<Fault> faults;
  const Json tags = document.value("tags", Json::object());
  for (const auto& tag : tags.items()) {
    if (!is_tag_name(tag.key()))
      faults.push_back({"/tags", "\"" + tag.key().substr(0, kTagNameBytesMax) +
                                     "\" is no name of a tag: a small letter, then small letters, digits, "
                                     "\".\", \"_\", \"-\", at most " +
                                     std::to_string(kTagNameBytesMax)});
    else if (Status fits = check_tag_value(tag.value().get<std::string>()); !fits.ok())
      faults.push_back({"/tags/" + tag.key(), fits.error().message});
  }
  return faults;
}

}  // namespace ciyuan::contract
