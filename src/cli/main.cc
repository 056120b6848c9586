#include <fcntl.h>
#include <unistd.h>

#include <iostream>

#include "cli/cli.h"

namespace {

// Where a standard stream was closed, the next file or socket would take its number, and get what is printed.
// Opened for reading only, writing to it fails as it should.
void keep_standard_streams() {
  while (true) {
    int opened = ::open("/dev/null", O_RDONLY);
    if (opened < 0) return;
    if (opened > 2) {
      ::close(opened);
      return;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  keep_standard_streams();
  std::ios::sync_with_stdio(false);
  ciyuan::cli::Console console{std::cin, std::cout, std::cerr, nullptr};
  return ciyuan::cli::run_cli({arguments + 1, arguments + count}, console);
}
