#include "witness/http_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/http_client.h"
#include "witness/http_message.h"
#include "witness/submission.h"
#include "witness/target.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// Says what it is told, and keeps what it was asked.
struct Conversation {
  std::deque<HttpReply> replies{};
  std::vector<ledger::AddCheckpointRequest> requests{};
};

class FakeClient final : public HttpClient {
 public:
  explicit FakeClient(Conversation& conversation) : conversation_(conversation) {}
  Result<HttpReply> Post(std::string_view path, std::string body, Deadline /*deadline*/,
                         const std::stop_token& /*stop*/) override {
    EXPECT_EQ(path, "/add-checkpoint");
    conversation_.requests.push_back(Get(ledger::AddCheckpointRequest::Parse(body)));
    if (conversation_.replies.empty()) {
      return base::Fail(Errc::kUnavailable, "connect: Connection refused");
    }
    HttpReply reply = conversation_.replies.front();
    conversation_.replies.pop_front();
    return reply;
  }

 private:
  Conversation& conversation_;
};

class HttpSinkTest : public testing::Test {
 protected:
  HttpSink Sink(std::vector<canon::VerifierKey> keys) {
    return {HttpTarget{.host = "w.example", .port = 80}, std::move(keys),
            std::make_unique<FakeClient>(conversation_)};
  }
  Result<std::vector<canon::NoteSignature>> Publish(HttpSink& sink, std::uint64_t size) {
    return sink.Publish(log_.Submit(size), {});
  }
  Result<std::vector<canon::NoteSignature>> PublishTo(std::vector<canon::VerifierKey> keys,
                                                      std::uint64_t size) {
    HttpSink sink = Sink(std::move(keys));
    return Publish(sink, size);
  }
  canon::NoteSignature Cosignature(std::uint64_t size, std::uint64_t time = 1700000000) {
    return Get(witness_.signer().Cosign(log_.Note(size).text, time));
  }
  HttpReply Cosigned(std::uint64_t size) {
    return {.status = 200, .body = Cosignature(size).Line() + "\n"};
  }
  static HttpReply Knows(std::uint64_t size) {
    return {.status = 409, .content_type = "text/x.tlog.size", .body = std::to_string(size) + "\n"};
  }
  std::vector<std::uint64_t> OldSizes() const {
    std::vector<std::uint64_t> sizes;
    sizes.reserve(conversation_.requests.size());
    for (const auto& request : conversation_.requests) {
      sizes.push_back(request.old_size);
    }
    return sizes;
  }

  TestLog log_{"log.example"};
  TestLog witness_{"witness.example"};
  canon::VerifierKey key_ = witness_.signer().cosigner();
  Conversation conversation_;
};

TEST_F(HttpSinkTest, ProvesFromWhatTheWitnessKnows) {
  HttpSink sink = Sink({key_});
  conversation_.replies = {Cosigned(5), Cosigned(9), Cosigned(9)};
  EXPECT_THAT(Get(Publish(sink, 5)), ElementsAre(Cosignature(5)));
  EXPECT_THAT(Get(Publish(sink, 9)), ElementsAre(Cosignature(9)));
  EXPECT_THAT(Get(Publish(sink, 9)), ElementsAre(Cosignature(9)));
  EXPECT_THAT(OldSizes(), ElementsAre(0, 5, 9));
  EXPECT_THAT(conversation_.requests[0].proof, IsEmpty());
  EXPECT_EQ(conversation_.requests[1].proof, log_.Proof(5, 9));
  EXPECT_THAT(conversation_.requests[2].proof, IsEmpty());
  EXPECT_EQ(conversation_.requests[1].checkpoint, log_.Note(9));
}

TEST_F(HttpSinkTest, IsCorrectedByTheWitness) {
  HttpSink sink = Sink({key_});
  conversation_.replies = {Knows(7), Knows(8), Cosigned(9)};
  EXPECT_THAT(Get(Publish(sink, 9)), ElementsAre(Cosignature(9)));
  EXPECT_THAT(OldSizes(), ElementsAre(0, 7, 8));
  EXPECT_EQ(conversation_.requests[2].proof, log_.Proof(8, 9));
  conversation_.replies = {Knows(0), Cosigned(10)};  // the witness was set up anew
  Get(Publish(sink, 10));
  EXPECT_THAT(OldSizes(), ElementsAre(0, 7, 8, 9, 0));
}

TEST_F(HttpSinkTest, DoesNotGoOnForever) {
  conversation_.replies = {Knows(1), Knows(2), Knows(3), Knows(4), Knows(5)};
  const auto given_up = PublishTo({key_}, 9);
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code(), Errc::kUnavailable);
  EXPECT_EQ(conversation_.requests.size(), 3U);
}

