#pragma once

/// What the parties to a contract sign of a table of equivalence, so that it is theirs and not one side's.
/// The text of the note is
///
///   ciyuan/equivalence/v1           version,
///   parity-2026-11                  the table's name,
///   1                               its version,
///   9f86d081884c7d65…               SHA-256 of the table's canonical JSON without `signatures`
///
/// and each line of `signatures` is a signature line of a signed note (tlog/note.h) under it, made with the
/// key whose public half is the Party's `settlement_key`. So a table can be signed by one party, sent, and
/// signed by the other, and a changed figure leaves no signature right; nor does a change of `parties` or of
/// the dates, which a contract that asks for signatures wants in the table, and as its own. Pure functions:
/// any thread.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "tlog/note.h"

namespace ciyuan::contract {

inline constexpr std::string_view kEquivalenceVersion = "ciyuan/equivalence/v1";

/// The text that is signed, of an Equivalence document as it stands, signed or not. kInvalid: no name, no
/// version, or a value that has no canonical form.
Result<std::string> equivalence_text(const Json& table);

/// kRefused: there is no signature by this key, or a wrong one.
Status check_equivalence_signature(const Json& table, const tlog::VerifierKey& key);

}  // namespace ciyuan::contract
