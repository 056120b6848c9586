#pragma once

/// Documents: what an operator writes. One document is a kind, a name and fields; YAML (several in a file,
/// "---" between them) or JSON. Reading checks the form only: syntax, limits, and the JSON Schema of the
/// kind. What the documents say to each other (references, units, dates) is checked by Registry::build().
///
/// Decimals never pass through a floating-point number: an unquoted 2.00 is kept as the text "2.00".
///
///   Reading reading = read_documents(text, "demo.yaml");
///   for (const Error& error : reading.errors) …   // "demo.yaml:41 Contract/acme /clauses/1/limit: …"
///   reading.documents[0].kind == "Party"
///
/// Any thread; nothing is kept between calls but the compiled schemas, which never change.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/json.h"
#include "base/result.h"

namespace ciyuan::contract {

/// The kinds that exist, in the order in which they refer to each other.
inline constexpr std::string_view kDocumentKinds[] = {
    "Party",    "Upstream", "Model",   "Method", "PriceBook",    "ExchangeRates", "Equivalence",
    "Contract", "Package",  "Licence", "Key",    "AlertChannel", "Budget",        "Suspension"};
bool is_document_kind(std::string_view kind);

constexpr std::size_t kDocumentBytesMax = std::size_t{16} << 20;  ///< of one file or request
constexpr std::size_t kDocumentNodesMax = 1'000'000;  ///< values after aliases are expanded: no alias bombs
constexpr std::size_t kDocumentErrorsMax = 50;        ///< reported at once

struct Document {
  std::string kind;
  std::string name;
  Json value;                        ///< the whole document, "kind" and "name" included
  std::string canonical;             ///< RFC 8785 form of `value`: what is stored, hashed and compared
  Digest digest{};                   ///< SHA-256 of `canonical`: what records name
  std::string source;                ///< "demo.yaml", for messages
  std::map<std::string, int> lines;  ///< JSON pointer → line in `source`, where it is known

  std::string id() const { return kind + "/" + name; }
};

/// Documents in the order of the text, or every error found: check `errors` first.
struct Reading {
  std::vector<Document> documents;
  std::vector<Error> errors;
};

/// Reads YAML or JSON (a text that starts with '{' or '[' is JSON; a JSON array holds several documents).
Reading read_documents(std::string_view text, std::string_view source);

/// A document from a value already parsed, e.g. by the admin API. `value` must hold no floating-point
/// numbers.
Reading read_document(Json value, std::string_view source);

/// One value of YAML or JSON text that is no document: decimals stay text, nothing else is checked.
Result<Json> parse_value(std::string_view text);

/// The embedded JSON Schema of a kind ("Contract"), as JSON text; empty for a kind that does not exist.
std::string_view schema_text(std::string_view kind);

/// An Error that says where: "<source>:<line> <Kind>/<name> <pointer>" and the rule that `message` states.
Error document_error(const Document& document, std::string_view pointer, std::string message);

}  // namespace ciyuan::contract
