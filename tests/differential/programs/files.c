// Directories that change while they are read, events, mappings, copies, /proc, shared memory.
#include <dirent.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/uio.h>

#include "cases.h"

static int by_name(const struct dirent** left, const struct dirent** right) {
  return strcmp((*left)->d_name, (*right)->d_name);
}

static void tell_list(const char* label, const char* path) {
  struct dirent** names;
  char text[600] = "";
  int count = scandir(path, &names, NULL, by_name);
  for (int i = 0; i < count && strlen(text) < 500; ++i) {
    snprintf(text + strlen(text), 60, " %.40s:%u", names[i]->d_name, names[i]->d_type);
  }
  say(label, "%s%s", count < 0 ? error_name(errno) : "", text);
}

static void lists(void) {
  populate();
  tell_list("here", ".");
  tell_list("d", "d");
  tell_list("link", "ld");
  tell_list("file", "f");
  tell_list("missing", "no");
  tell_list("slash", "d/");
  tell_list("up", "d/..");
  int fd = open("d", O_RDONLY);
  char room[2048];
  T("small buffer", (long)syscall(SYS_getdents64, fd, room, 1));
  T("null", (long)syscall(SYS_getdents64, fd, NULL, 100));
  T("read", read(fd, room, 10));
  T("write", write(fd, room, 10));
  T("all", (long)syscall(SYS_getdents64, fd, room, sizeof room) > 0);
  T("no more", (long)syscall(SYS_getdents64, fd, room, sizeof room));
  T("rewind", lseek(fd, 0, SEEK_SET));
  T("all again", (long)syscall(SYS_getdents64, fd, room, sizeof room) > 0);
  T("by path descriptor", (long)syscall(SYS_getdents64, open("d", O_PATH), room, sizeof room));
  T("mode", chmod("d", 0300));
  tell_list("unreadable", "d");
  T("mode", chmod("d", 0400));
  tell_list("unsearchable", "d");
  T("mode", chmod("d", 0755));
}

static void lists_that_change(void) {
  T("mkdir", mkdir("m", 0755));
  int failed = 0;
  for (int i = 0; i < 600; ++i) {
    failed += close(open(named("m/file-with-a-long-name-%04d", i), O_CREAT | O_WRONLY, 0644)) != 0;
  }
  say("made", "%d", failed);
  DIR* directory = opendir("m");
  int seen = 0, removed = 0;
  for (struct dirent* entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] != '.') {
      ++seen;
      removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
    }
  }
  say("removed while reading", "%d %d", seen, removed);
  T("added", close(openat(dirfd(directory), "late", O_CREAT | O_WRONLY, 0644)));
  rewinddir(directory);
  seen = 0;
  while (readdir(directory) != NULL) {
    ++seen;
  }
  say("after rewinding", "%d", seen);
  T("remove", unlink("m/late") || rmdir("m"));
  rewinddir(directory);
  errno = 0;
  say("of a removed one", "%d %s", readdir(directory) != NULL, error_name(errno));
}

static void tell_events(int fd) {
  char room[8192] __attribute__((aligned(8)));
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  while (poll(&ready, 1, 0) == 1) {
    ssize_t length = read(fd, room, sizeof room);
    for (char* at = room; at < room + length;) {
      struct inotify_event* event = (struct inotify_event*)at;
      say("event", "%x %s", event->mask, event->len > 0 ? event->name : "");
      at += sizeof *event + event->len;
    }
  }
}

static void events(void) {
  populate();
  int fd = inotify_init1(IN_CLOEXEC);
  T("watch", inotify_add_watch(fd, ".", IN_ALL_EVENTS));
  T("open", close(open("f", O_RDONLY)));
  T("write", close(open("f", O_WRONLY)));
  T("trunc", close(open("f", O_WRONLY | O_TRUNC)));
  T("creat", close(open("new", O_CREAT | O_WRONLY, 0644)));
  T("missing", open("no", O_RDONLY));
  T("mkdir", mkdir("md", 0755));
  T("rename", rename("new", "newer"));
  T("chmod", chmod("f", 0600));
  T("utimes", utimensat(AT_FDCWD, "f", NULL, 0));
  T("link", link("f", "hard"));
  T("symlink", symlink("f", "soft"));
  T("by link", close(open("soft", O_RDONLY)));
  T("truncate", truncate("f", 9));
  T("unlink", unlink("hard"));
  T("rmdir", rmdir("md"));
  T("list", close(open("d", O_RDONLY | O_DIRECTORY)));
  T("path", close(open("f", O_PATH)));
  T("stat", stat("f", &(struct stat){0}));
  T("mkfifo", mkfifo("fifo", 0600));
  T("exec", (long)syscall(SYS_execve, "./f", NULL, NULL));
  tell_events(fd);
  T("remove watch", inotify_rm_watch(fd, 1));
  T("remove again", inotify_rm_watch(fd, 1));
}

