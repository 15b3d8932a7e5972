// Executing: programs, scripts with odd first lines, descriptors, memory files; what the new image
// gets.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cases.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

extern char** environ;

static void drain(const char* label, int from) {
  char text[4096];
  ssize_t length = 0, got;
  while (length < (ssize_t)sizeof text - 1 &&
         (got = read(from, text + length, sizeof text - 1 - (size_t)length)) > 0) {
    length += got;
  }
  text[length] = '\0';
  int lines = 0;
  for (char* line = strtok(text, "\n"); line != NULL && lines < 20;
       line = strtok(NULL, "\n"), ++lines) {
    // The case's directory differs in nothing but what precedes its name.
    char* place = strstr(line, "/exec.");
    say(label, "%s", place != NULL && line[0] == '/' ? place : line);
  }
}

typedef struct {
  const char* path;
  char* const* argv;
  char* const* envp;
  int fd, flags;
} Image;

static void execute(const char* label, Image image) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return;
  }
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    errno = 0;
    char* const none[] = {NULL};
    char* const* envp = image.envp != NULL ? image.envp : none;
    if (image.fd != 0) {
      syscall(SYS_execveat, image.fd, image.path, image.argv, envp, image.flags);
    } else {
      syscall(SYS_execve, image.path, image.argv, envp);
    }
    int error = errno;
    say(label, "%s", error_name(error));
    _exit(111);
  }
  close(ends[1]);
  drain(label, ends[0]);
  close(ends[0]);
  tell_child(label, child);
}

#define WORDS(...) ((char* const[]){__VA_ARGS__, NULL})

static void copy_self(const char* name, mode_t mode) {
  int from = open(self_path, O_RDONLY), to = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0700);
  char room[65536];
  for (ssize_t got; (got = read(from, room, sizeof room)) > 0;) {
    if (write(to, room, (size_t)got) != got) {
      _exit(99);
    }
  }
  fchmod(to, mode);
  close(from), close(to);
}

static void arguments(void) {
  execute("words", (Image){.path = self_path,
                           .argv = WORDS("zero", "--as", "report", "", "a b", "\\x", "ä"),
                           .envp = WORDS("B=2", "A=1", "A=3", "plain", "=x")});
  execute("no argv", (Image){.path = "/bin/true", .argv = (char* const[]){NULL}});
  execute("null argv", (Image){.path = "/bin/true", .argv = NULL});
  execute("argv0", (Image){.path = "/bin/sh", .argv = WORDS("another name", "-c", "echo $0")});
  execute("exit 3", (Image){.path = self_path, .argv = WORDS("x", "--as", "exit", "3")});
  execute("exit 256", (Image){.path = self_path, .argv = WORDS("x", "--as", "exit", "256")});
  execute("exit -1", (Image){.path = self_path, .argv = WORDS("x", "--as", "exit", "-1")});
  char* long_word = malloc(140000);
  memset(long_word, 'w', 140000);
  long_word[131071] = '\0';
  execute("word of 131071", (Image){.path = "/bin/true", .argv = WORDS("true", long_word)});
  long_word[131071] = 'w';
  long_word[131072] = '\0';
  execute("word of 131072", (Image){.path = "/bin/true", .argv = WORDS("true", long_word)});
  long_word[131071] = '\0';
  char* many[60];
  for (size_t i = 0; i < COUNT(many); ++i) {
    many[i] = long_word;
  }
  many[COUNT(many) - 1] = NULL;
  execute("too much", (Image){.path = "/bin/true", .argv = many});
  many[10] = NULL;
  execute("much", (Image){.path = "/bin/true", .argv = many});
  char* words[5001];
  for (int i = 0; i < 5000; ++i) {
    words[i] = "word";
  }
  words[5000] = NULL;
  execute("many words", (Image){.path = "/bin/true", .argv = words, .envp = words});
}

static void script(const char* name, const char* text) {
  put(name, text, 0755);
  execute(name, (Image){.path = named("./%s", name),
                        .argv = WORDS("given", "one", "two"),
                        .envp = WORDS("PATH=/usr/bin:/bin")});
}

