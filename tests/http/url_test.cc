#include "http/url.h"

#include <gtest/gtest.h>

namespace ciyuan::http {
namespace {

TEST(Url, reads_hosts_ports_and_paths) {
  Url url = parse_url("https://api.example.com/base/v1/").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.authority(), "api.example.com");
  EXPECT_EQ(url.path, "/base/v1");
  url = parse_url("http://[::1]:8081").value();
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.authority(), "[::1]:8081");
  EXPECT_EQ(url.port, "8081");
}

TEST(Url, refuses_secrets_and_nonsense) {
  for (const char* text : {"", "ftp://x", "http://", "http://user:pw@host", "http://h:0", "http://h:99999",
                           "http://h:8x", "http://h/?q=1", "http://h/#f", "http://[::1", "http://a b"})
    EXPECT_FALSE(parse_url(text).ok()) << text;
}

}  // namespace
}  // namespace ciyuan::http
