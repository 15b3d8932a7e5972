#include "gate/socket_calls.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/call.h"
#include "gate/inet_calls.h"
#include "gate/peer_address.h"
#include "gate/resolver.h"
#include "gate/run.h"
#include "gate/wake_signal.h"
#include "gate/walk.h"
#include "policy/policy.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

using policy::Action;

constexpr int kTypeMask = 0xf;           // the rest of socket(2)'s type are flags
constexpr unsigned kMaxMessages = 1024;  // UIO_MAXIOV

int AskPeer(Services& services, Call& call, const PeerAddress& peer, std::string_view protocol) {
  Detail detail;
  detail.host = peer.host;
  detail.port = peer.port;
  detail.protocol = protocol;
  return services.judge.Ask(call.process, Action::kNetConnect, peer.resource, detail);
}

SysResult<PeerAddress> ReadPeer(Services& services, Call& call, std::uint64_t address,
                                std::uint64_t size) {
  std::array<char, sizeof(sockaddr_storage)> bytes{};
  if (size > bytes.size()) {
    return SysFail(EINVAL);
  }
  if (const int error =
          MemoryArgument(services, call, address, bytes.data(), static_cast<std::size_t>(size))) {
    return SysFail(error);
  }
  PeerAddress peer = ParsePeer(bytes.data(), static_cast<std::size_t>(size));
  if (peer.family == AF_UNIX && size > sizeof(sockaddr_un)) {
    return SysFail(EINVAL);
  }
  return peer;
}

// The caller's own socket, shared with it.
base::UniqueFd TakeSocket(Services& services, const Call& call) {
  return services.processes.Descriptor(call.process, call.int_arg(0));
}