static void scripts(void) {
  script("plain", "#!/bin/sh\necho $0 $# $1\n");
  script("space", "#! /bin/sh\necho $0 $#\n");
  script("tab", "#!\t/bin/sh\necho $0\n");
  script("one argument", "#!/bin/sh -e\nfalse\necho no\n");
  script("two words", "#!/bin/sh -e -x\necho x\n");
  script("trailing", "#!/bin/sh  \necho $0\n");
  script("echo", "#!/bin/echo  a  b  \n");
  script("cr", "#!/bin/sh\r\necho x\n");
  script("no newline", "#!/bin/true");
  script("empty", "");
  script("text", "echo x\n");
  script("binary",
         "\x7f"
         "ELF");
  script("hash only", "#");
  script("bang only", "#!");
  script("bang newline", "#!\n");
  script("bang spaces", "#!   \n");
  script("missing", "#!/no/such/interpreter\n");
  script("directory", "#!/tmp\n");
  script("a file", "#!/etc/passwd\n");
  script("null device", "#!/dev/null\n");
  script("env", "#!/usr/bin/env sh\necho $0\n");
  script("env -S", "#!/usr/bin/env -S sh -e\necho $0\n");
  script("relative", "#!plain\n");
  script("relative dot", "#!./plain x\n");
  script("level2", "#!./relative dot\n");
  script("level2b", "#!./plain\n");
  put("l0", "#!/bin/echo l0\n", 0755);
  for (int i = 1; i <= 6; ++i) {
    script(named("l%d", i), named("#!./l%d\n", i - 1));
  }
  script("self", "#!./self\n");
  char line[400];
  for (int length = 252; length <= 258; ++length) {
    memset(line, '/', sizeof line);
    memcpy(line, "#!", 2);
    strcpy(line + length - 10, "/bin/true\n");
    script(named("line of %d", length), line);
  }
  memset(line, 'x', sizeof line);
  memcpy(line, "#!/bin/echo ", 12);
  line[300] = '\n';
  line[301] = '\0';
  script("long argument", line);
  T("not executable", chmod("plain", 0644));
  execute("not executable", (Image){.path = "./plain", .argv = WORDS("x")});
  execute("interpreter not executable", (Image){.path = "./relative dot", .argv = WORDS("x")});
  T("write only", chmod("plain", 0111));
  execute("unreadable script", (Image){.path = "./plain", .argv = WORDS("x")});
  T("link", symlink("space", "link") || symlink("link", "link2"));
  execute("link", (Image){.path = "./link2", .argv = WORDS("x")});
  execute("absolute", (Image){.path = named("/proc/self/cwd/%s", "space"), .argv = WORDS("x")});
}

static void kinds(void) {
  populate();
  copy_self("program", 0755);
  copy_self("closed", 0644);
  copy_self("unreadable", 0111);
  copy_self("setuid", 04755);
  T("link", symlink("program", "to-program") || link("program", "hard"));
  static const char* const kPrograms[] = {
      "program",    "./program",    "closed",   "unreadable", "setuid",
      "to-program", "hard",         "d",        "p",          "s",
      "f",          "no",           "",         "program/",   "f/x",
      "loop",       "d/../program", "/dev/null"};
  for (size_t i = 0; i < COUNT(kPrograms); ++i) {
    execute(kPrograms[i], (Image){.path = kPrograms[i], .argv = WORDS("x", "--as", "names")});
  }
  T("rename", rename("program", "renamed"));
  execute("renamed", (Image){.path = "renamed", .argv = WORDS("x", "--as", "names")});
  execute("proc self exe", (Image){.path = "/proc/self/exe", .argv = WORDS("x", "--as", "names")});
  execute("proc cwd",
          (Image){.path = "/proc/self/cwd/renamed", .argv = WORDS("x", "--as", "names")});
  T("in a closed directory",
    mkdir("dir", 0755) || rename("renamed", "dir/p") || chmod("dir", 0111));
  execute("searchable", (Image){.path = "dir/p", .argv = WORDS("x", "--as", "names")});
  T("closed", chmod("dir", 0));
  execute("unsearchable", (Image){.path = "dir/p", .argv = WORDS("x", "--as", "names")});
  T("open", chmod("dir", 0755));
}

