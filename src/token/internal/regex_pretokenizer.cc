#include "token/internal/regex_pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <chrono>
#include <ctime>

#include "base/check.h"
#include "token/internal/expression.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

/// What a thread needs to match: PCRE2's result block and a stack for its compiled code.
class MatchBlock {
 public:
  MatchBlock() {
    pcre2_jit_stack_assign(context_, nullptr, stack_);
    // Expressions that could take exponential time were refused, and slow ones tried out: there is no limit
    // on steps, so that every text has its count. Memory is bounded all the same, by the text's length.
    pcre2_set_match_limit(context_, 0xFFFFFFFF);
    pcre2_set_depth_limit(context_, 0xFFFFFFFF);
  }
  ~MatchBlock() {
    pcre2_match_context_free(context_);
    pcre2_jit_stack_free(stack_);
    pcre2_match_data_free(data_);
  }
  MatchBlock(const MatchBlock&) = delete;
  MatchBlock& operator=(const MatchBlock&) = delete;

  pcre2_match_data* data() const { return data_; }
  pcre2_match_context* context() const { return context_; }
  static MatchBlock& of_this_thread() {
    thread_local MatchBlock block;
    return block;
  }

 private:
  static constexpr std::size_t kStackMin = 32 << 10, kStackMax = 1 << 20;
  pcre2_match_data* data_ = pcre2_match_data_create(1, nullptr);
  pcre2_jit_stack* stack_ = pcre2_jit_stack_create(kStackMin, kStackMax, nullptr);
  pcre2_match_context* context_ = pcre2_match_context_create(nullptr);
};

std::string repeated(std::string_view part, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  return text;
}

}  // namespace

struct RegexPretokenizer::Step {
  pcre2_code* code = nullptr;
  ~Step() { pcre2_code_free(code); }
};

namespace {

/// Of this thread: what else the machine does must not decide about an expression.
std::chrono::nanoseconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// What is tried out: without the shortcuts by which a text that lacks some character is never looked at, and
/// anchored: it is tried from one place after the other here, since within one search nothing could stop what
/// looks at the rest of the text from each of its places.
struct Trial {
  pcre2_code* code = nullptr;
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  ~Trial() {
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
  }

  /// False: over the limit of steps in a match, or past the deadline (of processor_time()).
  bool passes(const std::string& text, std::chrono::nanoseconds deadline) const {
    for (std::size_t at = 0; at < text.size();) {
      int rc = 0;
      for (const std::uint32_t engine : {std::uint32_t{0}, PCRE2_NO_JIT}) {
        rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                         PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY | engine, data, context);
        if (rc != PCRE2_ERROR_JIT_STACKLIMIT) break;
      }
      const bool matches = rc != PCRE2_ERROR_NOMATCH;
      if ((matches && rc < 0) || processor_time() > deadline) return false;
      at = matches ? pcre2_get_ovector_pointer(data)[1] : at + character_length(text[at]);
    }
    return true;
  }
};

constexpr std::uint32_t kTrialSteps =
    2'000'000;  // in one match of kTrialBytes; published expressions need one a byte

/// Runs of what expressions treat alike, and of each character that is in this one.
std::vector<std::string> hostile_texts(const std::string& expression) {
  std::vector<std::string> texts;
  // A character at the end that few repetitions take: what backtracks, does it here.
  for (std::string_view part : {"a", "A", "Aa", "1", " ", "\n", " \n", "'", "-", "a ", "a1", "\xE4\xB8\xAD",
                                "\xCC\x81", "\xF0\x9F\x98\x80", "\x01", "'s"})
    texts.push_back(repeated(part, RegexPretokenizer::kTrialBytes) + "\x02");
  for (char c = '!'; c <= '~'; ++c)
    if (expression.find(c) != std::string::npos)
      texts.push_back(std::string(RegexPretokenizer::kTrialBytes / 8, c) + "\x02");
  return texts;
}

Status try_out(const std::string& expression, const std::string& pattern, pcre2_compile_context* compiling) {
  Trial trial;
  int code = 0;
  PCRE2_SIZE offset = 0;
  trial.code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                             PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE | PCRE2_NO_START_OPTIMIZE | PCRE2_ANCHORED,
                             &code, &offset, compiling);
  if (trial.code == nullptr) return invalid("expression", "it does not compile: " + expression);
  pcre2_jit_compile(trial.code, PCRE2_JIT_COMPLETE);
  pcre2_set_match_limit(trial.context, kTrialSteps);
  const auto deadline = processor_time() + std::chrono::milliseconds(RegexPretokenizer::kTrialMilliseconds);
  for (const std::string& text : hostile_texts(expression))
    if (!trial.passes(text, deadline))
      return invalid("expression", "it takes too long on \"" + text.substr(0, 4) + "…\": " + expression);
  return {};
}

}  // namespace

