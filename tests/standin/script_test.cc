#include "standin/script.h"

#include <gtest/gtest.h>

namespace ciyuan::standin {
namespace {

TEST(Script, reads_several_directives_and_lets_the_later_win) {
  Script script;
  ASSERT_TRUE(script.add("tokens=400, rate=2.5,break-after=100 , lie=-7").ok());
  ASSERT_TRUE(script.add("tokens=3").ok());
  EXPECT_EQ(script.tokens, 3u);
  EXPECT_EQ(script.rate, 2.5);
  EXPECT_EQ(script.break_after, 100u);
  EXPECT_EQ(script.lie, -7);
}

TEST(Script, reads_the_directives_of_two_values) {
  Script script;
  ASSERT_TRUE(script.add("stall-after=3:250,fail-first=2:503:once").ok());
  EXPECT_EQ(script.stall_after, 3u);
  EXPECT_EQ(script.stall_after_ms, 250u);
  EXPECT_EQ(script.fail_first, 2u);
  EXPECT_EQ(script.fail_status, 503u);
  EXPECT_EQ(script.fail_label, "once");
}

TEST(Script, names_what_it_does_not_know_and_what_has_a_bad_value) {
  for (const char* bad :
       {"explode", "tokens=many", "flood=3", "stall-after=3", "split=0", "fail-first=2:503", "text=fr"}) {
    Script script;
    Status added = script.add(bad);
    ASSERT_FALSE(added.ok()) << bad;
    EXPECT_EQ(added.error().path, std::string_view(bad).substr(0, std::string_view(bad).find('=')));
  }
}

}  // namespace
}  // namespace ciyuan::standin
