#pragma once

/// One call, counted again: its request and answer under any method, by the same counters as the gateway's.
///
///   CallText call{.endpoint = Endpoint::kChat, .request = body, .output = "Hello", .finish_reason = "stop"};
///   CIYUAN_TRY(CallCount first, count_call(*native, call));
///   CIYUAN_TRY(CallCount again, count_call(*bytes, call));   // the same call by another method
///
/// Any thread. Cost: that of counting the texts.

#include <array>
#include <string_view>

#include "base/amount.h"
#include "base/kind.h"
#include "measure/prompt.h"

namespace ciyuan::measure {

/// A request and its answer, or a text by itself. The texts belong to the caller.
struct CallText {
  Endpoint endpoint = Endpoint::kChat;
  std::string_view request;  ///< the body as it was sent; empty: there is only an answer, or a text
  std::string_view output, reasoning, tool;
  std::string_view finish_reason;  ///< "stop", "length", …; empty: the answer did not end
};

struct CallCount {
  KindCounts counts;
  record::Level input_level = record::Level::kProved;
  record::Level output_level = record::Level::kProved;
  Amount ciyuan;  ///< at six decimals: counts × the method's weights, never rounded
};

/// kInvalid names the member of the request at fault, as count_prompt() does.
Result<CallCount> count_call(const Profile& profile, const CallText& call);

/// Counts × weights of the method for the profile's model, at six decimals.
Amount ciyuan_of(const Profile& profile, const KindCounts& counts);

}  // namespace ciyuan::measure
