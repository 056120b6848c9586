/// sim [--sqlite] [--seed N] [--steps M] [--runs R | --seconds S]: runs seeds N, N+1, … and stops at the
/// first that breaks an invariant, with its seed. Exit code 1 then.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "arguments.h"
#include "simulation.h"

namespace {

using ciyuan::clerk::sim::Options;
using ciyuan::clerk::sim::Simulation;

// What was broken; empty where nothing was.
std::string run_one(Options options, bool sqlite) {
  if (sqlite) {
    char name[] = "/tmp/ciyuan-sim-XXXXXX";
    options.folder = mkdtemp(name);
  }
  std::string broken;
  {
    Simulation simulation(options);
    broken = simulation.run();
    const auto& f = simulation.figures();
    std::printf("seed %llu: %s", static_cast<unsigned long long>(options.seed),
                broken.empty() ? "ok" : broken.c_str());
    for (auto [count, what] : {std::pair(f.commands, "commands"),
                               {f.opened, "opened"},
                               {f.refused, "refused"},
                               {f.replayed, "replayed"},
                               {f.waited, "waited"},
                               {f.closed, "closed"},
                               {f.interrupted, "interrupted"},
                               {f.crashes, "crashes"},
                               {f.failed_starts, "failed starts"},
                               {f.failures, "failed commits"},
                               {f.failed_refills, "failed refills"}})
      std::printf(", %llu %s", static_cast<unsigned long long>(count), what);
    std::printf("\n");
  }
  if (sqlite) std::filesystem::remove_all(options.folder);
  return broken;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::uint64_t runs = 1, seconds = 0;
  bool sqlite = false;
  for (int i = 1; i < argc; ++i) {
    auto number = [&](const char* name, std::uint64_t& value) {
      return ciyuan::take_number(argc, argv, i, name, value);
    };
    if (number("--seed", options.seed) || number("--steps", options.steps) || number("--runs", runs) ||
        number("--seconds", seconds))
      continue;
    if (std::strcmp(argv[i], "--sqlite") != 0) {
      std::fprintf(stderr, "usage: sim [--sqlite] [--seed N] [--steps M] [--runs R | --seconds S]\n");
      return 2;
    }
    sqlite = true;
  }
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (std::uint64_t run = 0; seconds > 0 ? std::chrono::steady_clock::now() < end : run < runs; ++run) {
    if (!run_one(options, sqlite).empty()) return 1;
    ++options.seed;
  }
  return 0;
}
