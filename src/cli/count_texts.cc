#include "cli/internal/count_texts.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

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
      if (counter.kept_bytes() > kWordBytesMax)
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

/// Lines that are counted together on threads, each by itself, so that the sum is exact; told in order.
class Batch {
 public:
  void add(std::string_view line, std::uint64_t number) {
    lines_.push_back({text_.size(), line.size(), number});
    text_ += line;
  }
  bool full() const { return text_.size() >= kBatchBytes; }

  /// Calls each(outcome, number) line by line, and is empty then.
  template <class Each>
  void count(const CountPlan& plan, unsigned threads, Each each) {
    std::vector<std::optional<Result<Counted>>> outcomes(lines_.size());
    std::atomic<std::size_t> next{0};
    auto work = [&] {
      for (std::size_t begin; (begin = next.fetch_add(kLinesAtOnce)) < lines_.size();)
        for (std::size_t i = begin; i < std::min(begin + kLinesAtOnce, lines_.size()); ++i)
          outcomes[i] = count_line(plan, std::string_view(text_).substr(lines_[i].at, lines_[i].size));
    };
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads && i * kLinesAtOnce < lines_.size(); ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    for (std::size_t i = 0; i < lines_.size(); ++i) each(*outcomes[i], lines_[i].number);
    text_.clear();
    lines_.clear();
  }

 private:
  static constexpr std::size_t kBatchBytes = 4 << 20, kLinesAtOnce = 64;
  struct Line {
    std::size_t at, size;
    std::uint64_t number;
  };
  std::string text_;
  std::vector<Line> lines_;
};

Result<Counted> count_lines(const CountPlan& plan, const std::string& name, const ReadBlock& read,
                            unsigned threads, std::atomic<std::uint64_t>& done, const OnLine& on_line) {
  Counted all;
  all.tokens.resize(plan.vocabularies.size());
  auto tell = [&](const Result<Counted>& line, std::uint64_t number) {
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
  Batch batch;
  auto add = [&](std::string_view text, std::uint64_t number) {
    if (text.find_first_not_of(" \t\r") == text.npos) return;
    batch.add(text, number);
    if (batch.full()) batch.count(plan, threads, tell);
  };
  Status read_all = for_each_line(
      read, name, [&](std::size_t bytes) { done += bytes; }, add);
  batch.count(plan, threads, tell);
  if (!read_all.ok()) return read_all.error();
  if (all.malformed > kMalformedLinesNamed)
    all.problems.push_back(
        invalid(name, "and " + std::to_string(all.malformed - kMalformedLinesNamed) + " more such lines"));
  return all;
}

}  // namespace

Result<Counted> count_input(const CountPlan& plan, const std::string& name, const ReadBlock& read,
                            unsigned threads, std::atomic<std::uint64_t>& done, const OnLine& on_line) {
  return plan.fields.empty() ? count_blocks(plan, name, read, done)
                             : count_lines(plan, name, read, threads, done, on_line);
}

}  // namespace ciyuan::cli
