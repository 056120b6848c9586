/// sim [--sqlite FOLDER] [--seed N] [--steps M] [--runs R]: runs seeds N, N+1, … and stops at the first that
/// breaks an invariant, with its seed.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "simulation.h"

int main(int argc, char** argv) {
  ciyuan::clerk::sim::Options options;
  std::uint64_t runs = 1;
  bool sqlite = false;
  for (int i = 1; i < argc; ++i) {
    auto is = [&](const char* name) { return std::strcmp(argv[i], name) == 0 && i + 1 < argc; };
    if (is("--seed")) {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (is("--steps")) {
      options.steps = std::strtoull(argv[++i], nullptr, 10);
    } else if (is("--runs")) {
      runs = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--sqlite") == 0) {
      sqlite = true;
    } else {
      std::fprintf(stderr, "usage: sim [--sqlite] [--seed N] [--steps M] [--runs R]\n");
      return 2;
    }
  }
  for (std::uint64_t run = 0; run < runs; ++run, ++options.seed) {
    std::filesystem::path folder;
    if (sqlite) {
      char name[] = "/tmp/ciyuan-sim-XXXXXX";
      folder = options.folder = mkdtemp(name);
    }
    std::string broken;
    {
      ciyuan::clerk::sim::Simulation simulation(options);
      broken = simulation.run();
      const auto& f = simulation.figures();
      std::printf(
          "seed %llu: %s; %llu commands, %llu opened, %llu refused, %llu replayed, %llu closed, %llu "
          "crashes, "
          "%llu failed commits\n",
          static_cast<unsigned long long>(options.seed), broken.empty() ? "ok" : broken.c_str(),
          static_cast<unsigned long long>(f.commands), static_cast<unsigned long long>(f.opened),
          static_cast<unsigned long long>(f.refused), static_cast<unsigned long long>(f.replayed),
          static_cast<unsigned long long>(f.closed), static_cast<unsigned long long>(f.crashes),
          static_cast<unsigned long long>(f.failures));
    }
    if (sqlite) std::filesystem::remove_all(folder);
    if (!broken.empty()) return 1;
  }
  return 0;
}