RegexPretokenizer::RegexPretokenizer() = default;
RegexPretokenizer::~RegexPretokenizer() = default;

Result<std::shared_ptr<const RegexPretokenizer>> RegexPretokenizer::compile(
    const std::vector<std::string>& expressions) {
  if (expressions.empty() || expressions.size() > kStepsMax)
    return invalid("pretokenizer", "it has " + std::to_string(expressions.size()) + " steps, not 1 to " +
                                       std::to_string(kStepsMax));
  std::shared_ptr<RegexPretokenizer> made(new RegexPretokenizer);
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context, 50);
  Status problem;
  for (const std::string& expression : expressions) {
    Result<std::string> pattern = to_pcre2(expression);
    if (!pattern) {
      problem = pattern.error();
      break;
    }
    int code = 0;
    PCRE2_SIZE offset = 0;
    auto step = std::make_unique<Step>();
    step->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern->data()), pattern->size(),
                               PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE, &code, &offset, context);
    if (step->code == nullptr) {
      PCRE2_UCHAR text[120];
      pcre2_get_error_message(code, text, sizeof text);
      problem = invalid("expression", reinterpret_cast<const char*>(text) + (": " + expression));
      break;
    }
    std::uint32_t looks_behind = 0, matches_nothing = 0;
    pcre2_pattern_info(step->code, PCRE2_INFO_MAXLOOKBEHIND, &looks_behind);
    pcre2_pattern_info(step->code, PCRE2_INFO_MATCHEMPTY, &matches_nothing);
    if (looks_behind != 0 || matches_nothing != 0) {
      problem = invalid("expression",
                        (looks_behind ? "it looks behind: " : "it matches the empty text: ") + expression);
      break;
    }
    problem = try_out(expression, *pattern, context);
    if (!problem.ok()) break;
    // Where a system forbids compiled code, matching goes on without.
    pcre2_jit_compile(step->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    made->steps_.push_back(std::move(step));
  }
  pcre2_compile_context_free(context);
  if (!problem.ok()) return problem.error();
  return std::shared_ptr<const RegexPretokenizer>(std::move(made));
}

RegexPretokenizer::Found RegexPretokenizer::find(std::size_t step, std::string_view text, std::size_t at,
                                                 bool may_grow) const {
  MatchBlock& block = MatchBlock::of_this_thread();
  const pcre2_code* code = steps_[step]->code;
  const auto match = [&](std::uint32_t options) {
    int rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                         options | PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, block.data(), block.context());
    // The compiled code's stack is bounded; the interpreter keeps its own on the heap.
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
      rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                       options | PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY | PCRE2_NO_JIT, block.data(),
                       block.context());
    return rc;
  };
  bool hit_end = false;
  std::size_t settled = at;
  int rc = 0;
  if (may_grow) {
    rc = match(PCRE2_PARTIAL_HARD);
    hit_end = rc == PCRE2_ERROR_PARTIAL || rc == PCRE2_ERROR_NOMATCH;
    if (rc == PCRE2_ERROR_PARTIAL) settled = pcre2_get_ovector_pointer(block.data())[0];
    if (rc == PCRE2_ERROR_NOMATCH) settled = text.size();
  }
  if (!may_grow || rc == PCRE2_ERROR_PARTIAL) rc = match(0);
  if (rc == PCRE2_ERROR_NOMATCH) return {text.size(), text.size(), hit_end, settled};
  CIYUAN_CHECK(rc >= 0, "an expression that was tried out matches or does not");
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(block.data());
  return {range[0], range[1], hit_end, settled};
}

RegexPretokenizer::Part RegexPretokenizer::first(std::string_view text, std::size_t step,
                                                 bool may_grow) const {
  if (step == steps_.size()) return {text.size(), step, may_grow};
  const Found found = find(step, text, 0, may_grow);
  // What lies before a match was tried from each of its places, in vain: so it would be from any of them
  // anew.
  if (found.begin > 0) {
    Part part = first(text.substr(0, found.begin), step + 1, may_grow && found.begin == text.size());
    part.hit_end = part.hit_end || found.hit_end;
    return part;
  }
  return {found.end, step + 1, found.hit_end};
}

}  // namespace ciyuan::token::internal
