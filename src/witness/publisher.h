#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {

// What came of one attempt to hand a checkpoint over.
struct Report {
  Target target{};
  // Which one it was; its note has no cosignatures but those it was offered with.
  std::shared_ptr<const Submission> submission{};  // shared by the reports of all sinks
  base::Result<std::vector<canon::NoteSignature>> outcome{};
};

// How far one sink is.
struct SinkState {
  Target target{};
  std::optional<std::uint64_t> offered{};    // size of the checkpoint that was offered last
  std::optional<std::uint64_t> published{};  // of the one that it took last
  std::string error{};                       // why the last attempt failed; empty if it did not
};

struct PublisherOptions {
  // Between attempts that fail; each further one waits twice as long, up to the longest.
  std::chrono::milliseconds first_retry = std::chrono::seconds(1);
  std::chrono::milliseconds longest_retry = std::chrono::seconds(5);
};

// Hands checkpoints to sinks, each on a thread of its own, so that one that hangs holds up neither
// the owner nor another sink. Those threads block all signals. The owner is one thread, and no
// process forks while a Publisher lives.
class Publisher {
 public:
  // kExhausted if a thread can't be had.
  static base::Result<std::unique_ptr<Publisher>> Start(std::vector<std::unique_ptr<Sink>> sinks,
                                                        const PublisherOptions& options = {});
  // Lets attempts end for a moment, then leaves the threads alone: what they work with they own.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Never blocks. Of what a sink has not got to yet, it keeps the newest (Sink::capacity). A
  // checkpoint that was not taken is tried again until a newer one stands in its place.
  void Offer(Submission submission);

  // What came of the attempts since the last call, in order for each sink. Never blocks. Not kept
  // without bounds: of many that nobody asks for, the oldest are left out.
  std::vector<Report> Poll();

  std::vector<SinkState> States() const;

  // Makes each sink try now what it has not taken yet. Waits until each has taken all, or has
  // failed once more, or the deadline passes. True if every sink has taken the newest checkpoint.
  bool Flush(std::chrono::steady_clock::time_point deadline);

 private:
  class Worker;
  Publisher() = default;

  // Shared with the thread of each, which may outlive us if its sink hangs.
  std::vector<std::shared_ptr<Worker>> workers_;
};

}  // namespace aegis::witness
