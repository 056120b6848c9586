#pragma once

/// Counting a file in parts on all threads that have nothing else to do.
///
/// A file is cut where none of the plan's vocabularies has a token across (token/parts.h), so that the sum
/// over its parts is the count of the whole. The thread that was given the file offers its parts on a board,
/// takes them itself one after the other, and others that have no file of their own take some, too. Each part
/// is read by who counts it: memory is a part a thread, whatever the file's size.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/internal/count_plan.h"
#include "cli/internal/count_texts.h"
#include "cli/internal/inputs.h"

namespace ciyuan::cli {

constexpr std::size_t kPartBytes = 4 << 20;  ///< a part ends at the first border behind so much
constexpr std::size_t kPartBytesMax = 16
                                      << 20;  ///< a text without borders for longer is counted in one piece

/// Where the parts of a file end, the file's end last. Empty: it has too few borders, or cannot be read.
std::vector<std::uint64_t> part_ends(const CountPlan& plan, const PlacedFile& file,
                                     std::size_t part_bytes = kPartBytes);

class PartBoard {
 public:
  /// By `ends` of part_ends, which is not empty. Any thread; adds the bytes counted to `done`.
  Result<Counted> count(const CountPlan& plan, const std::string& name, const PlacedFile& file,
                        const std::vector<std::uint64_t>& ends, std::atomic<std::uint64_t>& done);
  /// Takes part in what is on the board, until close().
  void help();
  /// No file comes any more.
  void close();

 private:
  struct Job {
    const CountPlan& plan;
    const std::string& name;
    const PlacedFile& file;
    const std::vector<std::uint64_t>& ends;
    std::atomic<std::uint64_t>& done;
    std::size_t next = 0, working = 0;  ///< as the next three, under mutex_
    Counted counted;
    std::optional<Error> error;
  };
  static Result<Counted> count_one(const Job& job, std::size_t part, std::string& buffer);
  /// Takes a part, counts it without the lock, adds it up. False: there is none left.
  bool work_on(Job& job, std::unique_lock<std::mutex>& lock, std::string& buffer);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Job*> jobs_;
  bool is_closed_ = false;
};

}  // namespace ciyuan::cli
