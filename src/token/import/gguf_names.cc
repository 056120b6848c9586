#include "token/import/gguf_names.h"

#include <map>

namespace ciyuan::token::import {
namespace {

using Names = std::map<std::string, GgufPre, std::less<>>;

void add(Names& names, const GgufPre& pre, std::initializer_list<const char*> list) {
  for (const char* name : list) names.emplace(name, pre);
}

const char* const kGpt2Step = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

/// Their expression is that of a matcher of ours, letter by letter or in other words.
void add_matched(Names& names) {
  add(names, {"gpt2", {}, false, false},
      {"gpt-2", "phi-2", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es", "jina-v2-de", "jina-v2-code",
       "roberta-bpe", "gigachat", "a.x-4.0", "mellum", "modern-bert", "exaone4", "mpt", "olmo", "jais",
       "trillion", "granite-docling"});
  add(names, {"smollm2", {}, false, false},
      {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"});
  add(names, {"llama3", {}, false, true},
      {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
       "jina-v5-nano", "glm4", "glm5"});
  add(names, {"llama3", {}, false, false}, {"dbrx", "smaug-bpe", "chatglm-bpe"});
  add(names, {"o200k", {}, false, true}, {"gpt-4o", "llama4"});
  add(names, {"o200k", {}, false, false}, {"kanana2", "talkie", "minimax-m2"});
  add(names, {"qwen2", {}, true, false}, {"qwen2", "deepseek-r1-qwen"});
  add(names, {"qwen2", {}, false, false},
      {"kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2"});
  add(names, {"qwen35", {}, true, false}, {"qwen35"});
  add(names, {"tekken", {}, false, true}, {"tekken"});
  add(names, {"deepseek_v3", {}, false, false}, {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"});
  add(names, {"kimi_k2", {}, false, true}, {"kimi-k2"});
}

void add_expressions(Names& names) {
  const auto regex = [&names](std::vector<std::string> steps, std::initializer_list<const char*> list) {
    add(names, {"regex", std::move(steps), false, false}, list);
  };
  regex({R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n])"
         R"(|\s+(?!\S)|\s+)"},
        {"bailingmoe", "bailingmoe2", "llada-moe"});
  regex({R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+)"
         R"(|\s+(?!\S)|\s+)"},
        {"seed-coder"});
  regex({R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
        {"ufakzeka"});
  regex({R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Step, "[0-9][0-9][0-9]"}, {"falcon"});
  regex({R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"},
        {"deepseek-coder"});
  const std::string words = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
  regex({words}, {"poro-chat", "bloom", "gpt3-finnish"});
  regex({words, R"(\p{N})"}, {"viking"});
}

}  // namespace

const GgufPre* gguf_pre(std::string_view name) {
  static const Names names = [] {
    Names made;
    add_matched(made);
    add_expressions(made);
    return made;
  }();
  const auto found = names.find(name);
  return found == names.end() ? nullptr : &found->second;
}

}  // namespace ciyuan::token::import
