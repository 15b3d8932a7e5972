#include "witness/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace aegis::witness {
namespace {

using testing::HasSubstr;

Target Parsed(std::string_view text) {
  auto target = ParseTarget(text);
  EXPECT_TRUE(target.has_value()) << target.error().message();
  return target ? *target : Target(SyslogTarget{});
}

std::string ErrorOf(std::string_view text) {
  const auto target = ParseTarget(text);
  if (target) {
    return "no error: " + TargetText(*target);
  }
  EXPECT_EQ(target.error().code(), base::Errc::kInvalid);
  return target.error().message();
}

TEST(ParseTarget, ReadsUrls) {
  const std::vector<std::pair<std::string_view, HttpTarget>> cases = {
      {"http://localhost", {.tls = false, .host = "localhost", .port = 80}},
      {"http://localhost/", {.tls = false, .host = "localhost", .port = 80}},
      {"HTTPS://Witness.Example", {.tls = true, .host = "witness.example", .port = 443}},
      {"https://w.example:8443/a/b-c~%2F/",
       {.tls = true, .host = "w.example", .port = 8443, .prefix = "/a/b-c~%2F"}},
      {"http://127.0.0.1:1", {.tls = false, .host = "127.0.0.1", .port = 1}},
      {"http://[::1]", {.tls = false, .host = "::1", .port = 80}},
      {"http://[2001:DB8::1]:65535/x",
       {.tls = false, .host = "2001:db8::1", .port = 65535, .prefix = "/x"}},
      {"http://my_host-1.a1.2b", {.tls = false, .host = "my_host-1.a1.2b", .port = 80}},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(Parsed(text), Target(expected)) << text;
  }
}

TEST(ParseTarget, ReadsFilesAndSyslog) {
  EXPECT_EQ(Parsed("syslog"), Target(SyslogTarget{}));
  for (const std::string_view path :
       {"/var/log/aegis.witness", "witness", "./syslog", "a/b", "../w", "Syslog", "a:b", "/a:/b",
        "\xff", "/tmp/ä b", "-", "file", "x/http://y"}) {
    EXPECT_EQ(Parsed(path), Target(FileTarget{std::string(path)})) << path;
  }
  EXPECT_EQ(Parsed("file:///a/b"), Target(FileTarget{"/a/b"}));
  EXPECT_EQ(Parsed("FILE:///a"), Target(FileTarget{"/a"}));
}

TEST(ParseTarget, RefusesHostileUrls) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"http://", "no host"},
      {"http:///path", "no host"},
      {"http://:80", "no host"},
      {"http://user@host", "user information"},
      {"http://user:secret@host/x", "user information"},
      {"https://host?x=1", "query"},
      {"https://host/a#b", "fragment"},
      {"http://host:", "port"},
      {"http://host:0", "port"},
      {"http://host:080", "port"},
      {"http://host:65536", "port"},
      {"http://host:+80", "port"},
      {"http://host:8 0", "port"},
      {"http://a b", "host"},
      {"http://-a.b", "host"},
      {"http://a..b", "host"},
      {"http://a.b.", "host"},
      {"http://h\xc3\xb6st", "host"},
      {"http://a,b", "host"},
      {"http://127.1", "IPv4"},
      {"http://256.0.0.1", "IPv4"},
      {"http://1", "IPv4"},
      {"http://[", "IPv6"},
      {"http://[]", "IPv6"},
      {"http://[::1", "IPv6"},
      {"http://[::1%25lo]", "IPv6"},
      {"http://[127.0.0.1]", "IPv6"},
      {"http://[::1]x", "behind its IPv6"},
      {"http://[::1]:", "port"},
      {"http://::1", "no host"},
      {"http://host/a b", "%HH"},
      {"http://host/\\", "%HH"},
      {"http://host/\xc3\xb6", "%HH"},
      {"http://host/%2", "hexadecimal"},
      {"http://host/%zz", "hexadecimal"},
      {"http://host//", "empty segment"},
      {"http://host/a//b", "empty segment"},
      {"http://host/../x", "empty segment"},
      {"http://host/a/.", "empty segment"},
      {"http:/host", "begins with http://"},
      {"http:host", "begins with http://"},
      {"https:", "begins with http://"},
      {"ftp://host/x", "of URLs there are"},
      {"ssh+git://host", "of URLs there are"},
      {"http://host\r\nX: y", "control character"},
      {"/tmp/a\nb", "control character"},
      {"\x7f", "control character"},
  };
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(what)) << text;
  }
  EXPECT_THAT(ErrorOf(std::string_view("a\0b", 3)), HasSubstr("control character"));
  EXPECT_THAT(ErrorOf("http://" + std::string(254, 'a')), HasSubstr("too long"));
  EXPECT_THAT(ErrorOf("http://" + std::string(64, 'a') + ".b"), HasSubstr("host"));
  EXPECT_THAT(ErrorOf(std::string(4097, 'a')), HasSubstr("too long"));
}

TEST(ParseTarget, RefusesWhatIsNoFile) {
  for (const std::string_view text : {"/", "a/", ".", "..", "a/.", "/a/..", "file:///"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("directory")) << text;
  }
  for (const std::string_view text : {"file:", "file:a", "file://host/a", "file:///a%20b"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("file:///PATH")) << text;
  }
  EXPECT_THAT(ErrorOf(""), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf("http://u@h"), HasSubstr("witness \"http://u@h\": "));
}

TEST(TargetText, IsReadBack) {
  for (const std::string_view text :
       {"http://localhost", "https://w.example:80/a", "http://w.example:443", "http://[::1]:8080",
        "https://[::1]/x/y", "syslog", "./syslog", "/a/b"}) {
    EXPECT_EQ(TargetText(Parsed(text)), text);
  }
  EXPECT_EQ(TargetText(Parsed("https://h:443/")), "https://h");
}

}  // namespace
}  // namespace aegis::witness
