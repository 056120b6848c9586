#pragma once

/// The secrets that a data folder keeps for itself, each in a file of mode 0600 that was made at the first
/// start:
///
///   log.key       signs checkpoints; its public half is log.vkey
///   admin.token   lets operators in to the control plane
///   licence.key   signs vouchers for devices that count offline
///   instance.key  keys what has to be compared or salted and must not be guessed: Idempotency-Key bodies,
///                 postings in the log
///
/// A file that others than its owner may open is refused (kRefused): what they have read cannot be taken
/// back.

#include <filesystem>
#include <string>

#include "base/crypto.h"
#include "tlog/note.h"

namespace ciyuan::cli {

/// The log's key, named `origin`; a new one, and a name made up where `origin` is empty, only where
/// `is_new_log` says that nothing was ever logged here: receipts under a lost key verify nowhere else, so its
/// loss is never papered over (kNotFound). kInvalid: the key there is of another origin.
Result<tlog::NoteSigner> load_log_key(const std::filesystem::path& folder, const std::string& origin,
                                      bool is_new_log);

Result<std::string> load_admin_token(const std::filesystem::path& folder);

/// Made anew where it is lost: calls whose Idempotency-Key was kept under the old one are then refused when
/// they are repeated, never charged twice.
Result<SecretKey> load_instance_key(const std::filesystem::path& folder);

/// Named "ORIGIN/licences". Made anew where it is lost: devices then do not know the vouchers to come, and
/// their reports of the old ones are refused.
Result<tlog::NoteSigner> load_licence_key(const std::filesystem::path& folder, const std::string& origin);

/// A key that signs settlements for a party, or the counter of a device. Made: written for its owner alone;
/// kConflict where the file is there already.
Result<tlog::NoteSigner> make_signing_key(const std::string& name, const std::filesystem::path& file);
Result<tlog::NoteSigner> load_signing_key(const std::filesystem::path& file);

}  // namespace ciyuan::cli
