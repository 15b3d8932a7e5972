// Calls relative to a descriptor: of a directory, of what is none, closed, of a directory that is
// gone.
#include <sys/socket.h>

#include "cases.h"

typedef struct {
  const char* name;
  int fd;
} Start;

static Start starts[16];
static size_t start_count;

static void add(const char* name, int fd) { starts[start_count++] = (Start){name, fd}; }

static void make_starts(void) {
  populate();
  int ends[2];
  T("mkdir", mkdir("gone", 0755));
  T("pipe", pipe(ends));
  add("here", AT_FDCWD);
  add("directory", open("d", O_RDONLY | O_DIRECTORY));
  add("path directory", open("d", O_PATH));
  add("file", open("f", O_RDONLY));
  add("path file", open("f", O_PATH));
  add("path link", open("ld", O_PATH | O_NOFOLLOW));
  add("pipe", ends[0]);
  add("socket", socket(AF_UNIX, SOCK_STREAM, 0));
  add("gone", open("gone", O_RDONLY | O_DIRECTORY));
  add("closed", 200);
  add("minus one", -1);
  add("minus two", -2);
  add("huge", 0x7fffffff);
  T("rmdir", rmdir("gone"));
}

#define EACH(title, call)                                                    \
  static void title(void) {                                                  \
    make_starts();                                                           \
    static const char* const kPaths[] = {"x", "new", "", ".", "..", "../f"}; \
    for (size_t i = 0; i < start_count; ++i) {                               \
      for (size_t j = 0; j < COUNT(kPaths); ++j) {                           \
        int fd = starts[i].fd;                                               \
        const char* path = kPaths[j];                                        \
        T(named("%s '%s'", starts[i].name, path), (call));                   \
      }                                                                      \
    }                                                                        \
  }

static char* absolute(const char* name) {
  static char path[4200];
  char here[4096] = "";
  if (getcwd(here, sizeof here) == NULL) {
    _exit(97);
  }
  snprintf(path, sizeof path, "%s/%s", here, name);
  return path;
}

static int closed(int fd) {
  if (fd >= 0) {
    close(fd);
    return 0;
  }
  return fd;
}

EACH(openat_read, closed(openat(fd, path, O_RDONLY)))
EACH(openat_write, closed(openat(fd, path, O_WRONLY)))
EACH(openat_creat, closed(openat(fd, path, O_WRONLY | O_CREAT, 0640)))
EACH(openat_excl, closed(openat(fd, path, O_WRONLY | O_CREAT | O_EXCL, 0640)))
EACH(openat_directory, closed(openat(fd, path, O_DIRECTORY)))
EACH(openat_tmpfile, closed(openat(fd, path, O_TMPFILE | O_RDWR, 0600)))
EACH(openat_path, closed(openat(fd, path, O_PATH)))
EACH(mkdirat_, mkdirat(fd, path, 0755))
EACH(mknodat_, (long)syscall(SYS_mknodat, fd, path, S_IFREG | 0640, 0))
EACH(symlinkat_, symlinkat("text", fd, path))
EACH(unlinkat_, unlinkat(fd, path, 0))
EACH(rmdirat, unlinkat(fd, path, AT_REMOVEDIR))
EACH(linkat_from, linkat(fd, path, AT_FDCWD, "made", 0))
EACH(linkat_from_empty, linkat(fd, path, AT_FDCWD, "made", AT_EMPTY_PATH))
EACH(linkat_to, linkat(AT_FDCWD, "f", fd, path, 0))
EACH(renameat_from, renameat(fd, path, AT_FDCWD, "moved"))
EACH(renameat_to, renameat(AT_FDCWD, "lf", fd, path))
EACH(fchmodat_, (long)syscall(SYS_fchmodat, fd, path, 0700))
EACH(fchmodat2_empty, (long)syscall(452, fd, path, 0700, AT_EMPTY_PATH))
EACH(fchownat_, fchownat(fd, path, -1, -1, 0))
EACH(fchownat_empty, fchownat(fd, path, getuid(), -1, AT_EMPTY_PATH))
EACH(fchownat_nofollow, fchownat(fd, path, -1, -1, AT_SYMLINK_NOFOLLOW))
EACH(fchownat_unknown, fchownat(fd, path, -1, -1, 0x8000))
EACH(utimensat_, (long)syscall(SYS_utimensat, fd, path, NULL, 0))
EACH(utimensat_empty, (long)syscall(SYS_utimensat, fd, path, NULL, AT_EMPTY_PATH))
EACH(utimensat_unknown, (long)syscall(SYS_utimensat, fd, path, NULL, 0x8000))
EACH(futimesat_, (long)syscall(SYS_futimesat, fd, path, NULL))
EACH(faccessat_, (long)syscall(SYS_faccessat, fd, path, R_OK))
EACH(faccessat2_empty, (long)syscall(SYS_faccessat2, fd, path, R_OK, AT_EMPTY_PATH))
EACH(fstatat_, fstatat(fd, path, &(struct stat){0}, 0))
EACH(fstatat_empty, fstatat(fd, path, &(struct stat){0}, AT_EMPTY_PATH))
EACH(readlinkat_, readlinkat(fd, path, (char[64]){0}, 64))
EACH(execveat_, (long)syscall(SYS_execveat, fd, path, NULL, NULL, 0))
EACH(execveat_empty, (long)syscall(SYS_execveat, fd, path, NULL, NULL, AT_EMPTY_PATH))
EACH(execveat_unknown, (long)syscall(SYS_execveat, fd, path, NULL, NULL, 0x8000))
EACH(name_to_handle, ({
       struct {
         unsigned bytes;
         int type;
         char handle[128];
       } handle = {.bytes = 0};
       int mount;
       (long)syscall(SYS_name_to_handle_at, fd, path, &handle, &mount, 0);
     }))