static void descriptors(void) {
  copy_self("program", 0755);
  put("script", "#!/bin/sh\necho script ${0#/dev/fd/*}\n", 0755);
  T("link", symlink("program", "link"));
  int program = open("program", O_RDONLY), path = open("program", O_PATH),
      shut = open("program", O_RDONLY | O_CLOEXEC);
  int text = open("script", O_RDONLY), text_shut = open("script", O_RDONLY | O_CLOEXEC),
      here = open(".", O_RDONLY);
  char* const* words = WORDS("x", "--as", "names");
  execute("by descriptor",
          (Image){.path = "", .argv = words, .fd = program, .flags = AT_EMPTY_PATH});
  execute("by path descriptor",
          (Image){.path = "", .argv = words, .fd = path, .flags = AT_EMPTY_PATH});
  execute("close on exec", (Image){.path = "", .argv = words, .fd = shut, .flags = AT_EMPTY_PATH});
  execute("without the flag", (Image){.path = "", .argv = words, .fd = program});
  execute("script", (Image){.path = "", .argv = WORDS("s"), .fd = text, .flags = AT_EMPTY_PATH});
  execute("script, close on exec",
          (Image){.path = "", .argv = WORDS("s"), .fd = text_shut, .flags = AT_EMPTY_PATH});
  execute("relative", (Image){.path = "program", .argv = words, .fd = here});
  execute("relative script", (Image){.path = "script", .argv = words, .fd = here});
  execute("link", (Image){.path = "link", .argv = words, .fd = here});
  execute("link not followed",
          (Image){.path = "link", .argv = words, .fd = here, .flags = AT_SYMLINK_NOFOLLOW});
  execute("program not followed",
          (Image){.path = "program", .argv = words, .fd = here, .flags = AT_SYMLINK_NOFOLLOW});
  execute("file as directory", (Image){.path = "program", .argv = words, .fd = program});
  execute("directory", (Image){.path = "", .argv = words, .fd = here, .flags = AT_EMPTY_PATH});
  execute("dev fd", (Image){.path = named("/dev/fd/%d", program), .argv = words});
  execute("proc fd path", (Image){.path = named("/proc/self/fd/%d", path), .argv = words});
  T("unlink", unlink("program"));
  execute("unlinked", (Image){.path = "", .argv = words, .fd = program, .flags = AT_EMPTY_PATH});
  execute("unlinked by proc", (Image){.path = named("/proc/self/fd/%d", program), .argv = words});
  T("check flag", (long)syscall(SYS_execveat, here, "script", words, environ, 0x10000));
}

static int memory_of(const char* from, unsigned flags) {
  int memory = memfd_create("m", flags), file = open(from, O_RDONLY);
  char room[65536];
  for (ssize_t got; (got = read(file, room, sizeof room)) > 0;) {
    if (write(memory, room, (size_t)got) != got) {
      _exit(99);
    }
  }
  close(file);
  return memory;
}

static void memory_files(void) {
  put("script", "#!/bin/sh\necho from memory\n", 0755);
  char* const* words = WORDS("x", "--as", "exit", "5");
  int program = memory_of(self_path, 0), text = memory_of("script", 0),
      shut = memory_of("script", MFD_CLOEXEC);
  execute("written to", (Image){.path = "", .argv = words, .fd = program, .flags = AT_EMPTY_PATH});
  int again = open(named("/proc/self/fd/%d", program), O_RDONLY);
  T("opened again", again);
  T("close the writer", close(program));
  execute("memory", (Image){.path = "", .argv = words, .fd = again, .flags = AT_EMPTY_PATH});
  execute("memory by proc", (Image){.path = named("/proc/self/fd/%d", again), .argv = words});
  execute("script in memory",
          (Image){.path = "", .argv = WORDS("s"), .fd = text, .flags = AT_EMPTY_PATH});
  execute("script in memory, close on exec",
          (Image){.path = "", .argv = WORDS("s"), .fd = shut, .flags = AT_EMPTY_PATH});
  T("no exec", memfd_create("n", 8) < 0 ? 1 : 0);
}

