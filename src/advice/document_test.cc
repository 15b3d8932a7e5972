#include "advice/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include "advice/test_documents.h"

namespace aegis::advice {
namespace {

using Kind = Node::Kind;
using testing::HasSubstr;

Node Yaml(std::string_view text) { return ReadDocument(text, "f.yaml", Format::kYaml).value(); }

std::string Refusal(std::string_view text, Format format = Format::kYaml) {
  const auto read = ReadDocument(text, "f", format);
  return read.has_value() ? std::string() : read.error().message();
}

TEST(DocumentTest, FormatsGoByTheEndOfTheName) {
  EXPECT_EQ(FormatOf("a/b.yaml"), Format::kYaml);
  EXPECT_EQ(FormatOf("b.yml"), Format::kYaml);
  EXPECT_EQ(FormatOf("b.toml"), Format::kToml);
  EXPECT_FALSE(FormatOf("toml").has_value());
  EXPECT_FALSE(FormatOf("FileRead").has_value());
}

TEST(DocumentTest, YamlScalarsAreThoseOfTheCoreSchema) {
  const Node top = Yaml("[a, 'true', \"1\", true, FALSE, 12, -3, +4, ~, null, '', yes, 1.5, 0x1f]");
  ASSERT_EQ(top.items.size(), 14U);
  const Kind kinds[] = {Kind::kText,    Kind::kText,    Kind::kText,    Kind::kBoolean,
                        Kind::kBoolean, Kind::kInteger, Kind::kInteger, Kind::kInteger,
                        Kind::kOther,   Kind::kOther,   Kind::kText,    Kind::kText,
                        Kind::kText,    Kind::kText};
  for (std::size_t i = 0; i < top.items.size(); ++i) {
    EXPECT_EQ(top.items[i].kind, kinds[i]) << i << ' ' << top.items[i].text;
  }
  EXPECT_EQ(top.items[3].integer, 1);
  EXPECT_EQ(top.items[4].integer, 0);
  EXPECT_EQ(top.items[6].integer, -3);
  EXPECT_EQ(top.items[7].integer, 4);
}

TEST(DocumentTest, PlacesAreThoseOfTheFile) {
  const Node yaml = Yaml("a: 1\nb:\n  - x\n  -   y\n");
  EXPECT_EQ(yaml.items[1].key_at.line, 2U);
  EXPECT_EQ(yaml.items[1].items[1].at.line, 4U);
  EXPECT_EQ(yaml.items[1].items[1].at.column, 7U);
  const Node toml = ReadToml("z = 1\n[[b]]\n  x = \"y\"\n", "f.toml").value();
  EXPECT_EQ(toml.items[0].key, "z") << "in the order of the file";
  EXPECT_EQ(toml.items[1].items[0].items[0].key_at.line, 3U);
  EXPECT_EQ(toml.items[1].items[0].items[0].key_at.column, 3U);
}

TEST(DocumentTest, WhatCouldGrowOrChangeOnReadingIsRefused) {
  EXPECT_THAT(Refusal("a: &x [1]\nb: *x\n"), HasSubstr("f:1:4: anchors"));
  EXPECT_THAT(Refusal("b: *x\n"), HasSubstr("f:1:4: anchors"));
  EXPECT_THAT(Refusal("a: &x 1\n"), HasSubstr("anchors"));
  EXPECT_THAT(Refusal("a: !!str 1\n"), HasSubstr("tags"));
  EXPECT_THAT(Refusal("a: !x {}\n"), HasSubstr("tags"));
  EXPECT_THAT(Refusal("&k a: 1\n"), HasSubstr("anchors"));
  EXPECT_THAT(Refusal("{a: 1, a: 2}"), HasSubstr("f:1:8: \"a\" is given twice"));
  EXPECT_THAT(Refusal("? [a]\n: 1\n"), HasSubstr("a key must be text"));
  EXPECT_THAT(Refusal("a: 1\n---\nb: 2\n"), HasSubstr("another"));
  EXPECT_EQ(Refusal("---\na: 1\n...\n"), "");
  EXPECT_THAT(Refusal(""), HasSubstr("empty"));
  EXPECT_THAT(Refusal("a = 1\na = 2\n", Format::kToml), HasSubstr("f:2:"));
}

TEST(DocumentTest, LimitsHoldInBothForms) {
  const std::string deep = std::string(kMaxDepth - 1, '[') + std::string(kMaxDepth - 1, ']');
  EXPECT_EQ(Refusal("a: " + deep), "");
  EXPECT_EQ(Refusal("a = " + deep, Format::kToml), "");
  EXPECT_THAT(Refusal("a: [[" + deep + "]]"), HasSubstr("nested too deeply"));
  EXPECT_THAT(Refusal("a = [[" + deep + "]]", Format::kToml), HasSubstr("nested too deeply"));
  EXPECT_THAT(Refusal(std::string(500'000, '[')), HasSubstr("nested too deeply"));
  EXPECT_NE(Refusal(std::string(500'000, '{')), "");
  EXPECT_NE(Refusal("a = " + std::string(500'000, '['), Format::kToml), "");
  std::string many = "a: [0";
  std::string keys;
  for (std::size_t i = 0; i < kMaxNodes; ++i) {
    many += ",1";
    keys += "k" + std::to_string(i) + ": 1\n";
  }
  EXPECT_THAT(Refusal(many + "]"), HasSubstr("too many values"));
  EXPECT_THAT(Refusal(keys.substr(0, kMaxDocument)), HasSubstr("too many keys"));
  EXPECT_THAT(Refusal(std::string(kMaxDocument + 1, ' ')), HasSubstr("larger than"));
  EXPECT_THAT(Refusal("a: \xff"), HasSubstr("UTF-8"));
}

TEST(DocumentTest, ErrorsOfTheLibrariesHavePlaces) {
  EXPECT_THAT(Refusal("a: 1\nb: @dir\n"), HasSubstr("f:2:4: "));
  EXPECT_THAT(Refusal("b: @dir\n"), HasSubstr("quote the text"));
  EXPECT_THAT(Refusal("a: [1\n"), HasSubstr("f:"));
  EXPECT_THAT(Refusal("a = \n", Format::kToml), HasSubstr("f:1:"));
  EXPECT_THAT(Refusal("\xc3\xa4 = 1\n", Format::kToml), HasSubstr("f:1:1: characters beyond"));
}

// A random document, as a value and as YAML in its flow form.
class RandomDocument {
 public:
  explicit RandomDocument(unsigned seed) : random_(seed) {}

  std::string Table(unsigned depth) {
    std::string out = "{";
    const unsigned members = Below(5);
    for (unsigned i = 0; i < members; ++i) {
      out += (i == 0 ? "" : ", ") + Quoted("k" + std::to_string(i) + Text()) + ": " + Value(depth);
    }
    return out + "}";
  }

 private:
  unsigned Below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  std::string Text() {
    constexpr std::string_view kPieces[] = {"a",  "~", "@dir",   "\\x", "\"", "'", "#", ": ",
                                            "\t", "ä", "\u4e2d", "{",   "]",  "1", " ", "="};
    std::string text;
    for (unsigned pieces = Below(6); pieces > 0; --pieces) {
      text += kPieces[Below(std::size(kPieces))];
    }
    return text;
  }

  static std::string Quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      out += c == '"' || c == '\\' ? "\\" : "";
      out += c;
    }
    return out + "\"";
  }

  std::string Value(unsigned depth) {
    switch (Below(depth < 4 ? 6 : 4)) {
      case 0:
        return std::to_string(static_cast<int>(Below(2000)) - 1000);
      case 1:
        return Below(2) == 0 ? "true" : "false";
      case 4:
        return Table(depth + 1);
      case 5:
        return "[" + Value(depth + 1) + ", " + Value(depth + 1) + "]";
      default:
        return Quoted(Text());
    }
  }

  std::mt19937 random_;
};

TEST(DocumentTest, BothFormsOfADocumentAreReadAlike) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const std::string text = RandomDocument(seed).Table(0);
    const Node yaml = Yaml(text);
    const auto toml = ReadToml(AsToml(yaml), "f.toml");
    ASSERT_TRUE(toml.has_value()) << toml.error().message() << '\n' << AsToml(yaml);
    ASSERT_TRUE(SameValue(yaml, *toml)) << text << '\n' << AsToml(yaml);
  }
}

}  // namespace
}  // namespace aegis::advice
