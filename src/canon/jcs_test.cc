#include "canon/jcs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/test_oracle.h"

namespace aegis::canon {
namespace {

std::string Canonical(std::string_view json) {
  const auto out = Canonicalize(json);
  return out ? *out : "error: " + out.error().message();
}

// RFC 8785, section 3.2.2 to 3.2.4.
TEST(JcsTest, GivesThePublishedExample) {
  EXPECT_EQ(Canonical(R"({
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
})"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

// RFC 8785, section 3.2.3.
TEST(JcsTest, SortsKeysByUtf16CodeUnits) {
  EXPECT_EQ(Canonical(R"({"\u20ac":"Euro Sign","\r":"Carriage Return",)"
                      R"("\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",)"
                      R"("\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",)"
                      R"("\u00f6":"Latin Small Letter O With Diaeresis"})"),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
            "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
            "\"\U0001f600\":\"Emoji: Grinning Face\","
            "\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(JcsTest, KeepsEveryKindOfValue) {
  EXPECT_EQ(Canonical(" [ ] "), "[]");
  EXPECT_EQ(Canonical("{ }"), "{}");
  EXPECT_EQ(Canonical("[[],{},\"\",0,-0,null]"), "[[],{},\"\",0,0,null]");
  EXPECT_EQ(Canonical("{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"z\":1}]}"),
            "{\"a\":[{\"z\":1}],\"b\":{\"c\":2,\"d\":1}}");
  EXPECT_EQ(Canonical("9007199254740993"), "9007199254740992");
  EXPECT_EQ(Canonical("\"\\ud83d\\ude00\\u2028<>&\""), "\"\U0001f600\u2028<>&\"");
}

TEST(JcsTest, RefusesWhatIsNoIJson) {
  const std::vector<std::string> bad = {"",
                                        "{",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{\"a\" 1}",
                                        "{a:1}",
                                        "nul",
                                        "truex",
                                        "[1 2]",
                                        "1 2",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\ud800\"",
                                        "\"\\udc00\"",
                                        "\"\\ud800x\"",
                                        "\"\n\"",
                                        "\"\xff\"",
                                        "\"\xc0\x80\"",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"a\":1,\"\\u0061\":2}",
                                        "1e400",
                                        "NaN",
                                        "+1",
                                        "01",
                                        "[\"\\ud800\\ud800\"]",
                                        "{\"a\"}",
                                        "\"\\",
                                        "\"\\ud800\\u0041\""};
  for (const std::string& text : bad) {
    const auto out = Canonicalize(text);
    ASSERT_FALSE(out) << text << " gave " << *out;
    EXPECT_EQ(out.error().code(), base::Errc::kInvalid);
  }
}

TEST(JcsTest, BoundsNesting) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(Canonical(nested(kMaxJsonDepth)), nested(kMaxJsonDepth));
  EXPECT_TRUE(IsCanonicalValue(nested(kMaxJsonDepth)));
  EXPECT_FALSE(Canonicalize(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(IsCanonicalValue(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(Canonicalize(std::string(1000000, '[')));
  EXPECT_FALSE(IsCanonicalValue(std::string(1000000, '[')));
}

TEST(JcsTest, TellsCanonicalFromNot) {
  for (const std::string_view good :
       {"{}", R"({"a":1,"b":[true,null,"x\n"]})", R"({"\r":1,"1":2,"A":3,"a":4})",
        "{\"\U0001f600\":1,\"\ufb33\":2}"}) {
    EXPECT_TRUE(IsCanonicalObject(good)) << good;
  }
  for (const std::string_view bad : {"",
                                     "[]",
                                     "1",
                                     "{ }",
                                     "{}\n",
                                     " {}",
                                     R"({"b":1,"a":2})",
                                     R"({"a":1,"a":1})",
                                     R"({"a":1.0})",
                                     R"({"a":"\u0041"})",
                                     R"({"a":"\/"})",
                                     R"({"a":"\u000A"})",
                                     R"({"a":"\u000a"})",
                                     R"({"a":"\u001F"})",
                                     R"({"a":1}{})",
                                     R"({"a":01})",
                                     "{\"a\":\"\xff\"}",
                                     "{\"a\":\"\n\"}",
                                     "{\"\ufb33\":1,\"\U0001f600\":2}",
                                     R"({"a":nan})"}) {
    EXPECT_FALSE(IsCanonicalObject(bad)) << bad;
  }
}

// A random value as JSON text in a random, mostly uncanonical spelling.
class RandomJson {
 public:
  explicit RandomJson(unsigned seed) : random_(seed) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by depth
  std::string Value(int depth) {
    switch (random_() % (depth > 0 ? 6U : 4U)) {
      case 0:
        return random_() % 2 == 0 ? "null" : "false";
      case 1:
        return std::to_string(static_cast<int>(random_() % 2000) - 1000) +
               (random_() % 2 == 0 ? "e-3" : "");
      case 2:
      case 3:
        return String();
      case 4:
        return Many('[', ']', [&] { return Value(depth - 1); });
      default:
        return Many('{', '}', [&] { return String() + " : " + Value(depth - 1); });
    }
  }

 private:
  std::string String() {
    static const std::vector<std::string> kPieces = {
        "a",      "b",   "\\u0062", "\\n",  "\\u000a", "\u00e9",  "\U0001f600", "\\ud83d\\ude00",
        "\ufb33", "\\/", "/",       "\\\"", "\u2028",  "\\u2028", "\\u0000"};
    std::string out = "\"";
    for (auto left = random_() % 4; left > 0; --left) {
      out += kPieces[random_() % kPieces.size()];
    }
    return out + "\"";
  }

  template <typename Make>
  std::string Many(char open, char close, Make make) {
    std::string out(1, open);
    const auto count = random_() % 4;
    for (unsigned i = 0; i < count; ++i) {
      out += (i > 0 ? " ,\t" : " ") + make();
    }
    return out + close;
  }

  std::mt19937 random_;
};

TEST(JcsTest, CanonicalFormIsAFixedPointAndRecognised) {
  int canonical = 0;
  for (unsigned seed = 0; seed < 5000; ++seed) {
    const std::string text = RandomJson(seed).Value(4);
    const auto once = Canonicalize(text);
    if (!once) {
      continue;  // a duplicate key
    }
    ++canonical;
    const auto twice = Canonicalize(*once);
    ASSERT_TRUE(twice) << *once;
    EXPECT_EQ(*twice, *once);
    EXPECT_TRUE(IsCanonicalValue(*once)) << *once;
    EXPECT_EQ(IsCanonicalValue(text), text == *once) << text;
  }
  EXPECT_GT(canonical, 3000);
}

TEST(JcsTest, AnIndependentImplementationAgrees) {
  for (unsigned seed = 0; seed < 5000; ++seed) {
    const std::string text = RandomJson(seed).Value(4);
    const auto canonical = Canonicalize(text);
    ASSERT_EQ(canonical ? std::optional(*canonical) : std::nullopt, OracleCanonicalize(text))
        << text;
  }
}

TEST(JcsTest, AnIndependentImplementationAgreesOnMutations) {
  std::mt19937 random(4);
  const std::string base =
      R"({"a":[1,2.5e-7,-0,1e21,"\u00e9\ud83d\ude00"],"b":{"c":null,"\ud83d\ude00":true,"\ufb33":0.1}})";
  int accepted = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string text = base;
    for (auto changes = 1 + random() % 2; changes > 0; --changes) {
      constexpr std::string_view kLikely = "\"\\{}[]:,.eE+-0123456789abcdfu \n\x80\xc3";
      text[random() % text.size()] = kLikely[random() % kLikely.size()];
    }
    const auto canonical = Canonicalize(text);
    accepted += canonical ? 1 : 0;
    ASSERT_EQ(canonical ? std::optional(*canonical) : std::nullopt, OracleCanonicalize(text))
        << text;
  }
  EXPECT_GT(accepted, 1000);
}

TEST(JcsTest, EveryMutationThatStillIsCanonicalIsItsOwnCanonicalForm) {
  std::mt19937 random(3);
  const std::string base = R"({"a":[1,2.5,"x\n"],"b":{"c":null,"d":true},"e":"\u001f"})";
  for (int round = 0; round < 200000; ++round) {
    std::string text = base;
    for (auto changes = 1 + random() % 2; changes > 0; --changes) {
      text[random() % text.size()] = static_cast<char>(random() & 0xffU);
    }
    const auto canonical = Canonicalize(text);
    ASSERT_EQ(IsCanonicalValue(text), canonical && *canonical == text) << text;
  }
}

TEST(JcsTest, Utf16OrderIsAnOrder) {
  std::vector<std::string> keys = {"",       "a",          "aa",         "b",      "\u0080",
                                   "\ud7ff", "\U00010000", "\U0010ffff", "\ue000", "\uffff"};
  std::vector<std::string> shuffled = keys;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(5));
  std::sort(shuffled.begin(), shuffled.end(), Utf16Less);
  EXPECT_EQ(shuffled, keys);
}

}  // namespace
}  // namespace aegis::canon
