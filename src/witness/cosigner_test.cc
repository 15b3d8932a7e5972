#include "witness/cosigner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/http_message.h"
#include "witness/memory_store.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kTime = 1700000000;

class CosignerTest : public testing::Test {
 protected:
  HttpReply Post(const std::string& body) {
    return cosigner_.Handle({.method = "POST", .path = "/add-checkpoint", .body = body});
  }
  HttpReply Ask(const std::string& path, const std::string& method = "GET") {
    return cosigner_.Handle({.method = method, .path = path});
  }
  std::uint64_t SizeOf(const std::string& origin) {
    const auto latest = store_.latest.find(origin);
    return latest == store_.latest.end() ? 0
                                         : Get(ledger::Checkpoint::Parse(latest->second.text)).size;
  }
  // The answer is a cosignature of this very checkpoint.
  void ExpectCosigned(const HttpReply& reply, const canon::SignedNote& checkpoint) {
    ASSERT_EQ(reply.status, 200U) << reply.body;
    canon::SignedNote note = checkpoint;
    note.signatures = Get(ledger::ParseCosignatures(reply.body));
    const std::vector keys = {witness_.signer().cosigner()};
    EXPECT_THAT(Get(canon::VerifyNote(note, keys)),
                ElementsAre(canon::VerifiedKey{.index = 0, .time = kTime}));
  }

