// Runs the cases: cases DIRECTORY [GROUP[.CASE]]
#include "cases.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { kRoom = 1 << 18, kPatience = 10 };

// What the running case has said, in memory that its processes share with the runner.
typedef struct {
  size_t used;
  char text[kRoom];
} Page;

static Page* page;
static const char *group_name, *case_name;
char self_path[4096];

const char* error_name(int error) {
  const char* name = strerrorname_np(error);
  return name != NULL ? name : "0";
}

const char* named(const char* format, ...) {
  static __thread char room[4][512];
  static __thread unsigned next;
  char* here = room[next++ % 4];
  va_list words;
  va_start(words, format);
  vsnprintf(here, sizeof room[0], format, words);
  va_end(words);
  return here;
}

void say(const char* label, const char* format, ...) {
  char line[1024];
  int at = snprintf(line, sizeof line, "%s.%s: %s\t", group_name, case_name, label);
  va_list words;
  va_start(words, format);
  at += vsnprintf(line + at, sizeof line - (size_t)at - 1, format, words);
  va_end(words);
  if (at > (int)sizeof line - 2) {
    at = (int)sizeof line - 2;
  }
  for (int i = 0; i < at; ++i) {
    if ((line[i] != '\t' && (unsigned char)line[i] < ' ') || (unsigned char)line[i] > '~') {
      line[i] = '?';
    }
  }
  line[at++] = '\n';
  size_t where = __atomic_fetch_add(&page->used, (size_t)at, __ATOMIC_SEQ_CST);
  if (where + (size_t)at < kRoom) {
    memcpy(page->text + where, line, (size_t)at);
  }
}

void tell(const char* label, long result) {
  if (result < 0) {
    say(label, "%s", error_name(errno));
  } else {
    say(label, "%ld", result);
  }
}

void put(const char* name, const char* text, mode_t mode) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0) {
    say("put", "%s could not be made: %s", name, error_name(errno));
    _exit(99);
  }
  close(fd);
}

void populate(void) {
  if (mkdir("d", 0755) != 0 || mkdir("e", 0755) != 0 || symlink("f", "lf") != 0 ||
      symlink("d", "ld") != 0 || symlink("nowhere", "dangling") != 0 ||
      symlink("d/made", "inward") != 0 || symlink("loop", "loop") != 0 || mkfifo("p", 0644) != 0 ||
      mknod("s", S_IFSOCK | 0755, 0) != 0) {
    say("populate", "%s", error_name(errno));
    _exit(99);
  }
  put("f", "text", 0644);
  put("d/x", "within", 0644);
}

const char* const kPaths[kPathCount] = {
    "f",   "d",         "e",       "lf",    "ld",   "dangling", "inward", "loop",   "p",
    "s",   "new",       "no/x",    "f/x",   "",     "f/",       "d/",     "e/",     "lf/",
    "ld/", "dangling/", "inward/", "loop/", "p/",   "new/",     "no/",    "d/.",    "d/..",
    ".",   "..",        "d//x",    "./f",   "lf/x", "loop/x",   "ld/x",   "ld/../f"};

void fresh(unsigned number) {
  char name[32];
  snprintf(name, sizeof name, "%u", number);
  if (mkdir(name, 0755) != 0 || chdir(name) != 0) {
    say("fresh", "%s", error_name(errno));
    _exit(99);
  }
  populate();
}

static void tell_status(const char* label, int result, const struct stat* status) {
  if (result != 0) {
    say(label, "%s", error_name(errno));
    return;
  }
  long size = S_ISREG(status->st_mode) || S_ISLNK(status->st_mode) ? (long)status->st_size : 0;
  say(label, "%06o links=%ld size=%ld", status->st_mode, (long)status->st_nlink, size);
}

void tell_path(const char* label, const char* path) {
  struct stat status;
  int result = lstat(path, &status);
  tell_status(label, result, &status);
}

void tell_fd(const char* label, int fd) {
  struct stat status;
  int result = fstat(fd, &status);
  tell_status(label, result, &status);
}

