#pragma once

/// Requests of the OpenAI dialect: what the gateway must know of one, and the few values it changes.
///
///   CIYUAN_TRY(auto request, read_request(Endpoint::kChat, body));
///   RequestEdit edit{.model = "SmolLM2-135M", .output_tokens_max = 40};
///   send(edited(body, request, edit));      // every other byte as the client wrote it
///
/// Source: OpenAI API reference, "Create chat completion", "Create completion", "Create embeddings" (read
/// 2026-11).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::dialect {

enum class Endpoint { kChat, kCompletions, kEmbeddings };
/// "chat/completions", "completions", "embeddings": the path behind /v1/.
std::string_view path_of(Endpoint endpoint);

/// Facts of one request. Views point into the body it was read from.
struct RequestFacts {
  Endpoint endpoint = Endpoint::kChat;
  std::string model;
  std::string user;          ///< empty where not given
  std::string service_tier;  ///< empty where not given, or null
  bool stream = false;
  bool usage_asked = false;                       ///< stream_options.include_usage
  bool echo = false;                              ///< completions: the prompt stands before each answer
  std::int64_t choices = 1;                       ///< n: answers of one prompt that are delivered
  std::int64_t answers = 1;                       ///< all that are generated: n or best_of, for each prompt
  std::int64_t prompts = 1;                       ///< completions of several prompts in one call
  std::optional<std::int64_t> output_tokens_max;  ///< max_completion_tokens or max_tokens, of one answer
  bool plain_chat = false;  ///< messages of role and text only, nothing that changes the template

  // Where the values stand that an edit may replace; empty views where the member is absent.
  std::string_view model_value, limit_value, second_limit_value, stream_options_value;
  std::string_view messages_value;
  std::string_view null_max_tokens, null_max_completion_tokens;  ///< given, as null: no limit
};

/// Checks the form of what it reads, and only that: unknown members pass. Errors name the member (`path`) and
/// rule.
Result<RequestFacts> read_request(Endpoint endpoint, std::string_view body);

/// A top-level member that is a string, unescaped; empty where absent or of another type.
std::string string_member(std::string_view body, std::string_view name);

/// The prompts of a completion, for an echo; none where they are token ids.
std::vector<std::string> prompt_texts(std::string_view body);

struct RequestEdit {
  std::optional<std::string> model;
  std::optional<std::int64_t> output_tokens_max;  ///< of one answer
  std::string limit_member = "max_tokens";        ///< the member to add where the client gave no limit
  bool ask_usage = false;                         ///< streams: add stream_options.include_usage
};
/// The body with only these values replaced or added.
std::string edited(std::string_view body, const RequestFacts& facts, const RequestEdit& edit);

}  // namespace ciyuan::dialect
