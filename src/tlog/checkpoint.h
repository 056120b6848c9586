#pragma once

/// A checkpoint (C2SP tlog-checkpoint v1.0.0) is a signed note that says: the log named `origin` has `size`
/// entries and this Merkle root. Whoever holds two checkpoints of one log can ask for the proof that one
/// extends the other.
///
///   Checkpoint checkpoint{"example.com/log", writer.size(), writer.root()};
///   CIYUAN_TRY(std::string note, sign_note(checkpoint.text(), signer));
///
/// Pure functions: any thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tlog/note.h"
#include "tlog/tree.h"

namespace ciyuan::tlog {

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Hash root{};
  std::vector<std::string> extensions;  ///< not made by us; opaque lines, each not empty

  bool operator==(const Checkpoint&) const = default;
  /// The note's text: three lines or more.
  std::string text() const;
};

/// The text of a note as a checkpoint: strict, so that text() of the result is the input again. kInvalid.
Result<Checkpoint> parse_checkpoint(std::string_view text);

/// A checkpoint whose note is signed by a known key that bears the origin's name: so no key can speak for
/// another log. kInvalid: malformed. kRefused: signatures, or an origin that none of the keys is named for.
Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const VerifierKey> known);

/// "70000": decimal digits without sign or leading zeros, at most kTreeSizeMax. kInvalid.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace ciyuan::tlog
