#include "proxy/http1_lines.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "proxy/http1_fault.h"
#include "proxy/test_http1.h"

namespace aegis::proxy {
namespace {

using testing_support::AsBytes;
using Until = Http1LineFinder::Until;
using Found = std::expected<std::size_t, Http1Fault>;

Found Find(std::string_view bytes, Until until = Until::kEmptyLine, std::size_t limit = 100) {
  return Http1LineFinder().Find(AsBytes(bytes), until, limit);
}

Found Fault(Http1Fault fault) { return std::unexpected(fault); }

TEST(Http1Lines, EndInBoth) {
  EXPECT_EQ(Find("a\r\nb", Until::kEndOfLine), Found(3));
  EXPECT_EQ(Find("\r\n", Until::kEndOfLine), Found(2));
  EXPECT_EQ(Find("a\r", Until::kEndOfLine), Found(0));
  EXPECT_EQ(Find("a\r\nb\r\n\r\nc"), Found(8));
  EXPECT_EQ(Find("\r\nb"), Found(2));
  EXPECT_EQ(Find("a\r\nb\r\n"), Found(0));
  EXPECT_EQ(Find(""), Found(0));
}

TEST(Http1Lines, HoldNothingThatOthersMayTakeForAnEnd) {
  EXPECT_EQ(Find("a\tb \xff\r\n\r\n"), Found(9));
  EXPECT_EQ(Find("a\n\n"), Fault(Http1Fault::kBareLineFeed));
  EXPECT_EQ(Find("\n"), Fault(Http1Fault::kBareLineFeed));
  EXPECT_EQ(Find("a\rb\r\n\r\n"), Fault(Http1Fault::kBareCarriageReturn));
  EXPECT_EQ(Find("a\r\r\n"), Fault(Http1Fault::kBareCarriageReturn));
  EXPECT_EQ(Find(std::string_view("a\0b\r\n\r\n", 7)), Fault(Http1Fault::kControlByte));
  for (const std::string_view text : {"\x01", "\x0b", "\x0c", "\x1b", "\x7f"}) {
    EXPECT_EQ(Find(text), Fault(Http1Fault::kControlByte));
  }
}

TEST(Http1Lines, HaveALimit) {
  const std::string line = std::string(98, 'a') + "\r\n";
  EXPECT_EQ(Find(line, Until::kEndOfLine), Found(100));
  EXPECT_EQ(Find("a" + line, Until::kEndOfLine), Fault(Http1Fault::kTooLong));
  EXPECT_EQ(Find(std::string(100, 'a')), Found(0));
  EXPECT_EQ(Find(std::string(101, 'a')), Fault(Http1Fault::kTooLong));
}

TEST(Http1Lines, AreFoundAsTheyCome) {
  const std::string_view head = "a\r\nb\r\n\r\n";
  Http1LineFinder finder;
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(finder.Find(AsBytes(head.substr(0, size)), Until::kEmptyLine, 100), Found(0));
  }
  EXPECT_EQ(finder.Find(AsBytes(head), Until::kEmptyLine, 100), Found(8));
  EXPECT_EQ(finder.Find(AsBytes("\r\n"), Until::kEmptyLine, 100), Found(2));
}

TEST(Http1Field, IsNameColonValue) {
  for (const std::string_view line : {"A:b", "A: b", "A:   b  "}) {
    const auto field = ParseHttp1Field(line);
    ASSERT_TRUE(field) << line;
    EXPECT_EQ(field->name, "A");
    EXPECT_EQ(field->value, "b");
  }
  EXPECT_EQ(ParseHttp1Field("a:")->value, "");
  EXPECT_EQ(ParseHttp1Field("a: ")->value, "");
  EXPECT_EQ(ParseHttp1Field("a: b:c d")->value, "b:c d");
  EXPECT_EQ(ParseHttp1Field("a:\tb")->value, "\tb");
}

TEST(Http1Field, HasAPlainName) {
  for (const std::string_view line :
       {"", "a", ":b", "a :b", "a\t:b", "a b:c", "a(:b", "\xc3\xbc:b", "\"a\":b", "a/b:c"}) {
    const auto field = ParseHttp1Field(line);
    ASSERT_FALSE(field) << line;
    EXPECT_EQ(field.error(), Http1Fault::kFieldName) << line;
  }
  EXPECT_TRUE(ParseHttp1Field("!#$%&'*+-.^_`|~09azAZ:b"));
  EXPECT_EQ(ParseHttp1Field(" a: b").error(), Http1Fault::kFolded);
  EXPECT_EQ(ParseHttp1Field("\ta: b").error(), Http1Fault::kFolded);
}

TEST(Http1Head, HasBoundedFields) {
  std::string head = "start line\r\n";
  for (std::size_t i = 0; i < kMostHttp1Fields; ++i) {
    head += "a: b\r\n";
  }
  const std::string whole = head + "\r\n";
  const auto parsed = ParseHttp1Head(whole);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->start_line, "start line");
  EXPECT_EQ(parsed->fields.size(), kMostHttp1Fields);
  EXPECT_EQ(ParseHttp1Head(head + "a: b\r\n\r\n").error(), Http1Fault::kTooManyFields);
}

TEST(Http1Text, IsComparedWithoutCase) {
  EXPECT_TRUE(EqualsIgnoringCase("HoSt", "host"));
  EXPECT_FALSE(EqualsIgnoringCase("hos", "host"));
  EXPECT_FALSE(EqualsIgnoringCase("host_", "host"));
  std::string_view list = " a ,,\tb";
  EXPECT_EQ(TakeHttp1Member(list), "a");
  EXPECT_EQ(TakeHttp1Member(list), "");
  EXPECT_EQ(TakeHttp1Member(list), "b");
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace aegis::proxy