  TestLog log_{"log.example"};
  TestLog fork_{"log.example", 5};
  TestLog other_{"other.example"};
  TestLog witness_{"witness.example"};
  MemoryStore store_;
  std::vector<std::string> lines_;
  Cosigner cosigner_{Get(TestLog::SignerOf("witness.example")),
                     {log_.key(), other_.key()},
                     store_,
                     [] { return kTime; },
                     [this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(CosignerTest, CosignsAGrowingLog) {
  std::uint64_t old_size = 0;
  for (const std::uint64_t size : {0U, 1U, 2U, 2U, 7U, 8U, 100U}) {
    ExpectCosigned(Post(log_.Request(old_size, size)), log_.Note(size));
    EXPECT_EQ(SizeOf("log.example"), size);
    old_size = size;
  }
  EXPECT_EQ(lines_.size(), 7U);
  EXPECT_THAT(lines_.back(), HasSubstr("cosigned log.example, 100 entries, root "));
}

TEST_F(CosignerTest, BeginsAnywhere) { ExpectCosigned(Post(log_.Request(0, 77)), log_.Note(77)); }

TEST_F(CosignerTest, KeepsLogsApart) {
  ExpectCosigned(Post(log_.Request(0, 9)), log_.Note(9));
  ExpectCosigned(Post(other_.Request(0, 3)), other_.Note(3));
  ExpectCosigned(Post(log_.Request(9, 10)), log_.Note(10));
  EXPECT_EQ(SizeOf("other.example"), 3U);
}

TEST_F(CosignerTest, Answers400ToWhatIsNoRequest) {
  const std::string good = log_.Request(0, 3);
  for (const std::string& body :
       {std::string(), std::string("old 0\n"), "old 4\n\n" + log_.Note(3).Text(), good + "\n",
        good.substr(1), "old 0\n\n" + other_.Note(3).text + "\n", std::string(1 << 17U, 'x')}) {
    EXPECT_EQ(Post(body).status, 400U) << body.substr(0, 100);
  }
  EXPECT_THAT(store_.latest, IsEmpty());
}

TEST_F(CosignerTest, Answers404ToUnknownLogs) {
  EXPECT_EQ(Post(TestLog("stranger.example").Request(0, 3)).status, 404U);
  EXPECT_THAT(store_.latest, IsEmpty());
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(CosignerTest, Answers403WithoutASignatureOfTheLog) {
  const auto request = [this](const std::vector<canon::NoteSignature>& signatures) {
    return "old 0\n\n" +
           canon::SignedNote{.text = log_.Note(3).text, .signatures = signatures}.Text();
  };
  const std::string text = log_.Note(3).text;
  const auto good = Get(log_.signer().Sign(text));
  auto forged = good;
  forged.bytes.back() = static_cast<char>(forged.bytes.back() ^ 1);
  const auto foreign = Get(other_.signer().Sign(text));
  const auto cosignature = Get(log_.signer().Cosign(text, kTime));
  EXPECT_EQ(Post(request({foreign})).status, 403U);
  EXPECT_EQ(Post(request({forged})).status, 403U);
  EXPECT_EQ(Post(request({cosignature})).status, 403U);
  EXPECT_EQ(Post(request({good, forged})).status, 403U);
  EXPECT_EQ(Post(request({Get(log_.signer().Sign(log_.Note(4).text))})).status, 403U);
  EXPECT_THAT(store_.latest, IsEmpty());
  ExpectCosigned(Post(request({foreign, cosignature, good})), log_.Note(3));
}

TEST_F(CosignerTest, Answers409WithTheKnownSize) {
  const HttpReply never = Post("old 2\n\n" + log_.Note(3).Text());
  EXPECT_EQ(never, (HttpReply{.status = 409, .content_type = "text/x.tlog.size", .body = "0\n"}));
  Post(log_.Request(0, 7));
  for (const std::uint64_t old_size : {0U, 6U, 8U}) {
    EXPECT_EQ(Post(log_.Request(old_size, 9)),
              (HttpReply{.status = 409, .content_type = "text/x.tlog.size", .body = "7\n"}));
  }
  EXPECT_EQ(Post(log_.Request(5, 6)).body, "7\n");  // no way back
  EXPECT_EQ(SizeOf("log.example"), 7U);
}

TEST_F(CosignerTest, Answers422ToAProofThatProvesNothing) {
  Post(log_.Request(0, 7));
  const std::string note = log_.Note(9).Text();
  const auto request = [&note](const std::vector<canon::Sha256>& proof) {
    return "old 7\n" + ledger::HashListText(proof) + "\n" + note;
  };
  const auto proof = log_.Proof(7, 9);
  auto shorter = proof;
  shorter.pop_back();
  auto longer = proof;
  longer.push_back(proof.front());
  auto changed = proof;
  changed.front() = longer[1];
  for (const auto& wrong : {shorter, longer, changed, std::vector<canon::Sha256>{}}) {
    EXPECT_EQ(Post(request(wrong)).status, 422U);
  }
  EXPECT_EQ(SizeOf("log.example"), 7U);
  ExpectCosigned(Post(request(proof)), log_.Note(9));
  EXPECT_EQ(Post("old 9\n" + ledger::HashListText(proof) + "\n" + log_.Note(9).Text()).status,
            422U);
  EXPECT_EQ(Post("old 0\n" + ledger::HashListText(proof) + "\n" + other_.Note(9).Text()).status,
            422U);
}

TEST_F(CosignerTest, NeverCosignsASecondHistory) {
  Post(log_.Request(0, 7));
  EXPECT_EQ(Post(fork_.Request(7, 7)).status, 409U);
  EXPECT_THAT(lines_.back(), HasSubstr("TWO HISTORIES: log.example, 7 entries"));
  EXPECT_EQ(store_.conflicts.at("log.example"), fork_.Note(7));
  EXPECT_EQ(Post(fork_.Request(7, 9)).status, 422U);
  EXPECT_EQ(Post(fork_.Request(0, 9)).status, 409U);
  EXPECT_EQ(Post(fork_.Request(5, 9)).status, 409U);
  ExpectCosigned(Post(log_.Request(7, 9)), log_.Note(9));
}

TEST_F(CosignerTest, AForkThatBeginsLaterIsNoneYet) {
  Post(log_.Request(0, 4));
  ExpectCosigned(Post(fork_.Request(4, 6)), fork_.Note(6));
  EXPECT_EQ(Post(log_.Request(6, 7)).status, 422U);
}

TEST_F(CosignerTest, NoCosignatureLeavesBeforeItIsRemembered) {
  store_.failing = true;
  const HttpReply reply = Post(log_.Request(0, 3));
  EXPECT_EQ(reply.status, 500U);
  EXPECT_THAT(reply.body, testing::Not(HasSubstr("\u2014")));
  EXPECT_THAT(lines_.back(), HasSubstr("disk"));
  store_.failing = false;
  ExpectCosigned(Post(log_.Request(0, 3)), log_.Note(3));
}

TEST_F(CosignerTest, DamagedStateStopsTheLog) {
  Post(log_.Request(0, 3));
  const canon::SignedNote good = store_.latest.at("log.example");
  canon::SignedNote uncosigned = good;
  uncosigned.signatures.pop_back();
  canon::SignedNote smaller = log_.Note(2);
  smaller.signatures = good.signatures;
  canon::SignedNote foreign = other_.Note(2);
  foreign.signatures = {Get(witness_.signer().Cosign(foreign.text, 1))};
  for (const auto& damaged : {uncosigned, smaller, foreign, canon::SignedNote{.text = "x\n"}}) {
    store_.latest["log.example"] = damaged;
    EXPECT_EQ(Post(log_.Request(0, 4)).status, 500U);
    EXPECT_EQ(Post(log_.Request(2, 4)).status, 500U);
  }
  store_.latest["log.example"] = good;
  ExpectCosigned(Post(log_.Request(3, 4)), log_.Note(4));
}

TEST_F(CosignerTest, KeepsOnlySignaturesThatItVerified) {
  canon::SignedNote note = log_.Note(3);
  note.signatures.insert(note.signatures.begin(), Get(other_.signer().Sign(note.text)));
  note.signatures.resize(canon::kMaxNoteSignatures, note.signatures.back());
  ExpectCosigned(Post("old 0\n\n" + note.Text()), note);
  const canon::SignedNote kept = store_.latest.at("log.example");
  ASSERT_EQ(kept.signatures.size(), 2U);
  EXPECT_EQ(kept.signatures[0], log_.Note(3).signatures[0]);
  EXPECT_EQ(kept.signatures[1].name, "witness.example");
  ExpectCosigned(Post(log_.Request(3, 4)), log_.Note(4));
}

TEST_F(CosignerTest, ALogMayHaveSeveralKeys) {
  const auto second = Get(canon::NoteSigner::Generate("log.example"));
  Cosigner cosigner(
      Get(TestLog::SignerOf("witness.example")), {log_.key(), second.verifier()}, store_,
      [] { return kTime; }, [](std::string_view) {});
  canon::SignedNote note = log_.Note(3);
  note.signatures = {Get(second.Sign(note.text))};
  const HttpReply reply = cosigner.Handle(
      {.method = "POST", .path = "/add-checkpoint", .body = "old 0\n\n" + note.Text()});
  ExpectCosigned(reply, note);
  EXPECT_EQ(
      cosigner.Handle({.method = "POST", .path = "/add-checkpoint", .body = log_.Request(3, 5)})
          .status,
      200U);
}

TEST_F(CosignerTest, ShowsPeopleWhatItKnows) {
  Post(log_.Request(0, 3));
  const HttpReply overview = Ask("/");
  EXPECT_EQ(overview.status, 200U);
  EXPECT_THAT(overview.body, HasSubstr(witness_.signer().cosigner().Text()));
  EXPECT_THAT(overview.body, HasSubstr("\nlog.example\n  3 entries\n"));
  EXPECT_THAT(overview.body, HasSubstr("\nother.example\n  nothing cosigned yet\n"));
  const std::string path =
      "/checkpoint/" + canon::HexEncode(canon::HashSha256("log.example").view());
  EXPECT_THAT(overview.body, HasSubstr(path));
  const HttpReply shown = Ask(path);
  EXPECT_EQ(shown.status, 200U);
  const auto note = Get(canon::SignedNote::Parse(shown.body));
  const std::vector keys = {log_.key(), witness_.signer().cosigner()};
  EXPECT_EQ(Get(canon::VerifyNote(note, keys)).size(), 2U);
}

TEST_F(CosignerTest, AnswersNothingElse) {
  EXPECT_EQ(Ask("/add-checkpoint").status, 405U);
  EXPECT_EQ(Ask("/", "POST").status, 405U);
  EXPECT_EQ(Ask("/checkpoint/x", "DELETE").status, 405U);
  const std::string other =
      "/checkpoint/" + canon::HexEncode(canon::HashSha256("other.example").view());
  for (const std::string& path :
       {std::string(), std::string("*"), std::string("/x"), std::string("/checkpoint/"),
        std::string("/checkpoint/../x"), other, std::string("/add-checkpoint?"),
        std::string("http://host/")}) {
    EXPECT_EQ(Ask(path).status, 404U) << path;
  }
}

}  // namespace
}  // namespace aegis::witness
