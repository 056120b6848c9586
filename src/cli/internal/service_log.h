#pragma once

/// The service's log: one JSON object a line, never content. Lines are gathered and written together, so that
/// a call does not pay for a system call of its own.

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace ciyuan::cli {

class ServiceLog {
 public:
  explicit ServiceLog(int descriptor);
  ~ServiceLog();
  /// A whole line with its newline. Any thread. Dropped, and counted, where the reader is too slow.
  void write(std::string_view line);
  /// {"at":…,"event":…,"detail":…}, written at once.
  void event(std::string_view name, std::string_view detail);

 private:
  void run();
  void flush(std::string& lines);

  static constexpr std::size_t kWaitingBytesMax = 4 << 20;
  int descriptor_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::size_t dropped_ = 0;
  bool stopping_ = false, urgent_ = false;
  std::thread thread_;
};

}  // namespace ciyuan::cli
