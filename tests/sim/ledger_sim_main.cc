/// ledger_sim [--sqlite] [--seed N] [--batches M] [--threads T] [--runs R | --seconds S]: runs seeds N, N+1,
/// … and stops at the first that breaks something, with its seed. Exit code 1 then; 3 where fewer than
/// --crashes points of crash were tried.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <thread>

#include "arguments.h"
#include "ledger_simulation.h"

namespace {

using ciyuan::ledger::sim::LedgerFigures;
using ciyuan::ledger::sim::LedgerOptions;
using ciyuan::ledger::sim::LedgerSimulation;
using Clock = std::chrono::steady_clock;

std::mutex mutex;
LedgerFigures total;
std::atomic<std::uint64_t> next_seed;
std::atomic<bool> is_broken = false;

void run_one(LedgerOptions options, bool sqlite) {
  if (sqlite) {
    char name[] = "/tmp/ciyuan-ledger-sim-XXXXXX";
    options.folder = mkdtemp(name);
  }
  std::string broken;
  LedgerFigures figures;
  {
    LedgerSimulation simulation(options);
    broken = simulation.run();
    figures = simulation.figures();
  }
  if (sqlite) std::filesystem::remove_all(options.folder);
  std::lock_guard lock(mutex);
  total.add(figures);
  if (broken.empty()) return;
  is_broken = true;
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(options.seed), broken.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  LedgerOptions options;
  std::uint64_t runs = 1, seconds = 0, threads = 1, crashes = 0;
  bool sqlite = false;
  for (int i = 1; i < argc; ++i) {
    auto number = [&](const char* name, std::uint64_t& value) {
      return ciyuan::take_number(argc, argv, i, name, value);
    };
    if (number("--seed", options.seed) || number("--batches", options.batches) || number("--runs", runs) ||
        number("--seconds", seconds) || number("--threads", threads) || number("--crashes", crashes))
      continue;
    if (std::strcmp(argv[i], "--sqlite") != 0) {
      std::fprintf(stderr,
                   "usage: ledger_sim [--sqlite] [--seed N] [--batches M] [--threads T] [--crashes C] "
                   "[--runs R | --seconds S]\n");
      return 2;
    }
    sqlite = true;
  }
  const std::uint64_t first = options.seed;
  next_seed = first;
  auto begin = Clock::now();
  auto end = begin + std::chrono::seconds(seconds);
  auto work = [&] {
    while (!is_broken) {
      LedgerOptions mine = options;
      mine.seed = next_seed++;
      if (seconds > 0 ? Clock::now() >= end : mine.seed >= first + runs) return;
      run_one(mine, sqlite);
    }
  };
  std::vector<std::thread> others;
  for (std::uint64_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  double lasted = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("%s, %.0f commands/s over %.0f s, CPU %.2f us/command\n", total.text().c_str(),
              static_cast<double>(total.commands) / lasted, lasted,
              static_cast<double>(std::clock()) / CLOCKS_PER_SEC * 1e6 /
                  static_cast<double>(std::max<std::uint64_t>(total.commands, 1)));
  if (is_broken) return 1;
  return total.crashes() < crashes ? 3 : 0;
}
