#include "canon/encoding.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/sha256.h"

namespace aegis::canon {
namespace {

TEST(EncodingTest, HexIsLowerCase) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\xfe\xab", 3)), "00feab");
  EXPECT_EQ(HexDecode("00feab"), std::string("\x00\xfe\xab", 3));
  for (const std::string_view bad : {"0", "0G", "FE", "0x", " 0"}) {
    EXPECT_EQ(HexDecode(bad), std::nullopt) << bad;
  }
}

// RFC 4648, section 10.
TEST(EncodingTest, Base64GivesThePublishedVectors) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(Base64Encode(plain), encoded);
    EXPECT_EQ(Base64Decode(encoded), plain);
  }
}

TEST(EncodingTest, Base64HasOneFormPerValue) {
  for (const std::string_view bad :
       {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9-", "Zm 9"}) {
    EXPECT_EQ(Base64Decode(bad), std::nullopt) << bad;
  }
}

TEST(EncodingTest, BothRoundTripAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 100, '\0');
    for (char& c : bytes) {
      c = static_cast<char>(random() & 0xffU);
    }
    EXPECT_EQ(HexDecode(HexEncode(bytes)), bytes);
    EXPECT_EQ(Base64Decode(Base64Encode(bytes)), bytes);
  }
}

TEST(EncodingTest, DigestsHaveOneLength) {
  const Sha256 digest = HashSha256("x");
  EXPECT_EQ(Sha256FromHex(HexEncode(digest.view())), digest);
  EXPECT_EQ(Sha256FromBase64(Base64Encode(digest.view())), digest);
  EXPECT_EQ(Sha256FromHex(HexEncode("short")), std::nullopt);
  EXPECT_EQ(Sha256FromBase64(Base64Encode("short")), std::nullopt);
  EXPECT_EQ(Sha256FromHex(std::string(64, 'F')), std::nullopt);
}

}  // namespace
}  // namespace aegis::canon
