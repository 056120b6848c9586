#pragma once

/// Counts what a model generates, choice by choice, against one grant of tokens for all of them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/kind.h"
#include "dialect/openai_answer.h"
#include "measure/output.h"
#include "measure/profiles.h"

namespace ciyuan::gateway {

class StreamMeter {
 public:
  explicit StreamMeter(std::shared_ptr<const measure::Profile> profile) : profile_(std::move(profile)) {}

  /// True where the text of this part surely fits into `granted`; cheap, may say false too often.
  bool surely_fits(const dialect::AnswerPart& part, std::int64_t granted) const;
  /// Generated tokens with this part, counted exactly.
  std::int64_t counted_with(const dialect::AnswerPart& part);
  /// Counts the part.
  void add(const dialect::AnswerPart& part);
  /// Counts as much of the part as fits, and says what that is: choices that fit whole stay whole, the texts
  /// of the others are shortened.
  std::vector<dialect::Cut> add_what_fits(const dialect::AnswerPart& part, std::int64_t granted);

  /// Generated tokens so far, exactly, control tokens of finished answers included.
  KindCounts counts() const;
  /// Never below counts().generated(), and cheap.
  std::int64_t upper_bound() const;

  /// Choices that began and did not finish.
  std::vector<std::int64_t> unfinished() const;
  /// True where at least one choice began and none is left to finish: more may still begin.
  bool all_finished() const { return finished_ > 0 && finished_ == choices_.size(); }
  const std::string& finish_reason() const { return finish_reason_; }
  /// Tool calls, refusals, audio, …: texts that stand in markup we do not see.
  bool saw_marked_up() const { return saw_marked_up_; }

 private:
  struct Choice {
    std::int64_t index;
    measure::OutputMeter meter;
    bool finished = false;
  };
  Choice& choice(std::int64_t index);
  void add_choice(const dialect::ChoiceText& text);

  std::shared_ptr<const measure::Profile> profile_;
  std::vector<std::unique_ptr<Choice>> choices_;
  std::string finish_reason_;
  std::size_t finished_ = 0;
  bool saw_marked_up_ = false;
};

}  // namespace ciyuan::gateway
