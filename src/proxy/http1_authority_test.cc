#include "proxy/http1_authority.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace aegis::proxy {
namespace {

std::string Read(std::string_view text) {
  const auto authority = ParseHttp1Authority(text);
  if (!authority) {
    return "refused";
  }
  return authority->host + (authority->port ? " " + std::to_string(*authority->port) : "");
}

TEST(Http1Authority, IsAHostAndMaybeAPort) {
  EXPECT_EQ(Read("example.com"), "example.com");
  EXPECT_EQ(Read("API.Example.COM:8080"), "api.example.com 8080");
  EXPECT_EQ(Read("localhost:1"), "localhost 1");
  EXPECT_EQ(Read("a_b-c:65535"), "a_b-c 65535");
  EXPECT_EQ(Read("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(Read("127.0.0.1:80"), "127.0.0.1 80");
  EXPECT_EQ(Read("[::1]"), "::1");
  EXPECT_EQ(Read("[2001:db8::1]:443"), "2001:db8::1 443");
}

TEST(Http1Authority, IsNothingElse) {
  for (const std::string_view text :
       {"",        ":80",  "a:",  "a:0",  "a:080",  "a:65536",        "a:8x",  "a:+80", "a: 80",
        "a:80:80", "a b",  "a,b", "a, b", "user@a", "user:pass@a:80", "a%2eb", "%61",   "a.",
        ".a",      "a..b", "a/b", "a?b",  "a#b",    "a\\b",           "*",     "\tb",   "\xc3\xbc",
        "http://a"}) {
    EXPECT_EQ(Read(text), "refused") << text;
  }
  EXPECT_EQ(Read(std::string_view("a\0b", 3)), "refused");
  EXPECT_EQ(Read(std::string_view("127.0.0.1\0", 10)), "refused");
  EXPECT_EQ(Read(std::string_view("[::1\0]", 6)), "refused");
  EXPECT_EQ(Read(std::string(254, 'a')), "refused");
  EXPECT_EQ(Read("[" + std::string(70000, ':') + "]"), "refused");
}

TEST(Http1Authority, AddressesHaveOneForm) {
  for (const std::string_view text : {"127.1",
                                      "0x7f.0.0.1",
                                      "127.0.0.01",
                                      "2130706433",
                                      "1.2.3.4.5",
                                      "256.0.0.1",
                                      "::1",
                                      "[::1",
                                      "::1]",
                                      "[]",
                                      "[127.0.0.1]",
                                      "[::0:1]",
                                      "[0::1]",
                                      "[2001:DB8::1]",
                                      "[fe80::1%eth0]",
                                      "[fe80::1%25eth0]",
                                      "[::ffff:1.2.3.4]",
                                      "[::ffff:102:304]",
                                      "[v1.a]",
                                      "[::1]80",
                                      "[::1]]",
                                      "[[::1]]",
                                      "[::1]:"}) {
    EXPECT_EQ(Read(text), "refused") << text;
  }
}

}  // namespace
}  // namespace aegis::proxy
