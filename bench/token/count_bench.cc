/// count_bench TOKENIZER FILE…: how fast one thread counts and encodes. A line for each file, as JSON;
/// figures are of the thread's own CPU time, so that a busy machine disturbs less:
///
///   first_mbs    count() of the whole file by a vocabulary that was just loaded: nothing of it was seen
///   before warm_mbs     the same again, the best of a few rounds request_us   count() of 4 KB, on average
///   over the file, warm; request_cold_us: each seen for the first time encode_mbs   encode() of the whole
///   file delta_mbs    an IncrementalCounter fed four bytes at a time, its count asked after each, as an
///   answer comes
///
/// Driven by run.py.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/file.h"
#include "token/incremental_counter.h"
#include "token/vocabulary_set.h"

using namespace ciyuan;
using namespace ciyuan::token;

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
constexpr std::size_t kRequestBytes = 4096;
constexpr std::size_t kDeltaBytes = 4;
constexpr std::size_t kDeltaFileMax = 1 << 20;
constexpr int kRounds = 7;

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Work>
double seconds_of(Work work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

template <class Work>
double best_of(int rounds, Work work) {
  double best = 1e9;
  while (rounds-- > 0) best = std::min(best, seconds_of(work));
  return best;
}

/// Of about 4 KB each, whole characters.
std::vector<std::string_view> requests_of(std::string_view text) {
  std::vector<std::string_view> requests;
  while (text.size() > kRequestBytes) {
    std::size_t size = kRequestBytes;
    while ((text[size] & 0xC0) == 0x80) --size;
    requests.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return requests;
}

/// A vocabulary that has seen nothing yet.
std::shared_ptr<const Vocabulary> fresh(const char* name) {
  VocabularySet set(VocabularySet::standard().folder());
  return set.find(name).value();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: count_bench TOKENIZER FILE…\n", 2;
  if (const auto found = VocabularySet::standard().find(argv[1]); !found.ok())
    return std::cerr << found.error().text() << '\n', 2;
  for (int i = 2; i < argc; ++i) {
    const Result<std::string> text = read_file(argv[i], kFileBytesMax);
    if (!text.ok()) return std::cerr << text.error().text() << '\n', 2;
    const double megabytes = static_cast<double>(text->size()) / 1e6;
    const auto requests = requests_of(*text);
    auto vocabulary = fresh(argv[1]);
    Tokens tokens, parts, streamed;
    const double first = seconds_of([&] { tokens = vocabulary->count(*text); });
    const double warm = best_of(kRounds, [&] { tokens = vocabulary->count(*text); });
    const auto count_requests = [&] {
      for (std::string_view request : requests) parts += vocabulary->count(request);
    };
    const double request = best_of(kRounds, count_requests);
    vocabulary = fresh(argv[1]);
    const double cold = seconds_of(count_requests);
    std::size_t ids = 0;
    const double encoded = best_of(3, [&] { ids = vocabulary->encode(*text).size(); });
    const std::string_view some = std::string_view(*text).substr(0, kDeltaFileMax);
    const double delta = best_of(2, [&] {
      IncrementalCounter counter(vocabulary);
      for (std::size_t at = 0; at < some.size(); at += kDeltaBytes) {
        counter.append(some.substr(at, kDeltaBytes));
        streamed = counter.count();
      }
    });
    if (tokens.value != static_cast<std::int64_t>(ids) || streamed != vocabulary->count(some))
      return std::cerr << argv[i] << ": the counts differ\n", 1;
    const double n = static_cast<double>(std::max<std::size_t>(requests.size(), 1));
    std::printf(
        "{\"bytes\":%zu,\"tokens\":%lld,\"first_mbs\":%.1f,\"warm_mbs\":%.1f,\"request_us\":%.2f,"
        "\"request_cold_us\":%.2f,\"encode_mbs\":%.1f,\"delta_mbs\":%.1f}\n",
        text->size(), static_cast<long long>(tokens.value), megabytes / first, megabytes / warm,
        request * 1e6 / n, cold * 1e6 / n, megabytes / encoded,
        static_cast<double>(some.size()) / 1e6 / delta);
  }
  return 0;
}
