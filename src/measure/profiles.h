#pragma once

/// How one model is counted under one method: tokenizer, chat template, control tokens. Loaded once, shared.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "measure/method.h"
#include "record/record.h"

namespace ciyuan::measure {

/// Immutable; any thread. What it is made of: internal/profile.h.
class Profile {
 public:
  virtual ~Profile() = default;
  virtual const std::string& tokenizer_digest_hex()
      const = 0;  ///< SHA-256 of the vocabulary; empty if none counts
  virtual const std::string& template_digest_hex()
      const = 0;                                      ///< SHA-256 of the chat template; empty if none
  virtual const std::string& counted_by() const = 0;  ///< "smollm2", "bytes", …: the record's counted_by
  /// How well an output count is known: proved for text, estimated where tool calls were among it (their text
  /// is known, the markup round it is not).
  virtual record::Level output_level(bool has_tool_calls) const = 0;
  /// No byte of an answer counts more than this: a cheap upper bound.
  virtual std::int64_t units_per_byte_max() const = 0;
  /// The service's own figures are billed, as far as the hold allows.
  virtual bool bills_reported() const = 0;
};

/// Finds, loads and keeps profiles. Any thread: a lock inside, held for a look-up once a profile is loaded.
class Profiles {
 public:
  /// `data_folder` holds vocabularies/ and templates/; empty: the standard one (token/vocabulary_set.h). The
  /// vocabularies that the user imported (token/user_vocabularies.h) are found beside its own.
  explicit Profiles(std::string data_folder);
  ~Profiles();
  /// kNotFound names the tokenizer or template that is missing, or the model that the method must list and
  /// does not; kConflict the pinned digest that the one in use does not have. `model` is the name of the
  /// Model document.
  Result<std::shared_ptr<const Profile>> profile(const Method& method, const Digest& method_digest,
                                                 std::string_view model, std::string_view tokenizer,
                                                 std::string_view chat_template);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ciyuan::measure