// A Unix address below a directory descriptor; the working directory is /proc/<supervisor>/fd, so
// "17/name" stands for the judged directory and leaf, "17" for the judged object.
SysResult<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() > sizeof(address.sun_path)) {  // all of it may be used, without a NUL
    return SysFail(ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool IsUnlinked(const BoundSocket& socket) {
  struct stat st{};
  return ::fstat(socket.inode.get(), &st) != 0 || st.st_nlink == 0;
}

// The socket behind a name that getsockname(2) told the agent, which is the supervisor's: servers
// pass it on to their clients. The latest one, for descriptor numbers come back.
const BoundSocket* FindByKernelName(const Services& services, const std::string& name) {
  const auto& sockets = services.bound_sockets.sockets;
  const auto found = std::ranges::find_if(sockets.rbegin(), sockets.rend(), [&](const auto& one) {
    return one.kernel_name == name && !IsUnlinked(one);
  });
  return found == sockets.rend() ? nullptr : &*found;
}

// Never waits: with a full backlog EAGAIN, as if the socket were non-blocking.
int ConnectAtOnce(const base::UniqueFd& socket, const void* address, std::size_t size) {
  // The agent shares the socket, and could make it block in between.
  const Waker waker;
  if (!waker.armed()) {
    return EAGAIN;
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  const Wakeable wakeable;
  const int result =
      ::connect(socket.get(), static_cast<const sockaddr*>(address), static_cast<socklen_t>(size));
  const int error = result == 0 ? 0 : errno;
  ::fcntl(socket.get(), F_SETFL, flags);
  return error == EINTR ? EAGAIN : error;
}

// The object was judged.
Reply ConnectToObject(Services& services, Call& call, int object) {
  base::UniqueFd socket = TakeSocket(services, call);
  const auto address = AddressOf(std::to_string(object));
  if (!socket.valid() || !address) {
    return Reply::Fail(EBADF);
  }
  const int error = ConnectAtOnce(socket, &*address, sizeof(*address));
  if (error != EAGAIN || (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0) {
    return Reply::FromErrno(error);
  }
  base::UniqueFd held(::fcntl(object, F_DUPFD_CLOEXEC, 0));
  return held.valid() ? services.blocking_calls.Connect(call.id(), {.tid = call.process.tid,
                                                                    .socket = std::move(socket),
                                                                    .object = std::move(held)})
                      : Reply::Fail(EAGAIN);
}

// What is no socket is told apart from one that may not be reached, as stat(2) does.
int UnreachableError(const Services& services, const Resolved& resolved) {
  if (!resolved.exists() || S_ISSOCK(resolved.st.st_mode)) {
    return EACCES;
  }
  if (resolved.error != 0) {
    return resolved.error;
  }
  const std::string link = resolved.NameByFd();
  const int error =
      SysError(::faccessat(services.roots.own_fds.get(), link.c_str(), W_OK, AT_EACCESS));
  return error == 0 ? ECONNREFUSED : error;
}

// A socket that the run itself made.
Reply WriteToSocket(Services& services, Call& call, int object, std::string_view name) {
  const int error = services.judge.Ask(call.process, Action::kFileWrite, name);
  return error != 0 ? Reply::Fail(error) : ConnectToObject(services, call, object);
}

// A socket of the host's: an agent of keys, a database. Where the run's own view of files hides it,
// its canonical name is that of the host.
Reply ConnectToHost(Services& services, Call& call, PeerAddress peer, const Resolved& resolved) {
  peer.resource = "unix:" + base::EscapeName(resolved.name);
  const bool refused = resolved.aegis_state
                           ? services.judge.Refuse(call.process, Action::kNetConnect, peer.resource,
                                                   decision::Reason::kAegisState) != 0
                           : AskPeer(services, call, peer, "unix") != 0;
  const bool is_other = resolved.exists() && !S_ISSOCK(resolved.st.st_mode);
  if (refused || is_other) {
    return Reply::Fail(UnreachableError(services, resolved));
  }
  if (resolved.exists()) {
    return ConnectToObject(services, call, resolved.object.get());
  }
  const base::UniqueFd object(sandbox::uapi::OpenAt2(services.roots.host_root.get(),
                                                     resolved.name.substr(1).c_str(),
                                                     O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
  return object.valid() ? ConnectToObject(services, call, object.get()) : Reply::Fail(errno);
}

// A socket that the run itself made is reached by writing to its file; any other is the network.
Reply ConnectToPath(Services& services, Call& call, PeerAddress peer) {
  const Resolved resolved =
      services.resolver.ResolveObject(call.process, AT_FDCWD, peer.path, Leaf::kFollow);
  const bool nowhere = !resolved.exists() && !resolved.hidden;
  if (const BoundSocket* bound = nowhere ? FindByKernelName(services, peer.path) : nullptr) {
    const int object = bound->inode.get();
    return WriteToSocket(services, call, object, NameOf(services.roots, object));
  }
  if (services.judge.mode() == Mode::kWrap) {
    peer.resource = "unix:" + base::EscapeName(resolved.name);
    const int refused = AskPeer(services, call, peer, "unix");
    return refused != 0 ? Reply::Fail(refused) : Reply::Continue();
  }
  if (nowhere) {
    return Reply::Fail(resolved.error);  // no socket, inside or outside: nothing to reach
  }
  if (!resolved.exists() || !services.bound_sockets.Hold(resolved.st)) {
    return ConnectToHost(services, call, std::move(peer), resolved);
  }
  return WriteToSocket(services, call, resolved.object.get(), resolved.name);
}

// Dissolves an association, or names the kernel of the own namespace. Done here, on the copy: the
// caller could turn the address into that of a Unix socket outside if the call were continued.
Reply ConnectHarmlessly(Services& services, Call& call) {
  std::array<char, sizeof(sockaddr_storage)> bytes{};
  const auto size = std::min<std::uint64_t>(call.arg(2) & UINT32_MAX, bytes.size());
  if (const int error = MemoryArgument(services, call, call.arg(1), bytes.data(), size)) {
    return Reply::Fail(error);
  }
  const PeerAddress peer = ParsePeer(bytes.data(), size);
  if (peer.family != AF_UNSPEC && peer.family != AF_NETLINK) {
    return Reply::Fail(EACCES);  // rewritten between the two reads
  }
  const base::UniqueFd socket = TakeSocket(services, call);
  if (!socket.valid()) {
    return Reply::Fail(EBADF);
  }
  services.network.Report(socket);  // a connection that is dissolved has no result
  return Reply::FromErrno(ConnectAtOnce(socket, bytes.data(), size));
}

// Whether one more can be held. Half of the descriptors are for all else.
bool HasRoom(BoundSockets& bound) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return false;
  }
  if (bound.sockets.size() >= std::min<std::size_t>(bound.look_through_at, limit.rlim_cur / 2)) {
    std::erase_if(bound.sockets, IsUnlinked);
    bound.look_through_at = std::max(bound.look_through_at, 2 * bound.sockets.size());
  }
  return bound.sockets.size() < limit.rlim_cur / 2;
}

// Binds by the name alone, in the directory itself: from a thread with a working directory of its
// own. 0 or the errno.
int BindBelow(const base::UniqueFd& socket, const base::UniqueFd& directory,
              const sockaddr_un& address) {
  int error = 0;
  try {
    std::thread([&] {
      const bool there = ::unshare(CLONE_FS) == 0 && ::fchdir(directory.get()) == 0;
      error = SysError(
          there ? ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address))
                : -1);
    }).join();
  } catch (const std::system_error&) {
    return ENOMEM;
  }
  return error;
}

// Makes the socket's file: what the kernel calls it, or the errno.
SysResult<std::string> BindAt(const base::UniqueFd& socket, const Resolved& place) {
  std::string name = std::to_string(place.parent.get()) + "/" + place.leaf;
  if (const auto address = AddressOf(name)) {
    const int error = SysError(
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)));
    return error == 0 ? SysResult<std::string>(std::move(name)) : SysFail(error);
  }
  const auto address = AddressOf(place.leaf);
  const int error = address ? BindBelow(socket, place.parent, *address) : address.error();
  return error == 0 ? SysResult<std::string>(place.leaf) : SysFail(error);
}