static void busy(void) {
  copy_self("program", 0755);
  int writer = open("program", O_WRONLY | O_APPEND);
  execute("written to", (Image){.path = "./program", .argv = WORDS("x", "--as", "exit", "0")});
  T("close", close(writer));
  execute("closed", (Image){.path = "./program", .argv = WORDS("x", "--as", "exit", "0")});
  int ready[2];
  T("pipe", pipe(ready));
  pid_t child = fork();
  if (child == 0) {
    execve("./program", WORDS("x", "--as", "pause"), WORDS("A=1"));
    _exit(1);
  }
  until_asleep(child);
  T("write a running program", open("program", O_WRONLY));
  T("read-write", open("program", O_RDWR));
  T("truncate", truncate("program", 0));
  T("open trunc", open("program", O_RDONLY | O_TRUNC));
  T("chmod", chmod("program", 0700));
  T("unlink", unlink("program"));
  T("kill", kill(child, SIGKILL));
  tell_child("child", child);
  put("script", "#!/bin/sh\nexit 4\n", 0755);
  writer = open("script", O_WRONLY | O_APPEND);
  execute("script written to", (Image){.path = "./script", .argv = WORDS("x")});
  // A program that was just written by a call of its own is not held open by anybody.
  for (int i = 0; i < 20; ++i) {
    put("again", "#!/bin/true\n", 0755);
    int status = 0;
    child = fork();
    if (child == 0) {
      execve("./again", WORDS("x"), WORDS("A=1"));
      _exit(errno);
    }
    waitpid(child, &status, 0);
    if (status != 0) {
      say("just written", "%s", error_name(WEXITSTATUS(status)));
    }
  }
}

static void on_usr2(int number) { (void)number; }

static void inherited(void) {
  put("f", "text", 0644);
  T("kept", open("f", O_RDONLY));
  T("shut", open("f", O_RDONLY | O_CLOEXEC));
  T("path", open("f", O_PATH));
  T("path shut", open("f", O_PATH | O_CLOEXEC));
  T("kept by fcntl", fcntl(open("f", O_RDONLY | O_CLOEXEC), F_SETFD, 0));
  T("shut by fcntl", fcntl(open("f", O_RDONLY), F_SETFD, FD_CLOEXEC));
  execute("descriptors", (Image){.path = self_path, .argv = WORDS("x", "--as", "fds")});
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, on_usr2);
  umask(0117);
  T("nice", nice(3));
  T("mkdir", mkdir("below", 0777));
  umask(0);
  T("mkdir", mkdir("there", 0755) || chdir("there"));
  umask(0117);
  T("name", prctl(PR_SET_NAME, "a name"));
  T("dumpable", prctl(PR_SET_DUMPABLE, 0));
  execute("state", (Image){.path = self_path, .argv = WORDS("x", "--as", "state")});
}

static void standard_descriptors(void) {
  put("report", "#!/bin/sh\nls -l /proc/self/fd >/dev/null 2>&1\nexit $?\n", 0755);
  for (int fd = 0; fd < 3; ++fd) {
    pid_t child = fork();
    if (child == 0) {
      close(fd);
      execve("./report", WORDS("x"), WORDS("PATH=/bin:/usr/bin"));
      _exit(99);
    }
    tell_child(named("without %d", fd), child);
  }
}

static void* executes(void*) {
  execve(self_path, WORDS("x", "--as", "exit", "6"), WORDS("A=1"));
  return NULL;
}
static int from_a_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, executes, NULL);
  pthread_join(thread, NULL);
  return 98;
}
static void* pauses(void*) {
  pause();
  return NULL;
}
static int with_threads(void) {
  pthread_t threads[3];
  for (size_t i = 0; i < COUNT(threads); ++i) {
    pthread_create(&threads[i], NULL, pauses, NULL);
  }
  executes(NULL);
  return 98;
}

static void threads(void) {
  in_child("from a thread", from_a_thread);
  in_child("with threads", with_threads);
}

