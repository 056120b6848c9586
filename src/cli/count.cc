#include "cli/count.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "token/incremental_counter.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;
using Vocabulary = std::shared_ptr<const token::Vocabulary>;

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr unsigned kThreadsMax = 64;
constexpr auto kProgressAfter = std::chrono::seconds(1);
constexpr auto kProgressEvery = std::chrono::milliseconds(200);
constexpr int kBadInput = 2;

struct Counted {
  token::Tokens tokens;
  std::uint64_t bytes = 0;
};

struct Failure : Error {
  explicit Failure(Error error) : Error(std::move(error)) {}
};

/// ---- Which files
/// -------------------------------------------------------------------------------------------------

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool ok() const { return fd_ >= 0; }
  /// Bytes read, 0 at the end, -1 with errno.
  ssize_t read(char* into, std::size_t size) {
    for (;;)
      if (ssize_t got = ::read(fd_, into, size); got >= 0 || errno != EINTR) return got;
  }

 private:
  int fd_;
};

/// A file that cannot be read is taken for text, so that counting it says why.
bool is_text(const std::string& path) {
  Descriptor file(path);
  if (!file.ok()) return true;
  char head[kLookForZeroBytes];
  ssize_t got = file.read(head, sizeof head);
  return got <= 0 || std::memchr(head, 0, static_cast<std::size_t>(got)) == nullptr;
}

Error reason(const std::string& path, std::error_code code) {
  return Error{ErrorCode::kUnavailable, code.message(), path};
}

class Inputs {
 public:
  std::vector<std::string> files;
  std::vector<Error> errors;

  void add(const std::string& input) {
    std::error_code code;
    const fs::file_status status = input == "-" ? fs::file_status{} : fs::status(input, code);
    if (input == "-")
      files.push_back(input);
    else if (fs::is_directory(status))
      add_folder(input);
    else if (fs::exists(status))
      files.push_back(input);
    else if (input.find_first_of("*?[") != std::string::npos)
      add_pattern(input);
    else if (input.empty())
      errors.push_back(invalid("file", "an empty name"));
    else
      errors.push_back(
          reason(input, code ? code : std::make_error_code(std::errc::no_such_file_or_directory)));
  }

 private:
  void add_folder(const std::string& folder) {
    const std::size_t before = files.size() + errors.size();
    walk(folder);
    if (files.size() + errors.size() == before)
      errors.push_back(invalid(folder, "no text file in this folder"));
  }

  void walk(const std::string& folder) {
    std::error_code code;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator at(folder, code);
    for (; !code && at != fs::directory_iterator(); at.increment(code))
      if (at->path().filename().native()[0] != '.') entries.push_back(*at);
    if (code) errors.push_back(reason(folder, code));
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) {
      const std::string& path = entry.path().native();
      if (entry.is_directory(code) && !entry.is_symlink(code))
        walk(path);
      else if (entry.is_regular_file(code) && is_text(path))
        files.push_back(path);
    }
  }

  void add_pattern(const std::string& pattern) {
    glob_t found{};
    const int outcome = ::glob(pattern.c_str(), 0, nullptr, &found);
    for (std::size_t i = 0; outcome == 0 && i < found.gl_pathc; ++i) add(found.gl_pathv[i]);
    if (outcome != 0) errors.push_back(invalid(pattern, "no file matches"));
    ::globfree(&found);
  }
};

/// ---- Counting
/// ----------------------------------------------------------------------------------------------------

