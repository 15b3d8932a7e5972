#include "gate/listener.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "base/unique_fd.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

// The kernel copies its own struct size (SECCOMP_GET_NOTIF_SIZES); newer ones may be longer.
constexpr std::size_t kNotificationRoom = 512;

}  // namespace

Listener::Listener(base::UniqueFd fd) : fd_(std::move(fd)) {
  // Both wake-ups stay on the caller's CPU (Linux 6.6). Across CPUs a call costs five times as
  // much; older kernels refuse the flag and are merely slower.
  ::ioctl(fd_.get(), sandbox::uapi::kSeccompIoctlNotifSetFlags,
          sandbox::uapi::kSeccompNotifSyncWakeUp);
}

std::optional<seccomp_notif> Listener::Receive() {
  alignas(seccomp_notif) std::array<char, kNotificationRoom> room;
  std::memset(room.data(), 0, sizeof(seccomp_notif));  // the kernel insists on zeros
  if (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, room.data()) < 0) {
    return std::nullopt;
  }
  seccomp_notif notification;
  std::memcpy(&notification, room.data(), sizeof(notification));
  return notification;
}

bool Listener::Abandoned() const {
  pollfd listener{fd_.get(), POLLIN, 0};
  return ::poll(&listener, 1, 0) == 1 && (listener.revents & POLLHUP) != 0;
}

bool Listener::StillWaiting(std::uint64_t id) const {
  return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

void Listener::Answer(std::uint64_t id, const Reply& reply) const {
  seccomp_notif_resp response{};
  response.id = id;
  switch (reply.kind()) {
    case Reply::Kind::kContinue:
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      break;
    case Reply::Kind::kFail:
      response.error = -static_cast<std::int32_t>(reply.value());
      break;
    case Reply::Kind::kReturn:
      response.val = reply.value();
      break;
    case Reply::Kind::kNone:
      return;
  }
  // ENOENT: the caller was killed while it waited. Nobody is left to answer.
  ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int Listener::Inject(std::uint64_t id, int fd, bool close_on_exec) const {
  seccomp_notif_addfd request{};
  request.id = id;
  request.srcfd = static_cast<std::uint32_t>(fd);
  request.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  // Not with SECCOMP_ADDFD_FLAG_SEND: where that is interrupted (SIGSTOP, a freezer, suspend), the
  // kernel takes the descriptor back and lets the call return 0.
  const int given = ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request);
  if (given < 0) {
    return errno != ENOENT ? errno : 0;
  }
  Answer(id, Reply::Return(given));
  return 0;
}

int Listener::Replace(std::uint64_t id, int fd, int number, bool close_on_exec) const {
  seccomp_notif_addfd request{};
  request.id = id;
  request.flags = SECCOMP_ADDFD_FLAG_SETFD;
  request.srcfd = static_cast<std::uint32_t>(fd);
  request.newfd = static_cast<std::uint32_t>(number);
  request.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request) < 0 ? errno : 0;
}

}  // namespace aegis::gate