Reply BindToPath(Services& services, Call& call, const PeerAddress& peer) {
  const std::string_view path = WithoutLastSlashes(peer.path);
  const Resolved resolved = services.resolver.Resolve(call.process, AT_FDCWD, path, Leaf::kKeep);
  if (const int error = AskAbout(services, call, Action::kFileWrite, resolved)) {
    return Reply::Fail(error);
  }
  if (resolved.exists()) {
    return Reply::Fail(EADDRINUSE);
  }
  if (!resolved.creatable()) {
    return Reply::Fail(resolved.error != 0 ? resolved.error : EADDRINUSE);
  }
  if (path.size() < peer.path.size()) {
    return Reply::Fail(ENOENT);  // a directory's name, and there is none
  }
  if (!HasRoom(services.bound_sockets)) {
    return Reply::Fail(ENOMEM);
  }
  const base::UniqueFd socket = TakeSocket(services, call);
  if (!socket.valid()) {
    return Reply::Fail(EBADF);
  }
  // For the inode below: rather no socket than one that is not held.
  base::UniqueFd room(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!room.valid()) {
    return Reply::Fail(ENOMEM);
  }
  services.umask.Become(call.process.umask);
  auto name = BindAt(socket, resolved);
  room.Reset();
  if (!name) {
    return Reply::Fail(name.error());
  }
  base::UniqueFd inode(
      ::openat(resolved.parent.get(), resolved.leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st{};
  if (inode.valid() && ::fstat(inode.get(), &st) == 0) {
    services.bound_sockets.sockets.push_back({.inode = std::move(inode),
                                              .device = st.st_dev,
                                              .number = st.st_ino,
                                              .kernel_name = std::move(*name)});
  }
  return Reply::Return(0);
}

SysResult<std::vector<char>> ReadAddress(Services& services, Call& call, std::uint64_t address,
                                         std::uint64_t size) {
  std::vector<char> bytes(std::min<std::size_t>(size, sizeof(sockaddr_storage)));
  if (size > sizeof(sockaddr_storage)) {
    return SysFail(EINVAL);
  }
  const int error = MemoryArgument(services, call, address, bytes.data(), bytes.size());
  return error == 0 ? SysResult<std::vector<char>>(std::move(bytes)) : SysFail(error);
}

sa_family_t FamilyOfAddress(const std::vector<char>& bytes) {
  sa_family_t family = AF_UNSPEC;
  if (bytes.size() >= sizeof family) {
    std::memcpy(&family, bytes.data(), sizeof family);
  }
  return family;
}

bool IsInet(sa_family_t family) { return family == AF_INET || family == AF_INET6; }

// A message to a named peer: nothing to judge without a name.
Reply JudgeDatagram(Services& services, Call& call, std::uint64_t address, std::uint64_t size,
                    int flags) {
  // The kernel reads the address again, and may find another one there: a socket that was made
  // outside and is not connected would connect to it. Only the flags can't change any more.
  const bool connects = services.network.is_private() && (flags & MSG_FASTOPEN) != 0;
  if (address == 0 || size == 0) {
    return connects ? Reply::Fail(EOPNOTSUPP) : Reply::Continue();
  }
  const auto bytes = ReadAddress(services, call, address, size);
  if (!bytes) {
    return Reply::Fail(bytes.error());
  }
  if (connects) {
    return IsInet(FamilyOfAddress(*bytes)) ? RefuseFastOpen(services, call, *bytes)
                                           : Reply::Fail(EOPNOTSUPP);
  }
  if (services.network.is_private() && IsInet(FamilyOfAddress(*bytes))) {
    const int refused = JudgeDatagramTo(services, call, *bytes);
    return refused != 0 ? Reply::Fail(refused) : Reply::Continue();
  }
  auto peer = ReadPeer(services, call, address, size);
  if (!peer) {
    return Reply::Fail(peer.error());
  }
  // In run mode only stream and seqpacket Unix sockets exist, and those ignore or refuse the name.
  const bool judged = peer->family == AF_INET || peer->family == AF_INET6 ||
                      (peer->family == AF_UNIX && services.judge.mode() == Mode::kWrap);
  if (judged) {
    if (!peer->path.empty()) {
      const Resolved resolved =
          services.resolver.ResolveObject(call.process, AT_FDCWD, peer->path, Leaf::kFollow);
      peer->resource = "unix:" + base::EscapeName(resolved.name);
    }
    if (const int error = AskPeer(services, call, *peer, "datagram")) {
      return Reply::Fail(error);
    }
  }
  return Reply::Continue();
}

Reply RefuseFamily(Services& services, Call& call, int family, int type) {
  const std::string resource =
      "socket:" + std::to_string(family) + "/" + std::to_string(type & kTypeMask);
  const int refused = services.judge.Refuse(call.process, Action::kNetConnect, resource,
                                            decision::Reason::kNetworkClosed);
  return refused != 0 ? Reply::Fail(refused) : Reply::Continue();
}

}  // namespace

Reply HandleSocket(Services& services, Call& call) {
  const int family = call.int_arg(0);
  const int type = call.int_arg(1);
  // Programs ask it for their own, empty network namespace (getifaddrs(3), getaddrinfo(3)).
  if (family == AF_NETLINK && call.int_arg(2) == NETLINK_ROUTE) {
    return Reply::Continue();
  }
  return RefuseFamily(services, call, family, type);
}

Reply HandleSocketPair(Services& services, Call& call) {
  return RefuseFamily(services, call, call.int_arg(0), call.int_arg(1));
}

Reply HandleConnect(Services& services, Call& call) {
  const auto bytes = ReadAddress(services, call, call.arg(1), call.arg(2) & UINT32_MAX);
  if (!bytes) {
    return Reply::Fail(bytes.error());
  }
  if (services.network.is_private() && IsInet(FamilyOfAddress(*bytes))) {
    return ConnectInet(services, call, *bytes);
  }
  const auto peer = ReadPeer(services, call, call.arg(1), call.arg(2) & UINT32_MAX);
  if (!peer) {
    return Reply::Fail(peer.error());
  }
  if (peer->family == AF_UNSPEC || peer->family == AF_NETLINK) {
    return ConnectHarmlessly(services, call);
  }
  if (peer->family == AF_UNIX && !peer->path.empty()) {
    return ConnectToPath(services, call, *peer);
  }
  const std::string_view protocol = peer->family == AF_UNIX ? "unix" : "ip";
  if (services.network.is_private()) {  // an abstract Unix socket, or a family of its own
    const int refused = services.judge.Refuse(call.process, Action::kNetConnect, peer->resource,
                                              decision::Reason::kNetworkClosed);
    return Reply::Fail(refused != 0 ? refused : EACCES);
  }
  const int refused = AskPeer(services, call, *peer, protocol);
  return refused != 0 ? Reply::Fail(refused) : Reply::Continue();
}

Reply HandleBind(Services& services, Call& call) {
  if (services.network.is_private()) {
    const auto bytes = ReadAddress(services, call, call.arg(1), call.arg(2) & UINT32_MAX);
    if (!bytes) {
      return Reply::Fail(bytes.error());
    }
    const PeerAddress named = ParsePeer(bytes->data(), bytes->size());
    if (named.family == AF_UNIX && bytes->size() > sizeof(sockaddr_un)) {
      return Reply::Fail(EINVAL);
    }
    return named.family == AF_UNIX && !named.path.empty() ? BindToPath(services, call, named)
                                                          : BindInet(services, call, *bytes);
  }
  const auto peer = ReadPeer(services, call, call.arg(1), call.arg(2) & UINT32_MAX);
  if (!peer) {
    return Reply::Fail(peer.error());
  }
  if (peer->family == AF_UNIX && !peer->path.empty()) {
    return BindToPath(services, call, *peer);
  }
  return Reply::Continue();  // an address of the own namespace; nothing is reached by it
}

Reply HandleSendTo(Services& services, Call& call) {
  return JudgeDatagram(services, call, call.arg(4), call.arg(5) & UINT32_MAX, call.int_arg(3));
}

Reply HandleSendMsg(Services& services, Call& call) {
  msghdr message{};
  if (const int error = MemoryArgument(services, call, call.arg(1), &message, sizeof(message))) {
    return Reply::Fail(error);
  }
  return JudgeDatagram(services, call, reinterpret_cast<std::uint64_t>(message.msg_name),
                       message.msg_namelen, call.int_arg(2));
}

Reply HandleSendMmsg(Services& services, Call& call) {
  const auto count = std::min(static_cast<unsigned>(call.arg(2)), kMaxMessages);
  for (unsigned i = 0; i < count; ++i) {
    mmsghdr message{};
    if (const int error = MemoryArgument(services, call, call.arg(1) + i * sizeof(message),
                                         &message, sizeof(message))) {
      return i == 0 ? Reply::Fail(error) : Reply::Continue();
    }
    const Reply reply =
        JudgeDatagram(services, call, reinterpret_cast<std::uint64_t>(message.msg_hdr.msg_name),
                      message.msg_hdr.msg_namelen, call.int_arg(3));
    if (reply.kind() != Reply::Kind::kContinue) {
      return reply;
    }
  }
  return Reply::Continue();
}

}  // namespace aegis::gate