void tell_text(const char* label, const char* path) {
  char text[61] = "";
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) {
    say(label, "%s", error_name(errno));
  } else {
    say(label, "'%s'", text);
  }
  if (fd >= 0) {
    close(fd);
  }
}

void tell_child(const char* label, pid_t child) {
  int status = 0;
  pid_t ended;
  do {
    ended = waitpid(child, &status, WUNTRACED);
  } while (ended < 0 && errno == EINTR);
  if (ended < 0) {
    say(label, "%s", error_name(errno));
  } else if (WIFEXITED(status)) {
    say(label, "exited %d", WEXITSTATUS(status));
  } else if (WIFSIGNALED(status)) {
    say(label, "killed SIG%s", sigabbrev_np(WTERMSIG(status)));
  } else {
    say(label, "stopped SIG%s", sigabbrev_np(WSTOPSIG(status)));
  }
}

void in_child(const char* label, int (*what)(void)) {
  pid_t child = fork();
  if (child == 0) {
    _exit(what());
  }
  tell_child(label, child);
}

void moment(void) {
  struct timespec wait = {.tv_nsec = 5000000};
  while (nanosleep(&wait, &wait) != 0 && errno == EINTR) {
  }
}

void until_asleep(pid_t pid) {
  char name[64], text[512];
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  int calm = 0;
  for (int turn = 0; turn < 2000 && calm < 3; ++turn) {
    moment();
    int fd = open(name, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
      close(fd);
    }
    if (length <= 0) {
      return;
    }
    text[length] = '\0';
    const char* after = strrchr(text, ')');
    calm = after != NULL && strchr("SDTtZ", after[2]) != NULL ? calm + 1 : 0;
  }
}

static void set_defaults(void) {
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) {
    signal(signal_number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  umask(022);
  struct rlimit core = {0, 0};
  setrlimit(RLIMIT_CORE, &core);
}

static void run_in_child(const Case* which, const char* directory) {
  setpgid(0, 0);
  set_defaults();
  if (mkdir(directory, 0755) != 0 || chdir(directory) != 0) {
    say("directory", "%s", error_name(errno));
    _exit(99);
  }
  which->run();
  _exit(0);
}

static int ended_in_time(pid_t child, int* status) {
  int handle = (int)syscall(SYS_pidfd_open, child, 0);
  struct pollfd wait = {.fd = handle, .events = POLLIN};
  int ready = poll(&wait, 1, kPatience * 1000);
  close(handle);
  kill(-child, SIGKILL);
  waitpid(child, status, 0);
  return ready == 1;
}

static void run_case(const char* root, const Group* group, const Case* which) {
  char directory[8192];
  snprintf(directory, sizeof directory, "%s/%s.%s", root, group->name, which->name);
  group_name = group->name;
  case_name = which->name;
  page->used = 0;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    run_in_child(which, directory);
  }
  setpgid(child, child);
  int status = 0;
  if (!ended_in_time(child, &status)) {
    say("end", "hung");
  } else if (WIFSIGNALED(status)) {
    say("end", "killed SIG%s", sigabbrev_np(WTERMSIG(status)));
  } else {
    say("end", "exited %d", WEXITSTATUS(status));
  }
  fwrite(page->text, 1, page->used < kRoom ? page->used : kRoom, stdout);
}

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "--as") == 0) {
    return run_as(argc - 2, argv + 2);
  }
  if (argc < 2 || readlink("/proc/self/exe", self_path, sizeof self_path - 1) < 0) {
    return 2;
  }
  close_range(3, ~0U, 0);
  page = mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Group* groups[] = {&kOpens, &kNames, &kDirfds,  &kMetadata, &kDescriptors,
                           &kLocks, &kFiles, &kSignals, &kExec,     &kProcesses};
  for (size_t i = 0; i < COUNT(groups); ++i) {
    for (size_t j = 0; j < groups[i]->count; ++j) {
      char name[256];
      snprintf(name, sizeof name, "%s.%s", groups[i]->name, groups[i]->cases[j].name);
      if (argc < 3 || strncmp(name, argv[2], strlen(argv[2])) == 0) {
        run_case(argv[1], groups[i], &groups[i]->cases[j]);
      }
    }
  }
  return 0;
}
