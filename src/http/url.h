#pragma once

/// The parts of an http or https address that a client needs.

#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::http {

struct Url {
  bool tls = false;
  std::string host;  ///< name or literal address, without brackets
  std::string port;  ///< decimal
  std::string path;  ///< without a trailing slash; "" for the root
  /// Host header: brackets round IPv6, the port only where it is not the scheme's own.
  std::string authority() const;
};

/// "http://host:port/base". No user, query or fragment: a secret does not belong into an address.
Result<Url> parse_url(std::string_view text);

}  // namespace ciyuan::http
