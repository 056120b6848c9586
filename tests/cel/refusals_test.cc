// What is refused, and what the refusal says: where, what was found, and the rule.

#include "tests/cel/fixture.h"

namespace ciyuan::cel {
namespace {

using Refusals = Expressions;

TEST_F(Refusals, name_the_place_in_characters_and_lines) {
  EXPECT_EQ(error_of("'词元' ==\n  '词' + $"), "line 2, column 9: found '$', which begins nothing in CEL");
  EXPECT_EQ(error_of("'词元' == 元"), "line 1, column 9: found '元', which begins nothing in CEL");
}

TEST_F(Refusals, say_what_was_found_and_expected) {
  EXPECT_EQ(error_of("(1 + 2"), "line 1, column 7: found the end; expected ')' to close what '(' opened");
  EXPECT_EQ(error_of("1 +"), "line 1, column 4: found the end; expected a value, a name, '(', '[' or '{'");
  EXPECT_EQ(error_of("for + 1"), "line 1, column 1: found 'for'; expected a name; this word is reserved");
  EXPECT_EQ(error_of("size('a',)"),
            "line 1, column 10: found ')'; expected a value, a name, '(', '[' or '{'");
  EXPECT_EQ(error_of("1 2"), "line 1, column 3: found '2'; expected an operator or the end");
  EXPECT_EQ(error_of("12ab"),
            "line 1, column 1: a number goes over into a name; put a blank or an operator between them");
}

TEST_F(Refusals, name_the_fields_that_an_object_has) {
  EXPECT_EQ(error_of("call.tokens.ouput > 1"),
            "line 1, column 13: 'call.tokens' has no field 'ouput'; it has input, output");
  EXPECT_EQ(
      error_of("call.tokens == 1"),
      "line 1, column 6: 'call.tokens' is an object, not a value; name one of its fields: input, output");
  EXPECT_EQ(error_of("findings.all(f, f.kin == '')"), "line 1, column 19: 'Finding' has no field 'kin'");
}

TEST_F(Refusals, name_the_types_that_do_not_fit) {
  EXPECT_EQ(error_of("call.model + 1").substr(0, 77),
            "line 1, column 12: '+' is not defined for (string, int); it takes (int, int),");
  EXPECT_EQ(error_of("call.model && true"), "line 1, column 6: each side of && is bool; found string");
  EXPECT_EQ(error_of("true ? 1 : 'a'"),
            "line 1, column 6: both values of ? and : are of one type; found int and string (dyn() takes the "
            "type away)");
  EXPECT_EQ(error_of("call.model.all(x, true)"),
            "line 1, column 6: a loop goes over a list or a map; found string");
  EXPECT_EQ(error_of("{1.5: 'a'}"),
            "line 1, column 2: found a key of type double; a key is int, uint, bool or string");
  EXPECT_EQ(error_of("sizes('a')"), "line 1, column 1: found 'sizes()', which is no function here");
}

TEST_F(Refusals, hold_a_condition_to_its_result) {
  Options options;
  options.result = Type::boolean();
  const Result<Program> made = Program::compile("call.tokens.output", environment_, options);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().text(), "line 1, column 13: the expression gives int; it must give bool");
  EXPECT_TRUE(Program::compile("call.tokens.output > 0", environment_, options).ok());
}

TEST_F(Refusals, meet_what_this_subset_has_not) {
  for (const char* source : {"Point{x: 1}", "[?1]", "{?'a': 1}", "labels.?team", "labels[?'a']"}) {
    EXPECT_NE(error_of(source).find("not part of this subset"), std::string::npos)
        << source << ": " << error_of(source);
  }
}

TEST_F(Refusals, want_patterns_and_time_zones_ahead) {
  EXPECT_NE(error_of("'a'.matches(call.model)").find("a pattern is a constant text"), std::string::npos);
  EXPECT_NE(error_of("'a'.matches('(')").find("no RE2 expression"), std::string::npos);
  EXPECT_NE(error_of("'a'.matches('((a{100}){10}){10}')").find("pattern"), std::string::npos);
  EXPECT_NE(error_of("call.at.getHours('Nowhere/Land')").find("is no time zone"), std::string::npos);
  EXPECT_NE(error_of("call.at.getHours('../../etc/passwd')").find("is no time zone"), std::string::npos);
}

TEST_F(Refusals, meet_escapes_and_numbers_that_are_none) {
  EXPECT_NE(error_of("'a\\q'").find("line 1, column 3: found a backslash that begins no escape"),
            std::string::npos);
  for (const char* source :
       {"'\\ud800'", "'\\U00110000'", "b'\\u0041'", "'\\08'", "'abc", "'''a''", "'a\nb'"}) {
    EXPECT_FALSE(evaluate(source).ok()) << source;
  }
  EXPECT_NE(error_of("9223372036854775808").find("outside -9223372036854775808 to"), std::string::npos);
  EXPECT_NE(error_of("18446744073709551616u").find("largest uint"), std::string::npos);
  EXPECT_NE(error_of("1e400").find("beyond what a double can hold"), std::string::npos);
  EXPECT_FALSE(evaluate("'\xFF'").ok());
}

TEST_F(Refusals, of_declarations_leave_the_environment_as_it_was) {
  const std::size_t before = environment_.size();
  EXPECT_FALSE(environment_.declare("call", Type::integer()).ok());
  EXPECT_FALSE(environment_.declare("labels", Type::integer()).ok());
  EXPECT_FALSE(environment_.declare("1st", Type::integer()).ok());
  EXPECT_FALSE(environment_.declare("a..b", Type::integer()).ok());
  EXPECT_FALSE(environment_.declare("", Type::integer()).ok());
  EXPECT_FALSE(
      environment_.declare("pair", Type::object("Pair", {{"a", Type::integer()}, {"a", Type::integer()}}))
          .ok());
  EXPECT_EQ(environment_.size(), before);
  EXPECT_FALSE(environment_.slot("pair.a"));
}

TEST(Types, read_the_text_that_they_write) {
  for (const char* text : {"int", "list(string)", "map(string, list(dyn))", "type(list(int))", "timestamp",
                           "null_type", "type"}) {
    const Result<Type> type = Type::parse(text);
    ASSERT_TRUE(type.ok()) << text;
    EXPECT_EQ(type->text(), text);
  }
  for (const char* text : {"", "list", "list(", "list()", "map(int)", "int)", "lists(int)", "list(int))"}) {
    EXPECT_FALSE(Type::parse(text).ok()) << text;
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "list(";
  EXPECT_FALSE(Type::parse(deep + "int").ok());
}

}  // namespace
}  // namespace ciyuan::cel
