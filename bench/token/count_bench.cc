/// count_bench TOKENIZER FILE…: how fast a thread counts, warm. A line for each file: bytes, tokens, MB/s of
/// count() on the whole text, and of an IncrementalCounter fed in deltas of four bytes with a count after
/// each, as an answer comes. Time is the thread's own, so that a busy machine disturbs less. Driven by
/// run.py.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>

#include "base/file.h"
#include "token/incremental_counter.h"
#include "token/vocabulary_set.h"

using namespace ciyuan;
using namespace ciyuan::token;

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
constexpr std::size_t kDeltaBytes = 4;
constexpr int kRounds = 5;

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// The best of a few rounds, in megabytes a second.
template <class Work>
double speed(std::size_t bytes, Work work) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const double start = thread_seconds();
    work();
    best = std::min(best, thread_seconds() - start);
  }
  return static_cast<double>(bytes) / 1e6 / best;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: count_bench TOKENIZER FILE…\n", 2;
  const auto vocabulary = VocabularySet::standard().find(argv[1]);
  if (!vocabulary.ok()) return std::cerr << vocabulary.error().text() << '\n', 2;
  for (int i = 2; i < argc; ++i) {
    const Result<std::string> text = read_file(argv[i], kFileBytesMax);
    if (!text.ok()) return std::cerr << text.error().text() << '\n', 2;
    Tokens tokens, streamed;
    const double whole = speed(text->size(), [&] { tokens = (*vocabulary)->count(*text); });
    const double stream = speed(text->size(), [&] {
      IncrementalCounter counter(*vocabulary);
      for (std::size_t at = 0; at < text->size(); at += kDeltaBytes) {
        counter.append(std::string_view(*text).substr(at, kDeltaBytes));
        streamed = counter.count();
      }
    });
    if (tokens != streamed) return std::cerr << argv[i] << ": the counts differ\n", 1;
    std::printf("%zu %lld %.1f %.1f\n", text->size(), static_cast<long long>(tokens.value), whole, stream);
  }
  return 0;
}
