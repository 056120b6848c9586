#pragma once

/// What a command printed with --json.

#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"

namespace ciyuan::cli {

inline std::vector<Json> json_lines(const std::string& output) {
  std::vector<Json> all;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line));
  return all;
}

}  // namespace ciyuan::cli
