#pragma once

#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/sink.h"
#include "witness/submission.h"

namespace aegis::witness {

// Notes longer than this do not go into one message of common system logs.
inline constexpr std::size_t kMaxSyslogNote = 5000;

// The datagram for a checkpoint, as in RFC 3164: facility authpriv, severity notice, tag "aegis";
// its last word is the signed note in base64.
std::string SyslogMessage(const Submission& submission, std::time_t now, pid_t pid);

// The signed note of a line of the system's log, whatever stands in front of the message. kInvalid
// if there is none. Nothing is verified.
base::Result<canon::SignedNote> NoteInSyslogLine(std::string_view line);

// Sends each checkpoint to the system's log. Whether the log keeps it, or passes it on, is not told
// to senders.
class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(std::string socket_path = "/dev/log");

  base::Result<std::vector<canon::NoteSignature>> Publish(const Submission& submission,
                                                          const std::stop_token& stop) override;
  std::size_t capacity() const override { return 64; }

 private:
  std::string socket_path_;
};

}  // namespace aegis::witness
