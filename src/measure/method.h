#pragma once

/// A method: how usage becomes Ciyuan. It is a document (schema/method.json), versioned, dated and sourced,
/// and its digest stands on every record it counted. No official method has been published; none here claims
/// to be one.
///
///   CIYUAN_TRY(Method method, Method::from_json(document));
///   method.ciyuan_per_token("smollm2")[index_of(Kind::kOutput)];   // 1000000 micro-Ciyuan
///
/// Immutable; any thread.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/kind.h"
#include "measure/modality.h"

namespace ciyuan::measure {

/// What one "token" of a count is.
enum class Basis {
  kNative,            ///< a token of the model's own tokenizer
  kReference,         ///< a token of one named tokenizer, whatever the model
  kBytes,             ///< a byte of UTF-8
  kCharacters,        ///< a character, as CharacterRule says
  kWords,             ///< a Han, kana or Hangul character, or a run of other letters and digits
  kCalls,             ///< a call: one of input, none of output
  kProviderReported,  ///< the service's figure is billed; ours is kept beside it
};
std::string_view name_of(Basis basis);

/// What a character is, and what it counts: whole units, so that nothing is ever rounded. A fraction (0.6 for
/// a Han character, 0.3 for another) is two units and one, at 0.3 Ciyuan a unit.
struct CharacterRule {
  bool grapheme = false;   ///< an extended grapheme cluster of UAX #29 (grapheme.h); else a code point
  std::int64_t han = 1;    ///< units for a character whose first code point is Han
  std::int64_t other = 1;  ///< units for every other one
  bool operator==(const CharacterRule&) const = default;
};

class Method {
 public:
  /// kInvalid: `path` is the JSON pointer of the member at fault, the message its value and the rule.
  static Result<Method> from_json(const Json& document);

  const std::string& name() const { return name_; }
  Basis basis() const { return basis_; }
  const CharacterRule& characters() const { return characters_; }
  /// The tokenizer of kReference; empty otherwise.
  const std::string& reference_tokenizer() const { return reference_tokenizer_; }
  /// UTF-8 bytes that one unit of a text can stand for at most; nothing where there is no bound.
  std::optional<std::int64_t> unit_bytes_max() const;

  /// Micro-Ciyuan (scale 6) for one token of each kind; zero for kinds that do not count.
  std::array<Amount, kKinds> ciyuan_per_token(std::string_view model) const;

  /// Tokens that a service generates and counts at the end of an answer though they have no text, for each
  /// reason that has any.
  std::map<std::string, std::int64_t> control_tokens(std::string_view model) const;
  std::int64_t control_tokens(std::string_view model, std::string_view finish_reason) const;

  /// Tokens for a part that is not text: by the model's rule for the medium, else by the general one, else
  /// the stated `media_tokens`, an estimate. Where the method states none it is `unverified` and counts
  /// nothing.
  MediaCount count_media(std::string_view model, const MediaPart& part) const;
  /// The rule that count_media() would use; null where there is none.
  const ModalityRule* modality_rule(std::string_view model, Medium medium) const;
  /// The digests that a model's vocabulary and template must have, as check_pins() sees them; empty: any.
  struct Pins {
    std::string tokenizer_sha256, template_sha256;
    bool operator==(const Pins&) const = default;
  };
  Pins pins(std::string_view model) const;
  const std::map<std::string, std::int64_t>& media_tokens() const { return media_tokens_; }

  /// Whether the method says anything about this model; kNotFound where it is one that must be listed and is
  /// not (`unlisted_models: "refuse"`, and always for price ratios).
  Status covers(std::string_view model) const;

  /// kConflict where the method pins another vocabulary or template, by SHA-256, than the one in use. An
  /// empty digest is one that is not in use.
  Status check_pins(std::string_view model, std::string_view tokenizer, std::string_view tokenizer_digest_hex,
                    std::string_view chat_template, std::string_view template_digest_hex) const;

  /// Models with rules of their own, in the document's order; aliases are not among them.
  std::vector<std::string> models() const;
  const std::vector<ModalityRule>& modality_rules() const { return modality_rules_; }
  /// Ratios of a price table that are not exact at six decimals, as "/price_ratio/models/0/prices/output".
  const std::vector<std::string>& rounded_ratios() const { return rounded_ratios_; }

 private:
  friend class MethodReading;
  /// What a method says of all models, or of one.
  struct Rules {
    std::vector<std::string> names;  ///< the model and its aliases; none: all models
    std::string path;                ///< JSON pointer
    std::map<std::string, Amount> weights;
    std::optional<std::array<bool, kKinds>> kinds;
    std::optional<std::map<std::string, std::int64_t>> control;
    std::map<Medium, std::size_t> modalities;  ///< index into modality_rules_
    std::string tokenizer_sha256, template_sha256;
  };
  const Rules* rules_for(std::string_view model) const;

  std::string name_;
  Basis basis_ = Basis::kNative;
  CharacterRule characters_;
  std::string reference_tokenizer_;
  bool refuses_unlisted_ = false;
  Rules general_;
  std::vector<Rules> models_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  ///< name or alias → index into models_
  std::map<std::string, std::int64_t> media_tokens_;
  std::vector<ModalityRule> modality_rules_;
  std::vector<std::string> rounded_ratios_;
};

}  // namespace ciyuan::measure
