#include "ledger/witness_message.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;

// The example of the specification.
constexpr std::string_view kRequest =
    "old 20852014\n"
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    "\n"
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49"
    "/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
constexpr std::string_view kCosignatures =
    "\u2014 witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVj"
    "yQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==\n"
    "\u2014 witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vW"
    "hO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==\n"
    "\u2014 witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYK"
    "A7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==\n";

std::string Request(const std::string& old, const std::string& proof, const std::string& note) {
  return old + proof + "\n" + note;
}

TEST(AddCheckpointRequestTest, ReadsTheSpecificationsExample) {
  const auto request = Get(AddCheckpointRequest::Parse(kRequest));
  EXPECT_EQ(request.old_size, 20852014U);
  EXPECT_EQ(request.proof.size(), 4U);
  EXPECT_EQ(request.checkpoint.signatures.size(), 2U);
  EXPECT_EQ(request.Text(), kRequest);
}

TEST(AddCheckpointRequestTest, RefusesOtherForms) {
  const std::string note =
      "o\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 a AAAAAAA=\n";
  const std::string hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  std::string hashes;
  for (int i = 0; i < 63; ++i) {
    hashes += hash;
  }
  for (const std::string& good :
       {Request("old 0\n", "", note), Request("old 7\n", "", note), Request("old 1\n", hash, note),
        Request("old 1\n", hashes, note)}) {
    EXPECT_EQ(Get(AddCheckpointRequest::Parse(good)).Text(), good);
  }
  for (const std::string& bad : {std::string(),
                                 std::string("\n"),
                                 note,
                                 Request("", "", note),
                                 Request("old\n", "", note),
                                 Request("old \n", "", note),
                                 Request("old 00\n", "", note),
                                 Request("old 07\n", "", note),
                                 Request("old -1\n", "", note),
                                 Request("old 8\n", "", note),
                                 Request("old  1\n", "", note),
                                 Request("Old 1\n", "", note),
                                 Request("old 1\r\n", "", note),
                                 Request("old 18446744073709551616\n", "", note),
                                 Request("old 1\n", hashes + hash, note),
                                 Request("old 1\n", "AAAA\n", note),
                                 Request("old 1\n", "\n" + hash, note),
                                 "old 1\n" + note,
                                 Request("old 1\n", hash, ""),
                                 Request("old 1\n", hash, note + "\n"),
                                 Request("old 1\n", hash, "o\n7\n\n\u2014 a AAAAAAA=\n")}) {
    EXPECT_FALSE(AddCheckpointRequest::Parse(bad)) << bad;
  }
  for (std::size_t size = 0; size < kRequest.size(); ++size) {
    // A note may well end behind its first signature.
    const auto cut = AddCheckpointRequest::Parse(kRequest.substr(0, size));
    EXPECT_TRUE(!cut || cut->checkpoint.signatures.size() == 1) << size;
  }
}

TEST(AddCheckpointRequestTest, HasALimit) {
  const auto parsed = AddCheckpointRequest::Parse(std::string(2 * canon::kMaxNote, 'x'));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), Errc::kExhausted);
}

TEST(CosignaturesTest, ReadsTheSpecificationsExample) {
  const auto signatures = Get(ParseCosignatures(kCosignatures));
  ASSERT_EQ(signatures.size(), 3U);
  EXPECT_EQ(signatures[0].name, "witness.example/w1");
  EXPECT_EQ(signatures[2].name, "witness.example/w2");
  EXPECT_EQ(signatures[2].bytes.size(), 72U);
  EXPECT_EQ(CosignaturesText(signatures), kCosignatures);
}

TEST(CosignaturesTest, RefusesOtherForms) {
  const std::string good(kCosignatures);
  for (const std::string& bad :
       {std::string(), std::string("\n"), good + "\n", "\n" + good, good.substr(1),
        good.substr(0, good.size() - 1), good + "200 OK\n", std::string("{}\n")}) {
    EXPECT_FALSE(ParseCosignatures(bad)) << bad;
  }
}

TEST(CosignaturesTest, AWitnessAnswersALog) {
  const auto log = Get(canon::NoteSigner::Generate("example.com/log"));
  const auto witness = Get(canon::NoteSigner::Generate("witness.example"));
  const std::string body = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
  AddCheckpointRequest request = {
      .checkpoint = {.text = body, .signatures = {Get(log.Sign(body))}}};
  const auto seen = Get(AddCheckpointRequest::Parse(request.Text()));
  EXPECT_EQ(seen, request);
  const std::string answer =
      CosignaturesText({Get(witness.Cosign(seen.checkpoint.text, 1700000000))});
  for (const auto& signature : Get(ParseCosignatures(answer))) {
    request.checkpoint.signatures.push_back(signature);
  }
  const std::vector<canon::VerifierKey> keys = {log.verifier(), witness.cosigner()};
  EXPECT_EQ(Get(VerifyNote(request.checkpoint, keys)).size(), 2U);
}

TEST(KnownSizeTest, ParsesWhatItWritesAndNothingElse) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{20852014}}) {
    EXPECT_EQ(Get(ParseKnownSize(KnownSizeText(size))), size);
  }
  EXPECT_EQ(KnownSizeText(42), "42\n");
  for (const std::string_view bad : {"", "\n", "42", "042\n", "42\n\n", "42\r\n", " 42\n", "-1\n",
                                     "42 \n", "9223372036854775808\n"}) {
    EXPECT_FALSE(ParseKnownSize(bad)) << bad;
  }
}

}  // namespace
}  // namespace aegis::ledger
