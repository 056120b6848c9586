#include "cli/count.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include "base/json.h"
#include "cli/internal/count_parts.h"
#include "cli/internal/count_plan.h"
#include "cli/internal/count_texts.h"
#include "cli/internal/inputs.h"

namespace ciyuan::cli {
namespace {

constexpr unsigned kThreadsMax = 64;
constexpr auto kProgressAfter = std::chrono::seconds(1);
constexpr auto kProgressEvery = std::chrono::milliseconds(200);
constexpr int kBadInput = 2;

Result<Counted> count_file(const CountPlan& plan, const std::string& file, std::istream& in, unsigned threads,
                           std::atomic<std::uint64_t>& done, PartBoard* parts, const OnLine& on_line = {}) {
  if (const auto placed = parts && plan.fields.empty() ? open_placed(file) : std::nullopt)
    if (const auto ends = part_ends(plan, *placed); !ends.empty())
      return parts->count(plan, input_name(file), *placed, ends, done);
  CIYUAN_TRY(const ReadBlock read, open_input(file, in));
  return count_input(plan, input_name(file), read, threads, done, on_line);
}

/// Counts on threads, hands the outcomes over in order on the caller's thread. A thread that finds no more
/// files helps with the parts of those that others count.
class Crew {
 public:
  Crew(const CountPlan& plan, const std::vector<std::string>& files, std::istream& in, unsigned threads)
      : outcomes_(files.size()) {
    const std::size_t busy = std::min<std::size_t>(threads, files.size());
    const unsigned inside = threads / static_cast<unsigned>(std::max<std::size_t>(busy, 1));
    // Of one file that is no longer than a part nobody can help with.
    const std::size_t size = size_of(files) > kPartBytes ? threads : busy;
    for (std::size_t i = 0; i < size; ++i)
      members_.emplace_back([&, inside, this] {
        for (std::size_t mine; (mine = next_++) < files.size();) {
          auto outcome = count_file(plan, files[mine], in, inside, done_, &parts_);
          std::lock_guard lock(mutex_);
          outcomes_[mine] = std::move(outcome);
          if (++finished_ == outcomes_.size()) parts_.close();
          ready_.notify_all();
        }
        parts_.help();
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
  std::size_t finished_ = 0;
  PartBoard parts_;
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

/// Rows of figures, or JSON objects: a column for each tokenizer or model, behind it what it costs.
class Printer {
 public:
  Printer(const CountPlan& plan, bool json, std::uint64_t size, std::ostream& out)
      : plan_(plan),
        json_(json),
        digits_(std::max<int>(7, static_cast<int>(std::to_string(size).size()))),
        out_(out) {}

  void header() {
    for (const Column& column : plan_.columns) {
      out_ << std::setw(width_of(column)) << (plan_.columns.size() == 1 ? "tokens" : column.name) << ' ';
      if (column.rates) out_ << std::setw(kCostWidth) << plan_.currency << ' ';
    }
    out_ << std::setw(digits_) << "bytes"
         << " file\n";
  }

  Status row(const Counted& counted, const std::string& file) {
    return json_ ? json_row(counted, file) : text_row(counted, file);
  }

 private:
  static constexpr int kCostWidth = 14;

  int width_of(const Column& column) const {
    const bool named = plan_.columns.size() > 1;
    return std::max(digits_, named ? static_cast<int>(column.name.size()) : 0);
  }

  Status text_row(const Counted& counted, const std::string& file) {
    for (const Column& column : plan_.columns) {
      const token::Tokens tokens = counted.tokens[column.vocabulary];
      out_ << std::setw(width_of(column)) << tokens.value << ' ';
      if (!column.rates) continue;
      CIYUAN_TRY(const Amount cost, plan_.cost(column, tokens));
      out_ << std::setw(kCostWidth) << format_decimal(cost, price::kMoneyScale) << ' ';
    }
    out_ << std::setw(digits_) << counted.bytes;
    if (file != "-") out_ << ' ' << file;
    out_ << '\n';
    return {};
  }

  // One column: {"tokens": 2, "tokenizer": …}; several: {"tokens": {"o200k": 2, …}, "tokenizers": {…}}.
  Status json_row(const Counted& counted, const std::string& file) {
    Json line = {{"file", file}, {"bytes", counted.bytes}};
    const bool several = plan_.columns.size() > 1;
    auto put = [&](const char* one, const char* all, const Column& column, Json value) {
      several ? line[all][column.name] = std::move(value) : line[one] = std::move(value);
    };
    for (const Column& column : plan_.columns) {
      const token::Tokens tokens = counted.tokens[column.vocabulary];
      put("tokens", "tokens", column, tokens.value);
      put("tokenizer", "tokenizers", column, plan_.tokenizer_of(column));
      if (!plan_.vocabularies[column.vocabulary]->is_proved()) put("level", "levels", column, "estimated");
      if (!column.rates) continue;
      CIYUAN_TRY(const Amount cost, plan_.cost(column, tokens));
      put("cost", "cost", column, format_decimal(cost, price::kMoneyScale));
      line["currency"] = plan_.currency;
    }
    if (counted.lines + counted.malformed > 0) {
      line["lines"] = counted.lines;
      line["malformed_lines"] = counted.malformed;
    }
    out_ << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    return {};
  }

  const CountPlan& plan_;
  bool json_;
  int digits_;
  std::ostream& out_;
};

/// One run: the files in order, their rows, a total, and what went wrong.
class Run {
 public:
  Run(const CountOptions& options, std::istream& in, std::ostream& out, std::ostream& err)
      : options_(options), in_(in), out_(out), err_(err) {
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    threads_ = std::min(options.threads == 0 ? cores : options.threads, kThreadsMax);
  }

  int count() {
    Result<CountPlan> plan = plan_count(options_);
    if (!plan.ok()) return complain(plan.error()), exit_code_;
    Inputs inputs(plan->fields.empty() ? is_text_file : is_json_lines_file);
    if (options_.inputs.empty()) inputs.add("-");
    for (const std::string& input : options_.inputs) inputs.add(input);
    if (std::count(inputs.files.begin(), inputs.files.end(), "-") > 1)
      return complain(invalid("-", "standard input can be counted once")), exit_code_;
    for (const std::string& note : plan->notes) err_ << "ciyuan count: note: " << note << std::endl;
    for (const Error& error : inputs.errors) complain(error);

    const std::uint64_t size = size_of(inputs.files);
    Printer printer(*plan, options_.json, size, out_);
    const bool named = options_.header || plan->columns.size() > 1 || !plan->currency.empty();
    if (named && !options_.json && !inputs.files.empty()) printer.header(), out_.flush();
    Counted total;
    total.tokens.resize(plan->vocabularies.size());
    options_.each_line ? count_each_line(*plan, inputs.files, printer, total)
                       : count_each_file(*plan, inputs.files, size, printer, total);
    const bool many = inputs.files.size() > 1 || (options_.each_line && total.lines > 1);
    if (!options_.json && many) print(printer, total, "total");
    out_.flush();
    if (!out_) complain(Error{ErrorCode::kUnavailable, "cannot write", "standard output"});
    return exit_code_;
  }

 private:
  void complain(const Error& error) {
    err_ << "ciyuan count: " << error.text() << std::endl;
    exit_code_ = kBadInput;
  }

  void print(Printer& printer, const Counted& counted, const std::string& file) {
    if (Status printed = printer.row(counted, file); !printed.ok()) complain(printed.error());
  }

  void add(const Counted& counted, Counted& total) {
    for (const Error& problem : counted.problems) complain(problem);
    for (std::size_t i = 0; i < total.tokens.size(); ++i) total.tokens[i] += counted.tokens[i];
    total.bytes += counted.bytes;
    total.lines += counted.lines;
  }

  void count_each_file(const CountPlan& plan, const std::vector<std::string>& files, std::uint64_t size,
                       Printer& printer, Counted& total) {
    Progress progress(options_.progress, size, err_);
    Crew crew(plan, files, in_, threads_);
    for (std::size_t i = 0; i < files.size(); ++i) {
      Result<Counted> counted = crew.outcome(i, [&](std::uint64_t done) { progress.show(done); });
      progress.hide();
      if (!counted.ok()) {
        complain(counted.error());
        continue;
      }
      print(printer, *counted, files[i]);
      out_.flush();
      add(*counted, total);
    }
  }

  // Rows are printed as they come, so that memory does not grow with the lines: file by file.
  void count_each_line(const CountPlan& plan, const std::vector<std::string>& files, Printer& printer,
                       Counted& total) {
    std::atomic<std::uint64_t> done{0};
    for (const std::string& file : files) {
      Result<Counted> counted = count_file(plan, file, in_, threads_, done, nullptr,
                                           [&](const Counted& line, std::uint64_t number) {
                                             print(printer, line, file + ":" + std::to_string(number));
                                           });
      counted.ok() ? add(*counted, total) : complain(counted.error());
    }
  }

  const CountOptions& options_;
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  unsigned threads_;
  int exit_code_ = 0;
};

}  // namespace

int run_count(const CountOptions& options, std::istream& in, std::ostream& out, std::ostream& err) {
  return Run(options, in, out, err).count();
}

int run_count(const CountOptions& options) {
  CountOptions own = options;
  own.header = own.header || ::isatty(STDOUT_FILENO) == 1;
  own.progress = own.progress || ::isatty(STDERR_FILENO) == 1;
  return run_count(own, std::cin, std::cout, std::cerr);
}

}  // namespace ciyuan::cli
