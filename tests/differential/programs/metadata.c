// Owners, modes, times, extended attributes, sizes.
#include <linux/falloc.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "cases.h"

static void chmod_modes(void) {
  populate();
  static const mode_t kModes[] = {0,     0777,  0644,    01777,   02755,
                                  04755, 07777, 0100600, 0200644, (mode_t)-1};
  static const char* const kNamesOf[] = {"f", "d", "lf", "p", "s"};
  for (size_t i = 0; i < COUNT(kModes); ++i) {
    for (size_t j = 0; j < COUNT(kNamesOf); ++j) {
      T(named("chmod %s %o", kNamesOf[j], kModes[i]), chmod(kNamesOf[j], kModes[i]));
      tell_path(named("then %s %o", kNamesOf[j], kModes[i]), kNamesOf[j]);
    }
  }
  T("restore", chmod("d", 0755));
}

static void chmod_forms(void) {
  populate();
  int file = open("f", O_RDONLY), path = open("f", O_PATH), link = open("lf", O_PATH | O_NOFOLLOW);
  T("fchmod", fchmod(file, 0604));
  tell_path("f", "f");
  T("fchmod path", fchmod(path, 0600));
  T("chmod proc", chmod(named("/proc/self/fd/%d", path), 0640));
  tell_path("f", "f");
  T("chmod proc of a link", chmod(named("/proc/self/fd/%d", link), 0600));
  for (int flags = 0; flags <= 0x2000; flags = flags == 0 ? 0x100 : flags * 2) {
    T(named("fchmodat2 %x", flags), syscall(452, AT_FDCWD, "f", 0644, flags));
    T(named("fchmodat2 link %x", flags), syscall(452, AT_FDCWD, "lf", 0644, flags));
    T(named("fchmodat2 empty %x", flags), syscall(452, path, "", 0644, flags));
  }
  T("fchmodat of libc", fchmodat(AT_FDCWD, "lf", 0611, AT_SYMLINK_NOFOLLOW));
  T("fchmodat of libc, a file", fchmodat(AT_FDCWD, "f", 0611, AT_SYMLINK_NOFOLLOW));
  T("lchmod", lchmod("lf", 0600));
  tell_path("f", "f");
}

static void chown_forms(void) {
  populate();
  T("chmod", chmod("f", 06755));
  T("nothing", chown("f", -1, -1));
  tell_path("bits", "f");
  T("own", chown("f", getuid(), getgid()));
  tell_path("bits", "f");
  T("directory bits", chmod("d", 06755) || chown("d", getuid(), getgid()));
  tell_path("directory", "d");
  T("setgid without x", chmod("f", 02644) || chown("f", getuid(), -1));
  tell_path("f", "f");
  T("user only", chown("f", getuid(), -1));
  T("group only", chown("f", -1, getgid()));
  T("lchown", lchown("lf", getuid(), -1));
  T("dangling", chown("dangling", -1, -1));
  T("lchown dangling", lchown("dangling", -1, -1));
  T("fifo", chown("p", getuid(), -1));
  int fd = open("f", O_RDONLY);
  T("fchown", fchown(fd, getuid(), getgid()));
  T("fchown path", fchown(open("f", O_PATH), -1, -1));
  T("write clears bits", chmod("f", 06755) || write(open("f", O_WRONLY | O_APPEND), "x", 1) != 1);
  tell_path("f", "f");
  T("truncate clears bits", chmod("f", 06755) || truncate("f", 1));
  tell_path("f", "f");
  T("trunc clears bits", chmod("f", 06755) || close(open("f", O_WRONLY | O_TRUNC)));
  tell_path("f", "f");
  T("open leaves bits", chmod("f", 06755) || close(open("f", O_WRONLY)));
  tell_path("f", "f");
}

static void chown_others(void) {
  populate();
  T("to 12345", chown("f", 12345, -1));
  T("group 12345", chown("f", -1, 12345));
  T("daemon", lchown("lf", 1, 1));
  struct stat status;
  stat("f", &status);
  say("owner", "%u %u", status.st_uid == getuid() ? 0 : status.st_uid,
      status.st_gid == getgid() ? 0 : status.st_gid);
}

