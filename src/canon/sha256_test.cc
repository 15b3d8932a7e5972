#include "canon/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "canon/encoding.h"

namespace aegis::canon {
namespace {

std::string Hex(const Sha256& digest) { return HexEncode(digest.view()); }

// FIPS 180-2, appendix B.
TEST(Sha256Test, GivesThePublishedDigests) {
  EXPECT_EQ(Hex(HashSha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(HashSha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(HashSha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hex(HashSha256(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, AHasherIsUsedAgainAndAgain) {
  Sha256Hasher hasher;
  const Sha256 first = hasher.Hash("abc");
  EXPECT_NE(hasher.Hash("abd"), first);
  EXPECT_EQ(hasher.Hash("abc"), first);
  Sha256Hasher moved = std::move(hasher);
  EXPECT_EQ(moved.Hash("abc"), first);
}

TEST(Sha256Test, PartsAreTheWhole) {
  Sha256Hasher hasher;
  hasher.Begin();
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), HashSha256("abc"));
}

}  // namespace
}  // namespace aegis::canon
