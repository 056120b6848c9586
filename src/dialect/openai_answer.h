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

/// What one choice of an answer, or of one chunk of it, adds. Texts are unescaped.
struct ChoiceText {
  std::int64_t index = 0;
  std::string content;        ///< message.content, delta.content or text
  std::string reasoning;      ///< reasoning_content or reasoning
  std::string tool;           ///< names and arguments of tool calls, in order
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

/// The data of one SSE event, or a whole answer body.
Result<AnswerPart> read_answer(Endpoint endpoint, std::string_view json);

/// A whole answer or a chunk with one choice's texts cut short: the same JSON, other values. Used only for a
/// cut, and never on what passes unchanged.
struct Cut {
  std::int64_t index = 0;
  std::string content, reasoning;
  bool drop_tool = false;
  bool finish = false;  ///< finish_reason becomes "length"
};
std::string with_cuts(std::string_view json, const std::vector<Cut>& cuts, bool stream,
                      const std::optional<ReportedUsage>& usage);

/// The chunk that ends a cut stream: empty deltas with finish_reason "length" for these choices.
std::string final_chunk(Endpoint endpoint, const AnswerPart& like, const std::vector<std::int64_t>& choices);
/// The chunk with usage and no choices, as include_usage asks for.
std::string usage_chunk(Endpoint endpoint, const AnswerPart& like, const ReportedUsage& usage);

}  // namespace ciyuan::dialect
