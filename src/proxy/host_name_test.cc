#include "proxy/host_name.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace aegis::proxy {
namespace {

std::string Written(std::string_view label) {
  std::string text;
  AppendLabel(text, label);
  return text;
}

TEST(HostName, TakesWhatHostsAreCalled) {
  for (const std::string_view name :
       {"a", "example.com", "_dmarc.example.com", "xn--bcher-kva.example", "1.example", "x-", "-",
        "127.0.0.1.example", "0xyz", "1a", "a_b.c-d"}) {
    EXPECT_TRUE(IsHostName(name)) << name;
    EXPECT_TRUE(IsWrittenName(name)) << name;
  }
  EXPECT_TRUE(IsHostName(std::string(63, 'a') + ".b"));
}

TEST(HostName, RefusesOtherText) {
  for (const std::string_view name : {"", ".", "a.", ".a", "a..b", "A", "a b", "a/b", "b\\x00",
                                      "\xc3\xbc", "a:1", "*.example.com", "a\n"}) {
    EXPECT_FALSE(IsHostName(name)) << name;
  }
  EXPECT_FALSE(IsHostName(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsHostName(std::string(64, 'a')));
}

TEST(HostName, AnAddressIsNoName) {
  for (const std::string_view name :
       {"127.0.0.1", "127.1", "1", "0x7f.1", "127.0x1", "0x", "example.0x7f", "example.1"}) {
    EXPECT_FALSE(IsHostName(name)) << name;
    EXPECT_TRUE(IsWrittenName(name)) << name;
  }
}

TEST(HostName, IsMadeOfTextByLowerCaseAlone) {
  EXPECT_EQ(HostNameOf("WwW.Example.com"), "www.example.com");
  EXPECT_EQ(HostNameOf("a_b"), "a_b");
  for (const std::string_view text : {"", "a.", "a b", "0X7F", "1.2.3.4", "\xc3\x9c"}) {
    EXPECT_FALSE(HostNameOf(text)) << text;
  }
  EXPECT_FALSE(HostNameOf(std::string(254, 'A')));
}

TEST(HostName, HasALimit) {
  std::string name = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                     std::string(63, 'c') + "." + std::string(61, 'd');
  ASSERT_EQ(name.size(), kLongestHostName);
  EXPECT_TRUE(IsHostName(name));
  EXPECT_TRUE(IsWrittenName(name));
  name += 'd';
  EXPECT_FALSE(IsHostName(name));
  EXPECT_FALSE(IsWrittenName(name));
}

TEST(WrittenName, EscapesWhatNamesDoNotHold) {
  EXPECT_EQ(Written("WwW_1-x"), "www_1-x");
  EXPECT_EQ(Written("a b"), "a\\x20b");
  EXPECT_EQ(Written("a.b"), "a\\x2eb");
  EXPECT_EQ(Written("\\x20"), "\\x5cx20");
  EXPECT_EQ(Written(std::string_view("\0\xff", 2)), "\\x00\\xff");
}

TEST(WrittenName, IsCheckedStrictly) {
  EXPECT_TRUE(IsWrittenName("a\\x20b.example.com"));
  EXPECT_TRUE(IsWrittenName("\\x5cx20"));
  for (const std::string_view text : {"", "a.", ".", "a..b", "a\\", "a\\x", "a\\x2", "a\\x2G",
                                      "a\\x2F", "a\\20", "a b", "A", "\x1b", "\xff"}) {
    EXPECT_FALSE(IsWrittenName(text)) << text;
  }
}

TEST(WrittenName, TheLongestNameFits) {
  std::string text;
  for (const int size : {63, 63, 63, 61}) {
    text += text.empty() ? "" : ".";
    AppendLabel(text, std::string(static_cast<std::size_t>(size), '\x01'));
  }
  EXPECT_EQ(text.size(), kLongestWrittenName);
  EXPECT_TRUE(IsWrittenName(text));
  EXPECT_FALSE(IsHostName(text));
  EXPECT_FALSE(IsWrittenName(text + "a"));
}

TEST(Localhost, IsTheNameAndWhatLiesBelow) {
  EXPECT_TRUE(IsLocalhost("localhost"));
  EXPECT_TRUE(IsLocalhost("a.localhost"));
  EXPECT_FALSE(IsLocalhost("localhost.example"));
  EXPECT_FALSE(IsLocalhost("notlocalhost"));
}

}  // namespace
}  // namespace aegis::proxy
