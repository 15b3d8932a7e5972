#include "ledger/checkpoint.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "canon/canon.h"
#include "ledger/lines.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr std::string_view kRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

std::string Text(std::string_view origin, std::string_view size, std::string_view root = kRoot) {
  return std::string(origin) + '\n' + std::string(size) + '\n' + std::string(root) + '\n';
}

TEST(CheckpointTest, IsThreeLines) {
  const std::string text = Text("example.com/behind-the-sofa", "20852163");
  const Checkpoint checkpoint = Get(Checkpoint::Parse(text));
  EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint.size, 20852163U);
  EXPECT_EQ(checkpoint.root, canon::Sha256FromBase64(kRoot));
  EXPECT_EQ(checkpoint.BodyText(), text);
}

TEST(CheckpointTest, SizesHaveOneForm) {
  for (const std::string_view size : {"0", "1", "10", "9223372036854775807"}) {
    const std::string text = Text("o", size);
    EXPECT_EQ(Get(Checkpoint::Parse(text)).BodyText(), text);
  }
  for (const std::string_view size :
       {"", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(Checkpoint::Parse(Text("o", size))) << size;
  }
}

TEST(CheckpointTest, ExtensionLinesAreToleratedIfNotEmpty) {
  const std::string text = Text("o", "5");
  const std::string extended = text + "one\ntwo words\n";
  EXPECT_EQ(Get(Checkpoint::Parse(extended)), Get(Checkpoint::Parse(text)));
  EXPECT_EQ(Get(Checkpoint::Parse(extended)).BodyText(), text);
  for (const std::string_view tail : {"\n", "one\n\n", "\none\n", "one", "\ttab\n"}) {
    EXPECT_FALSE(Checkpoint::Parse(text + std::string(tail))) << tail;
  }
}

TEST(CheckpointTest, OriginsAreAnyLine) {
  for (const std::string_view origin : {"example.com/a", "with space+plus", "\u00fc", "0"}) {
    EXPECT_EQ(Get(Checkpoint::Parse(Text(origin, "1"))).origin, origin);
  }
  for (const std::string_view origin : {"", "\xff", "a\tb", "a\rb"}) {
    EXPECT_FALSE(Checkpoint::Parse(Text(origin, "1"))) << origin;
  }
}

TEST(CheckpointTest, RefusesWhatIsCutShortOrNoHash) {
  const std::string text = Text("origin", "7");
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(Checkpoint::Parse(text.substr(0, size))) << size;
  }
  for (const std::string_view root : {"", "AAAA", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I",
                                      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=",
                                      "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=",
                                      " CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="}) {
    EXPECT_FALSE(Checkpoint::Parse(Text("origin", "7", root))) << root;
  }
}

TEST(LinesTest, LinesAreTakenWhole) {
  std::string_view rest = "a\n\nb";
  EXPECT_EQ(TakeLine(rest), "a");
  EXPECT_EQ(TakeLine(rest), "");
  EXPECT_FALSE(TakeLine(rest));
  EXPECT_EQ(rest, "b");
}

TEST(LinesTest, HashLinesEndAtAnEmptyLineOrTheEnd) {
  const std::vector<canon::Sha256> hashes = {canon::HashSha256("a"), canon::HashSha256("b")};
  std::string text;
  AppendHashLines(text, hashes);
  std::string_view rest = text;
  EXPECT_EQ(TakeHashLines(rest, 2), hashes);
  EXPECT_EQ(rest, "");
  rest = text;
  EXPECT_FALSE(TakeHashLines(rest, 1));
  text += "\nmore";
  rest = text;
  EXPECT_EQ(TakeHashLines(rest, 2), hashes);
  EXPECT_EQ(rest, "\nmore");
  rest = std::string_view(text).substr(0, 50);
  EXPECT_FALSE(TakeHashLines(rest, 2));
}

}  // namespace
}  // namespace aegis::ledger
