#pragma once

/// Counts one answer (one choice) as its pieces arrive: the same figure as counting the whole text, at any
/// split.
///
///   OutputMeter meter(*profile);
///   meter.add(Kind::kOutput, delta);
///   meter.longest_prefix(Kind::kOutput, next, Tokens{limit});   // bytes of `next` that still fit
///   meter.finish("stop");                                       // the end-of-turn token

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/kind.h"
#include "measure/profiles.h"
#include "token/tokens.h"

namespace ciyuan::measure {

/// Copyable: a copy is a trial that can be thrown away. One thread at a time. The Profile must outlive it.
class OutputMeter {
 public:
  explicit OutputMeter(const Profile& profile);
  OutputMeter(const OutputMeter& other);
  OutputMeter& operator=(const OutputMeter& other);
  OutputMeter(OutputMeter&&) noexcept;
  OutputMeter& operator=(OutputMeter&&) noexcept;
  ~OutputMeter();

  /// Counts further text of a kind: kOutput, kReasoning or kTool.
  void add(Kind kind, std::string_view text);
  /// The answer ended for this reason ("stop", "length", "tool_calls", …): control tokens that count but have
  /// no text are added, to the output.
  void finish(std::string_view finish_reason);

  /// Exactly what was added so far.
  KindCounts counts() const;
  /// Never below counts().generated(), and cheap.
  token::Tokens upper_bound() const;
  /// How many bytes of `text` can be added to `kind`, on a UTF-8 character boundary, so that
  /// counts().generated() of this answer stays at most `limit`.
  std::size_t longest_prefix(Kind kind, std::string_view text, token::Tokens limit) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ciyuan::measure
