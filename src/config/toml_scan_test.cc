#include "config/toml_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace aegis::config {
namespace {

std::string Stray(std::string_view toml) {
  const auto place = FindStrayCharacter(toml);
  return place ? std::to_string(place->line) + ":" + std::to_string(place->column) : "none";
}

TEST(FindStrayCharacter, LeavesStringsAndCommentsAlone) {
  for (const std::string_view toml :
       {"", "a = 1", R"(a = "é" # é)", "a = 'é'\nb = [\"é\", 'ü']", "# é\na = 1",
        "\xef\xbb\xbf# BOM", R"(a = "\"é")", R"(a = "\\" # é)", R"(a = """x""" # é)",
        "a = '''x''''' # é", R"(a = "# no comment" # é)", R"(a = "" # é)", R"(a = '\' # é)",
        R"(a = "'é")"}) {
    EXPECT_EQ(Stray(toml), "none") << toml;
  }
}

TEST(FindStrayCharacter, FindsTheRest) {
  EXPECT_EQ(Stray("é = 1"), "1:1");
  EXPECT_EQ(Stray("a = 1\n  é"), "2:3");
  EXPECT_EQ(Stray(R"(a = "é" é)"), "1:9");
  EXPECT_EQ(Stray(R"(a = "\\" é)"), "1:10");
  EXPECT_EQ(Stray("a = \"unfinished\né"), "2:1");
  EXPECT_EQ(Stray(R"(a = 'x\' é)"), "1:10");
  EXPECT_EQ(Stray("# comment\n\u00a0"), "2:1");
}

// Behind what is no TOML the library reads on over quotes, as if it were in a bare value.
TEST(FindStrayCharacter, WhatIsNoTomlOpensNoString) {
  for (const std::string_view text :
       {"a=1~b=\"\u00e9\"", "a=[1~x=\"\u00e9\"]", "a=1b\"\u00e9\"", "a=[x\"\u00e9\"]",
        "a=1~b=[{c=\"\u00e9\"", "a = 1[\"\u00e9\"]", "a=[b=\"\u00e9\"]"}) {
    EXPECT_TRUE(FindStrayCharacter(text)) << text;
  }
  for (const std::string_view text :
       {"a = [ {x=\"\u00e9\"}, {x='\u00e9', y=1} ]\nb=\"\u00e9\"",
        "t = 2026-11-22 08:00:00\nn=\"\u00e9\"", "a.\"\u00e9\"=[1,\"\u00e9\",[2,'\u00e9']]",
        "[t.\"\u00e9\"]\na={b=1,c=\"\u00e9\"}",
        "a=1 # \u00e9\nb=[\n1,\n\"\u00e9\"\n]\nc='\u00e9'"}) {
    EXPECT_FALSE(FindStrayCharacter(text)) << text;
  }
}

TEST(FindStrayCharacter, StringsOfSeveralLinesAreAsciiToo) {
  EXPECT_EQ(Stray("a = \"\"\"\nx\né\"\"\""), "3:1");
  EXPECT_EQ(Stray(R"(a = """# no comment é""")"), "1:21");
  EXPECT_EQ(Stray(R"(a = """\""" é)"), "1:13") << "the string goes on";
  EXPECT_EQ(Stray("a = '''\nx''' é"), "2:6");
}

TEST(WithoutNulls, FindsThemAsValuesAlone) {
  EXPECT_EQ(WithoutNulls("a = null"), "a = -nan");
  EXPECT_EQ(WithoutNulls("a = { b = null, c =null}\nd=null # null"),
            "a = { b = -nan, c =-nan}\nd=-nan # null");
  EXPECT_EQ(WithoutNulls("\xef\xbb\xbf# x\na = null"), "\xef\xbb\xbf# x\na = -nan");
  for (const char* text : {"null = 1", "a = \"= null\"", "# a = null", "a = nullify", "a = [null]",
                           "a = \"\"\"\n= null\n\"\"\"", "a = annull", "null", ""}) {
    EXPECT_EQ(WithoutNulls(text), text);
  }
}

}  // namespace
}  // namespace aegis::config
