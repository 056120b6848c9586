#pragma once

/// Prompts that a service repeats before its answers because the client asked for it ("echo"). They are
/// delivered, but they are input, and counted as such already.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "dialect/openai_answer.h"

namespace ciyuan::gateway {

class Echo {
 public:
  /// Of a completion's prompts, each with so many answers, in the order of their indexes.
  Echo(std::vector<std::string> prompts, std::int64_t answers_of_each)
      : prompts_(std::move(prompts)), answers_of_each_(answers_of_each) {}

  /// Moves the prompt from the first content of each choice to `echoed`. Only where all of it is there: less
  /// could be an answer that begins like its prompt.
  void take_out(dialect::AnswerPart& part);

 private:
  std::vector<std::string> prompts_;
  std::int64_t answers_of_each_;
  std::set<std::int64_t> begun_;  // choices whose first content has come
};

}  // namespace ciyuan::gateway
