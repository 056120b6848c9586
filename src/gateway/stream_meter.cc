#include "gateway/stream_meter.h"

namespace ciyuan::gateway {

StreamMeter::Choice& StreamMeter::choice(std::int64_t index) {
  for (auto& known : choices_)
    if (known->index == index) return *known;
  choices_.push_back(std::make_unique<Choice>(Choice{index, measure::OutputMeter(*profile_)}));
  return *choices_.back();
}

KindCounts StreamMeter::counts() const {
  KindCounts sum;
  for (const auto& each : choices_) {
    KindCounts counts = each->meter.counts();
    for (Kind kind : kAllKinds) sum[kind] += counts[kind];
  }
  return sum;
}

std::int64_t StreamMeter::upper_bound() const {
  std::int64_t sum = 0;
  for (const auto& each : choices_) sum += each->meter.upper_bound().value;
  return sum;
}

bool StreamMeter::surely_fits(const dialect::AnswerPart& part, std::int64_t granted) const {
  std::int64_t most = upper_bound();
  // No byte makes more than one token; normalisation of a few scripts may make more bytes, hence the factor.
  for (const auto& text : part.choices)
    most += 3 * static_cast<std::int64_t>(text.content.size() + text.reasoning.size() + text.tool.size()) + 1;
  return most <= granted;
}

bool StreamMeter::fits(const dialect::AnswerPart& part, std::int64_t granted) {
  std::int64_t used = counts().generated();
  for (const auto& text : part.choices) {
    measure::OutputMeter trial = choice(text.index).meter;
    std::int64_t before = trial.counts().generated();
    trial.add(Kind::kReasoning, text.reasoning);
    trial.add(Kind::kOutput, text.content);
    trial.add(Kind::kTool, text.tool);
    used += trial.counts().generated() - before;
  }
  return used <= granted;
}

void StreamMeter::add(const dialect::AnswerPart& part) {
  for (const auto& text : part.choices) {
    Choice& to = choice(text.index);
    to.meter.add(Kind::kReasoning, text.reasoning);
    to.meter.add(Kind::kOutput, text.content);
    to.meter.add(Kind::kTool, text.tool);
    saw_tool_ = saw_tool_ || !text.tool.empty();
    if (!text.finish_reason.empty() && !to.finished) {
      to.finished = true;
      to.meter.finish(text.finish_reason);
      ++finished_;
      finish_reason_ = text.finish_reason;
    }
  }
}

std::vector<dialect::Cut> StreamMeter::add_what_fits(const dialect::AnswerPart& part, std::int64_t granted) {
  std::vector<dialect::Cut> cuts;
  std::int64_t used = counts().generated();
  for (const auto& text : part.choices) {
    measure::OutputMeter& meter = choice(text.index).meter;
    auto take = [&](Kind kind, const std::string& whole) {
      std::int64_t before = meter.counts().generated();
      std::size_t size = meter.longest_prefix(kind, whole, token::Tokens{granted - (used - before)});
      meter.add(kind, std::string_view(whole).substr(0, size));
      used += meter.counts().generated() - before;
      return whole.substr(0, size);
    };
    dialect::Cut cut{.index = text.index};
    cut.reasoning = take(Kind::kReasoning, text.reasoning);
    cut.content = take(Kind::kOutput, text.content);
    // Half a tool call's arguments are of no use to anyone: it is delivered whole or not at all.
    cut.drop_tool = true;
    cut.finish = true;
    cuts.push_back(std::move(cut));
  }
  return cuts;
}

std::vector<std::int64_t> StreamMeter::unfinished() const {
  std::vector<std::int64_t> open;
  for (const auto& each : choices_)
    if (!each->finished) open.push_back(each->index);
  return open;
}

}  // namespace ciyuan::gateway
