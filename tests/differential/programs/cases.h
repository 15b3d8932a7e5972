// Cases of the differential test: small programs that run natively and under Aegis, and must give
// the same results.
//
// Each case runs in a process and a process group of its own, in a fresh directory, which stays for
// whoever compares what it holds. A case tells results one by one (`T`, `say`); each becomes a line
// "case: label result" on standard output. Nothing that differs between two native runs may stand
// in a line: process numbers, addresses, times of now.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct {
  const char* name;
  void (*run)(void);
} Case;

typedef struct {
  const char* name;
  const Case* cases;
  size_t count;
} Group;

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define GROUP(variable, label, cases) const Group variable = {label, cases, COUNT(cases)}

// A line with a label and a text. Processes and threads of a case may say something, one at a time.
void say(const char* label, const char* format, ...) __attribute__((format(printf, 2, 3)));

// A line with what a call returned: its value, or the name of its error.
void tell(const char* label, long result);

// The same for a call: T("open", open("f", O_RDONLY)).
#define T(label, call)         \
  do {                         \
    errno = 0;                 \
    tell(label, (long)(call)); \
  } while (0)

// The same for a call that gives a descriptor, whose number does not matter.
#define D(label, call)                                       \
  do {                                                       \
    errno = 0;                                               \
    say(label, "%s", (call) < 0 ? error_name(errno) : "ok"); \
  } while (0)

// A label made of parts; valid until the fourth call after it.
const char* named(const char* format, ...) __attribute__((format(printf, 1, 2)));

const char* error_name(int error);

// Writes a file; ends the case with a line when it can't.
void put(const char* name, const char* text, mode_t mode);

// f d d/x e lf->f ld->d dangling->nowhere inward->d/made loop->loop p (a FIFO) s (a socket)
void populate(void);

// Paths of all shapes to what `populate` makes and to what it does not.
enum { kPathCount = 35 };
extern const char* const kPaths[kPathCount];
// Makes the directory `number`, enters it and populates it.
void fresh(unsigned number);

// Lines with what a path or a descriptor is: kind and mode, links, size.
void tell_path(const char* label, const char* path);
void tell_fd(const char* label, int fd);
// A line with up to 60 bytes of a file's content.
void tell_text(const char* label, const char* path);

// A line with how a child ended (or was stopped): waits for it.
void tell_child(const char* label, pid_t child);

// Runs `what` in a child, which exits with what it returns, and tells how it ended.
void in_child(const char* label, int (*what)(void));

// Waits a moment for something that another process does, without a promise: 5 ms.
void moment(void);
// Waits until /proc says that the process or thread `pid` waits, is stopped or has ended.
void until_asleep(pid_t pid);

extern const Group kOpens, kNames, kDirfds, kMetadata, kDescriptors, kLocks, kFiles, kSignals,
    kExec, kProcesses;
// argv[0] of this program as an absolute path, for cases that execute it again.
extern char self_path[4096];
// What the program does when it is executed again as `PROGRAM --as WORD ...`.
int run_as(int argc, char** argv);
