#include "token/internal/pretokenizer.h"

#include "token/internal/matcher.h"

namespace ciyuan::token::internal {

std::optional<Pretokenizer> pretokenizer_named(std::string_view name) {
  if (name == "o200k") return Pretokenizer::kO200k;
  if (name == "cl100k") return Pretokenizer::kCl100k;
  if (name == "qwen2") return Pretokenizer::kQwen2;
  if (name == "llama3") return Pretokenizer::kLlama3;
  if (name == "deepseek_v3") return Pretokenizer::kDeepseekV3;
  if (name == "smollm2") return Pretokenizer::kSmollm2;
  if (name == "gpt2") return Pretokenizer::kGpt2;
  if (name == "qwen35") return Pretokenizer::kQwen35;
  if (name == "tekken") return Pretokenizer::kTekken;
  if (name == "kimi_k2") return Pretokenizer::kKimiK2;
  if (name == "regex") return Pretokenizer::kRegex;
  if (name == "sentencepiece") return Pretokenizer::kSentencePiece;
  return std::nullopt;
}

Match next_pretoken(Pretokenizer family, std::string_view text, RunMemo* memo) {
  return with_family(family, [&]<Pretokenizer kFamily>() {
    const std::uint8_t* table = class_table<kFamily>();
    const char* begin = text.data();
    const char* end = begin + text.size();
    if (memo) {
      Scanner<true> scanner{begin, end, table, memo};
      const char* after = scanner.template match<kFamily>();
      return Match{static_cast<std::size_t>(after - begin), scanner.hit_end};
    }
    Scanner<false> scanner{begin, end, table};
    const char* after = scanner.template match<kFamily>();
    return Match{static_cast<std::size_t>(after - begin), scanner.hit_end};
  });
}

}  // namespace ciyuan::token::internal
