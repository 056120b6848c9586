#pragma once

/// The command line: verbs of the program, their help, and what they print.
///
///   int code = run_cli({"apply", "-f", "demo.yaml"}, console);
///
/// Exit codes: 0 done; 1 refused or failed (the server says no, a peer is down, a receipt does not hold); 2
/// bad input or usage. Errors are one line each on `err`, beginning with "ciyuan: ".

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "cli/admin_client.h"

namespace CLI {
class App;
}

namespace ciyuan::cli {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

/// What the commands talk to; tests bring their own.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  /// Makes the connection to the control plane; null: over HTTP, from the options and the environment.
  std::function<Result<std::unique_ptr<AdminClient>>()> connect;
};

/// `arguments` without the program's name.
int run_cli(const std::vector<std::string>& arguments, Console& console);

}  // namespace ciyuan::cli
