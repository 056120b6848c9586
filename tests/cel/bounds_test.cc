// What an expression may cost, and that none costs more.

#include <deque>

#include "tests/cel/fixture.h"
#include "tests/cel/random_expression.h"

namespace ciyuan::cel {
namespace {

using Bounds = Expressions;

ErrorCode refusal(const std::string& source, const Environment& environment, const Limits& limits = {}) {
  Options options;
  options.limits = limits;
  const Result<Program> made = Program::compile(source, environment, options);
  return made.ok() ? ErrorCode::kInternal : made.error().code;
}

std::string repeated(std::string_view text, int times) {
  std::string made;
  for (int i = 0; i < times; ++i) made += text;
  return made;
}

TEST_F(Bounds, refuse_what_is_too_long_too_deep_or_too_large) {
  EXPECT_EQ(refusal(repeated(" ", 17'000) + "1", environment_), ErrorCode::kTooLarge);
  EXPECT_EQ(refusal(repeated("(", 5000) + "1", environment_), ErrorCode::kTooLarge);
  EXPECT_EQ(refusal(repeated("-", 5000) + "call.tokens.input", environment_), ErrorCode::kTooLarge);
  EXPECT_EQ(refusal(repeated("[", 5000), environment_), ErrorCode::kTooLarge);
  EXPECT_EQ(refusal("1" + repeated("+1", 200), environment_), ErrorCode::kTooLarge) << "each + is a level";
  EXPECT_EQ(refusal("extra" + repeated(".a", 200), environment_), ErrorCode::kTooLarge);
  EXPECT_EQ(refusal("[" + repeated("1,", 3000) + "1]", environment_), ErrorCode::kTooLarge);
  EXPECT_EQ(refusal("true ? true : " + repeated("true ? true : ", 200) + "true", environment_),
            ErrorCode::kTooLarge);
}

TEST_F(Bounds, let_long_chains_of_conditions_be_flat) {
  EXPECT_TRUE(Program::compile("true" + repeated(" && call.tokens.input > 1", 300), environment_).ok());
}

TEST_F(Bounds, refuse_loops_that_multiply) {
  EXPECT_EQ(
      refusal("findings.all(a, findings.all(b, findings.all(c, a.count + b.count > c.count)))", environment_),
      ErrorCode::kTooLarge);
  std::string twofold = "['foo', 'bar']";
  for (int i = 0; i < 40; ++i) twofold += ".map(x, x + x)";
  EXPECT_EQ(refusal(twofold, environment_), ErrorCode::kTooLarge);
}

TEST_F(Bounds, refuse_types_that_double) {
  std::string source = "true", closing;
  for (int i = 0; i < 15; ++i) {
    const std::string x = "x" + std::to_string(i), y = "x" + std::to_string(i + 1);
    source += " && [].all(" + y + ", {" + y + ": " + y + "} == " + (i == 0 ? "{}" : x);
    closing += ")";
  }
  EXPECT_EQ(refusal(source + repeated(" && x1 == x1", 150) + closing, environment_), ErrorCode::kTooLarge);
}

TEST_F(Bounds, keep_literals_when_computed_constants_have_no_more_room) {
  const std::string one = "('" + std::string(250, 'a') + "'.split('') + '" + std::string(250, 'b') +
                          "'.split('')).size() == 500 && ";
  EXPECT_TRUE(holds(repeated(one, 25) + "'kept'.size() == 4")) << "16 KB each, and room for sixteen";
}

TEST_F(Bounds, state_the_cost_ahead) {
  ASSERT_TRUE(evaluate("true").ok());
  EXPECT_EQ(program_->cost(), 1u);
  set("call.tokens.input", Value::integer(1));
  ASSERT_TRUE(evaluate("call.tokens.input + 1 > 2 && true").ok());
  EXPECT_EQ(program_->cost(), 7u);
}

TEST_F(Bounds, hold_an_evaluation_to_the_steps_it_is_given) {
  ASSERT_TRUE(evaluate("[1, 2, 3].all(x, x > 0)").ok());
  EXPECT_TRUE(program_->evaluate(activation_, arena_, program_->cost()).ok());
  const Result<Value> cut = program_->evaluate(activation_, arena_, 5);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, ErrorCode::kTooLarge);
  ASSERT_TRUE(evaluate("[1, 2, 3].exists(x, 1 / 0 > x) || true").ok());
  EXPECT_FALSE(program_->evaluate(activation_, arena_, 5).ok()) << "no side passes over the end of the steps";
}

TEST_F(Bounds, hold_an_evaluation_to_its_memory) {
  set("extra", Value::string("0123456789abcdef"));
  ASSERT_TRUE(evaluate("string(extra) + string(extra) != ''").ok());
  Arena small(16);
  const Result<Value> cut = program_->evaluate(activation_, small);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, ErrorCode::kTooLarge);
}

TEST_F(Bounds, take_no_value_larger_or_other_than_declared) {
  const std::string long_text(257, 'a');
  set("call.model", Value::string(long_text));
  EXPECT_NE(error_of("call.model == ''").find("of another type, or a larger one"), std::string::npos);
  set("call.model", Value::integer(1));
  EXPECT_NE(error_of("call.model == ''").find("of another type, or a larger one"), std::string::npos);
  set("call.model", Value::string("\xFF"));
  EXPECT_FALSE(evaluate("call.model == ''").ok());
  set("call.model", Value::string(std::string_view(long_text).substr(0, 256)));
  EXPECT_TRUE(evaluate("call.model == ''").ok());
  std::vector<Value> many(65, Value::integer(1));
  set("extra", Value::list(many));
  EXPECT_FALSE(evaluate("size(extra) > 0").ok());
  Value nested = Value::list({});
  std::deque<Value> levels;
  for (int i = 0; i < 40; ++i) {
    levels.push_back(nested);
    nested = Value::list({&levels.back(), 1});
  }
  set("extra", nested);
  EXPECT_FALSE(evaluate("size(extra) > 0").ok());
}

class RandomPrograms : public testing::Test {
 protected:
  RandomPrograms() {
    const Bound small{40, 5, 400};
    for (const auto& [name, type] : {std::pair{"b", "bool"},
                                     {"i", "int"},
                                     {"s", "string"},
                                     {"l", "list(int)"},
                                     {"ls", "list(string)"},
                                     {"m", "map(string, int)"},
                                     {"d", "dyn"},
                                     {"o.x", "int"},
                                     {"t", "timestamp"}}) {
      EXPECT_TRUE(environment_.declare(name, *Type::parse(type), small).ok());
    }
  }

  /// Values at random, often as large as they may be.
  void fill(Activation& activation, std::mt19937_64& random) {
    texts_.clear();
    const auto text = [&] {
      const std::size_t size = random() % 2 ? 40 : random() % 41;
      std::string made;
      for (std::size_t i = 0; i < size; ++i) made.push_back(static_cast<char>('a' + random() % 3));
      return Value::string(texts_.emplace_back(std::move(made)));
    };
    const std::size_t count = random() % 2 ? 5 : random() % 6;
    entries_.clear();
    for (std::size_t i = 0; i < 5; ++i) {
      integers_[i] = Value::integer(static_cast<std::int64_t>(random() % 10));
      strings_[i] = text();
      const bool there = std::any_of(entries_.begin(), entries_.end(),
                                     [&](const Entry& one) { return one.key.text() == strings_[i].text(); });
      if (!there && i < count) entries_.push_back({strings_[i], integers_[i]});
    }
    const auto set = [&](std::string_view name, const Value& value) {
      if (random() % 8) activation.set(*environment_.slot(name), value);
    };
    set("b", Value::boolean(random() % 2));
    set("i", Value::integer(static_cast<std::int64_t>(random() % 9) - 4));
    set("s", text());
    set("l", Value::list({integers_, count}));
    set("ls", Value::list({strings_, count}));
    set("m", *Value::map(entries_));
    set("d", random() % 2 ? Value::list({strings_, count}) : Value::integer(1));
    set("o.x", Value::integer(3));
    set("t", Value::timestamp(static_cast<std::int64_t>(random() % 4'000'000'000), 0));
  }

  Environment environment_;
  std::deque<std::string> texts_;
  Value integers_[5], strings_[5];
  std::vector<Entry> entries_;
};

TEST_F(RandomPrograms, never_take_more_steps_than_their_cost) {
  std::size_t evaluated = 0, with_value = 0;
  for (std::uint64_t seed = 0; seed < 8000; ++seed) {
    const std::string source = RandomExpression(seed).make(static_cast<int>(1 + seed % 5));
    const Result<Program> program = Program::compile(source, environment_);
    if (!program.ok()) {
      ASSERT_EQ(program.error().code, ErrorCode::kTooLarge) << source << ": " << program.error().text();
      continue;
    }
    Options options;
    options.checked = false;
    const Result<Program> unchecked = Program::compile(source, environment_, options);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 3; ++round) {
      Activation activation(environment_);
      fill(activation, random);
      Arena arena, other;
      const Result<Value> found = program->evaluate(activation, arena);
      ++evaluated;
      if (!found.ok()) {
        ASSERT_NE(found.error().code, ErrorCode::kTooLarge)
            << seed << ": " << source << ": " << found.error().text();
        continue;
      }
      ++with_value;
      ASSERT_TRUE(program->type().kind == Kind::kDyn || program->type().kind == found->kind()) << source;
      if (!unchecked.ok()) continue;
      const Result<Value> twin = unchecked->evaluate(activation, other);
      ASSERT_TRUE(twin.ok() && twin->kind() == found->kind()) << "without the checker: " << source;
    }
  }
  EXPECT_GT(evaluated, 12'000u);
  EXPECT_GT(with_value, 4000u);
}

}  // namespace
}  // namespace ciyuan::cel
