#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "jinja/template.h"
#include "measure/profiles.h"
#include "token/vocabulary.h"

namespace ciyuan::measure {

/// How a chat becomes a prompt.
enum class PromptRule {
  kTemplate,    ///< the model's own Jinja template, control tokens as themselves
  kOpenAiChat,  ///< three tokens a message, one for a name, three to prime the answer
  kPlain,       ///< no template is known: the texts alone; the count is an estimate
};

class LoadedProfile : public Profile {
 public:
  const std::string& tokenizer_digest_hex() const override { return tokenizer_digest; }
  const std::string& template_digest_hex() const override { return template_digest; }
  const std::string& counted_by() const override { return counter_name; }
  record::Level output_level(bool has_tool_calls) const override {
    if (method.basis() == Basis::kProviderReported) return record::Level::kUnverified;
    return has_tool_calls ? record::Level::kEstimated : text_level();
  }
  /// Of any text: no better than the tokenizer is known.
  record::Level text_level() const {
    return vocabulary && !vocabulary->is_proved() ? record::Level::kEstimated : record::Level::kProved;
  }
  std::int64_t units_per_byte_max() const override {
    if (method.basis() == Basis::kCharacters)  // a Han character has three bytes at least
      return std::max((method.characters().han + 2) / 3, method.characters().other);
    return by_tokens() ? static_cast<std::int64_t>(vocabulary->tokens_per_byte_max()) : 1;
  }
  bool bills_reported() const override { return method.basis() == Basis::kProviderReported; }

  /// Tokens count by vocabulary, not bytes or characters.
  bool by_tokens() const { return vocabulary != nullptr; }

  Method method;
  std::string model;
  std::shared_ptr<const token::Vocabulary> vocabulary;  ///< null for bytes, characters, words, calls
  PromptRule rule = PromptRule::kPlain;
  std::optional<jinja::Template> chat_template;
  std::string bos_token, eos_token;
  std::string tokenizer_digest, template_digest, counter_name;
};

inline const LoadedProfile& loaded(const Profile& profile) {
  return static_cast<const LoadedProfile&>(profile);
}

/// Units of text under a method without a vocabulary.
std::int64_t count_plain(const Method& method, std::string_view text);

}  // namespace ciyuan::measure
