#pragma once

/// The command line's way to the control plane: one blocking request at a time.
///
///   CIYUAN_TRY(auto client, connect_admin({.folder = "ciyuan-data"}));
///   CIYUAN_TRY(AdminReply reply, client->send("GET", "/v1/documents", ""));

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::cli {

struct AdminReply {
  unsigned status = 0;
  std::string content_type;
  std::string body;
};

class AdminClient {
 public:
  virtual ~AdminClient() = default;
  /// The reply whatever its status; an Error (kUnavailable, kTimeout) where there was none.
  virtual Result<AdminReply> send(std::string_view method, std::string_view target,
                                  std::string_view body) = 0;
};

struct AdminAddress {
  std::string url;    ///< "http://127.0.0.1:8090"; empty: $CIYUAN_ADMIN, else that
  std::string token;  ///< empty: $CIYUAN_ADMIN_TOKEN, else the file admin.token in `folder`
  std::string folder = "ciyuan-data";
};

/// Finds address and token; connects at each send. kInvalid: an address that is none, no token to be found.
Result<std::unique_ptr<AdminClient>> connect_admin(const AdminAddress& address);

/// `text` percent-encoded, fit for one segment of a path or a value of a query.
std::string percent_encoded(std::string_view text);

}  // namespace ciyuan::cli