static void events_of_a_file(void) {
  populate();
  int fd = inotify_init1(IN_CLOEXEC);
  T("watch", inotify_add_watch(fd, "f", IN_ALL_EVENTS));
  T("only directories", inotify_add_watch(fd, "f", IN_ONLYDIR | IN_CREATE));
  T("open", close(open("f", O_RDWR)));
  T("chmod", chmod("f", 0600));
  T("xattr", (long)syscall(SYS_setxattr, "f", "user.a", "v", 1, 0));
  T("rename", rename("f", "g"));
  T("unlink", unlink("g"));
  tell_events(fd);
}

static void mappings(void) {
  put("f", "0123456789", 0644);
  int fd = open("f", O_RDWR), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY);
  char* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  T("shared", shared == MAP_FAILED ? -1 : 0);
  shared[0] = 'X';
  tell_text("written through", "f");
  T("write mapping of ro", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED ? -1 : 0);
  T("private of ro",
    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0) == MAP_FAILED ? -1 : 0);
  T("mapping of wo", mmap(NULL, 4096, PROT_READ, MAP_SHARED, wo, 0) == MAP_FAILED ? -1 : 0);
  T("exec mapping",
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, ro, 0) == MAP_FAILED ? -1 : 0);
  T("path", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("f", O_PATH), 0) == MAP_FAILED ? -1 : 0);
  T("msync", msync(shared, 4096, MS_SYNC));
  T("truncate below", truncate("f", 0));
  T("write and execute",
    mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                               : 0);
}

static void copies(void) {
  put("f", "0123456789", 0644);
  int from = open("f", O_RDONLY), to = open("g", O_CREAT | O_RDWR, 0644), ends[2];
  T("copy_file_range", (long)copy_file_range(from, NULL, to, NULL, 5, 0));
  T("sendfile", (long)sendfile(to, from, NULL, 5));
  tell_text("g", "g");
  T("pipe", pipe(ends));
  T("splice", (long)splice(from, &(loff_t){0}, ends[1], NULL, 4, 0));
  T("tee", (long)tee(ends[0], ends[1], 4, 0));
  T("splice out", (long)splice(ends[0], NULL, to, &(loff_t){10}, 4, 0));
  T("vmsplice", (long)vmsplice(ends[1], &(struct iovec){"ab", 2}, 1, 0));
  T("append copy",
    (long)copy_file_range(from, &(loff_t){0}, open("g", O_WRONLY | O_APPEND), NULL, 5, 0));
  T("clone", (long)ioctl(open("h", O_CREAT | O_WRONLY, 0644), 0x40049409, from) < 0 ? 1 : 0);
  T("pread", (long)pread(from, (char[4]){0}, 4, 2));
  T("pread at -1", (long)pread(from, (char[4]){0}, 4, -1));
  T("preadv2", (long)preadv2(from, &(struct iovec){(char[4]){0}, 4}, 1, 0, RWF_NOWAIT) > -2);
  T("write to ro", (long)write(from, "x", 1));
  T("read from wo", (long)read(open("g", O_WRONLY), (char[1]){0}, 1));
  T("append", (long)pwrite(open("g", O_WRONLY | O_APPEND), "end", 3, 0));
  tell_path("g", "g");
  T("advise", (long)posix_fadvise(from, 0, 0, POSIX_FADV_DONTNEED));
  T("sync range", (long)sync_file_range(to, 0, 0, 0));
  T("syncfs", (long)syncfs(to));
}