/// `next` fills a buffer and returns the bytes, 0 at the end, -1 with errno.
template <class Next>
Result<Counted> count_blocks(const Vocabulary& vocabulary, const std::string& name,
                             std::atomic<std::uint64_t>& done, Next next) {
  token::IncrementalCounter counter(vocabulary);
  std::string block(kBlockBytes, '\0');
  Counted counted;
  for (;;) {
    const ssize_t got = next(block.data(), block.size());
    if (got < 0) return Error{ErrorCode::kUnavailable, std::strerror(errno), name};
    if (got == 0) break;
    counter.append(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
    counted.bytes += static_cast<std::uint64_t>(got);
    done += static_cast<std::uint64_t>(got);
    if ((counter.upper_bound() - counter.settled()).value > static_cast<std::int64_t>(3 * kWordBytesMax))
      return Error{ErrorCode::kTooLarge,
                   "more than " + std::to_string(kWordBytesMax >> 20) +
                       " MiB without the end of a word: this is no text",
                   name};
  }
  counted.tokens = counter.count();
  return counted;
}

Result<Counted> count_one(const Vocabulary& vocabulary, const std::string& file, std::istream& in,
                          std::atomic<std::uint64_t>& done) {
  if (file == "-")
    return count_blocks(vocabulary, "standard input", done, [&](char* into, std::size_t size) {
      in.read(into, static_cast<std::streamsize>(size));
      return in.bad() ? ssize_t{-1} : static_cast<ssize_t>(in.gcount());
    });
  Descriptor input(file);
  if (!input.ok()) return Error{ErrorCode::kUnavailable, std::strerror(errno), file};
  return count_blocks(vocabulary, file, done,
                      [&](char* into, std::size_t size) { return input.read(into, size); });
}

/// Counts on threads, hands the outcomes over in order on the caller's thread.
class Crew {
 public:
  Crew(const Vocabulary& vocabulary, const std::vector<std::string>& files, std::istream& in,
       unsigned threads)
      : outcomes_(files.size()) {
    if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
    const std::size_t size = std::min<std::size_t>({threads, kThreadsMax, files.size()});
    for (std::size_t i = 0; i < size; ++i)
      members_.emplace_back([&, this] {
        for (std::size_t mine; (mine = next_++) < files.size();) {
          auto outcome = count_one(vocabulary, files[mine], in, done_);
          std::lock_guard lock(mutex_);
          outcomes_[mine] = std::move(outcome);
          ready_.notify_all();
        }
      });
  }
  ~Crew() {
    for (std::thread& member : members_) member.join();
  }

  /// Calls meanwhile(bytes done so far) now and then until the outcome is there.
  template <class Meanwhile>
  Result<Counted> outcome(std::size_t index, Meanwhile meanwhile) {
    std::unique_lock lock(mutex_);
    while (!ready_.wait_for(lock, kProgressEvery, [&] { return outcomes_[index].has_value(); }))
      meanwhile(done_.load());
    return std::move(*outcomes_[index]);
  }

 private:
  std::vector<std::optional<Result<Counted>>> outcomes_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> done_{0};
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<std::thread> members_;
};

/// ---- Printing
/// ----------------------------------------------------------------------------------------------------

/// A bar where the whole is known, else what is done so far; and the rate, in both.
class Progress {
 public:
  Progress(bool wanted, std::uint64_t total, std::ostream& err) : wanted_(wanted), total_(total), err_(err) {}

  void show(std::uint64_t done) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    if (!wanted_ || took < kProgressAfter) return;
    err_ << "\r\033[Kcounting ";
    if (total_ > 0 && done <= total_) {
      const auto percent = static_cast<std::size_t>(done / (total_ / 100.0));
      const std::size_t full = percent * kBarWidth / 100;
      err_ << '[' << std::string(full, '#') << std::string(kBarWidth - full, '.') << "] " << std::setw(3)
           << percent << " % of " << (total_ >> 20) << " MiB";
    } else {
      err_ << (done >> 20) << " MiB";
    }
    err_ << ", " << std::llround(static_cast<double>(done) / 1e6 / took.count()) << " MB/s" << std::flush;
    shown_ = true;
  }
  /// Before anything else is printed.
  void hide() {
    if (shown_) err_ << "\r\033[K" << std::flush;
    shown_ = false;
  }

 private:
  static constexpr std::size_t kBarWidth = 40;

  bool wanted_, shown_ = false;
  std::uint64_t total_;
  std::ostream& err_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::uint64_t size_of(const std::vector<std::string>& files) {
  std::uint64_t total = 0;
  for (const std::string& file : files) {
    std::error_code code;
    const std::uint64_t size = fs::file_size(file, code);
    if (!code) total += size;
  }
  return total;
}

void print_row(std::ostream& out, const Counted& counted, const std::string& file, int width) {
  out << std::setw(width) << counted.tokens.value << ' ' << std::setw(width) << counted.bytes;
  if (file != "-") out << ' ' << file;
  out << '\n';
}

void print_json(std::ostream& out, const Counted& counted, const std::string& file,
                const std::string& tokenizer) {
  const Json line = {
      {"file", file}, {"tokens", counted.tokens.value}, {"bytes", counted.bytes}, {"tokenizer", tokenizer}};
  out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

Result<Vocabulary> vocabulary_of(const CountOptions& options) {
  std::string name = options.tokenizer.empty() ? kDefaultTokenizer : options.tokenizer;
  if (!options.model.empty()) {
    if (!options.tokenizer.empty()) return invalid("--model", "give a tokenizer or a model, not both");
    if (!options.tokenizer_of_model) return invalid("--model", "no models are known here; give --tokenizer");
    CIYUAN_TRY(name, options.tokenizer_of_model(options.model));
  }
  return token::VocabularySet::standard().find(name);
}

}  // namespace

int run_count(const CountOptions& options, std::istream& in, std::ostream& out, std::ostream& err) {
  int exit_code = 0;
  auto complain = [&](const Error& error) {
    err << "ciyuan count: " << error.text() << std::endl;
    exit_code = kBadInput;
  };
  Result<Vocabulary> vocabulary = vocabulary_of(options);
  if (!vocabulary.ok()) return complain(vocabulary.error()), exit_code;

  Inputs inputs;
  if (options.inputs.empty()) inputs.add("-");
  for (const std::string& input : options.inputs) inputs.add(input);
  if (std::count(inputs.files.begin(), inputs.files.end(), "-") > 1)
    return complain(invalid("-", "standard input can be counted once")), exit_code;
  for (const Error& error : inputs.errors) complain(error);

  const std::uint64_t size = size_of(inputs.files);
  const int width = std::max<int>(7, static_cast<int>(std::to_string(size).size()));
  if (options.header && !options.json && !inputs.files.empty())
    out << std::setw(width) << "tokens" << ' ' << std::setw(width) << "bytes"
        << " file\n"
        << std::flush;
  Progress progress(options.progress, size, err);
  Counted total;
  Crew crew(*vocabulary, inputs.files, in, options.threads);
  for (std::size_t i = 0; i < inputs.files.size(); ++i) {
    Result<Counted> counted = crew.outcome(i, [&](std::uint64_t done) { progress.show(done); });
    progress.hide();
    if (!counted.ok()) {
      complain(counted.error());
      continue;
    }
    options.json ? print_json(out, *counted, inputs.files[i], (*vocabulary)->name())
                 : print_row(out, *counted, inputs.files[i], width);
    out.flush();
    total.tokens += counted->tokens;
    total.bytes += counted->bytes;
  }
  if (!options.json && inputs.files.size() > 1) print_row(out, total, "total", width);
  out.flush();
  if (!out) complain(Error{ErrorCode::kUnavailable, "cannot write", "standard output"});
  return exit_code;
}

int run_count(const CountOptions& options) {
  CountOptions own = options;
  own.header = own.header || ::isatty(STDOUT_FILENO) == 1;
  own.progress = own.progress || ::isatty(STDERR_FILENO) == 1;
  return run_count(own, std::cin, std::cout, std::cerr);
}

}  // namespace ciyuan::cli
