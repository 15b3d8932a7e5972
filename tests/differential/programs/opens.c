// Opens: each flag with every kind of object and shape of a path; openat2.
#include <linux/openat2.h>

#include "cases.h"

// Each flag is tried in a directory of its own for each path.
static void open_each(int flags) {
  for (unsigned i = 0; i < kPathCount; ++i) {
    fresh(i);
    int fd = open(kPaths[i], flags | O_NONBLOCK, 0640);
    if (fd < 0) {
      say(kPaths[i], "%s", error_name(errno));
    } else {
      struct stat status = {0};
      fstat(fd, &status);
      ssize_t wrote = write(fd, "W", 1);
      int wrote_error = errno;
      char byte;
      ssize_t got = read(fd, &byte, 1);
      say(kPaths[i], "fd=%d %06o fl=%x cloexec=%d w=%s r=%s at=%ld", fd, status.st_mode,
          fcntl(fd, F_GETFL), fcntl(fd, F_GETFD), wrote < 0 ? error_name(wrote_error) : "ok",
          got < 0 ? error_name(errno) : (got == 0 ? "end" : "ok"), (long)lseek(fd, 0, SEEK_CUR));
      close(fd);
    }
    if (chdir("..") != 0) {
      _exit(98);
    }
  }
}

#define OPEN(name, flags) \
  static void open_##name(void) { open_each(flags); }
