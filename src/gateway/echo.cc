#include "gateway/echo.h"

namespace ciyuan::gateway {

void Echo::take_out(dialect::AnswerPart& part) {
  for (dialect::ChoiceText& text : part.choices) {
    auto prompt = static_cast<std::size_t>(text.index / answers_of_each_);
    if (text.content.empty() || text.index < 0 || prompt >= prompts_.size()) continue;
    if (!begun_.insert(text.index).second || !text.content.starts_with(prompts_[prompt])) continue;
    text.echoed = prompts_[prompt];
    text.content.erase(0, text.echoed.size());
  }
}

}  // namespace ciyuan::gateway
