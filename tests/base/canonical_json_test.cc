#include "base/canonical_json.h"

#include <gtest/gtest.h>

namespace ciyuan {
namespace {

std::string canonical(std::string_view text) { return canonical_json(parse_json(text).value()).value(); }

TEST(CanonicalJson, follows_the_examples_of_rfc_8785) {
  EXPECT_EQ(canonical(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
                          "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  // §3.2.3: order of UTF-16 code units, not of bytes
  EXPECT_EQ(canonical(R"({"\ufb33":1,"\ud83d\ude00":2,"1":3,"\r":4,"\u00f6":5})"),
            "{\"\\r\":4,\"1\":3,\"\u00f6\":5,\"\U0001F600\":2,\"\uFB33\":1}");
}

TEST(CanonicalJson, prints_numbers_as_ecmascript_does) {
  // RFC 8785 appendix B
  EXPECT_EQ(canonical("[0, -0, 5e-324, 1.7976931348623157e308, 9007199254740991, 295147905179352830000.0,"
                      "9.999999999999997e22, 1e23, 1e21, 999999999999999900000.0, 1e-6, 1e-7]"),
            "[0,0,5e-324,1.7976931348623157e+308,9007199254740991,295147905179352830000,"
            "9.999999999999997e+22,1e+23,1e+21,999999999999999900000,0.000001,1e-7]");
}

TEST(CanonicalJson, refuses_integers_that_other_readers_would_round) {
  EXPECT_FALSE(canonical_json(parse_json("9007199254740992").value()).ok());
}

TEST(ParseJson, refuses_what_two_readers_could_read_in_two_ways) {
  EXPECT_FALSE(parse_json(R"({"a":1,"a":2})").ok());
  EXPECT_FALSE(parse_json(R"({"a":1} x)").ok());
  EXPECT_FALSE(parse_json("\"\xFF\"").ok());
  EXPECT_FALSE(parse_json(std::string(500, '[')).ok());
  EXPECT_FALSE(parse_json("").ok());
  EXPECT_FALSE(parse_json(R"(["\ud800"])").ok());
}

}  // namespace
}  // namespace ciyuan