TEST_F(HttpSinkTest, TellsAGreaterTreeFromAnotherHistory) {
  conversation_.replies = {Knows(12)};
  const auto behind = PublishTo({key_}, 9);
  ASSERT_FALSE(behind);
  EXPECT_EQ(behind.error().code(), Errc::kConflict);
  EXPECT_EQ(behind.error().message(),
            "witness http://w.example: it has a tree of 12 entries, ours has 9: another run was "
            "first, or the ledger was rolled back");
  conversation_.replies = {Knows(9), Knows(9)};
  const auto forked = PublishTo({key_}, 9);
  ASSERT_FALSE(forked);
  EXPECT_EQ(forked.error().code(), Errc::kCorrupt);
  EXPECT_THAT(forked.error().message(), HasSubstr("another tree of 9 entries"));
  conversation_.replies = {{.status = 422}};
  const auto unproved = PublishTo({key_}, 9);
  ASSERT_FALSE(unproved);
  EXPECT_EQ(unproved.error().code(), Errc::kCorrupt);
}

TEST_F(HttpSinkTest, AWitnessThatContradictsItselfIsNoProofOfAnything) {
  conversation_.replies = {Knows(5), Knows(5)};
  const auto refused = PublishTo({key_}, 9);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kUnavailable);
}

TEST_F(HttpSinkTest, TellsOtherRefusals) {
  const std::vector<std::pair<unsigned, Errc>> cases = {
      {400, Errc::kInternal},    {403, Errc::kDenied},      {404, Errc::kNotFound},
      {302, Errc::kUnavailable}, {429, Errc::kUnavailable}, {500, Errc::kUnavailable},
      {204, Errc::kUnavailable}, {0, Errc::kUnavailable}};
  for (const auto& [status, code] : cases) {
    conversation_.replies = {{.status = status, .body = "anything"}};
    const auto refused = PublishTo({key_}, 1);
    ASSERT_FALSE(refused) << status;
    EXPECT_EQ(refused.error().code(), code) << status;
    EXPECT_THAT(refused.error().message(), StartsWith("witness http://w.example: it "));
  }
  conversation_.replies.clear();
  EXPECT_EQ(PublishTo({key_}, 1).error().message(),
            "witness http://w.example: connect: Connection refused");
  conversation_.replies = {{.status = 409, .body = "no number"}};
  EXPECT_FALSE(PublishTo({key_}, 1));
}

TEST_F(HttpSinkTest, VerifiesTheCosignature) {
  const TestLog stranger("stranger.example");
  const auto wrong_tree = Cosignature(4);
  const auto foreign = Get(stranger.signer().Cosign(log_.Note(5).text, 1));
  auto forged = Cosignature(5);
  forged.bytes.back() = static_cast<char>(forged.bytes.back() ^ 1);
  const auto plain = Get(witness_.signer().Sign(log_.Note(5).text));
  const std::vector<std::pair<std::string, Errc>> cases = {
      {wrong_tree.Line() + "\n", Errc::kCorrupt},
      {forged.Line() + "\n", Errc::kCorrupt},
      {foreign.Line() + "\n", Errc::kDenied},
      {plain.Line() + "\n", Errc::kDenied},
      {"", Errc::kInvalid},
      {"thanks\n", Errc::kInvalid}};
  for (const auto& [body, code] : cases) {
    conversation_.replies = {{.status = 200, .body = body}};
    const auto refused = PublishTo({key_}, 5);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().code(), code) << body << refused.error().message();
  }
  conversation_.replies = {
      {.status = 200, .body = foreign.Line() + "\n" + Cosignature(5).Line() + "\n"}};
  EXPECT_THAT(Get(PublishTo({stranger.key(), key_}, 5)), ElementsAre(Cosignature(5)));
}

TEST_F(HttpSinkTest, AWrongCosignatureIsNoProgress) {
  HttpSink sink = Sink({key_});
  conversation_.replies = {{.status = 200, .body = Cosignature(4).Line() + "\n"}, Cosigned(5)};
  EXPECT_FALSE(Publish(sink, 5));
  Get(Publish(sink, 5));
  EXPECT_THAT(OldSizes(), ElementsAre(0, 0));
}

TEST_F(HttpSinkTest, WithoutKeysGivesNothingThatItCouldNotVerify) {
  conversation_.replies = {Cosigned(5)};
  EXPECT_THAT(Get(PublishTo({}, 5)), IsEmpty());
  conversation_.replies = {{.status = 200, .body = "thanks\n"}};
  EXPECT_FALSE(PublishTo({}, 5));
}

TEST_F(HttpSinkTest, TellsWhenTheProofCannotBeMade) {
  HttpSink sink = Sink({key_});
  Submission submission = log_.Submit(9);
  submission.prove_consistency = [](std::uint64_t) -> Result<std::vector<canon::Sha256>> {
    return base::Fail(Errc::kCorrupt, "a tile is missing");
  };
  conversation_.replies = {Knows(5)};
  const auto failed = sink.Publish(submission, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "witness http://w.example: a tile is missing");
  conversation_.replies = {Cosigned(9)};
  submission.note = "not a note";
  EXPECT_FALSE(sink.Publish(submission, {}));
}

}  // namespace
}  // namespace aegis::witness
