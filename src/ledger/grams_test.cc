#include "ledger/grams.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/random_entries.h"

namespace aegis::ledger {
namespace {

std::string Lower(std::string_view text) {
  std::string lower;
  AppendLower(lower, text);
  return lower;
}

TEST(AppendLowerTest, ChangesAsciiLettersOnly) {
  for (int shift = 0; shift < 9; ++shift) {  // at every place in a word
    std::string text(static_cast<std::size_t>(shift), '-');
    std::string expected = text;
    for (int c = 0; c < 256; ++c) {
      text += static_cast<char>(c);
      expected += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    EXPECT_EQ(Lower(text), expected);
  }
}

// The bits as docs/ledger-format.md defines them.
std::set<std::size_t> Defined(const std::vector<std::string>& texts, std::size_t size,
                              const std::vector<unsigned>& shifts, std::size_t bits) {
  std::set<std::size_t> set;
  for (const std::string& text : texts) {
    const std::string lower = Lower(text);
    for (std::size_t at = 0; at + size <= lower.size(); ++at) {
      std::uint64_t piece = 0;
      for (std::size_t i = size; i-- > 0;) {
        piece = piece * 256 + static_cast<std::uint8_t>(lower[at + i]);
      }
      for (const unsigned shift : shifts) {
        set.insert((piece * 11400714819323198485U >> shift) % bits);
      }
    }
  }
  return set;
}

std::set<std::size_t> BitsOf(std::string_view bytes) {
  std::set<std::size_t> set;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    if (HasBit(bytes, bit)) {
      set.insert(bit);
    }
  }
  return set;
}

TEST(GramBuilderTest, SetsTheBitsOfEachPiece) {
  RandomEntries random(1);
  GramBuilder builder;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> texts;
    for (std::size_t i = random.Below(50); i > 0; --i) {
      texts.push_back(random.Chance(5) ? ("x" + random.Name()).substr(random.Below(2))
                                       : random.Payload());
      builder.Add(texts.back());
    }
    EXPECT_EQ(BitsOf(builder.set3()), Defined(texts, 3, {48, 32}, 65536));
    EXPECT_EQ(BitsOf(builder.set5()), Defined(texts, 5, {47}, 131072));
    EXPECT_EQ(BitsOf(builder.set8()), Defined(texts, 8, {47}, 131072));
    builder.Clear();
    EXPECT_TRUE(BitsOf(builder.set3()).empty());
  }
}

TEST(GramQueryTest, FindsEveryPartOfEveryText) {
  RandomEntries random(2);
  for (int round = 0; round < 300; ++round) {
    GramBuilder builder;
    std::string text;
    for (int i = 0; i < 4; ++i) {
      text = random.Payload();
      builder.Add(text);
    }
    GramQuery query;
    for (int i = 0; i < 3; ++i) {
      query.Require(std::string_view(text).substr(random.Below(text.size()), random.Below(30)));
    }
    EXPECT_TRUE(query.MayBeIn3(builder.set3()));
    EXPECT_TRUE(query.MayBeIn5And8(builder.set5(), builder.set8()));
  }
}

TEST(GramQueryTest, LongPiecesTellWhatShortOnesDoNot) {
  GramBuilder builder;
  builder.Add("abcd bcde cdef abcde bcdef");
  builder.Add("abcdef-bcdefg cdefgh");
  const auto found = [&builder](std::string_view text) {
    GramQuery query;
    query.Require(text);
    return std::pair(query.MayBeIn3(builder.set3()),
                     query.MayBeIn5And8(builder.set5(), builder.set8()));
  };
  EXPECT_EQ(found("ABCDEF"), std::pair(true, true));
  EXPECT_EQ(found("abcdefg"), std::pair(true, true));
  EXPECT_EQ(found("abcdefgh"), std::pair(true, false));
  EXPECT_EQ(found("xyz"), std::pair(false, true));
  EXPECT_EQ(found("zz"), std::pair(true, true));
  EXPECT_EQ(found(""), std::pair(true, true));
}

}  // namespace
}  // namespace aegis::ledger
