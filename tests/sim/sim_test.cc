#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "simulation.h"

namespace ciyuan::clerk::sim {
namespace {

using Clock = std::chrono::steady_clock;

void check_figures(const Figures& total) {
  // A world in which nothing happens would hold all invariants too.
  EXPECT_GT(total.opened, 100u);
  EXPECT_GT(total.closed, 100u);
  EXPECT_GT(total.refused, 10u);
  EXPECT_GT(total.replayed, 10u);
  EXPECT_GT(total.waited, 10u);
  EXPECT_GT(total.interrupted, 5u);
  EXPECT_GT(total.crashes, 5u);
  EXPECT_GT(total.failed_starts, 5u);
  EXPECT_GT(total.failures, 5u);
  EXPECT_GT(total.refills, 50u);
  EXPECT_GT(total.failed_refills, 3u);
  EXPECT_GT(total.postings, 10u);
  EXPECT_GT(total.documents, 5u);
}

void add(Figures& total, const Figures& figures) {
  total.opened += figures.opened;
  total.closed += figures.closed;
  total.refused += figures.refused;
  total.replayed += figures.replayed;
  total.waited += figures.waited;
  total.interrupted += figures.interrupted;
  total.crashes += figures.crashes;
  total.failed_starts += figures.failed_starts;
  total.failures += figures.failures;
  total.refills += figures.refills;
  total.failed_refills += figures.failed_refills;
  total.postings += figures.postings;
  total.documents += figures.documents;
}

TEST(Simulation, holds_its_invariants_over_a_store_in_memory) {
  Figures total;
  auto end = Clock::now() + std::chrono::seconds(40);
  std::uint64_t seed = 1;
  for (; Clock::now() < end; ++seed) {
    // Short ones too: many beginnings show what one long life does not.
    const std::uint64_t steps = seed % 10 == 0 ? 600 : 60;
    Simulation simulation({.seed = seed, .steps = steps});
    ASSERT_EQ(simulation.run(), "") << "replay: sim --seed " << seed << " --steps " << steps;
    add(total, simulation.figures());
  }
  check_figures(total);
  RecordProperty("seeds", static_cast<int>(seed));
}

TEST(Simulation, holds_its_invariants_over_sqlite) {
  Figures total;
  auto end = Clock::now() + std::chrono::seconds(18);
  for (std::uint64_t seed = 1; Clock::now() < end || seed < 3; ++seed) {
    char name[] = "/tmp/ciyuan-sim-XXXXXX";
    std::filesystem::path folder = mkdtemp(name);
    std::string broken;
    {
      Simulation simulation({.seed = seed, .steps = 300, .folder = folder});
      broken = simulation.run();
      add(total, simulation.figures());
    }
    std::filesystem::remove_all(folder);
    ASSERT_EQ(broken, "") << "replay: sim --sqlite --seed " << seed << " --steps 300";
  }
  check_figures(total);
}

TEST(Simulation, is_the_same_for_the_same_seed) {
  auto run = [] {
    Simulation simulation({.seed = 42, .steps = 300});
    EXPECT_EQ(simulation.run(), "");
    EXPECT_GT(simulation.figures().opened, 100u);
    return to_hex(simulation.history());
  };
  EXPECT_EQ(run(), run()) << "batch by batch";
}

}  // namespace
}  // namespace ciyuan::clerk::sim
