#pragma once

#include <cstdio>
#include <cstdlib>

namespace ciyuan {

[[noreturn]] inline void check_failed(const char* invariant, const char* file, int line) {
  std::fprintf(stderr, "ciyuan: broken invariant: %s (%s:%d)\n", invariant, file, line);
  std::abort();
}

}  // namespace ciyuan

/// An invariant of the program, never of its input: stays on in release, and says the invariant in words.
/// A wrong amount or a forked log is worse than a stopped process, which restarts from its journal.
#define CIYUAN_CHECK(condition, words) \
  (__builtin_expect(!!(condition), 1) ? (void)0 : ::ciyuan::check_failed(words, __FILE__, __LINE__))
