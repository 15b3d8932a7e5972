// Descriptors: numbers, limits, duplicates, passing, locks.
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cases.h"

static void limit(int resource, rlim_t value) {
  struct rlimit both;
  getrlimit(resource, &both);
  both.rlim_cur = value;
  T(named("limit %lu", (unsigned long)value), setrlimit(resource, &both));
}

static void lowest_numbers(void) {
  populate();
  int a = open("f", O_RDONLY), b = open("d", O_RDONLY), c = open("new", O_CREAT | O_RDWR, 0600);
  say("first", "%d %d %d", a, b, c);
  close(b);
  T("the gap", open("f", O_RDONLY));
  close(0);
  T("zero", open("f", O_RDONLY));
  T("next", open("f", O_RDONLY));
  close(a), close(c);
  T("gaps again", open("f", O_PATH));
  T("dup2 high", dup2(0, 100));
  T("after high", open("f", O_RDONLY));
  T("failing open takes none", open("no", O_RDONLY));
  T("then", open("f", O_RDONLY));
}

static void descriptor_limit(void) {
  populate();
  limit(RLIMIT_NOFILE, 5);
  int last = -1;
  for (int i = 0; i < 4; ++i) {
    int fd = open("f", O_RDONLY);
    tell(named("open %d", i), fd);
    last = fd < 0 ? last : fd;
  }
  T("creat", open("made", O_CREAT | O_WRONLY, 0644));
  tell_path("made", "made");
  T("trunc", open("f", O_WRONLY | O_TRUNC));
  tell_path("f", "f");
  T("tmpfile", open("d", O_TMPFILE | O_RDWR, 0600));
  T("missing", open("no", O_RDONLY));
  T("directory", open("d", O_DIRECTORY));
  T("path", open("f", O_PATH));
  T("fifo", open("p", O_RDONLY | O_NONBLOCK));
  T("fifo to write", open("p", O_WRONLY | O_NONBLOCK));
  T("dup", dup(0));
  T("fcntl dup", fcntl(0, F_DUPFD, 0));
  T("fcntl dup beyond", fcntl(0, F_DUPFD, 5));
  T("dup2 beyond", dup2(0, 5));
  T("pipe", pipe((int[2]){0}));
  T("socket", socket(AF_UNIX, SOCK_STREAM, 0));
  T("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}));
  T("eventfd", eventfd(0, 0));
  T("memfd", memfd_create("m", 0));
  T("inotify", (long)syscall(SYS_inotify_init1, 0));
  T("mkdir", mkdir("still", 0755));
  T("close", close(last));
  T("creat", open("made", O_CREAT | O_WRONLY, 0644));
  limit(RLIMIT_NOFILE, 3);
  T("open with a lower limit", open("f", O_RDONLY));
}

static void size_limit(void) {
  put("f", "text", 0644);
  put("long", "0123456789abcdef", 0644);
  limit(RLIMIT_FSIZE, 8);
  signal(SIGXFSZ, SIG_IGN);
  T("truncate within", truncate("f", 8));
  T("truncate beyond", truncate("f", 9));
  T("ftruncate beyond", ftruncate(open("f", O_WRONLY), 9));
  T("write at the end", pwrite(open("f", O_WRONLY), "x", 1, 8));
  T("partial write", pwrite(open("f", O_WRONLY), "0123456789", 10, 4));
  T("shorten a long one", truncate("long", 12));
  T("open trunc", open("long", O_WRONLY | O_TRUNC));
  T("fallocate", (long)syscall(SYS_fallocate, open("f", O_WRONLY), 0, 0, 100));
  tell_path("f", "f");
}

static int truncate_beyond(void) { return truncate("f", 100) == 0 ? 0 : errno; }
static int write_beyond(void) { return pwrite(open("f", O_WRONLY), "x", 1, 100) == 1 ? 0 : errno; }
static void size_limit_signal(void) {
  put("f", "text", 0644);
  limit(RLIMIT_FSIZE, 8);
  in_child("truncate", truncate_beyond);
  in_child("write", write_beyond);
}

static void duplicates(void) {
  populate();
  int fd = open("f", O_RDWR | O_CLOEXEC);
  T("cloexec", fcntl(fd, F_GETFD));
  T("dup drops it", fcntl(dup(fd), F_GETFD));
  T("dup3 same", dup3(fd, fd, 0));
  T("dup2 same", dup2(fd, fd));
  T("dup2 of closed", dup2(99, 5));
  T("dup2 to -1", dup2(fd, -1));
  T("dup3 flags", dup3(fd, 20, 1));
  T("dup3", dup3(fd, 20, O_CLOEXEC));
  T("F_DUPFD_CLOEXEC", fcntl(fcntl(fd, F_DUPFD_CLOEXEC, 50), F_GETFD));
  T("F_SETFL append", fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
  T("F_GETFL of the other", fcntl(20, F_GETFL));
  T("offset", lseek(fd, 2, SEEK_SET));
  T("offset of the other", lseek(20, 0, SEEK_CUR));
  T("separate open", lseek(open("f", O_RDONLY), 0, SEEK_CUR));
  T("F_SETFL noatime", fcntl(fd, F_SETFL, O_NOATIME));
  T("F_SETFL direct", fcntl(fd, F_SETFL, 0));
  T("close", close(fd));
  T("close again", close(fd));
  T("close_range bad", close_range(9, 8, 0));
  T("close_range unknown", close_range(3, 4, 64));
  T("close_range cloexec", close_range(20, 20, CLOSE_RANGE_CLOEXEC));
  T("close_range", close_range(3, ~0U, 0));
  T("then", open("f", O_RDONLY));
  T("dup of path flags", fcntl(open("f", O_PATH), F_GETFL));
  T("kcmp", (long)syscall(SYS_kcmp, getpid(), getpid(), 0, 3, 3));
}

static int pass(int through, int fd) {
  char byte = 'x', room[CMSG_SPACE(sizeof fd)] = "";
  struct iovec one = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  *head = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  return (int)sendmsg(through, &message, 0);
}

static int take(int from, int flags) {
  char byte, room[CMSG_SPACE(sizeof(int))] = "";
  struct iovec one = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  if (recvmsg(from, &message, flags) != 1 || CMSG_FIRSTHDR(&message) == NULL) {
    return -1;
  }
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static void passing(void) {
  populate();
  int ends[2];
  T("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  pid_t child = fork();
  if (child == 0) {
    int fd = open("f", O_RDWR);
    lseek(fd, 2, SEEK_SET);
    pass(ends[1], fd);
    pass(ends[1], open("d", O_RDONLY));
    pass(ends[1], open("f", O_PATH));
    _exit(0);
  }
  tell_child("child", child);
  int fd = take(ends[0], MSG_CMSG_CLOEXEC), directory = take(ends[0], 0), path = take(ends[0], 0);
  say("numbers", "%d %d %d", fd, directory, path);
  T("offset", lseek(fd, 0, SEEK_CUR));
  T("flags", fcntl(fd, F_GETFL));
  T("cloexec", fcntl(fd, F_GETFD));
  T("write", write(fd, "X", 1));
  T("openat", openat(directory, "x", O_RDONLY));
  T("reopen", open(named("/proc/self/fd/%d", path), O_RDWR));
  tell_text("f", "f");
}

static void file_flags(void) {
  populate();
  int fd = open("f", O_RDWR);
  T("F_GETOWN", fcntl(fd, F_GETOWN));
  T("F_GETPIPE_SZ", fcntl(fd, F_GETPIPE_SZ));
  T("F_GET_SEALS", fcntl(fd, F_GET_SEALS));
  T("F_GETSIG", fcntl(fd, F_GETSIG));
  T("unknown command", fcntl(fd, 9999));
  T("F_NOTIFY", fcntl(open("d", O_RDONLY), F_NOTIFY, 0));
  int memory = memfd_create("m", MFD_ALLOW_SEALING);
  T("memfd", memory);
  T("seal", fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
  T("write sealed", write(memory, "x", 1));
  T("reopen memfd", open(named("/proc/self/fd/%d", memory), O_RDWR));
  T("reopen memfd ro", open(named("/proc/self/fd/%d", memory), O_RDONLY));
  T("truncate memfd by name", truncate(named("/proc/self/fd/%d", memory), 0));
  T("chmod memfd", fchmod(memory, 0400));
  int ends[2];
  T("pipe2", pipe2(ends, O_NONBLOCK | O_CLOEXEC));
  T("pipe size", fcntl(ends[1], F_SETPIPE_SZ, 4096));
  T("read nothing", read(ends[0], (char[1]){0}, 1));
  T("reopen a pipe", open(named("/proc/self/fd/%d", ends[0]), O_RDONLY | O_NONBLOCK));
  T("reopen a pipe to write", open(named("/proc/self/fd/%d", ends[0]), O_WRONLY | O_NONBLOCK));
  T("ioctl", (long)syscall(SYS_ioctl, fd, 0x541B, &(int){0}));
  T("ioctl unknown", (long)syscall(SYS_ioctl, fd, 0x12345678, 0));
  T("flags", (long)syscall(SYS_ioctl, fd, 0x80086601, &(long){0}) < 0 ? 1 : 0);
}

static void dev_fd(void) {
  populate();
  int fd = open("f", O_RDONLY);
  lseek(fd, 3, SEEK_SET);
  T("reopen has its own offset", lseek(open(named("/dev/fd/%d", fd), O_RDONLY), 0, SEEK_CUR));
  T("more rights", open(named("/dev/fd/%d", fd), O_RDWR));
  T("unlink", unlink("f"));
  int again = open(named("/proc/self/fd/%d", fd), O_RDWR);
  T("after unlink", again);
  T("write", write(again, "new!", 4));
  char text[8] = "";
  T("read by the first", pread(fd, text, 4, 0));
  say("text", "%s", text);
  T("trunc", close(open(named("/proc/self/fd/%d", fd), O_WRONLY | O_TRUNC)));
  tell_fd("size", fd);
  T("closed number", open("/dev/fd/77", O_RDONLY));
  T("creat closed number", open("/dev/fd/77", O_RDONLY | O_CREAT, 0644));
  T("unlink a number", unlink(named("/proc/self/fd/%d", fd)));
  T("mkdir in fd", mkdir("/proc/self/fd/x", 0755));
  T("nofollow", open(named("/proc/self/fd/%d", fd), O_RDONLY | O_NOFOLLOW));
  T("socket", open(named("/proc/self/fd/%d", socket(AF_UNIX, SOCK_STREAM, 0)), O_RDWR));
  T("thread-self", close(open(named("/proc/thread-self/fd/%d", fd), O_RDONLY)));
  T("by pid", close(open(named("/proc/%d/fd/%d", getpid(), fd), O_RDONLY)));
}

static int hold;
static void* open_in_thread(void* path) { return (void*)(long)open(path, O_RDWR | O_CREAT, 0644); }
static void threads_share(void) {
  populate();
  pthread_t thread;
  void* result;
  T("thread", pthread_create(&thread, NULL, open_in_thread, "made"));
  pthread_join(thread, &result);
  say("fd", "%ld", (long)result);
  T("used here", write((int)(long)result, "here", 4));
  T("unshare files", (long)syscall(SYS_unshare, 0x400));
  T("thread", pthread_create(&thread, NULL, open_in_thread, "made"));
  pthread_join(thread, &result);
  say("fd", "%ld", (long)result);
}

static void* open_many(void*) {
  for (int i = 0; i < 200; ++i) {
    int fd = open(named("t%d", i % 7), O_RDWR | O_CREAT, 0644);
    if (fd < 0 || close(fd) != 0) {
      __atomic_add_fetch(&hold, 1, __ATOMIC_SEQ_CST);
    }
  }
  return NULL;
}
static void threads_open(void) {
  pthread_t threads[4];
  for (size_t i = 0; i < COUNT(threads); ++i) {
    pthread_create(&threads[i], NULL, open_many, NULL);
  }
  for (size_t i = 0; i < COUNT(threads); ++i) {
    pthread_join(threads[i], NULL);
  }
  say("failures", "%d", hold);
  T("none is left open", open("t0", O_RDONLY));
}

static int bound(const char* name, int kind) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, name, sizeof address.sun_path);
  int fd = socket(AF_UNIX, kind, 0);
  if (fd < 0) {
    return -1;
  }
  if (bind(fd, (struct sockaddr*)&address,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1)) == 0) {
    return fd;
  }
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static int connected(const char* name, int kind) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, kind | SOCK_NONBLOCK, 0);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) == 0) {
    return fd;
  }
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static void unix_sockets(void) {
  populate();
  umask(027);
  int server, client, accepted;
  D("bind", server = bound("server", SOCK_STREAM));
  tell_path("server", "server");
  D("bind again", bound("server", SOCK_STREAM));
  D("bind onto a file", bound("f", SOCK_STREAM));
  D("bind onto a dangling link", bound("dangling", SOCK_STREAM));
  D("bind in a missing directory", bound("no/s", SOCK_STREAM));
  D("bind below a file", bound("f/s", SOCK_STREAM));
  D("bind with slash", bound("new/", SOCK_STREAM));
  T("second bind", bind(server, (struct sockaddr*)&(struct sockaddr_un){AF_UNIX, "other"}, 10));
  D("connect before listen", connected("server", SOCK_STREAM));
  T("listen", listen(server, 1));
  T("chmod", chmod("server", 0700));
  D("connect", client = connected("server", SOCK_STREAM));
  D("connect missing", connected("nothing", SOCK_STREAM));
  D("connect to a file", connected("f", SOCK_STREAM));
  D("connect to a directory", connected("d", SOCK_STREAM));
  D("connect to a dangling link", connected("dangling", SOCK_STREAM));
  T("link", symlink("server", "to-server"));
  D("connect by link", connected("to-server", SOCK_STREAM));
  D("connect of another kind", connected("server", SOCK_SEQPACKET));
  D("accept", accepted = accept(server, NULL, NULL));
  T("send", write(client, "hello", 5));
  T("receive", read(accepted, (char[8]){0}, 8));
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  T("getpeername", getpeername(client, (struct sockaddr*)&address, &length));
  say("peer", "%u %s", length, length > 2 ? address.sun_path : "");
  length = sizeof address;
  T("getsockname", getsockname(server, (struct sockaddr*)&address, &length));
  say("own", "%u %s", length, length > 2 ? address.sun_path : "");
  struct {
    pid_t pid;
    uid_t uid;
    gid_t gid;
  } who = {0, 9, 9};
  length = sizeof who;
  T("credentials", getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &length));
  say("are ours", "%d %d", who.pid == getpid(), who.uid == getuid());
  T("connect again",
    connect(client, (struct sockaddr*)&(struct sockaddr_un){AF_UNIX, "server"}, 9));
  T("unlink", unlink("server"));
  D("connect to unlinked", connected("server", SOCK_STREAM));
  D("seqpacket", bound("seq", SOCK_SEQPACKET));
  D("datagram", bound("dgram", SOCK_DGRAM));
  char name[120];
  memset(name, 'n', sizeof name);
  name[107] = '\0';
  D("107 bytes", bound(name, SOCK_STREAM));
  name[107] = 'n';
  name[108] = '\0';
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  memcpy(address.sun_path, name, 108);
  address.sun_family = AF_UNIX;
  T("108 bytes", bind(fd, (struct sockaddr*)&address, sizeof address));
  T("109 bytes", bind(fd, (struct sockaddr*)&address, sizeof address + 1));
  T("short", bind(fd, (struct sockaddr*)&address, 1));
  T("wrong family", bind(fd, (struct sockaddr*)&(struct sockaddr_un){77, "x"}, 4));
  T("not a socket", bind(0, (struct sockaddr*)&address, 10));
  T("closed", bind(77, (struct sockaddr*)&address, 10));
}

