#pragma once

/// What the parties to a contract sign of it. The text of the note is
///
///   ciyuan/contract/v1              version,
///   acme-2026                       the contract's name,
///   1                               its version,
///   9f86d081884c7d65…               SHA-256 of the contract's canonical JSON without `signatures`
///
/// and each line of `signatures` is a signature line of a signed note (tlog/note.h) under it, made with the
/// key whose public half is the Party's `settlement_key`. So a contract can be signed by one party, sent, and
/// signed by the other, and a changed word leaves no signature right; an amendment is a new version with new
/// signatures. Pure functions: any thread.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "tlog/note.h"

namespace ciyuan::contract {

inline constexpr std::string_view kContractVersion = "ciyuan/contract/v1";

/// The text that is signed, of a Contract document as it stands, signed or not. kInvalid: no name, no
/// version, or a value that has no canonical form.
Result<std::string> contract_text(const Json& contract);

/// The same of any document with name and version, under the version of its kind of text.
Result<std::string> signed_text(std::string_view version, const Json& document);

/// Of a document with this text: kRefused, path "/signatures": there is no signature by this key, a wrong
/// one, or a line that is no signature.
Status check_signature(const Json& document, const std::string& text, const tlog::VerifierKey& key);

/// The document with the signature of this key; an earlier one of the same name gives way.
Result<Json> with_signature(Json document, const std::string& text, const tlog::NoteSigner& key);

}  // namespace ciyuan::contract