OPEN(read, O_RDONLY)
OPEN(write, O_WRONLY)
OPEN(both, O_RDWR)
OPEN(neither, O_ACCMODE)
OPEN(creat, O_RDWR | O_CREAT)
OPEN(creat_ro, O_RDONLY | O_CREAT)
OPEN(excl, O_WRONLY | O_CREAT | O_EXCL)
OPEN(excl_alone, O_WRONLY | O_EXCL)
OPEN(excl_nofollow, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
OPEN(trunc, O_WRONLY | O_TRUNC)
OPEN(trunc_ro, O_RDONLY | O_TRUNC)
OPEN(creat_trunc, O_WRONLY | O_CREAT | O_TRUNC)
OPEN(append, O_WRONLY | O_APPEND)
OPEN(append_both, O_RDWR | O_APPEND | O_CREAT)
OPEN(nofollow, O_RDONLY | O_NOFOLLOW)
OPEN(nofollow_creat, O_WRONLY | O_NOFOLLOW | O_CREAT)
OPEN(directory, O_RDONLY | O_DIRECTORY)
OPEN(directory_rw, O_RDWR | O_DIRECTORY)
OPEN(directory_creat, O_RDONLY | O_DIRECTORY | O_CREAT)
OPEN(directory_nofollow, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
OPEN(tmpfile, O_RDWR | O_TMPFILE)
OPEN(tmpfile_ro, O_RDONLY | O_TMPFILE)
OPEN(tmpfile_excl, O_WRONLY | O_TMPFILE | O_EXCL)
OPEN(tmpfile_creat, O_WRONLY | O_TMPFILE | O_CREAT)
OPEN(path, O_PATH)
OPEN(path_nofollow, O_PATH | O_NOFOLLOW)
OPEN(path_directory, O_PATH | O_DIRECTORY)
OPEN(path_creat, O_PATH | O_CREAT | O_RDWR)
OPEN(cloexec, O_RDONLY | O_CLOEXEC)
OPEN(noatime, O_RDONLY | O_NOATIME)
OPEN(sync, O_RDWR | O_SYNC)
OPEN(dsync, O_WRONLY | O_DSYNC)
OPEN(async, O_RDWR | O_ASYNC)
OPEN(noctty, O_RDWR | O_NOCTTY)
OPEN(unknown, O_RDONLY | 0x40000000)

static long open2(const char* path, uint64_t flags, uint64_t mode, uint64_t resolve, size_t size) {
  struct {
    struct open_how how;
    uint64_t more;
  } words = {{.flags = flags, .mode = mode, .resolve = resolve}, 0};
  return syscall(SYS_openat2, AT_FDCWD, path, &words, size);
}

static void openat2_sizes(void) {
  populate();
  const size_t usual = sizeof(struct open_how);
  for (size_t size = 0; size <= 40; size += 8) {
    D(named("size %zu", size), open2("f", O_RDONLY, 0, 0, size));
  }
  D("size 4097", open2("f", O_RDONLY, 0, 0, 4097));
  struct {
    struct open_how how;
    uint64_t more;
  } tail = {{.flags = O_RDONLY}, 1};
  D("tail", syscall(SYS_openat2, AT_FDCWD, "f", &tail, sizeof tail));
  T("null", syscall(SYS_openat2, AT_FDCWD, "f", NULL, usual));
  T("mode without creat", open2("f", O_RDONLY, 0644, 0, usual));
  T("odd mode", open2("new", O_RDWR | O_CREAT, 0200000, 0, usual));
  T("unknown flag", open2("f", 0x40000000, 0, 0, usual));
  T("high flag", open2("f", 1ULL << 40, 0, 0, usual));
  D("path with creat", open2("f", O_PATH | O_CREAT, 0, 0, usual));
  D("path with rw", open2("f", O_PATH | O_RDWR, 0, 0, usual));
  T("tmpfile ro", open2("d", O_TMPFILE | O_RDONLY, 0600, 0, usual));
  D("tmpfile", open2("d", O_TMPFILE | O_RDWR, 0600, 0, usual));
  D("creat", open2("new", O_RDWR | O_CREAT, 0666, 0, usual));
  tell_path("new", "new");
  T("excl", open2("new", O_RDWR | O_CREAT | O_EXCL, 0666, 0, usual));
  T("cloexec", fcntl((int)open2("f", O_RDONLY | O_CLOEXEC, 0, 0, usual), F_GETFD));
  D("unknown resolve", open2("f", O_RDONLY, 0, 1 << 20, usual));
}

static void openat2_resolve(void) {
  populate();
  static const struct {
    const char* name;
    uint64_t flag;
  } kResolve[] = {{"beneath", RESOLVE_BENEATH},      {"in_root", RESOLVE_IN_ROOT},
                  {"no_links", RESOLVE_NO_SYMLINKS}, {"no_magic", RESOLVE_NO_MAGICLINKS},
                  {"no_xdev", RESOLVE_NO_XDEV},      {"cached", RESOLVE_CACHED}};
  static const char* const kSome[] = {"f", "lf", "/etc/passwd", "../f", "/proc/self/exe"};
  for (size_t i = 0; i < COUNT(kResolve); ++i) {
    for (size_t j = 0; j < COUNT(kSome); ++j) {
      long fd = open2(kSome[j], O_RDONLY, 0, kResolve[i].flag, sizeof(struct open_how));
      if (kResolve[i].flag != RESOLVE_CACHED) {
        say(named("%s %s", kResolve[i].name, kSome[j]), "%s", fd < 0 ? error_name(errno) : "ok");
      }
      if (fd >= 0) {
        close((int)fd);
      }
    }
  }
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(open_read),
    C(open_write),
    C(open_both),
    C(open_neither),
    C(open_creat),
    C(open_creat_ro),
    C(open_excl),
    C(open_excl_alone),
    C(open_excl_nofollow),
    C(open_trunc),
    C(open_trunc_ro),
    C(open_creat_trunc),
    C(open_append),
    C(open_append_both),
    C(open_nofollow),
    C(open_nofollow_creat),
    C(open_directory),
    C(open_directory_rw),
    C(open_directory_creat),
    C(open_directory_nofollow),
    C(open_tmpfile),
    C(open_tmpfile_ro),
    C(open_tmpfile_excl),
    C(open_tmpfile_creat),
    C(open_path),
    C(open_path_nofollow),
    C(open_path_directory),
    C(open_path_creat),
    C(open_cloexec),
    C(open_noatime),
    C(open_sync),
    C(open_dsync),
    C(open_async),
    C(open_noctty),
    C(open_unknown),
    C(openat2_sizes),
    C(openat2_resolve)};
GROUP(kOpens, "opens", kCases);
