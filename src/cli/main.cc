#include <iostream>

#include "cli/cli.h"

int main(int count, char** arguments) {
  std::ios::sync_with_stdio(false);
  ciyuan::cli::Console console{std::cin, std::cout, std::cerr, nullptr};
  return ciyuan::cli::run_cli({arguments + 1, arguments + count}, console);
}
