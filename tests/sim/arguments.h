#pragma once

/// The options of the simulators' programs: "--name N".

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace ciyuan {

/// Whether argument `i` is `name` with a number behind it, which is taken then.
inline bool take_number(int argc, char** argv, int& i, const char* name, std::uint64_t& value) {
  if (std::strcmp(argv[i], name) != 0 || i + 1 >= argc) return false;
  value = std::strtoull(argv[++i], nullptr, 10);
  return true;
}

}  // namespace ciyuan
