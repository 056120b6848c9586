#include "cel/internal/functions.h"

#include <algorithm>

#include "cel/internal/compare.h"
#include "cel/internal/library.h"

namespace ciyuan::cel {

namespace {

/// "string.(string) -> bool" for a.f(b), "(string, string) -> bool" for f(a, b).
Overload overload_of(std::string_view signature) {
  const std::size_t open = signature.find('('), arrow = signature.find(" -> ");
  const auto type = [](std::string_view text) {
    Result<Type> parsed = Type::parse(text);
    CIYUAN_CHECK(parsed.ok(), "the table of functions names known types");
    return *std::move(parsed);
  };
  Overload made;
  // A type may have parentheses of its own before the dot: list(A).(int).
  const std::size_t dot = signature.find(".(");
  std::size_t at = open + 1;
  if (dot != std::string_view::npos) {
    made.receiver = true;
    made.parameters.push_back(type(signature.substr(0, dot)));
    at = dot + 2;
  }
  std::string_view rest = signature.substr(at, arrow - 1 - at);
  while (!rest.empty()) {
    int depth = 0;
    std::size_t end = 0;
    for (; end < rest.size() && (depth > 0 || rest[end] != ','); ++end)
      depth += rest[end] == '(' ? 1 : rest[end] == ')' ? -1 : 0;
    made.parameters.push_back(type(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  made.result = type(signature.substr(arrow + 4));
  return made;
}

struct Row {
  std::string_view name;
  Run run;
  CostRule cost;
  std::vector<std::string_view> signatures;
  Op op = Op::kCall;
  Prepare prepare = Prepare::kNothing;
};

using Rows = std::vector<Row>;

Rows order_operators() {
  Rows rows;
  const auto add_row = [&rows](std::string_view name, Run run, Op op) {
    rows.push_back({name,
                    run,
                    cost_order,
                    {"(int, int) -> bool", "(uint, uint) -> bool", "(double, double) -> bool",
                     "(string, string) -> bool", "(bool, bool) -> bool", "(bytes, bytes) -> bool",
                     "(timestamp, timestamp) -> bool", "(duration, duration) -> bool"},
                    op});
  };
  add_row("_<_", less, Op::kLess);
  add_row("_<=_", less_equal, Op::kLessEqual);
  add_row("_>_", greater, Op::kGreater);
  add_row("_>=_", greater_equal, Op::kGreaterEqual);
  return rows;
}

Rows operators() {
  return {
      {"_==_", equals, cost_equal, {"(A, A) -> bool"}, Op::kEqual},
      {"_!=_", differs, cost_equal, {"(A, A) -> bool"}, Op::kNotEqual},
      {"_in_", contained, cost_contained, {"(A, list(A)) -> bool", "(A, map(A, B)) -> bool"}},
      {"_[_]", at_index, cost_index, {"(list(A), int) -> A", "(map(A, B), A) -> B"}},
      {"_+_",
       add,
       cost_add,
       {"(int, int) -> int", "(uint, uint) -> uint", "(double, double) -> double",
        "(string, string) -> string", "(bytes, bytes) -> bytes", "(list(A), list(A)) -> list(A)",
        "(timestamp, duration) -> timestamp", "(duration, timestamp) -> timestamp",
        "(duration, duration) -> duration"}},
      {"_-_",
       subtract,
       cost_nothing,
       {"(int, int) -> int", "(uint, uint) -> uint", "(double, double) -> double",
        "(timestamp, timestamp) -> duration", "(timestamp, duration) -> timestamp",
        "(duration, duration) -> duration"}},
      {"_*_",
       multiply,
       cost_nothing,
       {"(int, int) -> int", "(uint, uint) -> uint", "(double, double) -> double"}},
      {"_/_",
       divide,
       cost_nothing,
       {"(int, int) -> int", "(uint, uint) -> uint", "(double, double) -> double"}},
      {"_%_", modulus, cost_nothing, {"(int, int) -> int", "(uint, uint) -> uint"}},
      {"-_", negate, cost_nothing, {"(int) -> int", "(double) -> double"}},
      {"!_", logical_not, cost_nothing, {"(bool) -> bool"}},
  };
}

Rows conversions() {
  return {
      {"bool", to_bool, cost_nothing, {"(bool) -> bool", "(string) -> bool"}},
      {"int",
       to_int,
       cost_read,
       {"(int) -> int", "(uint) -> int", "(double) -> int", "(string) -> int", "(timestamp) -> int"}},
      {"uint",
       to_uint,
       cost_read,
       {"(uint) -> uint", "(int) -> uint", "(double) -> uint", "(string) -> uint"}},
      {"double",
       to_double,
       cost_read,
       {"(double) -> double", "(int) -> double", "(uint) -> double", "(string) -> double"}},
      {"string",
       to_string,
       cost_to_text,
       {"(string) -> string", "(bool) -> string", "(int) -> string", "(uint) -> string", "(double) -> string",
        "(bytes) -> string", "(timestamp) -> string", "(duration) -> string"}},
      {"bytes", to_bytes, cost_same, {"(bytes) -> bytes", "(string) -> bytes"}},
      {"timestamp",
       to_timestamp,
       cost_nothing,
       {"(timestamp) -> timestamp", "(string) -> timestamp", "(int) -> timestamp"}},
      {"duration", to_duration, cost_read, {"(duration) -> duration", "(string) -> duration"}},
      {"dyn", to_dyn, cost_same, {"(A) -> dyn"}},
      {"type", to_type, cost_nothing, {"(A) -> type(A)"}},
      {"base64.encode", base64_encode, cost_copy, {"(bytes) -> string"}},
      {"base64.decode", base64_decode, cost_copy, {"(string) -> bytes"}},
      {"size",
       size_of,
       cost_read,
       {"(string) -> int", "(bytes) -> int", "(list(A)) -> int", "(map(A, B)) -> int", "string.() -> int",
        "bytes.() -> int", "list(A).() -> int", "map(A, B).() -> int"}},
  };
}

Rows text_functions() {
  return {
      {"contains", contains, cost_search, {"string.(string) -> bool"}},
      {"startsWith", starts_with, cost_read_last, {"string.(string) -> bool"}},
      {"endsWith", ends_with, cost_read_last, {"string.(string) -> bool"}},
      {"matches",
       matches,
       cost_match,
       {"string.(string) -> bool", "(string, string) -> bool"},
       Op::kCall,
       Prepare::kPattern},
      {"charAt", char_at, cost_same, {"string.(int) -> string"}},
      {"indexOf", index_of, cost_search, {"string.(string) -> int", "string.(string, int) -> int"}},
      {"lastIndexOf", last_index_of, cost_search, {"string.(string) -> int", "string.(string, int) -> int"}},
      {"substring", substring, cost_same, {"string.(int) -> string", "string.(int, int) -> string"}},
      {"lowerAscii", lower_ascii, cost_same, {"string.() -> string"}},
      {"upperAscii", upper_ascii, cost_same, {"string.() -> string"}},
      {"trim", trim, cost_same, {"string.() -> string"}},
      {"reverse", reverse, cost_same, {"string.() -> string"}},
      {"replace",
       replace,
       cost_replace,
       {"string.(string, string) -> string", "string.(string, string, int) -> string"}},
      {"split",
       split,
       cost_split,
       {"string.(string) -> list(string)", "string.(string, int) -> list(string)"}},
      {"join", join, cost_join, {"list(string).() -> string", "list(string).(string) -> string"}},
      {"strings.quote", quote, cost_copy, {"(string) -> string"}},
  };
}

Rows math_functions() {
  Rows rows;
  const auto add_row = [&rows](std::string_view name, Run run, std::vector<std::string_view> signatures) {
    rows.push_back({name, run, cost_nothing, std::move(signatures)});
  };
  for (const auto& [name, run] :
       {std::pair<std::string_view, Run>{"math.greatest", greatest}, {"math.least", least}}) {
    rows.push_back({name,
                    run,
                    cost_extreme,
                    {"(int) -> int", "(uint) -> uint", "(double) -> double", "(list(int)) -> int",
                     "(list(uint)) -> uint", "(list(double)) -> double", "(list(dyn)) -> dyn"}});
  }
  for (const auto& [name, run] : {std::pair<std::string_view, Run>{"math.ceil", ceil},
                                  {"math.floor", floor},
                                  {"math.round", round},
                                  {"math.trunc", trunc}}) {
    add_row(name, run, {"(double) -> double"});
  }
  for (const auto& [name, run] : {std::pair<std::string_view, Run>{"math.isNaN", is_nan},
                                  {"math.isInf", is_infinite},
                                  {"math.isFinite", is_finite}}) {
    add_row(name, run, {"(double) -> bool"});
  }
  add_row("math.abs", absolute, {"(int) -> int", "(uint) -> uint", "(double) -> double"});
  add_row("math.sign", sign, {"(int) -> int", "(uint) -> uint", "(double) -> double"});
  add_row("math.sqrt", square_root, {"(int) -> double", "(uint) -> double", "(double) -> double"});
  for (const auto& [name, run] : {std::pair<std::string_view, Run>{"math.bitAnd", bit_and},
                                  {"math.bitOr", bit_or},
                                  {"math.bitXor", bit_xor}}) {
    add_row(name, run, {"(int, int) -> int", "(uint, uint) -> uint"});
  }
  add_row("math.bitNot", bit_not, {"(int) -> int", "(uint) -> uint"});
  add_row("math.bitShiftLeft", shift_left, {"(int, int) -> int", "(uint, int) -> uint"});
  add_row("math.bitShiftRight", shift_right, {"(int, int) -> int", "(uint, int) -> uint"});
  return rows;
}

Rows time_functions() {
  Rows rows;
  const auto add_row = [&rows](std::string_view name, Run run, bool of_duration) {
    rows.push_back({name,
                    run,
                    cost_nothing,
                    {"timestamp.() -> int", "timestamp.(string) -> int"},
                    Op::kCall,
                    Prepare::kTimeZone});
    if (of_duration) rows.back().signatures.push_back("duration.() -> int");
  };
  add_row("getFullYear", full_year, false);
  add_row("getMonth", month, false);
  add_row("getDate", date, false);
  add_row("getDayOfMonth", day_of_month, false);
  add_row("getDayOfWeek", day_of_week, false);
  add_row("getDayOfYear", day_of_year, false);
  add_row("getHours", hours, true);
  add_row("getMinutes", minutes, true);
  add_row("getSeconds", seconds_of, true);
  add_row("getMilliseconds", milliseconds_of, true);
  return rows;
}

/// Sorted by name.
std::vector<Function> all_functions() {
  std::vector<Function> made;
  for (const Rows& rows : {order_operators(), operators(), conversions(), text_functions(), math_functions(),
                           time_functions()}) {
    for (const Row& row : rows) {
      Function function{row.name, row.run, row.cost, {}, row.op, row.prepare};
      for (const std::string_view signature : row.signatures)
        function.overloads.push_back(overload_of(signature));
      made.push_back(std::move(function));
    }
  }
  std::sort(made.begin(), made.end(), [](const Function& a, const Function& b) { return a.name < b.name; });
  return made;
}

}  // namespace

const Function* find_function(std::string_view name) {
  static const std::vector<Function> functions = all_functions();
  const auto found = std::lower_bound(
      functions.begin(), functions.end(), name,
      [](const Function& function, std::string_view wanted) { return function.name < wanted; });
  return found != functions.end() && found->name == name ? &*found : nullptr;
}

}  // namespace ciyuan::cel
