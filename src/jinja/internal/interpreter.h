#pragma once

/// One rendering of one template: walks the tree, within limits.
///
/// A fault is noted once, with its line, and turns every later step into nothing (values become undefined,
/// bodies stop), so that no code between the fault and the end of the render needs to look for it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/internal/syntax.h"
#include "jinja/template.h"
#include "jinja/value.h"

namespace ciyuan::jinja {

struct FormatSpec;

bool has_method(const Value& receiver, Method method);

struct Macro {
  const Statement* statement;
  std::size_t scope;  // where it was defined
};

struct BoundMethod {
  Value receiver;
  Method method;
};

struct Namespace {
  std::span<Entry> room;
  std::size_t size = 0;
};

struct Loop {
  std::span<const Value> items;
  std::size_t index = 0;
  const Statement* statement = nullptr;
  std::size_t scope = 0;  // where the loop stands
  int depth = 0;          // how often it has called itself
  Value changed_to;       // what loop.changed was last given, undefined before
};
Value loop_attribute(const Loop& loop, std::string_view name);

using Named = std::pair<std::string_view, Value>;

struct Arguments {
  std::span<const Value> positional;
  std::span<const Named> named;

  /// The argument at `index` or called `name`; null if absent.
  const Value* find(std::size_t index, std::string_view name) const {
    if (index < positional.size()) return &positional[index];
    for (const Named& argument : named) {
      if (argument.first == name) return &argument.second;
    }
    return nullptr;
  }
  Value get(std::size_t index, std::string_view name, Value fallback = {}) const {
    const Value* found = find(index, name);
    return found == nullptr ? fallback : *found;
  }
  Arguments from(std::size_t index) const {
    return {positional.subspan(std::min(index, positional.size())), named};
  }
};

class Interpreter {
 public:
  Interpreter(const Syntax& syntax, Heap& heap, std::string& out, const RenderOptions& options);
  void define(std::string_view name, Value value);
  Status run();

  // What operators, filters, tests, methods and functions are made of.

  Value fail(std::string message);
  Value fail_limit(std::string message);
  bool failed() const { return failed_; }
  /// Counts work. False when the limit is passed (and the render has failed).
  bool spend(std::uint64_t steps);
  bool spend_bytes(std::size_t bytes) { return spend(1 + bytes / 64); }
  /// Asks before a text of this size is built: counts the work and keeps it within output_bytes_max.
  bool may_build(std::size_t bytes);
  /// Counts a step of a walk into nested values. False when it went too deep or the limit is passed.
  bool descend(int depth);
  Heap& heap() { return heap_; }
  /// A string value of its own.
  Value string(std::string_view text);
  Value sequence(Kind kind, std::span<const Value> items);
  Value range(std::int64_t start, std::int64_t stop, std::int64_t step);
  Value iterator(std::span<const Value> items);
  Value strings(Kind kind, std::span<const std::string_view> parts);

  /// Python's str(): no copy for a string.
  std::string_view text_of(const Value& value);
  void append_text(std::string& out, const Value& value, bool quoted, int depth = 0);
  bool truth(const Value& value);
  bool equal(const Value& a, const Value& b, int depth = 0);
  /// <0, 0, >0; fails where Python cannot order.
  int order(const Value& a, const Value& b, int depth = 0);
  bool compare(Comparison kind, const Value& a, const Value& b);
  bool contains(const Value& container, const Value& item);
  Value add(const Value& a, const Value& b);
  Value arithmetic(ExpressionKind kind, const Value& a, const Value& b);
  Value length(const Value& value);
  /// What a for loop walks over. The span lies in the heap or in the value.
  std::span<const Value> iterate(const Value& value);
  /// a[b], also a's attribute called b.
  Value item(const Value& subject, const Value& key);
  Value attribute(const Value& subject, const Value& name, Method method);
  Value slice(const Value& subject, const Value& start, const Value& stop, const Value& step);
  /// "a.b.0" as Jinja's attribute filters read it.
  Value path(const Value& subject, const Value& path);

