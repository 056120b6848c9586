#include "cli/internal/count_parts.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "token/parts.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kWindowBytes = 64 << 10;  ///< looked through for a border; lines are shorter

/// A place of `window` that is a border for all vocabularies, or 0.
std::size_t border_in(const CountPlan& plan, std::string_view window) {
  const auto is_border = [&](std::size_t at) {
    return std::all_of(plan.vocabularies.begin(), plan.vocabularies.end(),
                       [&](const auto& vocabulary) { return token::is_border(*vocabulary, window, at); });
  };
  for (std::size_t feed = window.find('\n'); feed != window.npos; feed = window.find('\n', feed + 1)) {
    if (is_border(feed)) return feed;
    if (is_border(feed + 1)) return feed + 1;
  }
  return 0;
}

}  // namespace

std::vector<std::uint64_t> part_ends(const CountPlan& plan, const PlacedFile& file, std::size_t part_bytes) {
  std::vector<std::uint64_t> ends;
  if (!std::all_of(plan.vocabularies.begin(), plan.vocabularies.end(),
                   [](const auto& vocabulary) { return token::has_borders(*vocabulary); }))
    return ends;
  std::string window(kWindowBytes, '\0');
  std::uint64_t begin = 0;
  for (std::uint64_t near = part_bytes; near < file.size; near += part_bytes) {
    const ssize_t got = file.read(near, window.data(), window.size());
    if (got < 0) return {};
    if (const std::size_t at =
            border_in(plan, std::string_view(window).substr(0, static_cast<std::size_t>(got)))) {
      ends.push_back(near + at);
      begin = near = ends.back();
    } else if (near + part_bytes - begin > kPartBytesMax) {
      return {};
    }
  }
  if (file.size - begin > kPartBytesMax) return {};
  ends.push_back(file.size);
  return ends;
}

Result<Counted> PartBoard::count_one(const Job& job, std::size_t part, std::string& buffer) {
  const std::uint64_t begin = part == 0 ? 0 : job.ends[part - 1];
  const auto size = static_cast<std::size_t>(job.ends[part] - begin);
  buffer.resize(size);
  const ssize_t got = job.file.read(begin, buffer.data(), size);
  if (got < 0) return Error{ErrorCode::kUnavailable, std::strerror(errno), job.name};
  if (static_cast<std::size_t>(got) < size)
    return Error{ErrorCode::kUnavailable, "it became shorter while it was counted", job.name};
  Counted counted;
  for (const auto& vocabulary : job.plan.vocabularies)
    counted.tokens.push_back(token::count_part(*vocabulary, buffer, part == 0));
  counted.bytes = size;
  return counted;
}

bool PartBoard::work_on(Job& job, std::unique_lock<std::mutex>& lock, std::string& buffer) {
  if (job.next == job.ends.size() || job.error) return false;
  const std::size_t part = job.next++;
  ++job.working;
  lock.unlock();
  const Result<Counted> counted = count_one(job, part, buffer);
  lock.lock();
  if (counted.ok()) {
    for (std::size_t i = 0; i < job.counted.tokens.size(); ++i) job.counted.tokens[i] += counted->tokens[i];
    job.counted.bytes += counted->bytes;
    job.done += counted->bytes;
  } else {
    job.error = counted.error();
  }
  if (--job.working == 0) changed_.notify_all();
  return true;
}

Result<Counted> PartBoard::count(const CountPlan& plan, const std::string& name, const PlacedFile& file,
                                 const std::vector<std::uint64_t>& ends, std::atomic<std::uint64_t>& done) {
  Job job{plan, name, file, ends, done};
  job.counted.tokens.resize(plan.vocabularies.size());
  std::string buffer;
  std::unique_lock lock(mutex_);
  const auto place = jobs_.insert(jobs_.end(), &job);
  if (ends.size() > 1) changed_.notify_all();
  while (work_on(job, lock, buffer)) {
  }
  jobs_.erase(place);
  changed_.wait(lock, [&] { return job.working == 0; });
  if (job.error) return *job.error;
  return std::move(job.counted);
}

void PartBoard::help() {
  std::string buffer;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto open = std::find_if(jobs_.begin(), jobs_.end(), [](const Job* job) {
      return job->next < job->ends.size() && !job->error;
    });
    if (open != jobs_.end())
      work_on(**open, lock, buffer);
    else if (is_closed_)
      return;
    else
      changed_.wait(lock);
  }
}

void PartBoard::close() {
  std::lock_guard lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

}  // namespace ciyuan::cli
