#pragma once

/// The families' expressions, as they were published, letter by letter (Kimi K2's and tekken's with the
/// intersections and names of their engines).

#include <string>
#include <utility>
#include <vector>

#include "token/internal/pretokenizer.h"

namespace ciyuan::token {

inline std::vector<std::pair<internal::Pretokenizer, std::vector<std::string>>> published_expressions() {
  using enum internal::Pretokenizer;
  const std::string cut = R"((?i:'s|'t|'re|'ve|'m|'ll|'d))", head = R"([^\r\n\p{L}\p{N}]?)";
  const std::string tail = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string slashes = R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string u = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])", v = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
  const std::string k = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])",
                    l = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])";
  return {
      {kO200k,
       {head + u + "*" + v + "+" + cut + "?|" + head + u + "+" + v + "*" + cut + R"(?|\p{N}{1,3})" +
        slashes}},
      {kQwen2, {cut + "|" + head + R"(\p{L}+|\p{N})" + tail}},
      {kLlama3, {cut + "|" + head + R"(\p{L}+|\p{N}{1,3})" + tail}},
      {kQwen35,
       {cut + "|" + head + R"([\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
      {kTekken, {head + u + "*" + v + "+|" + head + u + "+" + v + R"(*|\p{N})" + slashes}},
      {kKimiK2,
       {R"([\p{Han}]+|)" + head + k + "*" + l + "+" + cut + "?|" + head + k + "+" + l + "*" + cut +
        R"(?|\p{N}{1,3})" + tail}},
      {kDeepseekV3,
       {R"(\p{N}{1,3})", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"}},
      {kGpt2, {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"}},
  };
}

}  // namespace ciyuan::token
