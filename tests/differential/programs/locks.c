// Locks: flock, fcntl, open file descriptions, leases.
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "cases.h"

static int fd_here;

static int try_flock_sh(void) { return flock(open("f", O_RDONLY), LOCK_SH | LOCK_NB) ? errno : 0; }
static int try_flock_ex(void) { return flock(open("f", O_RDONLY), LOCK_EX | LOCK_NB) ? errno : 0; }
static int unlock_inherited(void) { return flock(fd_here, LOCK_UN) ? errno : 0; }

static void flocks(void) {
  put("f", "text", 0644);
  fd_here = open("f", O_RDONLY);
  T("shared", flock(fd_here, LOCK_SH));
  in_child("other shared", try_flock_sh);
  in_child("other exclusive", try_flock_ex);
  T("upgrade", flock(fd_here, LOCK_EX));
  in_child("other shared", try_flock_sh);
  T("second description here", flock(open("f", O_RDWR), LOCK_SH | LOCK_NB));
  T("duplicate", flock(dup(fd_here), LOCK_SH | LOCK_NB));
  in_child("inherited unlock", unlock_inherited);
  in_child("other exclusive", try_flock_ex);
  T("bad", flock(fd_here, 99));
  T("path", flock(open("f", O_PATH), LOCK_SH));
  T("directory", flock(open(".", O_RDONLY), LOCK_EX | LOCK_NB));
  T("fifo", mkfifo("p", 0644) || flock(open("p", O_RDWR), LOCK_EX | LOCK_NB));
}

static struct flock range(int type, long from, long length) {
  return (struct flock){
      .l_type = (short)type, .l_whence = SEEK_SET, .l_start = from, .l_len = length};
}

static int set(int fd, int how, int type, long from, long length) {
  struct flock lock = range(type, from, length);
  return fcntl(fd, how, &lock);
}

static int try_write_low(void) {
  return set(open("f", O_RDWR), F_SETLK, F_WRLCK, 0, 10) ? errno : 0;
}
static int try_write_high(void) {
  return set(open("f", O_RDWR), F_SETLK, F_WRLCK, 100, 10) ? errno : 0;
}
static int try_read_low(void) {
  return set(open("f", O_RDONLY), F_SETLK, F_RDLCK, 0, 10) ? errno : 0;
}
static int owner_is_parent(void) {
  struct flock lock = range(F_WRLCK, 0, 10);
  if (fcntl(open("f", O_RDWR), F_GETLK, &lock) != 0) {
    return 100;
  }
  return lock.l_type == F_UNLCK ? 2 : (lock.l_pid == getppid() ? 0 : 1);
}

static void posix_locks(void) {
  put("f", "text", 0644);
  int fd = open("f", O_RDWR);
  T("write lock", set(fd, F_SETLK, F_WRLCK, 0, 10));
  in_child("owner", owner_is_parent);
  in_child("conflict", try_write_low);
  in_child("read conflict", try_read_low);
  in_child("elsewhere", try_write_high);
  T("again here", set(open("f", O_RDWR), F_SETLK, F_WRLCK, 5, 10));
  T("downgrade", set(fd, F_SETLK, F_RDLCK, 0, 10));
  in_child("reading", try_read_low);
  in_child("conflict", try_write_low);
  int other = open("f", O_RDONLY);
  T("any close drops them", close(other));
  in_child("free", try_write_low);
  T("write lock read-only", set(open("f", O_RDONLY), F_SETLK, F_WRLCK, 0, 10));
  T("read lock write-only", set(open("f", O_WRONLY), F_SETLK, F_RDLCK, 0, 10));
  T("bad type", set(fd, F_SETLK, 7, 0, 10));
  T("negative", set(fd, F_SETLK, F_WRLCK, -5, 10));
  T("backwards", set(fd, F_SETLK, F_WRLCK, 20, -10));
  T("null", fcntl(fd, F_SETLK, NULL));
  T("directory", set(open(".", O_RDONLY), F_SETLK, F_RDLCK, 0, 1));
  T("lockf", lockf(fd, F_TLOCK, 10));
  T("lockf test", lockf(fd, F_TEST, 10));
}

static int try_ofd(void) { return set(open("f", O_RDWR), F_OFD_SETLK, F_WRLCK, 0, 10) ? errno : 0; }
static int ofd_owner(void) {
  struct flock lock = range(F_WRLCK, 0, 10);
  fcntl(open("f", O_RDWR), F_GETLK, &lock);
  return lock.l_type == F_UNLCK ? 2 : (lock.l_pid == -1 ? 0 : 1);
}
static int unlock_ofd_inherited(void) {
  return set(fd_here, F_OFD_SETLK, F_UNLCK, 0, 0) ? errno : 0;
}