static void tell_times(const char* label, const char* path) {
  struct stat status;
  if (lstat(path, &status) != 0) {
    say(label, "%s", error_name(errno));
    return;
  }
  // Times of now are told as such.
  char text[2][40];
  const struct timespec* times[] = {&status.st_atim, &status.st_mtim};
  for (int i = 0; i < 2; ++i) {
    if (times[i]->tv_sec > 1500000000 && times[i]->tv_sec < 4000000000) {
      strcpy(text[i], "now");
    } else {
      snprintf(text[i], sizeof text[i], "%ld.%09ld", (long)times[i]->tv_sec, times[i]->tv_nsec);
    }
  }
  say(label, "a=%s m=%s", text[0], text[1]);
}

static void times_special(void) {
  populate();
  static const struct {
    const char* name;
    struct timespec times[2];
  } kTimes[] = {{"set", {{100, 5}, {200, 6}}},
                {"omit both", {{0, UTIME_OMIT}, {0, UTIME_OMIT}}},
                {"omit access", {{7, UTIME_OMIT}, {300, 0}}},
                {"omit change", {{400, 0}, {8, UTIME_OMIT}}},
                {"now access", {{0, UTIME_NOW}, {500, 0}}},
                {"now change", {{600, 0}, {0, UTIME_NOW}}},
                {"now both", {{0, UTIME_NOW}, {0, UTIME_NOW}}},
                {"now and omit", {{0, UTIME_NOW}, {0, UTIME_OMIT}}},
                {"bad nanoseconds", {{1, 1000000000}, {1, 0}}},
                {"negative nanoseconds", {{1, -1}, {1, 0}}},
                {"before 1970", {{-5, 1}, {-6, 2}}},
                {"far", {{1LL << 33, 1}, {1LL << 34, 2}}},
                {"farther", {{1LL << 40, 1}, {1LL << 62, 2}}}};
  static const char* const kNamesOf[] = {"f", "d", "lf", "p", "dangling"};
  for (size_t i = 0; i < COUNT(kTimes); ++i) {
    for (size_t j = 0; j < COUNT(kNamesOf); ++j) {
      T(named("%s %s", kTimes[i].name, kNamesOf[j]),
        syscall(SYS_utimensat, AT_FDCWD, kNamesOf[j], kTimes[i].times, 0));
      tell_times(named("then %s %s", kTimes[i].name, kNamesOf[j]), kNamesOf[j]);
      T(named("%s %s not followed", kTimes[i].name, kNamesOf[j]),
        syscall(SYS_utimensat, AT_FDCWD, kNamesOf[j], kTimes[i].times, AT_SYMLINK_NOFOLLOW));
      tell_times(named("then %s %s not followed", kTimes[i].name, kNamesOf[j]), kNamesOf[j]);
    }
  }
}

static void times_forms(void) {
  populate();
  const struct timespec precise[2] = {{11, 1}, {12, 2}};
  const struct timeval coarse[2] = {{13, 3}, {14, 4}}, bad[2] = {{1, 1000000}, {1, 0}};
  const long seconds[2] = {15, 16};
  int fd = open("f", O_RDONLY), path = open("f", O_PATH);
  T("futimens", futimens(fd, precise));
  tell_times("f", "f");
  T("futimens path", futimens(path, precise));
  T("empty path", syscall(SYS_utimensat, path, "", precise, AT_EMPTY_PATH));
  T("utimes", syscall(SYS_utimes, "f", coarse));
  tell_times("f", "f");
  T("utimes bad", syscall(SYS_utimes, "f", bad));
  T("utime", syscall(SYS_utime, "f", seconds));
  tell_times("f", "f");
  T("futimesat", syscall(SYS_futimesat, AT_FDCWD, "f", coarse));
  tell_times("f", "f");
  T("futimesat null", syscall(SYS_futimesat, fd, NULL, coarse));
  T("lutimes", lutimes("lf", coarse));
  tell_times("lf", "lf");
  T("null with nofollow", syscall(SYS_utimensat, fd, NULL, precise, AT_SYMLINK_NOFOLLOW));
  T("null here", syscall(SYS_utimensat, AT_FDCWD, NULL, precise, 0));
  T("missing, omit", syscall(SYS_utimensat, AT_FDCWD, "no",
                             ((struct timespec[2]){{0, UTIME_OMIT}, {0, UTIME_OMIT}}), 0));
  T("closed, omit",
    syscall(SYS_utimensat, 200, NULL, ((struct timespec[2]){{0, UTIME_OMIT}, {0, UTIME_OMIT}}), 0));
  T("time of a link", utimensat(AT_FDCWD, "lf", precise, AT_SYMLINK_NOFOLLOW));
  tell_times("lf", "lf");
}

