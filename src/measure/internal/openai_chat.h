#pragma once

#include <nlohmann/json.hpp>

#include "measure/prompt.h"
#include "token/vocabulary.h"

namespace ciyuan::measure {

/// OpenAI's chat framing (their cookbook, "How to count tokens with tiktoken", read 2026-11): three tokens a
/// message, one more for a name, three to prime the answer. Functions are put before the model as TypeScript
/// declarations; how exactly is not published, so a request with tools is `estimated`.
constexpr std::int64_t kOpenAiTokensPerMessage = 3;
constexpr std::int64_t kOpenAiTokensToPrime = 3;
PromptCount count_openai_chat(const token::Vocabulary& vocabulary, const nlohmann::ordered_json& request);

}  // namespace ciyuan::measure
