#include "witness/http_sink.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/http_client.h"
#include "witness/http_message.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using Cosignatures = std::vector<canon::NoteSignature>;

// Two corrections: the witness may have been given a checkpoint by another run in between.
constexpr int kMostCorrections = 2;
constexpr unsigned kOk = 200;
constexpr unsigned kBadRequest = 400;
constexpr unsigned kForbidden = 403;
constexpr unsigned kNotFoundStatus = 404;
constexpr unsigned kConflictStatus = 409;
constexpr unsigned kUnprocessable = 422;

// What an answer without cosignature means.
std::unexpected<base::Error> Refused(const Submission& submission, unsigned status) {
  switch (status) {
    case kForbidden:
      return Fail(Errc::kDenied, "it does not accept the log's key");
    case kNotFoundStatus:
      return Fail(Errc::kNotFound, "it does not know the log " +
                                       base::ForDisplay(submission.origin) +
                                       " (or it is no witness)");
    case kConflictStatus:
      return Fail(Errc::kCorrupt, "it holds another tree of " + std::to_string(submission.size) +
                                      " entries: one of the histories is not the true one");
    case kUnprocessable:
      return Fail(Errc::kCorrupt, "it holds a history that the tree of " +
                                      std::to_string(submission.size) +
                                      " entries does not continue");
    case kBadRequest:
      return Fail(Errc::kInternal, "it found the request malformed");
    default:
      return Fail(Errc::kUnavailable, "it answered with status " + std::to_string(status));
  }
}

}  // namespace

HttpSink::HttpSink(HttpTarget target, std::vector<canon::VerifierKey> keys,
                   std::unique_ptr<HttpClient> client)
    : Sink(std::move(target)), keys_(std::move(keys)), client_(std::move(client)) {}

Result<HttpReply> HttpSink::Submit(const Submission& submission, std::uint64_t old_size,
                                   Deadline deadline, const std::stop_token& stop) {
  ledger::AddCheckpointRequest request{.old_size = old_size};
  if (old_size != 0 && old_size != submission.size) {
    AEGIS_ASSIGN(request.proof, submission.prove_consistency(old_size));
  }
  AEGIS_ASSIGN(request.checkpoint, canon::SignedNote::Parse(submission.note));
  return client_->Post("/add-checkpoint", request.Text(), deadline, stop);
}

Result<Cosignatures> HttpSink::TakeAnswer(const Submission& submission,
                                          const HttpReply& reply) const {
  AEGIS_ASSIGN(const Cosignatures all, ledger::ParseCosignatures(reply.body));
  AEGIS_ASSIGN(canon::SignedNote note, canon::SignedNote::Parse(submission.note));
  note.signatures.clear();
  for (const canon::VerifierKey& key : keys_) {
    const auto own = std::ranges::find_if(all, [&key](const canon::NoteSignature& signature) {
      return signature.name == key.name && signature.id == key.id;
    });
    if (own != all.end()) {
      note.signatures.push_back(*own);
    }
  }
  if (keys_.empty()) {
    return Cosignatures{};
  }
  if (note.signatures.empty()) {
    return Fail(Errc::kDenied, "it did not cosign with a known key (--witness-key)");
  }
  AEGIS_TRY(canon::VerifyNote(note, keys_));
  return std::move(note.signatures);
}

Result<Cosignatures> HttpSink::Publish(const Submission& submission, const std::stop_token& stop) {
  const auto attempt = [&]() -> Result<Cosignatures> {
    const Deadline deadline = std::chrono::steady_clock::now() + kHttpDeadline;
    std::uint64_t old_size = std::min(known_size_, submission.size);
    for (int corrections = 0;; ++corrections) {
      AEGIS_ASSIGN(const HttpReply reply, Submit(submission, old_size, deadline, stop));
      if (reply.status == kOk) {
        AEGIS_ASSIGN(auto cosignatures, TakeAnswer(submission, reply));
        known_size_ = submission.size;
        return cosignatures;
      }
      if (reply.status != kConflictStatus) {
        return Refused(submission, reply.status);
      }
      AEGIS_ASSIGN(known_size_, ledger::ParseKnownSize(reply.body));
      if (known_size_ > submission.size) {
        return Fail(Errc::kConflict, "it has a tree of " + std::to_string(known_size_) +
                                         " entries, ours has " + std::to_string(submission.size) +
                                         ": another run was first, or the ledger was rolled back");
      }
      if (known_size_ == old_size && old_size == submission.size) {
        return Refused(submission, reply.status);
      }
      if (known_size_ == old_size || corrections == kMostCorrections) {
        return Fail(Errc::kUnavailable, "it keeps changing what it says that it knows");
      }
      old_size = known_size_;
    }
  };
  auto cosignatures = attempt();
  if (!cosignatures) {
    return Fail(std::move(cosignatures).error().Within("witness " + TargetText(target())));
  }
  return cosignatures;
}

}  // namespace aegis::witness
