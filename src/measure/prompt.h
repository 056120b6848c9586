#pragma once

/// Tokens of a request, before any of it leaves for the model.

#include <string_view>

#include "base/result.h"
#include "measure/profiles.h"
#include "record/record.h"
#include "token/tokens.h"

namespace ciyuan::measure {

enum class Endpoint { kChat, kCompletions, kEmbeddings };

struct PromptCount {
  token::Tokens tokens;
  record::Level level = record::Level::kProved;
};

/// Counts a request body: valid JSON with an object at the top (the caller has checked).
///
/// `plain_chat`: the caller has seen that each message has only a role and a content, both texts, each once,
/// and that no member changes the template. Otherwise the body is first parsed strictly, so that a repeated
/// key, which the service might read in the other way, is refused. Text parts of a message are joined as the
/// services do; media count by the method's rule; every other text counts as it stands, as an estimate.
/// kInvalid names the member at fault, with what the template itself raised. A template, or names that the
/// service gives to it, are not the client's to choose: that would choose the count.
///
/// Cost: for a plain chat of 4 KB some tens of microseconds; memory bounded by the body's size.
Result<PromptCount> count_prompt(const Profile& profile, Endpoint endpoint, std::string_view body,
                                 bool plain_chat);

}  // namespace ciyuan::measure
