// An expression from a stranger: it is refused, or it evaluates within the steps that compilation stated, the
// same each time, to a value of the type that was deduced.

#include <cstdlib>

#include "cel/program.h"

using namespace ciyuan;
using namespace ciyuan::cel;

namespace {

Environment made_environment() {
  Environment environment;
  const Bound small{32, 6, 300};
  const Type object = Type::object("Item", {{"name", Type::string()}, {"count", Type::integer()}});
  for (const auto& [name, type] : {std::pair<const char*, Type>{"i", Type::integer()},
                                   {"u", Type::unsigned_integer()},
                                   {"f", Type::real()},
                                   {"b", Type::boolean()},
                                   {"s", Type::string()},
                                   {"y", Type::bytes()},
                                   {"t", Type::timestamp()},
                                   {"w", Type::duration()},
                                   {"l", Type::list(Type::integer())},
                                   {"m", Type::map(Type::string(), Type::integer())},
                                   {"d", Type::dyn()},
                                   {"o", object},
                                   {"r", Type::list(object)}}) {
    if (!environment.declare(name, type, small).ok()) std::abort();
  }
  return environment;
}

/// Each variable as large as it may be.
struct Given {
  explicit Given(const Environment& environment) : activation(environment) {
    const auto set = [&](std::string_view name, const Value& value) {
      activation.set(*environment.slot(name), value);
    };
    for (std::size_t n = 0; n < 6; ++n) {
      integers[n] = Value::integer(static_cast<std::int64_t>(n));
      entries[n] = {Value::string(std::string_view("abcdef").substr(n, 1)), integers[n]};
      fields[n][0] = Value::string("0123456789abcdef0123456789abcdef");
      fields[n][1] = n % 2 ? integers[n] : Value::unset();
      objects[n] = Value::object(fields[n]);
    }
    set("i", Value::integer(-3));
    set("u", Value::unsigned_integer(UINT64_MAX));
    set("f", Value::real(0.1));
    set("s", fields[0][0]);
    set("y", Value::bytes("\xFF\x00 bytes"));
    set("t", Value::timestamp(1'800'000'000, 5));
    set("w", Value::duration(90'000'000'000));
    set("l", Value::list(integers));
    set("m", *Value::map(entries));
    set("d", *Value::map(entries));
    set("o.name", Value::string("n"));
    set("r", Value::list(objects));
  }

  Value integers[6], objects[6], fields[6][2];
  Entry entries[6];
  Activation activation;
};

void evaluate(std::string_view source, const Environment& environment, const Activation& activation,
              bool checked) {
  Options options;
  options.checked = checked;
  options.limits.cost_max = 20'000;
  const Result<Program> program = Program::compile(source, environment, options);
  if (!program.ok()) {
    if (program.error().message.empty()) std::abort();
    return;
  }
  if (program->cost() > options.limits.cost_max) std::abort();
  Arena arena, other;
  const Result<Value> found = program->evaluate(activation, arena);
  const Result<Value> again = program->evaluate(activation, other);
  if (found.ok() != again.ok()) std::abort();
  if (!found.ok()) {
    if (found.error().code == ErrorCode::kTooLarge || found.error().text() != again.error().text())
      std::abort();
    return;
  }
  if (found->kind() != again->kind()) std::abort();
  if (program->type().kind != Kind::kDyn && program->type().kind != found->kind()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Environment environment = made_environment();
  static const Given given(environment);
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  evaluate(source, environment, given.activation, true);
  evaluate(source, environment, given.activation, false);
  return 0;
}
