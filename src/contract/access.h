#pragma once

/// Access: who may send and receive what, and why not.
///
/// All rules of a contract's access clauses are one set. A rule matches a call where everything that it names
/// matches. A matching rule that denies wins over all that allow. Where no rule of the contract allows
/// anything, what is not denied is allowed; else what no rule allows is refused (deny overrides, and default
/// deny once anything is allowed: the combining of XACML 3.0 §C.2 and of Cedar).
///
///   Decision decision = registry->decide(*key, resolved, {.endpoint = "chat/completions", .prompt_tokens =
///   812,
///                                                         .at = now()});
///   if (!decision.allowed) answer(403, decision.clause, decision.rule, decision.message);
///
/// A decision reads no clock and does no input or output; the same facts give the same decision, so that it
/// can be replayed from a record. Some microseconds for a hundred rules (bench/contract). Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace ciyuan::contract {

/// What a decision is made of, beside the key and what resolve() found out.
struct AccessFacts {
  std::string_view endpoint;
  std::int64_t prompt_tokens = 0;
  TimePoint at;
};

struct Decision {
  bool allowed = true;
  std::string clause,
      rule;             ///< that decided; the rule is empty where none allowed it; both where nothing is said
  std::string message;  ///< in plain words
  /// The longest answer, of those that the matching rules which allow it state; nothing: none states any.
  std::optional<std::int64_t> output_tokens_max;
  std::vector<std::string> matched;  ///< "clause/rule" of every rule that matches, for an explanation
};

}  // namespace ciyuan::contract
