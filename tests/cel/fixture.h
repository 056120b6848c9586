#pragma once

#include <gtest/gtest.h>

#include <string>

#include "cel/program.h"

namespace ciyuan::cel {

/// What the gateway could offer to a condition.
inline Environment call_environment() {
  Environment environment;
  const Type tokens = Type::object("Tokens", {{"input", Type::integer()}, {"output", Type::integer()}});
  const Type call =
      Type::object("Call", {{"tokens", tokens}, {"model", Type::string()}, {"at", Type::timestamp()}});
  const Type finding = Type::object("Finding", {{"kind", Type::string()}, {"count", Type::integer()}});
  for (const auto& [name, type] : {std::pair<std::string, Type>{"call", call},
                                   {"exposure.pipl_sensitive", Type::unsigned_integer()},
                                   {"findings", Type::list(finding)},
                                   {"labels", Type::map(Type::string(), Type::string())},
                                   {"extra", Type::dyn()}}) {
    EXPECT_TRUE(environment.declare(name, type).ok());
  }
  return environment;
}

/// "type: value as CEL writes it", or the error, without and with the type checker ahead of it.
class Expressions : public testing::Test {
 protected:
  Result<Value> evaluate(const std::string& source, bool checked = true) {
    Options options;
    options.checked = checked;
    Result<Program> made = Program::compile(source, environment_, options);
    if (!made.ok()) return made.error();
    program_.emplace(*std::move(made));
    return program_->evaluate(activation_, arena_);
  }

  bool holds(const std::string& source) {
    const Result<Value> found = evaluate(source);
    EXPECT_TRUE(found.ok()) << source << ": " << (found.ok() ? "" : found.error().text());
    return found.ok() && found->is_true();
  }

  std::string error_of(const std::string& source) {
    const Result<Value> found = evaluate(source);
    return found.ok() ? "no error" : found.error().text();
  }

  void set(std::string_view name, const Value& value) { activation_.set(*environment_.slot(name), value); }

  Environment environment_ = call_environment();
  Activation activation_{environment_};
  Arena arena_;
  std::optional<Program> program_;
};

}  // namespace ciyuan::cel
