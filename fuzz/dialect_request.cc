// Bodies of requests: refused, or read; and what an edit changes is read back, nothing else.

#include <cstdlib>

#include "base/json.h"
#include "dialect/openai_request.h"

using namespace ciyuan;
using namespace ciyuan::dialect;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  (void)string_member(body, "standin");
  for (Endpoint endpoint : {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kEmbeddings}) {
    Result<RequestFacts> facts = read_request(endpoint, body);
    if (!facts.ok()) continue;
    if (facts->answers < 1 || facts->output_tokens_max.value_or(0) < 0) std::abort();
    if (edited(body, *facts, {}) != body) std::abort();
    RequestEdit edit{.model = "another\"model", .output_tokens_max = 7, .ask_usage = facts->stream};
    const std::string changed = edited(body, *facts, edit);
    Result<RequestFacts> again = read_request(endpoint, changed);
    if (!again.ok()) std::abort();
    if (again->model != "another\"model" || again->stream != facts->stream || again->user != facts->user ||
        again->answers != facts->answers)
      std::abort();
    if (endpoint != Endpoint::kEmbeddings && again->output_tokens_max != 7) std::abort();
    if (facts->stream && !again->usage_asked) std::abort();
  }
  return 0;
}
