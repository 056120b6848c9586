#include "tests/cel/fixture.h"

namespace ciyuan::cel {
namespace {

using Language = Expressions;

TEST_F(Language, reads_declared_fields_of_an_object) {
  set("call.tokens.output", Value::integer(42));
  set("call.model", Value::string("qwen3"));
  EXPECT_TRUE(holds("call.tokens.output > 41 && call.model == 'qwen3'"));
  EXPECT_FALSE(holds("call.tokens.output > 42"));
}

TEST_F(Language, walks_lists_of_objects_by_their_fields) {
  const Value first[] = {Value::string("phone"), Value::integer(3)};
  const Value second[] = {Value::string("id"), Value::unset()};
  const Value both[] = {Value::object(first), Value::object(second)};
  set("findings", Value::list(both));
  EXPECT_TRUE(holds("findings.exists(f, f.kind == 'phone' && f.count >= 3)"));
  EXPECT_TRUE(holds("findings.filter(f, has(f.count)).size() == 1"));
  EXPECT_TRUE(holds("findings.map(f, f.kind).join('+') == 'phone+id'"));
}

TEST_F(Language, reads_maps_and_what_has_no_declared_type) {
  Entry labels[] = {{Value::string("team"), Value::string("a")}};
  set("labels", *Value::map(labels));
  set("extra", *Value::map(labels));
  EXPECT_TRUE(holds("labels.team == 'a' && !has(labels.owner) && 'team' in labels"));
  EXPECT_TRUE(holds("extra.team == labels['team']"));
}

TEST_F(Language, passes_over_an_error_when_the_other_side_decides) {
  EXPECT_TRUE(holds("1 / 0 > 1 || true"));
  EXPECT_TRUE(holds("true || 1 / 0 > 1"));
  EXPECT_FALSE(holds("call.tokens.output > 5 && false"));
  EXPECT_EQ(error_of("1 / 0 > 1 || false"), "line 1, column 3: found a division by zero");
  EXPECT_FALSE(holds("[1, 0, 2].all(x, 4 / x > 2)"));
  EXPECT_TRUE(holds("[0, 1].exists(x, 1 / x == 1)"));
}

TEST_F(Language, says_when_a_variable_has_no_value) {
  EXPECT_EQ(error_of("call.tokens.output > 5"),
            "line 1, column 13: 'call.tokens.output' has no value; has() asks whether it has one");
  EXPECT_FALSE(holds("has(call.tokens.output) && call.tokens.output > 5"));
}

TEST_F(Language, never_wraps_a_number) {
  for (const char* source :
       {"9223372036854775807 + 1", "-9223372036854775808 - 1", "-(-9223372036854775808)",
        "9223372036854775807 * 2", "-9223372036854775808 / -1", "0u - 1u",
        "timestamp('9999-12-31T23:59:59Z') + duration('1s')", "duration('200000h') + duration('2400000h')"}) {
    EXPECT_NE(error_of(source).find("beyond what its type can hold"), std::string::npos)
        << source << " " << error_of(source);
  }
  EXPECT_TRUE(holds("-9223372036854775808 % -1 == 0"));
}

TEST_F(Language, compares_numbers_of_all_kinds_on_one_line) {
  EXPECT_TRUE(holds("dyn(1) == 1.0 && dyn(1u) == 1 && dyn(-1) < 0u && dyn(2) > 1.5"));
  EXPECT_TRUE(holds("{1: 'a'}[dyn(1.0)] == 'a' && dyn(3u) in [1, 2, 3]"));
  EXPECT_TRUE(holds("dyn(-1) < 18446744073709551615u && dyn(18446744073709551615u) > -1"));
}

TEST_F(Language, counts_characters_not_bytes) {
  EXPECT_TRUE(holds("size('词元') == 2 && '词元ab'.indexOf('a') == 2 && '词元ab'.substring(1, 3) == '元a'"));
  EXPECT_TRUE(holds("'词元'.reverse() == '元词' && '词元'.charAt(1) == '元' && size(b'词元') == 6"));
}

TEST_F(Language, keeps_maps_in_the_order_of_their_keys) {
  EXPECT_TRUE(holds("{'b': 1, 'a': 2}.map(k, k) == ['a', 'b']"));
  EXPECT_TRUE(holds("{2: 'x', true: 'y', 'z': 'w', 1u: 'v'}.map(k, string(k)).join() == 'true12z'"));
}

TEST_F(Language, gives_the_same_with_and_without_the_checker) {
  for (const char* source : {"1 + 2 * 3", "[1, 2, 3].map(x, x * x)", "'a' + 'b'", "{'a': [1]}.a[0]"}) {
    const Result<Value> checked = evaluate(source);
    ASSERT_TRUE(checked.ok()) << source;
    const Type type = program_->type();
    const Result<Value> unchecked = evaluate(source, false);
    ASSERT_TRUE(unchecked.ok()) << source;
    EXPECT_EQ(unchecked->kind(), checked->kind()) << source;
    EXPECT_EQ(type.kind, checked->kind()) << source;
  }
}

TEST_F(Language, leaves_what_is_not_declared_to_the_evaluation_when_unchecked) {
  const Result<Value> passed = evaluate("nobody || true", false);
  ASSERT_TRUE(passed.ok());
  EXPECT_TRUE(passed->is_true());
  EXPECT_EQ(evaluate("nobody && true", false).error().text(), "line 1, column 1: this name is not declared");
}

TEST_F(Language, shadows_a_variable_inside_a_loop_only) {
  ASSERT_TRUE(environment_.declare("x", Type::integer()).ok());
  activation_ = Activation(environment_);
  set("x", Value::integer(7));
  EXPECT_TRUE(holds("[1].exists(x, x == 1 && .x == 7) && x == 7"));
  EXPECT_TRUE(holds("cel.bind(x, 2, x * x) == 4"));
}

TEST_F(Language, matches_by_re2) {
  set("call.model", Value::string("qwen3-235b"));
  EXPECT_TRUE(holds("call.model.matches('^qwen[0-9]+-')"));
  EXPECT_FALSE(holds("matches(call.model, '^[0-9]')"));
}

}  // namespace
}  // namespace ciyuan::cel
