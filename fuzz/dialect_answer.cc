// Answers of services that may be anything: refused, or read; what a cut writes holds nothing that was cut;
// and the chunks that end a cut stream are read back.

#include <cstdlib>

#include "dialect/openai_answer.h"

using namespace ciyuan;
using namespace ciyuan::dialect;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  for (Endpoint endpoint : {Endpoint::kChat, Endpoint::kCompletions}) {
    Result<AnswerPart> part = read_answer(endpoint, json);
    if (!part.ok()) continue;
    std::vector<std::int64_t> indices;
    for (const ChoiceText& choice : part->choices) indices.push_back(choice.index);
    for (const std::string& made :
         {final_chunk(endpoint, *part, indices), usage_chunk(endpoint, *part, ReportedUsage{1, 2, 0, 0})})
      if (!read_answer(endpoint, made).ok()) std::abort();
    if (part->is_error || part->choices.empty()) continue;
    const std::vector<Cut> cuts(part->choices.size(), Cut());
    for (const bool stream : {false, true}) {
      Result<std::string> written = with_cuts(endpoint, json, cuts, stream, ReportedUsage{1, 2, 0, 0});
      if (!written.ok()) continue;  // then nothing is passed on
      Result<AnswerPart> cut = read_answer(endpoint, *written);
      if (!cut.ok() || cut->choices.size() != cuts.size()) std::abort();
      for (const ChoiceText& choice : cut->choices)
        if (!choice.content.empty() || !choice.reasoning.empty() || !choice.tool.empty() ||
            !choice.other.empty())
          std::abort();
    }
  }
  return 0;
}
