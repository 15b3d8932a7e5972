#include "canon/ed25519.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <cstddef>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/encoding.h"

namespace aegis::canon {
namespace {

std::string Bytes(std::string_view hex) { return HexDecode(hex).value(); }
Ed25519PublicKey Key(std::string_view hex) { return Ed25519PublicKey::From(Bytes(hex)).value(); }
Ed25519Signature Signature(std::string_view hex) {
  return Ed25519Signature::From(Bytes(hex)).value();
}
std::ifstream Vectors(const std::string& name) {
  return std::ifstream(std::string(AEGIS_TEST_VECTORS) + "/ed25519/" + name);
}

TEST(Ed25519Test, SignsAndVerifiesThePublishedVectors) {
  std::ifstream in = Vectors("rfc8032.txt");
  std::map<std::size_t, int> lengths;
  for (std::string seed, key, text, signature; in >> seed >> key >> text >> signature;) {
    const std::string message = text == "-" ? "" : Bytes(text);
    const auto signer = Ed25519Key::FromSeed(Bytes(seed));
    ASSERT_TRUE(signer) << signer.error().message();
    EXPECT_EQ(HexEncode(signer->public_key().view()), key);
    EXPECT_EQ(HexEncode(signer->seed()), seed);
    EXPECT_EQ(HexEncode(signer->Sign(message).view()), signature);
    EXPECT_TRUE(VerifyEd25519(Key(key), message, Signature(signature)));
    ++lengths[message.size()];
  }
  EXPECT_EQ(lengths, (std::map<std::size_t, int>{{0, 1}, {1, 1}, {2, 1}, {64, 1}, {1023, 1}}));
}

TEST(Ed25519Test, EveryFlippedBitBreaksASignature) {
  const auto signer = Ed25519Key::FromSeed(std::string(32, '\x07'));
  ASSERT_TRUE(signer);
  const std::string message = "a note\n";
  const Ed25519Signature signature = signer->Sign(message);
  const Ed25519PublicKey key = signer->public_key();
  ASSERT_TRUE(VerifyEd25519(key, message, signature));
  const auto flip = [](auto bytes, std::size_t bit) {
    bytes[bit / 8] = static_cast<typename decltype(bytes)::value_type>(
        static_cast<unsigned char>(bytes[bit / 8]) ^ (1U << (bit % 8)));
    return bytes;
  };
  for (std::size_t bit = 0; bit < 8 * Ed25519Signature::kSize; ++bit) {
    EXPECT_FALSE(VerifyEd25519(key, message, {flip(signature.bytes, bit)})) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * Ed25519PublicKey::kSize; ++bit) {
    EXPECT_FALSE(VerifyEd25519({flip(key.bytes, bit)}, message, signature)) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
    EXPECT_FALSE(VerifyEd25519(key, flip(message, bit), signature)) << bit;
  }
  EXPECT_FALSE(VerifyEd25519(key, message + '\0', signature));
  EXPECT_FALSE(VerifyEd25519(key, "", signature));
}

// The verdicts are those of the equation without the cofactor, but that weak keys are refused.
TEST(Ed25519Test, EdgesAreJudgedAsDocumented) {
  std::ifstream in = Vectors("edge-cases.txt");
  std::map<std::string, int> seen;
  for (std::string verdict, name, key, message, signature;
       in >> verdict >> name >> key >> message >> signature;) {
    EXPECT_EQ(VerifyEd25519(Key(key), Bytes(message), Signature(signature)), verdict == "good")
        << name;
    EXPECT_EQ(IsWeak(Key(key)), verdict == "weak") << name;
    ++seen[verdict];
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{{"bad", 8}, {"good", 3}, {"weak", 14}}));
}

TEST(Ed25519Test, NumbersNotBelowThePrimeAreWeakKeys) {
  const std::string middle(60, 'f');
  EXPECT_FALSE(IsWeak(Key("eb" + middle + "7f")));
  for (const char* low : {"ed", "ee", "ef", "f0", "f7", "ff"}) {
    EXPECT_TRUE(IsWeak(Key(low + middle + "7f"))) << low;
    EXPECT_TRUE(IsWeak(Key(low + middle + "ff"))) << low;
  }
  EXPECT_FALSE(IsWeak(Key("ff" + middle + "7e")));
  EXPECT_FALSE(IsWeak(Key("fffe" + middle.substr(2) + "7f")));
}

TEST(Ed25519Test, AKeyThatIsNoPointVerifiesNothing) {
  const auto signer = Ed25519Key::FromSeed(std::string(32, 'k'));
  ASSERT_TRUE(signer);
  const Ed25519PublicKey no_point = Key("02" + std::string(62, '0'));
  EXPECT_FALSE(IsWeak(no_point));
  EXPECT_FALSE(VerifyEd25519(no_point, "m", signer->Sign("m")));
}

TEST(Ed25519Test, OtherLengthsAreNoKeysAndNoSignatures) {
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    EXPECT_FALSE(Ed25519PublicKey::From(std::string(size, 'x'))) << size;
    EXPECT_FALSE(Ed25519Key::FromSeed(std::string(size, 'x'))) << size;
  }
  EXPECT_FALSE(Ed25519Signature::From(std::string(63, 'x')));
  EXPECT_FALSE(Ed25519Signature::From(std::string(65, 'x')));
}

TEST(Ed25519Test, FreshKeysDifferAndWork) {
  const auto first = Ed25519Key::Generate();
  auto second = Ed25519Key::Generate();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->seed(), second->seed());
  const Ed25519Signature signature = second->Sign("m");
  EXPECT_FALSE(VerifyEd25519(first->public_key(), "m", signature));
  const Ed25519Key moved = std::move(*second);
  EXPECT_TRUE(VerifyEd25519(moved.public_key(), "m", signature));
  EXPECT_EQ(moved.Sign("m"), signature);
  const auto again = Ed25519Key::FromSeed(moved.seed());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key(), moved.public_key());
}

TEST(Ed25519Test, RefusalsLeaveNoErrorsToOthers) {
  const auto signer = Ed25519Key::FromSeed(std::string(32, 'k'));
  ASSERT_TRUE(signer);
  Ed25519Signature wrong = signer->Sign("m");
  wrong.bytes.back() = 0xff;
  EXPECT_FALSE(VerifyEd25519(signer->public_key(), "m", wrong));
  EXPECT_FALSE(VerifyEd25519(Key("02" + std::string(62, '0')), "m", wrong));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(WipeTest, NothingIsLeft) {
  std::string secret(40, 's');
  const char* memory = secret.data();
  Wipe(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(std::string(memory, 40), std::string(40, '\0'));
}

}  // namespace
}  // namespace aegis::canon
