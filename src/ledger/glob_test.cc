#include "ledger/glob.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

struct Case {
  std::string_view pattern;
  std::string_view name;
};

TEST(GlobTest, Matches) {
  for (const auto& [pattern, name] : std::vector<Case>{{"", ""},
                                                       {"/a/b", "/a/b"},
                                                       {"/a/?", "/a/b"},
                                                       {"/a/?", "/a/\u00e4"},
                                                       {"/a/?", R"(/a/\\)"},
                                                       {"/a/?", R"(/a/\xff)"},
                                                       {"/a/*", "/a/bc"},
                                                       {"/a/*", "/a/"},
                                                       {"*.cc", "x.cc"},
                                                       {"/a/*/c", "/a/b/c"},
                                                       {"/a/**", "/a/b/c"},
                                                       {"/a/**", "/a/"},
                                                       {"/a/**/c", "/a/c"},
                                                       {"/a/**/c", "/a/b/c"},
                                                       {"/a/**/c", "/a/b/b/c"},
                                                       {"**/c", "c"},
                                                       {"**/c", "/a/c"},
                                                       {"**", "/a/b"},
                                                       {"***", "/a/b"},
                                                       {"/a**c", "/ab/c"},
                                                       {"/a/*b*/x", "/a/abbc/x"},
                                                       {"**/b/*.h", "/b/b/a.h"},
                                                       {R"(/a\*)", "/a*"},
                                                       {R"(/a\?)", "/a?"},
                                                       {R"(/a\\b)", R"(/a\\b)"},
                                                       {R"(/a\\*)", R"(/a\\b)"},
                                                       {R"(/a\xff)", R"(/a\xff)"},
                                                       {R"(\)", R"(\)"}}) {
    EXPECT_TRUE(Get(Glob::Parse(pattern)).Matches(name)) << pattern << ' ' << name;
  }
}

TEST(GlobTest, DoesNotMatch) {
  for (const auto& [pattern, name] : std::vector<Case>{{"", "a"},
                                                       {"/a", "/ab"},
                                                       {"/ab", "/a"},
                                                       {"/a/?", "/a/"},
                                                       {"/a?b", "/a/b"},
                                                       {"/a/?", "/a/bc"},
                                                       {"/a/*", "/a/b/c"},
                                                       {"*", "/a"},
                                                       {"/a/*/c", "/a/c"},
                                                       {"/a/**", "/a"},
                                                       {"/a/**/c", "/a/bc"},
                                                       {"/a/**/c", "/abc"},
                                                       {"**/c", "abc"},
                                                       {"**/c/", "/c"},
                                                       {"/A", "/a"},
                                                       {R"(/a\*)", "/ab"},
                                                       {R"(/a\?)", "/ab"},
                                                       {R"(/a\xff)", R"(/a\xfe)"},
                                                       {R"(/a\xf?)", R"(/a\xff)"}}) {
    EXPECT_FALSE(Get(Glob::Parse(pattern)).Matches(name)) << pattern << ' ' << name;
  }
}

TEST(GlobTest, WhatCanNameNothingIsRefused) {
  for (const std::string& pattern : {std::string("\xff"), std::string(Glob::kMaxLength + 1, 'a')}) {
    const auto glob = Glob::Parse(pattern);
    ASSERT_FALSE(glob);
    EXPECT_EQ(glob.error().code(), base::Errc::kInvalid);
  }
  EXPECT_TRUE(Glob::Parse(std::string(Glob::kMaxLength, 'a')));
}

TEST(GlobTest, LiteralsAreWhatEachMatchContains) {
  const auto texts = [](std::string_view pattern) {
    std::vector<std::string> found;
    for (const Glob::Literal& literal : Get(Glob::Parse(pattern)).Literals()) {
      found.push_back((literal.at_begin ? "^" : "") + literal.text + (literal.at_end ? "$" : ""));
    }
    return found;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts("/a/b"), Texts{"^/a/b$"});
  EXPECT_EQ(texts("/srv/*.cc"), (Texts{"^/srv/", ".cc$"}));
  EXPECT_EQ(texts("**/secret/**"), Texts{"secret/"});
  EXPECT_EQ(texts("/a/**/b?c*"), (Texts{"^/a/", "b", "c"}));
  EXPECT_EQ(texts(R"(*\*\\)"), Texts{R"(*\\$)"});
  EXPECT_EQ(texts("**"), Texts{});
}

// The definition, in as many words.
bool Defined(std::string_view pattern, std::string_view name, bool segment_begins = true) {
  if (pattern.empty()) {
    return name.empty();
  }
  const auto from_some = [&name](std::string_view rest, bool begins, auto&& may_pass) {
    for (std::size_t taken = 0;; ++taken) {
      if (Defined(rest, name.substr(taken), begins)) {
        return true;
      }
      if (taken == name.size() || !may_pass(name[taken])) {
        return false;
      }
    }
  };
  if (segment_begins && pattern.starts_with("**/")) {
    for (std::size_t taken = 0; taken <= name.size(); ++taken) {
      if ((taken == 0 || name[taken - 1] == '/') &&
          Defined(pattern.substr(3), name.substr(taken), true)) {
        return true;
      }
    }
    return false;
  }
  if (pattern.starts_with("**")) {
    return from_some(pattern.substr(2), false, [](char) { return true; });
  }
  if (pattern.front() == '*') {
    return from_some(pattern.substr(1), false, [](char c) { return c != '/'; });
  }
  const bool fits = !name.empty() && (pattern.front() == '?' ? name.front() != '/'
                                                             : pattern.front() == name.front());
  return fits && Defined(pattern.substr(1), name.substr(1), pattern.front() == '/');
}

TEST(GlobTest, AgreesWithItsDefinition) {
  std::mt19937 random(7);
  const auto text = [&random](std::string_view alphabet, std::size_t longest) {
    std::string made;
    for (std::size_t left = random() % (longest + 1); left > 0; --left) {
      made += alphabet[random() % alphabet.size()];
    }
    return made;
  };
  int matched = 0;
  for (int i = 0; i < 60000; ++i) {
    const std::string pattern = text("ab//**?", 9);
    const std::string name = text("ab/", 9);
    if (pattern.contains("***")) {
      continue;
    }
    const Glob glob = Get(Glob::Parse(pattern));
    ASSERT_EQ(glob.Matches(name), Defined(pattern, name)) << pattern << ' ' << name;
    if (glob.Matches(name)) {
      ++matched;
      for (const Glob::Literal& literal : glob.Literals()) {
        EXPECT_TRUE(literal.at_begin ? name.starts_with(literal.text)
                                     : name.contains(literal.text));
        EXPECT_TRUE(!literal.at_end || name.ends_with(literal.text));
      }
    }
  }
  EXPECT_GT(matched, 1000);
}

TEST(GlobTest, ManyStarsCostNoExplosion) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) {
    pattern += i % 2 == 0 ? "*a" : "**a";
  }
  EXPECT_FALSE(Get(Glob::Parse(pattern + "b")).Matches(std::string(20'000, 'a')));
}

}  // namespace
}  // namespace aegis::ledger
