#include "base/check.h"
#include "token/internal/regex_pretokenizer.h"

// In place of regex_pretokenizer.cc: PCRE2 is not here, and a vocabulary that needs it is refused.

namespace ciyuan::token::internal {

struct RegexPretokenizer::Step {};
RegexPretokenizer::RegexPretokenizer() = default;
RegexPretokenizer::~RegexPretokenizer() = default;

Result<std::shared_ptr<const RegexPretokenizer>> RegexPretokenizer::compile(const std::vector<std::string>&) {
  return invalid(
      "pretokenizer",
      "this vocabulary brings its own expressions (\"regex\"), which this build has no engine for");
}

RegexPretokenizer::Found RegexPretokenizer::find(std::size_t, std::string_view, std::size_t, bool) const {
  check_failed("no expression was compiled", __FILE__, __LINE__);
}

RegexPretokenizer::Part RegexPretokenizer::first(std::string_view, std::size_t, bool) const {
  check_failed("no expression was compiled", __FILE__, __LINE__);
}

}  // namespace ciyuan::token::internal
