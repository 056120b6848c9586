#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "ledger_simulation.h"

namespace ciyuan::ledger::sim {
namespace {

using Clock = std::chrono::steady_clock;

TEST(LedgerSimulation, holds_its_invariants_over_a_store_in_memory) {
  auto end = Clock::now() + std::chrono::seconds(40);
  LedgerFigures figures;
  for (std::uint64_t seed = 1; Clock::now() < end || figures.crashes() < 1000; ++seed) {
    LedgerSimulation simulation({.seed = seed, .batches = 150});
    ASSERT_EQ(simulation.run(), "") << "replay: ledger_sim --seed " << seed;
    figures.add(simulation.figures());
  }
  // A world in which nothing happens would hold all invariants too.
  EXPECT_GT(figures.done, figures.commands / 10);
  EXPECT_GT(figures.existed, 1000u);
  EXPECT_GT(figures.refused, 1000u);
  EXPECT_GT(figures.conflicts, 1000u);
  EXPECT_GT(figures.expired, 1000u);
  EXPECT_GT(figures.taken_back, 1000u);
  EXPECT_GT(figures.failed_reads, 100u);
  for (std::uint64_t one :
       {figures.failed_before, figures.failed_after, figures.died_before, figures.died_after})
    EXPECT_GT(one, 50u);
  std::printf("%s\n", figures.text().c_str());
}

TEST(LedgerSimulation, holds_its_invariants_over_sqlite) {
  auto end = Clock::now() + std::chrono::seconds(18);
  LedgerFigures figures;
  for (std::uint64_t seed = 1; Clock::now() < end || figures.torn < 5; ++seed) {
    char name[] = "/tmp/ciyuan-ledger-sim-XXXXXX";
    std::filesystem::path folder = mkdtemp(name);
    std::string broken;
    {
      LedgerSimulation simulation({.seed = seed, .batches = 150, .folder = folder});
      broken = simulation.run();
      figures.add(simulation.figures());
    }
    std::filesystem::remove_all(folder);
    ASSERT_EQ(broken, "") << "replay: ledger_sim --sqlite --seed " << seed;
  }
  EXPECT_GT(figures.crashes(), 10u);
  std::printf("%s\n", figures.text().c_str());
}

}  // namespace
}  // namespace ciyuan::ledger::sim
