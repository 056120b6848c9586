#pragma once

/// Answers of the OpenAI dialect: whole ones, and the chunks of a stream.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/kind.h"
#include "base/result.h"
#include "dialect/openai_request.h"

namespace ciyuan::dialect {

/// What the service says it used.
struct ReportedUsage {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  std::int64_t cached = 0;     ///< part of prompt
  std::int64_t reasoning = 0;  ///< part of completion
};

/// What one choice of an answer, or of one chunk of it, adds: every text of its message but labels (role, id,
/// type, …), whatever the member is called, so that nothing is delivered uncounted. Texts are unescaped.
struct ChoiceText {
  std::int64_t index = 0;     ///< its place in the list where the service gives none
  std::string content;        ///< message.content, delta.content or text; of a list of parts, all their texts
  std::string reasoning;      ///< reasoning_content, reasoning, …; the same text under two names once
  std::string tool;           ///< names and arguments of tool calls, in order
  std::string echoed;         ///< the prompt, repeated before the content: taken out by the gateway
  std::string other;          ///< refusals, audio, images, and members that are not known here
  std::string finish_reason;  ///< empty where null
};

struct AnswerPart {
  std::vector<ChoiceText> choices;
  std::optional<ReportedUsage> usage;
  std::string id;  ///< as the service gave it
  std::string model;
  std::int64_t created = 0;
  bool is_error = false;  ///< an "error" member: its text is never billed as output
  std::string error_message;
};

/// The data of one SSE event, or a whole answer body. A lone surrogate escape (\ud83d, which JavaScript
/// services write where a chunk ends inside a character) is read, and counted, as U+FFFD.
Result<AnswerPart> read_answer(Endpoint endpoint, std::string_view json);

/// What is left of one choice.
struct Cut {
  std::int64_t index = 0;
  bool whole = false;  ///< it all fits: the choice stays as the service wrote it
  std::string content, reasoning;
};
/// A whole answer or a chunk with some choices cut short: `cuts` stand in the order of AnswerPart::choices. A
/// cut choice is written anew from its index, role, content and reasoning alone, since any other member could
/// carry tokens past the cap; its finish_reason is "length", or null in a stream, whose final chunk says it.
Result<std::string> with_cuts(Endpoint endpoint, std::string_view json, const std::vector<Cut>& cuts,
                              bool stream, const std::optional<ReportedUsage>& usage);

/// An answer's "error" member in an object of its own: nothing that stands beside it is passed on.
std::string error_alone(std::string_view json);

/// The chunk that ends a cut stream: empty deltas with finish_reason "length" for these choices.
std::string final_chunk(Endpoint endpoint, const AnswerPart& like, const std::vector<std::int64_t>& choices);
/// The chunk with usage and no choices, as include_usage asks for.
std::string usage_chunk(Endpoint endpoint, const AnswerPart& like, const ReportedUsage& usage);

}  // namespace ciyuan::dialect
