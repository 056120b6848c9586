#pragma once

/// What the stand-in answers, as text: plans, JSON bodies and SSE events. No sockets here.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "standin/script.h"
#include "standin/standin.h"
#include "standin/text.h"

namespace ciyuan::standin {

enum class Form { kChat, kCompletion };

/// One part of an answer: what one chunk of the stream carries.
struct Part {
  std::string escaped;  ///< the inside of a JSON string
  std::uint64_t tokens = 0;
  bool reasoning = false;
};

/// Everything decided about an answer before its first byte.
struct Plan {
  Form form = Form::kChat;
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  std::uint64_t choices = 1;
  std::string id, model;
  std::int64_t created = 0;
  std::string tool_name;  ///< where set, the answer is a call of this tool
  /// The answer is `round` so many times over, then `rest`: a long one takes no more memory than its text.
  std::vector<Part> round, rest;
  std::uint64_t rounds = 0;
  bool endless = false;  ///< `round` for as long as the client reads
  std::string finish_reason = "stop";
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;  ///< of one choice
  Script script;
};

/// Walks the parts of an answer in order. The plan must outlive it.
class PartCursor {
 public:
  explicit PartCursor(const Plan& plan) : plan_(plan) {}
  /// The next part, valid until the call after; null at the end.
  const Part* next();

 private:
  const Plan& plan_;
  std::uint64_t round_ = 0;
  std::size_t at_ = 0;
  std::uint64_t tokens_before_ = 0;
  Part current_;
};

/// Texts by name, cut once.
struct Texts {
  std::vector<Piece> own, en, zh, code;
  const std::vector<Piece>& by_name(const std::string& name) const;
};

/// An OpenAI error body's fields.
struct Refusal {
  unsigned status = 400;
  std::string message, type, code, param;
  std::string body() const;
};
/// The error that the real service gives with this status.
Refusal refusal_of_status(unsigned status);

/// Reads the request and plans the answer; a Refusal where the request is not one.
struct Planned {
  Plan plan;
  bool refused = false;
  Refusal refusal;
};
Planned plan_answer(Form form, const Json& request, const Script& script, const StandinOptions& options,
                    const TextCutter& cutter, const Texts& texts, std::uint64_t number);

/// The whole answer of an unstreamed call.
std::string whole_body(const Plan& plan);

/// The JSON of stream events, without framing.
std::string first_event(const Plan& plan, std::uint64_t choice);
std::string part_event(const Plan& plan, std::uint64_t choice, const Part& part);
std::string last_event(const Plan& plan, std::uint64_t choice);
std::string usage_event(const Plan& plan, std::uint64_t generated_tokens);
/// One SSE event with the framing that the script asks for.
std::string framed(const Script& script, std::string_view json);

std::string models_body(const StandinOptions& options);
/// Vectors that depend on nothing but the input; base64 or arrays, as the request asks.
Planned plan_embeddings(const Json& request, const TextCutter& cutter, std::string& body);

}  // namespace ciyuan::standin