static void spawns(void) {
  put("f", "input\n", 0644);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "f", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "out", O_CREAT | O_WRONLY, 0640);
  pid_t child = 0;
  T("cat", posix_spawnp(&child, "cat", &actions, NULL, WORDS("cat"), WORDS("PATH=/bin:/usr/bin")));
  tell_child("cat", child);
  tell_text("out", "out");
  tell_path("out", "out");
  T("missing program", posix_spawn(&child, "./no", NULL, NULL, WORDS("x"), environ));
  T("no program", posix_spawn(&child, "./f", NULL, NULL, WORDS("x"), environ));
  posix_spawn_file_actions_addopen(&actions, 3, "no/file", O_RDONLY, 0);
  T("missing file", posix_spawnp(&child, "cat", &actions, NULL, WORDS("cat"), environ));
  posix_spawn_file_actions_t moves;
  posix_spawn_file_actions_init(&moves);
  T("mkdir", mkdir("there", 0755));
  posix_spawn_file_actions_addchdir_np(&moves, "there");
  posix_spawn_file_actions_addopen(&moves, 1, "made", O_CREAT | O_WRONLY, 0644);
  T("moved", posix_spawnp(&child, "pwd", &moves, NULL, WORDS("pwd"), environ));
  tell_child("pwd", child);
  tell_path("made there", "there/made");
  T("we stay", access("there/made", F_OK));
  put("script", "echo without a first line\n", 0755);
  T("execvp text", posix_spawnp(&child, "./script", NULL, NULL, WORDS("x"), environ));
  T("system", WEXITSTATUS(system("exit 9")));
  FILE* pipe_of = popen("echo through a pipe", "r");
  char text[40] = "";
  T("popen", pipe_of != NULL && fgets(text, sizeof text, pipe_of) != NULL);
  say("text", "%.19s", text);
  T("pclose", pclose(pipe_of));
}

static int search(void) {
  environ = (char**)WORDS("PATH=no:f:.:/usr/bin");
  execvp("tool", WORDS("tool"));
  return errno;
}
static int search_closed(void) {
  environ = (char**)WORDS("PATH=first:/nowhere");
  execvp("tool2", WORDS("tool2"));
  return errno;
}
static int search_text(void) {
  environ = (char**)WORDS("PATH=.");
  execvp("text", WORDS("text"));
  return errno;
}

static void searches(void) {
  put("f", "", 0644);
  put("tool", "#!/bin/sh\nexit 21\n", 0755);
  put("text", "exit 22\n", 0755);
  T("mkdir", mkdir("first", 0755));
  put("first/tool2", "#!/bin/sh\n", 0644);
  in_child("found", search);
  in_child("not executable", search_closed);
  in_child("text by the shell", search_text);
}

static int in_deleted(void) {
  mkdir("gone", 0755);
  chdir("gone");
  rmdir("../gone");
  execve("/bin/sh", WORDS("sh", "-c", "test -d . ; exit 12"), WORDS("A=1"));
  return errno;
}

static void places(void) {
  copy_self("program", 0755);
  in_child("deleted directory", in_deleted);
  char path[4200] = "./";
  for (int i = 0; i < 2040; ++i) {
    strcat(path, "./");
  }
  strcat(path, "program");
  execute("long path", (Image){.path = path, .argv = WORDS("x", "--as", "exit", "1")});
  memset(path, '/', sizeof path);
  path[4199] = '\0';
  execute("too long a path", (Image){.path = path, .argv = WORDS("x")});
  memset(path, 'n', 300);
  path[300] = '\0';
  execute("too long a name", (Image){.path = path, .argv = WORDS("x")});
  execute("loader", (Image){.path = "/lib64/ld-linux-x86-64.so.2",
                            .argv = WORDS("ld", "./program", "--as", "exit", "2")});
  execute("vfork", (Image){.path = "/bin/sh", .argv = WORDS("sh", "-c", "(exit 3); exit $?")});
  execute("killed", (Image){.path = "/bin/sh", .argv = WORDS("sh", "-c", "kill -9 $$")});
  execute("shell 126", (Image){.path = "/bin/sh", .argv = WORDS("sh", "-c", "/etc/passwd")});
  execute("shell 127", (Image){.path = "/bin/sh", .argv = WORDS("sh", "-c", "/no/such")});
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(arguments),    C(scripts), C(kinds),     C(descriptors),
    C(memory_files), C(busy),    C(inherited), C(standard_descriptors),
    C(threads),      C(spawns),  C(searches),  C(places)};
GROUP(kExec, "exec", kCases);
