#include "cli/internal/count_texts.h"

#include <cerrno>
#include <cstring>

#include "token/incremental_counter.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;

Result<Counted> count_blocks(const CountPlan& plan, const std::string& name, const ReadBlock& read,
                             std::atomic<std::uint64_t>& done) {
  std::vector<token::IncrementalCounter> counters;
  for (const auto& vocabulary : plan.vocabularies) counters.emplace_back(vocabulary);
  std::string block(kBlockBytes, '\0');
  Counted counted;
  for (;;) {
    const ssize_t got = read(block.data(), block.size());
    if (got < 0) return Error{ErrorCode::kUnavailable, std::strerror(errno), name};
    if (got == 0) break;
    for (token::IncrementalCounter& counter : counters) {
      counter.append(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
      if ((counter.upper_bound() - counter.settled()).value > static_cast<std::int64_t>(3 * kWordBytesMax))
        return Error{ErrorCode::kTooLarge,
                     "more than " + std::to_string(kWordBytesMax >> 20) +
                         " MiB without the end of a word: this is no text",
                     name};
    }
    counted.bytes += static_cast<std::uint64_t>(got);
    done += static_cast<std::uint64_t>(got);
  }
  for (const token::IncrementalCounter& counter : counters) counted.tokens.push_back(counter.count());
  return counted;
}

// The texts are views into `line`, which must outlive the counting.
Result<Counted> count_line(const CountPlan& plan, std::string_view text) {
  CIYUAN_TRY(const Json line, parse_json(text));
  std::vector<std::string_view> texts;
  for (const FieldPath& field : plan.fields) CIYUAN_TRY_STATUS(field.texts_in(line, texts));
  Counted counted;
  counted.tokens.resize(plan.vocabularies.size());
  for (std::string_view each : texts) {
    counted.bytes += each.size();
    for (std::size_t i = 0; i < plan.vocabularies.size(); ++i)
      counted.tokens[i] += plan.vocabularies[i]->count(each);
  }
  return counted;
}

Result<Counted> count_lines(const CountPlan& plan, const std::string& name, const ReadBlock& read,
                            std::atomic<std::uint64_t>& done, const OnLine& on_line) {
  Counted all;
  all.tokens.resize(plan.vocabularies.size());
  auto add = [&](std::string_view text, std::uint64_t number) {
    if (text.find_first_not_of(" \t\r") == text.npos) return;
    Result<Counted> line = count_line(plan, text);
    if (!line.ok()) {
      if (++all.malformed <= kMalformedLinesNamed)
        all.problems.push_back(
            Error{line.error().code, line.error().text(), name + ":" + std::to_string(number)});
      return;
    }
    for (std::size_t i = 0; i < all.tokens.size(); ++i) all.tokens[i] += line->tokens[i];
    all.bytes += line->bytes;
    ++all.lines;
    if (on_line) on_line(*line, number);
  };
  CIYUAN_TRY_STATUS(for_each_line(
      read, name, [&](std::size_t bytes) { done += bytes; }, add));
  if (all.malformed > kMalformedLinesNamed)
    all.problems.push_back(
        invalid(name, "and " + std::to_string(all.malformed - kMalformedLinesNamed) + " more such lines"));
  return all;
}

}  // namespace

Result<Counted> count_input(const CountPlan& plan, const std::string& name, const ReadBlock& read,
                            std::atomic<std::uint64_t>& done, const OnLine& on_line) {
  return plan.fields.empty() ? count_blocks(plan, name, read, done)
                             : count_lines(plan, name, read, done, on_line);
}

}  // namespace ciyuan::cli
