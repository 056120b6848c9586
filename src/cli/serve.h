#pragma once

/// `ciyuan serve`: the whole program on one machine. Opens the data folder, settles what a crash left open,
/// and serves the data plane and the control plane until SIGTERM or SIGINT, then drains.

#include <string>
#include <vector>

namespace ciyuan::cli {

struct ServeOptions {
  std::string data_folder = "ciyuan-data";      ///< created 0700 where missing
  std::string listen = "127.0.0.1:8080";        ///< data plane; port 0: the system picks one
  std::string admin_listen = "127.0.0.1:8090";  ///< control plane
  std::string tls_certificate, tls_key;         ///< PEM files; both or neither; read again when they change
  std::string origin;              ///< name of the log, e.g. "example.com/ciyuan"; made up where empty
  int threads = 0;                 ///< event loops; 0: one a core
  std::vector<std::string> apply;  ///< documents applied at the start, all or nothing
  std::string vocabularies;        ///< folder with vocabularies/ and templates/; "" finds it
  std::string ports_file;          ///< JSON with the ports bound, written when ready; for scripts
  int drain_seconds = 30;          ///< how long running calls may go on after SIGTERM
  bool quiet = false;              ///< no line a call on standard error
  bool new_log_state = false;      ///< accept a lost log state file: a decision for people
};

/// 0 after a clean end, 1 where the machine says no (port taken, disk, damaged store), 2 for bad options.
int run_serve(const ServeOptions& options);

}  // namespace ciyuan::cli