static void ofd_locks(void) {
  put("f", "text", 0644);
  fd_here = open("f", O_RDWR);
  T("lock", set(fd_here, F_OFD_SETLK, F_WRLCK, 0, 10));
  in_child("conflict", try_ofd);
  in_child("posix conflict", try_write_low);
  in_child("owner", ofd_owner);
  T("another description here", set(open("f", O_RDWR), F_OFD_SETLK, F_WRLCK, 0, 10));
  T("closing another keeps it", close(open("f", O_RDONLY)));
  in_child("conflict", try_ofd);
  in_child("inherited unlock", unlock_ofd_inherited);
  in_child("free", try_ofd);
  struct flock lock = range(F_WRLCK, 0, 10);
  lock.l_pid = getpid();
  T("with a pid", fcntl(fd_here, F_OFD_SETLK, &lock));
}

static void quiet(int signal_number) { (void)signal_number; }

static void waits(void) {
  put("f", "text", 0644);
  int fd = open("f", O_RDWR);
  T("lock", set(fd, F_SETLK, F_WRLCK, 0, 10));
  pid_t child = fork();
  if (child == 0) {
    _exit(set(open("f", O_RDWR), F_SETLKW, F_WRLCK, 0, 10) ? errno : 0);
  }
  until_asleep(child);
  T("unlock", set(fd, F_SETLK, F_UNLCK, 0, 10));
  tell_child("granted", child);
  T("lock", flock(fd, LOCK_EX));
  child = fork();
  if (child == 0) {
    struct sigaction action = {.sa_handler = quiet};
    sigaction(SIGUSR1, &action, NULL);
    _exit(flock(open("f", O_RDWR), LOCK_EX) ? errno : 0);
  }
  until_asleep(child);
  T("signal", kill(child, SIGUSR1));
  tell_child("interrupted", child);
}

static void deadlock(void) {
  put("f", "text", 0644);
  int fd = open("f", O_RDWR), ready[2];
  T("first", set(fd, F_SETLK, F_WRLCK, 0, 1));
  T("pipe", pipe(ready));
  pid_t child = fork();
  if (child == 0) {
    set(fd, F_SETLK, F_WRLCK, 1, 1);
    if (write(ready[1], "x", 1) != 1) {
      _exit(99);
    }
    _exit(set(fd, F_SETLKW, F_WRLCK, 0, 1) ? errno : 0);
  }
  T("ready", read(ready[0], (char[1]){0}, 1));
  until_asleep(child);
  T("deadlock", set(fd, F_SETLKW, F_WRLCK, 1, 1));
  T("unlock", set(fd, F_SETLK, F_UNLCK, 0, 1));
  tell_child("child", child);
}

static volatile int broken;
static void on_break(int signal_number) {
  (void)signal_number;
  broken = 1;
}

static int open_now(void) { return open("f", O_RDONLY | O_NONBLOCK) < 0 ? errno : 0; }
static int open_to_write(void) { return open("f", O_WRONLY | O_NONBLOCK) < 0 ? errno : 0; }
static int truncate_now(void) { return truncate("f", 1) ? errno : 0; }

static void leases(void) {
  put("f", "text", 0644);
  signal(SIGIO, on_break);
  int fd = open("f", O_RDONLY);
  T("write lease", fcntl(fd, F_SETLEASE, F_WRLCK));
  T("lease", fcntl(fd, F_GETLEASE));
  in_child("open", open_now);
  say("told", "%d", broken);
  T("release", fcntl(fd, F_SETLEASE, F_UNLCK));
  in_child("open", open_now);
  T("read lease", fcntl(fd, F_SETLEASE, F_RDLCK));
  broken = 0;
  in_child("reader", open_now);
  say("told of a reader", "%d", broken);
  in_child("writer", open_to_write);
  say("told of a writer", "%d", broken);
  T("release", fcntl(fd, F_SETLEASE, F_UNLCK));
  T("read lease of a writable", fcntl(open("f", O_RDWR), F_SETLEASE, F_RDLCK));
  T("lease while others have it", fcntl(open("f", O_RDWR), F_SETLEASE, F_WRLCK));
}

static int open_waits(void) { return open("f", O_WRONLY) < 0 ? errno : 0; }

static int open_another(void) { return open("g", O_CREAT | O_WRONLY, 0644) < 0 ? errno : 0; }

static void lease_waits(void) {
  put("f", "text", 0644);
  signal(SIGIO, on_break);
  int fd = open("f", O_RDONLY);
  T("lease", fcntl(fd, F_SETLEASE, F_RDLCK));
  pid_t child = fork();
  if (child == 0) {
    _exit(open_waits());
  }
  while (!broken) {
    moment();
  }
  // Another's calls go on meanwhile.
  in_child("another file", open_another);
  T("release", fcntl(fd, F_SETLEASE, F_UNLCK));
  tell_child("granted", child);
  T("lease", fcntl(fd, F_SETLEASE, F_RDLCK));
  broken = 0;
  child = fork();
  if (child == 0) {
    _exit(truncate_now());
  }
  while (!broken) {
    moment();
  }
  T("release", fcntl(fd, F_SETLEASE, F_UNLCK));
  tell_child("truncated", child);
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(flocks), C(posix_locks), C(ofd_locks), C(waits), C(deadlock), C(leases), C(lease_waits)};
GROUP(kLocks, "locks", kCases);
