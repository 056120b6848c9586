// What conditions cost: nanoseconds of processor time of one evaluation by kind of condition, and the time on
// the clock to decide all conditions of a contract of 100 clauses, its values set anew each time.
//
//   cel_bench [ROUNDS]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "cel/program.h"

using namespace ciyuan;
using namespace ciyuan::cel;
using Clock = std::chrono::steady_clock;

namespace {

struct Condition {
  const char* name;
  const char* source;
};
constexpr Condition kConditions[] = {
    {"int over a bound", "call.tokens.output > 4096"},
    {"text is one", "call.model == 'qwen3-235b'"},
    {"two of them", "call.tokens.output > 4096 && call.model == 'qwen3-235b'"},
    {"five of them",
     "call.tokens.output > 4096 && call.model == 'qwen3-235b' && session.id != '' && "
     "exposure.pipl_sensitive <= 100 && call.region != 'us'"},
    {"text in a list of 8", "call.region in ['cn-bj', 'cn-sh', 'cn-gz', 'cn-hk', 'sg', 'de', 'fr', 'jp']"},
    {"sum, ratio", "double(call.tokens.output) / double(call.tokens.input + 1) > 20.0"},
    {"office hours", "call.at.getHours('+08:00') >= 9 && call.at.getDayOfWeek('+08:00') in [1, 2, 3, 4, 5]"},
    {"prefix, suffix", "session.id.startsWith('ops-') || call.model.endsWith('b')"},
    {"pattern", "call.model.matches('^qwen[0-9]+-')"},
    {"loop over 4 findings", "findings.exists(f, f.kind == 'bank_card' && f.count >= 3)"},
};

Environment made_environment() {
  Environment environment;
  const Type finding = Type::object("Finding", {{"kind", Type::string()}, {"count", Type::integer()}});
  for (const auto& [name, type] : {std::pair<const char*, Type>{"call.tokens.input", Type::integer()},
                                   {"call.tokens.output", Type::integer()},
                                   {"call.model", Type::string()},
                                   {"call.region", Type::string()},
                                   {"call.at", Type::timestamp()},
                                   {"session.id", Type::string()},
                                   {"exposure.pipl_sensitive", Type::integer()},
                                   {"findings", Type::list(finding)}}) {
    if (!environment.declare(name, type).ok()) std::abort();
  }
  return environment;
}

Value fields[4][2] = {{Value::string("phone"), Value::integer(2)},
                      {Value::string("resident_id"), Value::integer(1)},
                      {Value::string("email"), Value::integer(9)},
                      {Value::string("bank_card"), Value::integer(3)}};
const Value findings[4] = {Value::object(fields[0]), Value::object(fields[1]), Value::object(fields[2]),
                           Value::object(fields[3])};

void set_all(Activation& activation, std::int64_t round) {
  activation.set(0, Value::integer(120 + round % 7));
  activation.set(1, Value::integer(5000 + round % 13));
  activation.set(2, Value::string("qwen3-235b"));
  activation.set(3, Value::string("cn-hk"));
  activation.set(4, Value::timestamp(1'795'000'000 + round, 0));
  activation.set(5, Value::string("s-0192f3a4"));
  activation.set(6, Value::integer(round % 200));
  activation.set(7, Value::list(findings));
}

/// Of this thread alone, so that other work on the machine does not count.
double processor_nanoseconds() {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double nanoseconds(Clock::duration span) { return std::chrono::duration<double, std::nano>(span).count(); }

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 200'000;
  const Environment environment = made_environment();
  Options options;
  options.result = Type::boolean();
  std::vector<Program> programs;
  for (const Condition& condition : kConditions) {
    Result<Program> made = Program::compile(condition.source, environment, options);
    if (!made.ok()) return std::fprintf(stderr, "%s: %s\n", condition.source, made.error().text().c_str()), 1;
    programs.push_back(*std::move(made));
  }
  Activation activation(environment);
  set_all(activation, 1);
  Arena arena;
  std::size_t yes = 0;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const double begin = processor_nanoseconds();
    for (int round = 0; round < rounds; ++round) {
      const Result<Value> found = programs[i].evaluate(activation, arena);
      yes += found.ok() && found->is_true();
      arena.clear();
    }
    std::printf("%-22s %7.1f ns  (at most %llu steps)\n", kConditions[i].name,
                (processor_nanoseconds() - begin) / rounds,
                static_cast<unsigned long long>(programs[i].cost()));
  }
  std::vector<double> times;
  for (int round = 0; round < rounds / 10; ++round) {
    const Clock::time_point begin = Clock::now();
    set_all(activation, round);
    for (std::size_t clause = 0; clause < 100; ++clause) {
      const Result<Value> found = programs[clause % programs.size()].evaluate(activation, arena);
      yes += found.ok() && found->is_true();
    }
    arena.clear();
    times.push_back(nanoseconds(Clock::now() - begin) / 1000);
  }
  std::sort(times.begin(), times.end());
  std::printf("100 clauses            %7.1f us median, %.1f us p99, %.1f us p99.9 (%zu held)\n",
              times[times.size() / 2], times[times.size() * 99 / 100], times[times.size() * 999 / 1000], yes);
}
