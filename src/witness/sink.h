#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/settings.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {

// Where checkpoints go. One thread at a time.
class Sink {
 public:
  explicit Sink(Target target) : target_(std::move(target)) {}
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  // Hands a checkpoint over. On success it has left the caller's hands: the file was synced, the
  // system's log has taken the message, the witness has answered with a cosignature. Gives the
  // cosignatures of known keys, all verified; none where nobody signs, or no keys are known.
  // Blocks: a witness over HTTP for kHttpDeadline at most, and not when `stop` is requested.
  virtual base::Result<std::vector<canon::NoteSignature>> Publish(const Submission& submission,
                                                                  const std::stop_token& stop) = 0;

  // How many checkpoints may wait for this sink; of more, the oldest are left out. A witness wants
  // the newest one only, which covers all before it.
  virtual std::size_t capacity() const = 0;

  const Target& target() const { return target_; }

 private:
  Target target_;
};

// One sink for each target. Files are opened (and made) here, so that one that can't be written is
// told before anything runs; hosts are not asked yet.
base::Result<std::vector<std::unique_ptr<Sink>>> MakeSinks(const Settings& settings);

}  // namespace aegis::witness