  Value filter(Filter which, std::string_view name, const Value& subject, const Arguments& arguments);
  bool test(Test which, std::string_view name, const Value& subject, const Arguments& arguments);
  Value call_method(const Value& receiver, Method method, const Arguments& arguments);
  Value call_function(Function which, const Arguments& arguments);
  Value call(const Value& callee, const Arguments& arguments);
  /// str.format.
  Value format_braces(const Value& receiver, const Arguments& arguments);
  /// text % operand.
  Value format_percent(const Value& receiver, const Value& operand);
  /// json.dumps.
  Value json(const Value& value, const Arguments& arguments);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  struct Variable {
    Symbol symbol;
    Value value;
  };
  struct Scope {
    std::size_t start;   // its first variable
    std::size_t parent;  // the scope to search next; its own index for the outermost
  };

  Flow execute(const Body& body);
  Flow execute(const Statement& statement);
  Flow execute_if(const Statement& statement);
  Flow execute_for(const Statement& statement);
  void execute_set(const Statement& statement);
  void write(const Expression& expression);
  void write(std::string_view text);
  /// Runs the body and takes back what it wrote.
  Value capture(const Body& body);

  Value evaluate(const Expression& expression);
  Value evaluate_operands(const Expression& expression);
  Value evaluate_call(const Expression& expression);
  Value evaluate_comparison(const Expression& expression);
  Value evaluate_dict(const Expression& expression);
  /// Evaluates children from `first` on, and the named arguments, onto the stacks.
  Arguments push_arguments(const Expression& expression, std::size_t first);
  /// The entries of f(**mapping), none of which may be among those from `start` on.
  void push_named(const Value& mapping, std::size_t start);
  std::string describe(const Expression& expression) const;

  Value call_macro(const Macro& macro, const Arguments& arguments);
  std::span<const Value> filtered(const Statement& loop, std::span<const Value> items, std::size_t scope);
  Flow run_loop(const Statement& statement, const Value& subject, std::size_t scope, int depth);
  Value call_loop(const Loop& loop, const Arguments& arguments);
  Value call_loop_method(Loop& loop, Method method, const Arguments& arguments);
  Value mapped(const Value& subject, const Arguments& arguments);
  Value selected(Filter which, const Value& subject, const Arguments& arguments);
  Value sequence_filter(Filter which, const Value& subject, const Arguments& arguments);
  Value integer_of(const Value& subject, const Arguments& arguments);
  Value text_filter(Filter which, const Value& subject, const Arguments& arguments);
  /// str.replace; a limit of none or below 0 is no limit.
  Value replaced(std::string_view text, std::string_view from, std::string_view to, const Value& limit);
  /// str.find, rfind, index and count, with bounds in code points.
  Value search(std::string_view text, Method method, const Arguments& arguments);
  /// Which value an unnamed field takes, and whether fields are numbered: 'a' by themselves, 'm' by hand, 0
  /// not known yet.
  struct FormatCursor {
    std::size_t next = 0;
    char numbering = 0;
  };
  struct PercentOperands {
    std::span<const Value> values;
    std::size_t next = 0;
  };
  /// `text` with its fields replaced.
  void append_format(std::string& out, std::string_view text, const Arguments& arguments,
                     FormatCursor& cursor, int depth);
  Value format_field(std::string_view name, const Arguments& arguments, FormatCursor& cursor);
  void append_formatted(std::string& out, const Value& value, std::string_view specification);
  void append_formatted(std::string& out, const Value& value, const FormatSpec& spec);
  void append_conversion(std::string& out, const Value& value, char type, FormatSpec spec);
  Value next_operand(PercentOperands& operands);
  Value call_text_method(const Value& receiver, Method method, const Arguments& arguments);

  const Value* find(Symbol symbol) const;
  void assign(Symbol symbol, Value value);
  void assign(const Target& target, const Value& value);
  void push_scope(std::size_t parent, std::span<const Symbol> own_names = {});
  void pop_scope();

  const Syntax& syntax_;
  Heap& heap_;
  std::string& out_;
  const RenderOptions& options_;
  const std::size_t out_start_;
  std::uint64_t steps_left_;
  int depth_ = 0;
  std::uint32_t line_ = 1;
  bool failed_ = false;
  Error error_;
  Symbol loop_symbol_ = 0;
  bool uses_loop_ = false;
  std::vector<Variable> variables_;
  std::vector<Scope> scopes_;
  std::vector<Value> stack_;
  std::vector<Named> named_stack_;
};

}  // namespace ciyuan::jinja
