#include "witness/syslog_sink.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <ctime>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr int kAuthprivNotice = 10 * 8 + 5;
constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};

std::string TwoDigits(int number, char fill) {
  std::string text = std::to_string(number);
  return text.size() < 2 ? std::string(1, fill) + text : text;
}

// "Nov  7 09:05:01", local time, whatever the locale.
std::string Timestamp(std::time_t now) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm local{};
  ::localtime_r(&now, &local);
  return std::string(kMonths.at(static_cast<std::size_t>(local.tm_mon))) + " " +
         TwoDigits(local.tm_mday, ' ') + " " + TwoDigits(local.tm_hour, '0') + ":" +
         TwoDigits(local.tm_min, '0') + ":" + TwoDigits(local.tm_sec, '0');
}

Result<base::UniqueFd> Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Fail(Errc::kInvalid, "connect " + base::EscapeName(path) + ": the path is too long");
  }
  path.copy(address.sun_path, path.size());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0) {
    return base::FailErrno("socket");
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::FailErrno("connect " + base::EscapeName(path));
  }
  return fd;
}

}  // namespace

std::string SyslogMessage(const Submission& submission, std::time_t now, pid_t pid) {
  return "<" + std::to_string(kAuthprivNotice) + ">" + Timestamp(now) + " aegis[" +
         std::to_string(pid) + "]: checkpoint of " + base::ForDisplay(submission.origin) + ", " +
         std::to_string(submission.size) + " entries: " + canon::Base64Encode(submission.note);
}

Result<canon::SignedNote> NoteInSyslogLine(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r') || line.ends_with(' ')) {
    line.remove_suffix(1);
  }
  const auto note = canon::Base64Decode(line.substr(line.rfind(' ') + 1));
  if (!note || note->empty()) {
    return Fail(Errc::kInvalid, "the line does not end with a note in base64");
  }
  return canon::SignedNote::Parse(*note);
}

SyslogSink::SyslogSink(std::string socket_path)
    : Sink(SyslogTarget{}), socket_path_(std::move(socket_path)) {}

Result<std::vector<canon::NoteSignature>> SyslogSink::Publish(const Submission& submission,
                                                              const std::stop_token& /*stop*/) {
  if (submission.note.size() > kMaxSyslogNote) {
    return Fail(Errc::kExhausted, "syslog: the checkpoint is too long for a message");
  }
  auto socket = Connect(socket_path_);
  if (!socket) {
    return Fail(std::move(socket).error().Within("syslog"));
  }
  const std::string message = SyslogMessage(submission, ::time(nullptr), ::getpid());
  if (::send(socket->get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    return base::FailErrno("syslog: send");
  }
  return {};
}

}  // namespace aegis::witness
