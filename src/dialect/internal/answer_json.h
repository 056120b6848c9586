#pragma once

/// A service's answer as JSON, read the same way for counting and for cutting.

#include <simdjson.h>

#include <string_view>

#include "base/result.h"

namespace ciyuan::dialect::internal {

/// Valid as long as `parser` reads nothing else. Lone surrogate escapes are read as U+FFFD.
Result<simdjson::dom::object> parse_answer(simdjson::dom::parser& parser, std::string_view json);

/// Calls `visit(choice, place)` for each object of each member "choices", counting from 0.
template <class Visit>
void for_each_choice(simdjson::dom::object root, Visit visit) {
  std::int64_t place = 0;
  for (auto [key, value] : root) {
    simdjson::dom::array choices;
    if (key != "choices" || value.get_array().get(choices) != simdjson::SUCCESS) continue;
    for (simdjson::dom::element item : choices) {
      simdjson::dom::object choice;
      if (item.get_object().get(choice) == simdjson::SUCCESS) visit(choice, place++);
    }
  }
}

}  // namespace ciyuan::dialect::internal