static void shared_memory(void) {
  const char* name = named("/aegis-differential-%d", getpid());
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  T("shm_open", fd);
  T("again", shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
  T("truncate", ftruncate(fd, 4096));
  T("map", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
  T("shm_unlink", shm_unlink(name));
  T("missing", shm_open(name, O_RDONLY, 0));
  sem_t* semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
  T("sem_open", semaphore == SEM_FAILED ? -1 : 0);
  T("sem_wait", semaphore == SEM_FAILED ? -1 : sem_trywait(semaphore));
  T("sem_unlink", sem_unlink(name));
  int memory = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  T("shmget", memory < 0 ? -1 : 0);
  T("shmat", shmat(memory, NULL, 0) == (void*)-1 ? -1 : 0);
  T("shmctl", shmctl(memory, IPC_RMID, NULL));
  int count = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
  T("semget", count < 0 ? -1 : 0);
  T("semop", semop(count, &(struct sembuf){0, 1, 0}, 1));
  T("semctl", semctl(count, 0, IPC_RMID));
  mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
  say("mq_open", "%s", queue < 0 ? error_name(errno) : "ok");
  T("mq_send", queue < 0 ? -1 : mq_send(queue, "x", 1, 0));
  T("mq_unlink", mq_unlink(name));
}

static void write_proc(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  long result = fd < 0 ? -1 : write(fd, text, strlen(text));
  tell(named("write %s", path), result);
  close(fd);
}

static void proc(void) {
  put("f", "text", 0644);
  write_proc("/proc/self/comm", "renamed");
  write_proc("/proc/self/oom_score_adj", "500");
  write_proc("/proc/self/oom_score_adj", "-900");
  write_proc("/proc/self/coredump_filter", "0x33");
  write_proc("/proc/self/clear_refs", "1");
  write_proc("/proc/self/timerslack_ns", "60000");
  write_proc("/proc/self/autogroup", "0");
  write_proc("/proc/self/loginuid", "0");
  write_proc("/proc/self/setgroups", "deny");
  write_proc("/proc/self/uid_map", "0 0 1");
  tell_text("comm", "/proc/self/comm");
  tell_text("adj", "/proc/self/oom_score_adj");
  static volatile char target[] = "before";
  int memory = open("/proc/self/mem", O_RDWR);
  T("mem", memory);
  T("write mem", (long)pwrite(memory, "after!", 6, (off_t)(uintptr_t)target));
  say("target", "%s", (const char*)target);
  int fd = open("f", O_RDONLY);
  tell_list("fd", named("/proc/self/task/%d/fd", getpid()));
  char text[600] = "";
  int info = open(named("/proc/self/fdinfo/%d", fd), O_RDONLY);
  T("fdinfo", (long)read(info, text, 20));
  say("fdinfo", "%.30s", text);
  T("pid", (long)open(named("/proc/%d/status", getpid()), O_RDONLY));
  T("tid", (long)open(named("/proc/self/task/%d/comm", getpid()), O_RDWR));
  T("no such pid", (long)open("/proc/4194304/status", O_RDONLY));
  T("creat", (long)open("/proc/self/new", O_CREAT | O_WRONLY, 0644));
  T("mkdir", mkdir("/proc/self/new", 0755));
  T("unlink", unlink("/proc/self/comm"));
  T("chmod", chmod("/proc/self/comm", 0600));
  T("rename", rename("/proc/self/comm", "comm"));
  T("cwd", (long)open("/proc/self/cwd/f", O_RDWR));
  T("root", (long)open("/proc/self/root/etc/passwd", O_RDONLY));
  T("exe", (long)open("/proc/self/exe", O_RDONLY));
  T("exe to write", (long)open("/proc/self/exe", O_WRONLY));
  T("trunc comm", (long)open("/proc/self/comm", O_WRONLY | O_TRUNC));
  T("creat comm", (long)open("/proc/self/comm", O_WRONLY | O_CREAT, 0644));
  T("creat null", (long)open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644));
  T("excl null", (long)open("/dev/null", O_WRONLY | O_CREAT | O_EXCL, 0644));
}

static void pseudo_terminals(void) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  T("ptmx", master);
  T("grant", grantpt(master));
  T("unlock", unlockpt(master));
  char name[64] = "";
  T("name", ptsname_r(master, name, sizeof name));
  int slave = open(name, O_RDWR | O_NOCTTY);
  T("slave", slave);
  T("is a terminal", isatty(slave));
  T("write", (long)write(slave, "out\n", 4));
  char text[8] = "";
  T("read", (long)read(master, text, 5));
  T("size", ioctl(slave, TIOCSWINSZ, (unsigned short[4]){24, 80}));
  struct stat status;
  T("stat", stat(name, &status));
  say("owner", "%d", status.st_uid == getuid());
  T("peer", ioctl(master, 0x5441, O_RDWR | O_NOCTTY));
  T("push", ioctl(slave, TIOCSTI, "x"));
  T("chmod", fchmod(slave, 0620));
  T("tty without one", open("/dev/tty", O_RDWR));
}

static void handles(void) {
  put("f", "text", 0644);
  struct {
    struct file_handle head;
    unsigned char more[128];
  } handle = {.head = {.handle_bytes = 128}};
  int mount = 0;
  T("name", (long)name_to_handle_at(AT_FDCWD, "f", &handle.head, &mount, 0) ? 1 : 0);
  T("open", (long)open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY) < 0 ? 1 : 0);
}

static void mounts(void) {
  T("mkdir", mkdir("m", 0755));
  int root = getuid() == 0;
  T("chroot", root ? 0 : chroot("m"));
  T("umount", (long)syscall(SYS_umount2, "m", 0));
  T("pivot", (long)syscall(SYS_pivot_root, "no", "no"));
  T("swapoff", root ? 0 : (long)syscall(SYS_swapoff, "f"));
  T("acct", root ? 0 : (long)syscall(SYS_acct, "f"));
  T("quotactl", root ? 0 : (long)syscall(SYS_quotactl, 0, "no", 0, NULL));
  T("fanotify", root ? 0 : (long)syscall(SYS_fanotify_init, 0, 0));
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(lists),  C(lists_that_change), C(events), C(events_of_a_file), C(mappings),
    C(copies), C(shared_memory),     C(proc),   C(pseudo_terminals), C(handles),
    C(mounts)};
GROUP(kFiles, "files", kCases);
