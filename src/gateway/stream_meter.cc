#include "gateway/stream_meter.h"

#include <map>

namespace ciyuan::gateway {
namespace {

void add_texts(measure::OutputMeter& meter, const dialect::ChoiceText& text) {
  meter.add(Kind::kReasoning, text.reasoning);
  meter.add(Kind::kOutput, text.content);
  meter.add(Kind::kOutput, text.other);
  meter.add(Kind::kTool, text.tool);
}

}  // namespace

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
  for (const auto& text : part.choices) {
    const std::size_t bytes =
        text.content.size() + text.reasoning.size() + text.tool.size() + text.other.size();
    most += profile_->units_per_byte_max() * static_cast<std::int64_t>(bytes) + 1;
  }
  return most <= granted;
}

std::int64_t StreamMeter::counted_with(const dialect::AnswerPart& part) {
  std::int64_t used = counts().generated();
  std::map<std::int64_t, measure::OutputMeter> trials;  // a part may name one choice twice
  for (const auto& text : part.choices) {
    measure::OutputMeter& trial = trials.try_emplace(text.index, choice(text.index).meter).first->second;
    std::int64_t before = trial.counts().generated();
    add_texts(trial, text);
    used += trial.counts().generated() - before;
  }
  return used;
}

void StreamMeter::add(const dialect::AnswerPart& part) {
  for (const auto& text : part.choices) add_choice(text);
}

void StreamMeter::add_choice(const dialect::ChoiceText& text) {
  Choice& to = choice(text.index);
  add_texts(to.meter, text);
  saw_marked_up_ = saw_marked_up_ || !text.tool.empty() || !text.other.empty();
  if (!text.finish_reason.empty() && !to.finished) {
    to.finished = true;
    to.meter.finish(text.finish_reason);
    ++finished_;
    finish_reason_ = text.finish_reason;
  }
}

std::vector<dialect::Cut> StreamMeter::add_what_fits(const dialect::AnswerPart& part, std::int64_t granted) {
  std::vector<dialect::Cut> cuts;
  for (const auto& text : part.choices) {
    dialect::Cut cut{.index = text.index};
    measure::OutputMeter& meter = choice(text.index).meter;
    std::int64_t others = counts().generated() - meter.counts().generated();
    measure::OutputMeter trial = meter;
    add_texts(trial, text);
    cut.whole = others + trial.counts().generated() <= granted;
    if (cut.whole) {
      add_choice(text);
    } else {
      // Half a tool call is of no use to anyone: it is delivered whole or not at all. So are other texts.
      auto take = [&](Kind kind, const std::string& whole) {
        std::size_t size = meter.longest_prefix(kind, whole, token::Tokens{granted - others});
        meter.add(kind, std::string_view(whole).substr(0, size));
        return whole.substr(0, size);
      };
      cut.reasoning = take(Kind::kReasoning, text.reasoning);
      cut.content = text.echoed + take(Kind::kOutput, text.content);
    }
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
