#include "measure/output.h"

#include <array>
#include <optional>

#include "measure/internal/profile.h"
#include "measure/plain_counter.h"
#include "token/incremental_counter.h"

namespace ciyuan::measure {
namespace {

constexpr std::array<Kind, 3> kGenerated = {Kind::kOutput, Kind::kReasoning, Kind::kTool};

std::size_t slot_of(Kind kind) {
  CIYUAN_CHECK(is_generated(kind), "an answer holds output, reasoning and tool calls only");
  return kind == Kind::kOutput ? 0 : kind == Kind::kReasoning ? 1 : 2;
}

}  // namespace

// A counter for each kind, made when its first text comes: most answers have one kind.
struct OutputMeter::State {
  explicit State(const LoadedProfile& the_profile) : profile(the_profile) {}

  const LoadedProfile& profile;
  std::array<std::optional<token::IncrementalCounter>, 3> by_tokens;
  std::array<std::optional<PlainCounter>, 3> by_units;
  std::int64_t control = 0;

  std::int64_t count(std::size_t slot) const {
    if (by_tokens[slot]) return by_tokens[slot]->count().value;
    return by_units[slot] ? by_units[slot]->count() : 0;
  }
  token::IncrementalCounter& tokens(std::size_t slot) {
    if (!by_tokens[slot]) by_tokens[slot].emplace(profile.vocabulary);
    return *by_tokens[slot];
  }
  PlainCounter& units(std::size_t slot) {
    if (!by_units[slot]) by_units[slot].emplace(profile.method.basis(), profile.method.characters());
    return *by_units[slot];
  }
};

OutputMeter::OutputMeter(const Profile& profile) : state_(std::make_unique<State>(loaded(profile))) {}
OutputMeter::OutputMeter(const OutputMeter& other) : state_(std::make_unique<State>(*other.state_)) {}
OutputMeter& OutputMeter::operator=(const OutputMeter& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
OutputMeter::OutputMeter(OutputMeter&&) noexcept = default;
OutputMeter& OutputMeter::operator=(OutputMeter&&) noexcept = default;
OutputMeter::~OutputMeter() = default;

void OutputMeter::add(Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (state_->profile.by_tokens())
    state_->tokens(slot_of(kind)).append(text);
  else
    state_->units(slot_of(kind)).add(text);
}

void OutputMeter::finish(std::string_view finish_reason) {
  state_->control += state_->profile.method.control_tokens(state_->profile.model, finish_reason);
}

KindCounts OutputMeter::counts() const {
  KindCounts counts;
  for (Kind kind : kGenerated) counts[kind] = state_->count(slot_of(kind));
  counts[Kind::kOutput] += state_->control;
  return counts;
}

token::Tokens OutputMeter::upper_bound() const {
  token::Tokens sum{state_->control};
  for (std::size_t slot = 0; slot < kGenerated.size(); ++slot)
    sum.value += state_->by_tokens[slot] ? state_->by_tokens[slot]->upper_bound().value : state_->count(slot);
  return sum;
}

std::size_t OutputMeter::longest_prefix(Kind kind, std::string_view text, token::Tokens limit) const {
  std::size_t slot = slot_of(kind);
  std::int64_t others = counts().generated() - state_->count(slot);
  token::Tokens rest{limit.value - others};
  if (rest.value < 0) return 0;
  if (state_->profile.by_tokens()) {
    if (state_->by_tokens[slot]) return state_->by_tokens[slot]->longest_prefix(text, rest);
    return token::IncrementalCounter(state_->profile.vocabulary).longest_prefix(text, rest);
  }
  // Units never shrink as text grows: halve the range, then step back to a character's first byte.
  auto fits = [&](std::size_t size) {
    PlainCounter trial = state_->by_units[slot] ? *state_->by_units[slot]
                                                : PlainCounter(state_->profile.method.basis(),
                                                               state_->profile.method.characters());
    trial.add(text.substr(0, size));
    return trial.count() <= rest.value;
  };
  auto boundary = [&](std::size_t size) {
    while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    return size;
  };
  std::size_t low = 0, high = text.size();
  while (low < high) {
    std::size_t middle = low + (high - low + 1) / 2;
    if (fits(boundary(middle)))
      low = middle;
    else
      high = middle - 1;
  }
  return boundary(low);
}

}  // namespace ciyuan::measure