static void many_sockets(void) {
  int failed = 0, error = 0;
  for (int i = 0; i < 1500; ++i) {
    int fd = bound("s", SOCK_STREAM);
    if (fd < 0) {
      ++failed;
      error = errno;
    }
    close(fd);
    unlink("s");
  }
  say("of 1500 one after another", "%d failed %s", failed, error_name(error));
}

static void socket_pairs(void) {
  int ends[2];
  static const int kKinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (size_t i = 0; i < COUNT(kKinds); ++i) {
    T(named("pair %zu", i), socketpair(AF_UNIX, kKinds[i], 0, ends));
    T(named("send %zu", i), send(ends[0], "ab", 2, 0));
    T(named("sendto %zu", i), sendto(ends[0], "ab", 2, 0, NULL, 0));
    T(named("receive %zu", i), recv(ends[1], (char[9]){0}, 9, 0));
  }
  T("abstract", bind(socket(AF_UNIX, SOCK_STREAM, 0),
                     (struct sockaddr*)&(struct sockaddr_un){AF_UNIX, "\0aegis-differential"}, 21));
  T("autobind",
    bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&(struct sockaddr_un){AF_UNIX, ""}, 2));
  T("shut down", shutdown(ends[0], SHUT_RDWR));
  T("after that", (long)send(ends[0], "x", 1, MSG_NOSIGNAL));
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(lowest_numbers), C(descriptor_limit), C(size_limit),  C(size_limit_signal), C(duplicates),
    C(passing),        C(file_flags),       C(dev_fd),      C(threads_share),     C(threads_open),
    C(unix_sockets),   C(socket_pairs),     C(many_sockets)};
GROUP(kDescriptors, "descriptors", kCases);
