#include "ledger/proof_text.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/merkle.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;

canon::NoteSigner Signer() {
  return Get(canon::NoteSigner::Parse(
      "PRIVATE+KEY+example.com/log+a4c3805a+AQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ"));
}

std::vector<canon::Sha256> Hashes(std::size_t count) {
  std::vector<canon::Sha256> hashes;
  hashes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    hashes.push_back(canon::HashSha256(std::to_string(i)));
  }
  return hashes;
}

LogProof Proof(std::size_t hashes) {
  const Checkpoint checkpoint = {
      .origin = "example.com/log", .size = 109482, .root = canon::HashSha256("root")};
  const std::string text = checkpoint.BodyText();
  return {.extra = {},
          .index = 73894,
          .hashes = Hashes(hashes),
          .checkpoint = {.text = text, .signatures = {Get(Signer().Sign(text))}}};
}

TEST(LogProofTest, IsWrittenAsSpecified) {
  LogProof proof = Proof(1);
  proof.extra = "extra bytes\n";
  EXPECT_EQ(proof.Text(),
            "c2sp.org/tlog-proof@v1\n"
            "extra ZXh0cmEgYnl0ZXMK\n"
            "index 73894\n"
            "X+zrZv/IbzjZUnhsbWlsecLbwjndTpG0ZynXOif7V+k=\n"
            "\n" +
                proof.checkpoint.Text());
  EXPECT_EQ(Get(LogProof::Parse(proof.Text())), proof);
}

TEST(LogProofTest, ParsesWhatItWrites) {
  for (const std::size_t hashes : {0U, 1U, 17U, 63U}) {
    for (const char* extra : {"", "x"}) {
      LogProof proof = Proof(hashes);
      proof.extra = extra;
      EXPECT_EQ(Get(LogProof::Parse(proof.Text())), proof);
    }
  }
  LogProof last = Proof(0);
  last.index = INT64_MAX;
  EXPECT_EQ(Get(LogProof::Parse(last.Text())), last);
}

TEST(LogProofTest, RefusesOtherForms) {
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  const std::string tail = "\n" + Proof(0).checkpoint.Text();
  const std::string hash = HashListText(Hashes(1));
  ASSERT_TRUE(LogProof::Parse(head + "index 0\n" + hash + tail));
  ASSERT_TRUE(LogProof::Parse(head + "extra eA==\nindex 0\n" + hash + tail));
  const std::vector<std::string> bad = {
      "",
      head,
      "c2sp.org/tlog-proof@v2\nindex 0\n" + tail,
      "c2sp.org/tlog-proof@v1 \nindex 0\n" + tail,
      head + tail,
      head + "index\n" + tail,
      head + "index \n" + tail,
      head + "index 00\n" + tail,
      head + "index -1\n" + tail,
      head + "index 9223372036854775808\n" + tail,
      head + "index  0\n" + tail,
      head + "extra \nindex 0\n" + tail,
      head + "extra eA=\nindex 0\n" + tail,
      head + "extra eB==\nindex 0\n" + tail,
      head + "index 0\nextra eA==\n" + tail,
      head + "extra eA==\nextra eA==\nindex 0\n" + tail,
      head + "extra eA==\n" + tail,
      head + "index 0\n" + hash,
      head + "index 0\n" + hash + "\n",
      head + "index 0\n" + hash + "AAAA\n" + tail,
      head + "index 0\n\n" + hash + tail,
      head + "index 0\n" + HashListText(Hashes(64)) + tail,
      head + "index 0\n" + tail + "\n",
      head + "index 0\n\no\n1\n\n\u2014 a AAAAAAA=\n",  // no root: not a checkpoint
  };
  for (const std::string& text : bad) {
    EXPECT_FALSE(LogProof::Parse(text)) << text;
  }
  const std::string whole = Proof(3).Text();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(LogProof::Parse(whole.substr(0, size))) << size;
  }
}

TEST(LogProofTest, HasALimit) {
  LogProof proof = Proof(1);
  proof.extra = std::string(kMaxProofText / 4 * 3 - 3000, 'x');
  EXPECT_EQ(Get(LogProof::Parse(proof.Text())), proof);
  proof.extra += std::string(3000, 'x');
  const auto parsed = LogProof::Parse(proof.Text());
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), Errc::kExhausted);
}

TEST(LogProofTest, RandomDamageIsRefusedOrWrittenBackAsItWas) {
  std::mt19937 random(5);  // NOLINT(bugprone-random-generator-seed): the same bytes on every run
  LogProof proof = Proof(2);
  proof.extra = "extra";
  const std::string good = proof.Text();
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    text[random() % text.size()] = "0 \n=A\xff"[random() % 6];
    const auto parsed = LogProof::Parse(text);
    ASSERT_TRUE(!parsed || parsed->Text() == text) << text;
  }
}

// The whole way: who has only the text and the log's key knows that the entry is in the log.
TEST(LogProofTest, CarriesAllThatIsNeededOffline) {
  MerkleHasher hasher;
  const canon::Sha256 first = hasher.Leaf("first");
  const canon::Sha256 second = hasher.Leaf("second");
  const std::string body =
      Checkpoint{.origin = "example.com/log", .size = 2, .root = hasher.Node(first, second)}
          .BodyText();
  const LogProof written = {.index = 1,
                            .hashes = {first},
                            .checkpoint = {.text = body, .signatures = {Get(Signer().Sign(body))}}};
  const LogProof proof = Get(LogProof::Parse(written.Text()));
  const std::vector<canon::VerifierKey> keys = {Signer().verifier()};
  EXPECT_EQ(Get(VerifyNote(proof.checkpoint, keys)).size(), 1U);
  const Checkpoint tree = Get(Checkpoint::Parse(proof.checkpoint.text));
  EXPECT_TRUE(VerifyInclusion(second, proof.index, tree.size, proof.hashes, tree.root));
  EXPECT_FALSE(VerifyInclusion(first, proof.index, tree.size, proof.hashes, tree.root));
}

TEST(HashListTest, ParsesWhatItWritesAndNothingElse) {
  for (const std::size_t count : {0U, 1U, 63U}) {
    const auto hashes = Hashes(count);
    EXPECT_EQ(Get(ParseHashList(HashListText(hashes))), hashes);
  }
  const std::string one = HashListText(Hashes(1));
  for (const std::string& text :
       {HashListText(Hashes(64)), one + "\n", "\n" + one, one.substr(0, 44), one + one.substr(1),
        std::string("\n"), " " + one, one.substr(0, 44) + "\r\n"}) {
    EXPECT_FALSE(ParseHashList(text)) << text;
  }
}

}  // namespace
}  // namespace aegis::ledger
