#pragma once

/// Methods as files, and what they say in words: for `ciyuan method list`, check, diff and recount.

#include <optional>
#include <string>
#include <vector>

#include "cli/internal/session.h"
#include "contract/document.h"
#include "measure/method.h"

namespace ciyuan::cli {

struct MethodFile {
  std::string file;  ///< as it was named
  contract::Document document;
  measure::Method method;

  std::string digest_hex() const { return to_hex(document.digest); }
};

/// The methods of one file, or every error found; each error has the file's line and the JSON pointer.
struct MethodReading {
  std::vector<MethodFile> methods;
  std::vector<Error> errors;
};
/// `word` is a file, or the name of a method that is shipped ("bytes-v1").
MethodReading read_methods(const std::string& word);
/// The same for a file with one method; `option` is named where it is not one.
Result<MethodFile> read_method(const std::string& word, const std::string& option);
/// Paths of the shipped ones, in order of names.
std::vector<std::string> shipped_methods();

/// How a method counts one thing of a model, in words.
struct CountedThing {
  std::string what;  ///< "text", "image", …
  std::string by;    ///< "bytes of UTF-8", or a rule's name and formula
  record::Level level = record::Level::kProved;
  std::optional<std::int64_t> unseen;  ///< tokens where the size cannot be seen
  std::string figures;                 ///< of a rule: equal figures count the same
};
/// The text first, then each medium that the method has a rule or a figure for.
std::vector<CountedThing> counted_things(const measure::Method& method, const std::string& model);

/// "1" where all kinds weigh the same, else "input 1, output 5, …".
std::string weights_in_words(const measure::Method& method, const std::string& model);

/// Stands for every model that a method does not name.
inline constexpr std::string_view kOtherModels = "(any)";

struct DiffOptions {
  std::string first, second;
  std::string usage = "input=1000,output=1000";  ///< the sample
  bool json = false;
};
void diff_methods(Session& session, const DiffOptions& options);

struct RecountOptions {
  std::vector<std::string> inputs;   ///< JSON lines; none: standard input
  std::string method = "native-v1";  ///< as counted
  std::string under;                 ///< as counted again
  std::vector<std::string> models;   ///< NAME=TOKENIZER or NAME=TOKENIZER:TEMPLATE
  std::string documents;             ///< file with Model documents
  bool each_line = false, json = false;
};
void recount(Session& session, const RecountOptions& options);

}  // namespace ciyuan::cli
