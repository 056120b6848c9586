#include "measure/call_count.h"

#include "measure/internal/profile.h"
#include "measure/output.h"

namespace ciyuan::measure {

Amount ciyuan_of(const Profile& profile, const KindCounts& counts) {
  const LoadedProfile& known = loaded(profile);
  const auto weights = known.method.ciyuan_per_token(known.model);
  Amount sum;
  for (Kind kind : kAllKinds) sum += weights[index_of(kind)] * counts[kind];
  return sum;
}

Result<CallCount> count_call(const Profile& profile, const CallText& call) {
  OutputMeter meter(profile);
  meter.add(Kind::kReasoning, call.reasoning);
  meter.add(Kind::kOutput, call.output);
  meter.add(Kind::kTool, call.tool);
  if (!call.finish_reason.empty()) meter.finish(call.finish_reason);
  CallCount sum{.counts = meter.counts()};
  sum.output_level = profile.output_level(!call.tool.empty());
  if (!call.request.empty()) {
    CIYUAN_TRY(const PromptCount prompt, count_prompt(profile, call.endpoint, call.request, false));
    sum.counts[Kind::kInput] = prompt.tokens.value;
    sum.input_level = prompt.level;
  }
  sum.ciyuan = ciyuan_of(profile, sum.counts);
  return sum;
}

}  // namespace ciyuan::measure