static void times_kept(void) {
  put("f", "text", 0644);
  const struct timespec times[2] = {{1000, 0}, {2000, 0}};
  T("set", utimensat(AT_FDCWD, "f", times, 0));
  T("chmod", chmod("f", 0600));
  T("rename", rename("f", "g"));
  T("link", link("g", "h"));
  T("open", close(open("g", O_WRONLY)));
  tell_times("kept", "g");
  T("truncate to its size", truncate("g", 4));
  tell_times("after truncate", "g");
  T("set", utimensat(AT_FDCWD, "g", times, 0));
  T("open and trunc", close(open("g", O_WRONLY | O_TRUNC)));
  tell_times("after trunc", "g");
  T("set", utimensat(AT_FDCWD, "g", times, 0));
  T("nothing read", close(open("g", O_RDONLY)));
  tell_times("after open", "g");
}

static void xattrs(void) {
  populate();
  char value[64];
  T("set", setxattr("f", "user.a", "one", 3, 0));
  T("create existing", setxattr("f", "user.a", "two", 3, XATTR_CREATE));
  T("replace", setxattr("f", "user.a", "three", 5, XATTR_REPLACE));
  T("replace missing", setxattr("f", "user.b", "x", 1, XATTR_REPLACE));
  T("both flags", setxattr("f", "user.c", "x", 1, XATTR_CREATE | XATTR_REPLACE));
  T("unknown flag", setxattr("f", "user.c", "x", 1, 8));
  T("empty value", setxattr("f", "user.empty", "", 0, 0));
  T("null value", setxattr("f", "user.null", NULL, 0, 0));
  T("get", getxattr("f", "user.a", value, sizeof value));
  T("get size", getxattr("f", "user.a", NULL, 0));
  T("get small", getxattr("f", "user.a", value, 2));
  T("get missing", getxattr("f", "user.z", value, 2));
  T("list size", listxattr("f", NULL, 0) > 0);
  T("list small", listxattr("f", value, 1));
  T("remove", removexattr("f", "user.a"));
  T("remove again", removexattr("f", "user.a"));
  T("link followed", setxattr("lf", "user.l", "v", 1, 0));
  T("link itself", lsetxattr("lf", "user.l", "v", 1, 0));
  T("link itself get", lgetxattr("lf", "user.l", value, sizeof value));
  T("link remove", lremovexattr("lf", "user.l"));
  T("directory", setxattr("d", "user.d", "v", 1, 0));
  T("fifo", setxattr("p", "user.p", "v", 1, 0));
  T("no namespace", setxattr("f", "plain", "v", 1, 0));
  T("unknown namespace", setxattr("f", "other.a", "v", 1, 0));
  T("empty name", setxattr("f", "", "v", 1, 0));
  T("user only", setxattr("f", "user.", "v", 1, 0));
  T("trusted", setxattr("f", "trusted.a", "v", 1, 0));
  T("security", setxattr("f", "security.other", "v", 1, 0));
  T("capability",
    setxattr("f", "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
  T("system", setxattr("f", "system.other", "v", 1, 0));
  T("acl garbage", setxattr("f", "system.posix_acl_access", "v", 1, 0));
  static const unsigned char kAcl[] = {2,   0,   0, 0, 1,   0,   6,   0,   255, 255,
                                       255, 255, 4, 0, 4,   0,   255, 255, 255, 255,
                                       32,  0,   4, 0, 255, 255, 255, 255};
  T("acl", setxattr("f", "system.posix_acl_access", kAcl, sizeof kAcl, 0));
  tell_path("after acl", "f");
  char name[300];
  memset(name, 'n', sizeof name);
  memcpy(name, "user.", 5);
  name[255] = '\0';
  T("name of 255", setxattr("f", name, "v", 1, 0));
  name[255] = 'n';
  name[256] = '\0';
  T("name of 256", setxattr("f", name, "v", 1, 0));
  char* large = calloc(1, 70000);
  T("value of 65536",
    setxattr("f", "user.large", large, 65536, 0) ? (errno == ENOSPC ? 1 : -1) : 0);
  T("value of 65537", setxattr("f", "user.large", large, 65537, 0));
  int fd = open("f", O_RDONLY), path = open("f", O_PATH);
  T("by descriptor", fsetxattr(fd, "user.fd", "v", 1, 0));
  T("by path descriptor", fsetxattr(path, "user.fd", "v", 1, 0));
  T("by proc", setxattr(named("/proc/self/fd/%d", path), "user.proc", "v", 1, 0));
  T("read-only mode", fchmod(fd, 0444) || setxattr("f", "user.ro", "v", 1, 0));
  T("setxattrat",
    syscall(463, AT_FDCWD, "f", 0, "user.at", &(uint64_t[2]){(uint64_t)(uintptr_t)"v", 1}, 16));
  T("getxattrat",
    syscall(464, AT_FDCWD, "f", 0, "user.fd", &(uint64_t[2]){(uint64_t)(uintptr_t)value, 8}, 16));
  T("listxattrat", syscall(465, AT_FDCWD, "f", 0, NULL, 0) > 0);
  T("removexattrat", syscall(466, AT_FDCWD, "f", 0, "user.fd"));
}

static void truncates(void) {
  populate();
  T("longer", truncate("f", 100));
  tell_path("f", "f");
  T("shorter", truncate("f", 3));
  T("negative", truncate("f", -1));
  T("huge", truncate("f", 0x7fffffffffffffffL));
  T("directory", truncate("d", 0));
  T("fifo", truncate("p", 0));
  T("socket", truncate("s", 0));
  T("dangling", truncate("dangling", 0));
  T("link", truncate("lf", 50));
  tell_path("f", "f");
  int fd = open("f", O_RDONLY);
  T("ftruncate read-only", ftruncate(fd, 0));
  T("ftruncate path", ftruncate(open("f", O_PATH), 0));
  fd = open("f", O_RDWR);
  T("ftruncate", ftruncate(fd, 7));
  T("ftruncate negative", ftruncate(fd, -1));
  T("fallocate", fallocate(fd, 0, 0, 4096));
  T("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  T("fallocate 0", fallocate(fd, 0, 0, 0));
  T("fallocate read-only", fallocate(open("f", O_RDONLY), 0, 0, 10));
  T("hole", lseek(fd, 0, SEEK_HOLE));
  T("data", lseek(fd, 0, SEEK_DATA));
  T("exec bit", chmod("f", 0) || truncate("f", 1));
  tell_path("f", "f");
}

static void accesses(void) {
  populate();
  T("mode", chmod("f", 0400));
  for (int mode = 0; mode <= 8; ++mode) {
    T(named("access %d", mode), access("f", mode));
    T(named("faccessat2 eaccess %d", mode),
      syscall(SYS_faccessat2, AT_FDCWD, "f", mode, AT_EACCESS));
  }
  T("unknown flag", syscall(SYS_faccessat2, AT_FDCWD, "f", 0, 0x10000));
  T("link", syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
  T("root", access("/", W_OK));
  T("dev null", access("/dev/null", W_OK));
  T("proc", access("/proc/self/status", R_OK));
  T("system file", access("/etc/passwd", W_OK));
  T("shadow", access("/etc/shadow", R_OK));
}

static void statuses(void) {
  populate();
  struct statx words;
  T("statx", statx(AT_FDCWD, "f", 0, STATX_ALL, &words));
  say("statx mode", "%o %lu %lu", words.stx_mode, (unsigned long)words.stx_size,
      (unsigned long)words.stx_nlink);
  T("statx reserved", statx(AT_FDCWD, "f", 0, STATX__RESERVED, &words));
  T("statx empty", statx(open("f", O_PATH), "", AT_EMPTY_PATH, STATX_ALL, &words));
  T("statx flag", statx(AT_FDCWD, "f", 0x10000, STATX_ALL, &words));
  struct stat before, after;
  T("stat", stat("f", &before));
  T("rename", rename("f", "g"));
  T("stat", stat("g", &after));
  say("same inode", "%d", before.st_ino == after.st_ino && before.st_dev == after.st_dev);
  struct stat here, up;
  stat(".", &here), stat("..", &up);
  say("same device as the directory", "%d %d", here.st_dev == after.st_dev,
      here.st_dev == up.st_dev);
  struct statfs room;
  T("statfs", statfs(".", &room));
  say("kind", "%lx %ld", (unsigned long)room.f_type, (long)room.f_namelen);
  T("statfs missing", statfs("no", &room));
  T("fstatfs", fstatfs(open("g", O_RDONLY), &room));
  struct stat null;
  T("dev null", stat("/dev/null", &null));
  say("device", "%u %u %o", major(null.st_rdev), minor(null.st_rdev), null.st_mode);
  struct stat opened;
  int fd = open("g", O_RDONLY);
  T("fstat", fstat(fd, &opened));
  say("descriptor and name", "%d",
      opened.st_ino == after.st_ino && opened.st_dev == after.st_dev && opened.st_uid == getuid() &&
          opened.st_gid == getgid());
}

static void readlinks(void) {
  populate();
  char text[4096] = "";
  T("size 0", readlink("lf", text, 0));
  T("size 1", readlink("dangling", text, 3));
  T("not a link", readlink("f", text, 9));
  T("empty", readlinkat(open("lf", O_PATH | O_NOFOLLOW), "", text, 9));
  T("empty of a directory", readlinkat(open("d", O_PATH), "", text, 9));
  int fd = open("f", O_RDONLY);
  char here[4096];
  long length = readlink(named("/proc/self/fd/%d", fd), text, sizeof text - 1);
  text[length < 0 ? 0 : length] = '\0';
  say("proc", "%d", getcwd(here, sizeof here) != NULL && strcmp(text, strcat(here, "/f")) == 0);
  T("unlink", unlink("f"));
  length = readlink(named("/proc/self/fd/%d", fd), text, sizeof text - 1);
  text[length < 0 ? 0 : length] = '\0';
  say("proc deleted", "%d", strcmp(text, strcat(here, " (deleted)")) == 0);
  length = readlink("/proc/self/cwd", text, sizeof text - 1);
  text[length < 0 ? 0 : length] = '\0';
  say("cwd", "%d", getcwd(here, sizeof here) != NULL && strcmp(text, here) == 0);
  length = readlink("/proc/self/exe", text, sizeof text - 1);
  text[length < 0 ? 0 : length] = '\0';
  say("exe", "%d", strcmp(text, self_path) == 0);
  length = readlink("/proc/self/root", text, sizeof text - 1);
  say("root", "%ld %c", length, text[0]);
}

static void system_files(void) {
  static const char* const kSystem[] = {"/etc/passwd",
                                        "/etc/shadow",
                                        "/etc/new",
                                        "/usr/bin/true",
                                        "/usr/bin/new",
                                        "/root",
                                        "/proc/version",
                                        "/proc/1/environ",
                                        "/sys/kernel/mm/transparent_hugepage/enabled",
                                        "/dev/null",
                                        "/dev/zero",
                                        "/dev/full",
                                        "/dev/random",
                                        "/dev/urandom",
                                        "/dev/tty",
                                        "/dev/stdin",
                                        "/dev/fd/0",
                                        "/dev/ptmx",
                                        "/proc/self/comm",
                                        "/proc/self/oom_score_adj",
                                        "/proc/self/maps",
                                        "/proc/self/mem",
                                        "/proc/self/task",
                                        "/proc/thread-self/comm",
                                        "/proc/self/attr/current",
                                        "/proc/cpuinfo",
                                        "/proc/self/mountinfo",
                                        "/proc/self/ns/mnt",
                                        "/boot",
                                        "/var/log",
                                        "/var/tmp",
                                        "/tmp",
                                        "/run"};
  for (size_t i = 0; i < COUNT(kSystem); ++i) {
    int fd = open(kSystem[i], O_RDONLY | O_NONBLOCK | O_NOCTTY);
    say(named("read %s", kSystem[i]), "%s", fd < 0 ? error_name(errno) : "ok");
    close(fd);
    {
      fd = open(kSystem[i], O_WRONLY | O_NONBLOCK | O_NOCTTY);
      say(named("write %s", kSystem[i]), "%s", fd < 0 ? error_name(errno) : "ok");
      close(fd);
    }
  }
  int full = open("/dev/full", O_WRONLY);
  T("write to full", write(full, "x", 1));
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(chmod_modes), C(chmod_forms), C(chown_forms), C(chown_others), C(times_special),
    C(times_forms), C(times_kept),  C(xattrs),      C(truncates),    C(accesses),
    C(statuses),    C(readlinks),   C(system_files)};
GROUP(kMetadata, "metadata", kCases);
