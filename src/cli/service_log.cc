#include "cli/internal/service_log.h"

#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/canonical_json.h"
#include "base/time.h"

namespace ciyuan::cli {
namespace {

constexpr auto kGatherFor = std::chrono::milliseconds(200);

}  // namespace

ServiceLog::ServiceLog(int descriptor) : descriptor_(descriptor), thread_([this] { run(); }) {}

ServiceLog::~ServiceLog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ServiceLog::write(std::string_view line) {
  std::lock_guard lock(mutex_);
  if (waiting_.size() + line.size() > kWaitingBytesMax)
    ++dropped_;
  else
    waiting_ += line;
}

void ServiceLog::event(std::string_view name, std::string_view detail) {
  std::string line = "{\"at\":\"" + to_rfc3339(now()) + "\",\"event\":";
  append_json_string(line, name);
  if (!detail.empty()) {
    line += ",\"detail\":";
    append_json_string(line, is_utf8(detail) ? detail : "(not UTF-8)");
  }
  write(line + "}\n");
  std::lock_guard lock(mutex_);
  urgent_ = true;
  wake_.notify_one();
}

void ServiceLog::flush(std::string& lines) {
  std::string_view rest = lines;
  while (!rest.empty()) {
    ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;  // nobody reads: the service goes on
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  lines.clear();
}

void ServiceLog::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    wake_.wait_for(lock, kGatherFor, [this] { return stopping_ || urgent_; });
    urgent_ = false;
    last = stopping_;
    if (dropped_ > 0) {
      waiting_ += "{\"event\":\"log-lines-dropped\",\"count\":" + std::to_string(dropped_) + "}\n";
      dropped_ = 0;
    }
    lines.swap(waiting_);
    lock.unlock();
    flush(lines);
    lock.lock();
  }
}

}  // namespace ciyuan::cli
