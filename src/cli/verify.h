#pragma once

/// `ciyuan verify RECEIPT`: checks a receipt offline, with nothing but the operator's public key.

#include <iosfwd>
#include <string>
#include <vector>

namespace ciyuan::cli {

struct VerifyOptions {
  std::string receipt = "-";      ///< path, or "-" for standard input
  std::vector<std::string> keys;  ///< each a verifier key ("name+id+base64") or a file with one a line
  std::string request_file;       ///< bytes said to be the request, or empty
  std::string answer_file;        ///< bytes said to be the answer, or empty
  std::string key_hex;            ///< the record's commitment key, for the two above
  bool json = false;              ///< one JSON object on a line instead of text
};

constexpr int kVerified = 0;
constexpr int kNotVerified = 1;  ///< it is a receipt, and something in it does not hold
constexpr int kBadInput = 2;     ///< no receipt, no key, an unreadable file

/// Prints what was checked to `out`, problems to `err`; returns the program's exit code.
int run_verify(const VerifyOptions& options, std::istream& in, std::ostream& out, std::ostream& err);
/// The same on the program's standard streams.
int run_verify(const VerifyOptions& options);

}  // namespace ciyuan::cli
