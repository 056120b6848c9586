#pragma once

/// A self-contained proof that an entry is in a log (C2SP tlog-proof@v1), the form of a receipt:
///
///     c2sp.org/tlog-proof@v1
///     extra <base64>            optional; authenticated by nothing here
///     index 7
///     <base64 hash>             inclusion proof, leaf's sibling first
///                               blank line
///     <checkpoint, with all its signature lines>
///
///   CIYUAN_TRY(Proof proof, Proof::parse(text));
///   CIYUAN_TRY(Checkpoint checkpoint, verify_proof(proof, leaf_hash(entry), {&key, 1}));
///
/// Pure functions: any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tlog/checkpoint.h"

namespace ciyuan::tlog {

/// A proof with its extra data; larger ones are refused unread.
constexpr std::size_t kProofBytesMax = 4 << 20;

struct Proof {
  std::optional<Bytes> extra;
  std::uint64_t index = 0;
  std::vector<Hash> hashes;
  std::string checkpoint;  ///< the signed note, verbatim

  std::string text() const;
  /// Checks the form only: text() of the result is the input again. kInvalid or kTooLarge.
  static Result<Proof> parse(std::string_view text);
};

/// The checkpoint under which `leaf` is proved to be entry `proof.index`. kInvalid: malformed checkpoint.
/// kRefused: signatures. kCorrupt: the leaf is not where the proof says.
Result<Checkpoint> verify_proof(const Proof& proof, const Hash& leaf, std::span<const VerifierKey> known);

}  // namespace ciyuan::tlog
