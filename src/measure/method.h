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
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/kind.h"

namespace ciyuan::measure {

/// What one "token" of a count is.
enum class Basis {
  kNative,            ///< a token of the model's own tokenizer
  kReference,         ///< a token of one named tokenizer, whatever the model
  kBytes,             ///< a byte of UTF-8
  kCharacters,        ///< a Unicode code point
  kWords,             ///< a Han, kana or Hangul character, or a run of other letters and digits
  kCalls,             ///< a call: one of input, none of output
  kProviderReported,  ///< the service's figure is billed; ours is kept beside it
};

class Method {
 public:
  /// kInvalid: `path` is the JSON pointer of the member at fault.
  static Result<Method> from_json(const Json& document);

  const std::string& name() const { return name_; }
  Basis basis() const { return basis_; }
  /// The tokenizer of kReference; empty otherwise.
  const std::string& reference_tokenizer() const { return reference_tokenizer_; }

  /// Micro-Ciyuan (scale 6) for one token of each kind.
  std::array<Amount, kKinds> ciyuan_per_token(std::string_view model) const;

  /// Tokens that a service generates and counts at the end of an answer though they have no text.
  std::int64_t control_tokens(std::string_view model, std::string_view finish_reason) const;

  /// Tokens taken for one part of a message that is not text ("image", "audio", "video", "file"): a stated
  /// rule, so the level of such a count is `estimated`; where the method states none it is `unverified` and
  /// counts nothing.
  const std::map<std::string, std::int64_t>& media_tokens() const { return media_tokens_; }

 private:
  struct ModelRule {
    std::string model;
    std::map<std::string, Amount> weights;
    std::map<std::string, std::int64_t> control;
    bool has_control = false;
  };
  const ModelRule* rule_for(std::string_view model) const;

  std::string name_;
  Basis basis_ = Basis::kNative;
  std::string reference_tokenizer_;
  std::array<Amount, kKinds> weights_{};
  std::map<std::string, std::int64_t> control_;
  std::map<std::string, std::int64_t> media_tokens_;
  std::vector<ModelRule> models_;
};

}  // namespace ciyuan::measure