EACH(inotify_, (long)syscall(SYS_inotify_add_watch, fd, path, 2))
EACH(absolute_path, closed(openat(fd, absolute("f"), O_WRONLY)))
EACH(absolute_mkdir, mkdirat(fd, absolute("d"), 0755))

// The calls that take a descriptor alone.
static void descriptors_alone(void) {
  make_starts();
  for (size_t i = 0; i < start_count; ++i) {
    int fd = starts[i].fd;
    const char* name = starts[i].name;
    T(named("fchmod %s", name), fchmod(fd, 0700));
    T(named("fchown %s", name), fchown(fd, -1, -1));
    T(named("futimens %s", name), (long)syscall(SYS_utimensat, fd, NULL, NULL, 0));
    T(named("ftruncate %s", name), ftruncate(fd, 0));
    if (fd != AT_FDCWD)  // newer kernels take it for the working directory
      T(named("fsetxattr %s", name), (long)syscall(SYS_fsetxattr, fd, "user.a", "v", 1, 0));
    T(named("fgetxattr %s", name), (long)syscall(SYS_fgetxattr, fd, "user.none", NULL, 0));
    T(named("flistxattr %s", name), (long)syscall(SYS_flistxattr, fd, NULL, 0) * 0);
    T(named("fremovexattr %s", name), (long)syscall(SYS_fremovexattr, fd, "user.none"));
    T(named("fallocate %s", name), (long)syscall(SYS_fallocate, fd, 0, 0, 10));
    T(named("fsync %s", name), fsync(fd));
    T(named("fstat %s", name), fstat(fd, &(struct stat){0}));
    T(named("getdents %s", name), (long)syscall(SYS_getdents64, fd, (char[4096]){0}, 0));
    T(named("flock %s", name), (long)syscall(SYS_flock, fd, 2 | 4));
    T(named("dup %s", name), closed(dup(fd)));
    T(named("reopen %s", name), closed(open(named("/proc/self/fd/%d", fd), O_RDONLY | O_NONBLOCK)));
    T(named("reopen for writing %s", name),
      closed(open(named("/proc/self/fd/%d", fd), O_WRONLY | O_NONBLOCK)));
    T(named("reopen path %s", name), closed(open(named("/proc/self/fd/%d", fd), O_PATH)));
    T(named("chmod by proc %s", name), chmod(named("/proc/self/fd/%d", fd), 0755));
    T(named("below proc %s", name), closed(open(named("/proc/self/fd/%d/x", fd), O_RDONLY)));
    T(named("mkdir below proc %s", name), mkdir(named("/proc/self/fd/%d/made%zu", fd, i), 0755));
  }
}

static int move_into;
static int go(void) { return fchdir(move_into) == 0 ? 0 : errno; }

static void fchdirs(void) {
  make_starts();
  for (size_t i = 0; i < start_count; ++i) {
    move_into = starts[i].fd;
    in_child(starts[i].name, go);
  }
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(openat_read),      C(openat_write),      C(openat_creat),     C(openat_excl),
    C(openat_directory), C(openat_tmpfile),    C(openat_path),      C(mkdirat_),
    C(mknodat_),         C(symlinkat_),        C(unlinkat_),        C(rmdirat),
    C(linkat_from),      C(linkat_from_empty), C(linkat_to),        C(renameat_from),
    C(renameat_to),      C(fchmodat_),         C(fchmodat2_empty),  C(fchownat_),
    C(fchownat_empty),   C(fchownat_nofollow), C(fchownat_unknown), C(utimensat_),
    C(utimensat_empty),  C(utimensat_unknown), C(futimesat_),       C(faccessat_),
    C(faccessat2_empty), C(fstatat_),          C(fstatat_empty),    C(readlinkat_),
    C(execveat_),        C(execveat_empty),    C(execveat_unknown), C(name_to_handle),
    C(inotify_),         C(absolute_path),     C(absolute_mkdir),   C(descriptors_alone),
    C(fchdirs)};
GROUP(kDirfds, "dirfds", kCases);
