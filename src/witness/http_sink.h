#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/http_client.h"
#include "witness/http_message.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {

// How long a witness has for one checkpoint, everything included.
inline constexpr std::chrono::seconds kHttpDeadline(2);

// The log's side of c2sp.org/tlog-witness. It remembers what the witness knows; asked for the first
// time, or corrected by the witness, it proves consistency from there.
class HttpSink final : public Sink {
 public:
  HttpSink(HttpTarget target, std::vector<canon::VerifierKey> keys,
           std::unique_ptr<HttpClient> client);

  // Errors beside those of the client: kCorrupt if the witness holds another history than we do, or
  // has signed wrongly; kConflict if it knows a greater tree already: another run was first, or
  // the ledger was rolled back; kNotFound if it does not know the log, kDenied if it does not
  // accept the log's key. Without keys any answer that is a cosignature will do, and none is given.
  base::Result<std::vector<canon::NoteSignature>> Publish(const Submission& submission,
                                                          const std::stop_token& stop) override;
  std::size_t capacity() const override { return 1; }

 private:
  base::Result<HttpReply> Submit(const Submission& submission, std::uint64_t old_size,
                                 Deadline deadline, const std::stop_token& stop);
  base::Result<std::vector<canon::NoteSignature>> TakeAnswer(const Submission& submission,
                                                             const HttpReply& reply) const;

  std::vector<canon::VerifierKey> keys_;
  std::unique_ptr<HttpClient> client_;
  std::uint64_t known_size_ = 0;  // of the tree that the witness has, as far as we know
};

}  // namespace aegis::witness
