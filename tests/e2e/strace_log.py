"""What `strace -f -y` saw of files: the actions that a complete record must have."""

import os
import re

# -f: "PID  call(arguments) = result"
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(<.*>)?(?: .*)?$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
ARGUMENT = re.compile(r'AT_FDCWD(?:<[^>]*>)?|-?\d+<[^>]*>|"(?:[^"\\]|\\.)*"|[^,]+')

TRACE = ("open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,"
         "symlink,symlinkat,mknod,mknodat,truncate,chmod,fchmodat,utimensat,execve,chdir,fchdir,"
         "clone,clone3,fork,vfork")


def calls(text):
    """(pid, name, arguments, result, its path) of each call that succeeded; those cut in two whole."""
    waiting = {}
    for line in text.splitlines():
        cut = UNFINISHED.match(line)
        if cut:
            waiting[cut[1]] = cut[2]
            continue
        rest = RESUMED.match(line)
        if rest:
            line = f"{rest[1]} {waiting.pop(rest[1])}{rest[3]}"
        match = LINE.match(line)
        if match and int(match[4]) >= 0:
            yield int(match[1]), match[2], [word.strip() for word in ARGUMENT.findall(match[3])], \
                int(match[4]), (match[5] or "")[1:-1]


class Tracer:
    """Follows working directories and turns calls into (action, canonical path)."""

    def __init__(self, cwd):
        self.start = cwd
        self.cwd = {}
        self.descriptors = {}
        self.actions = set()

    def path(self, pid, word, dirfd=None, follow=False):
        assert word.startswith('"') and word.endswith('"'), word
        name = word[1:-1].encode().decode("unicode_escape")
        if name.startswith("/proc/self/fd/"):  # realpath would ask for our own
            return self.descriptors[pid, int(name.rsplit("/", 1)[1])]
        base = self.cwd.get(pid, self.start)
        if dirfd and not dirfd.startswith("AT_FDCWD"):
            base = dirfd[dirfd.index("<") + 1:-1]
        joined = os.path.join(base, name)
        if follow:
            return os.path.realpath(joined)
        parent, leaf = os.path.split(joined.rstrip("/"))
        return os.path.join(os.path.realpath(parent), leaf)

    def add(self, action, *paths):
        self.actions.update((action, path) for path in paths)

    def opened(self, pid, dirfd, name, flags):
        if "O_PATH" in flags:
            return
        path = self.path(pid, name, dirfd, follow="O_NOFOLLOW" not in flags)
        if any(flag in flags for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")):
            self.add("FileWrite", path)
        if "O_WRONLY" not in flags:
            self.add("read", path)  # FileRead or DirList: a directory may be gone by now

    def take(self, pid, name, words, result, result_path):
        if result_path:
            self.descriptors[pid, result] = result_path
        if name in ("clone", "clone3", "fork", "vfork"):
            self.cwd[result] = self.cwd.get(pid, self.start)
        elif name == "chdir":
            self.cwd[pid] = self.path(pid, words[0], follow=True)
        elif name == "fchdir":
            self.cwd[pid] = words[0][words[0].index("<") + 1:-1]
        elif name in ("open", "creat"):
            self.opened(pid, None, words[0], words[1] if name == "open" else "O_WRONLY")
        elif name == "openat":
            self.opened(pid, words[0], words[1], words[2])
        elif name in ("mkdir", "mkdirat"):
            self.add("DirCreate", self.path(pid, *self.at(name, words)))
        elif name in ("unlink", "unlinkat", "rmdir"):
            self.add("FileDelete", self.path(pid, *self.at(name, words)))
        elif name in ("rename", "renameat", "renameat2"):
            old, new = self.two(name, words)
            self.add("FileDelete", self.path(pid, *old))
            self.add("FileWrite", self.path(pid, *new))
        elif name in ("link", "linkat"):
            for one in self.two(name, words):
                self.add("FileWrite", self.path(pid, *one))
        elif name in ("symlink", "symlinkat"):
            where = (words[1],) if name == "symlink" else (words[2], words[1])
            self.add("FileWrite", self.path(pid, *where))
        elif name in ("mknod", "mknodat", "truncate", "chmod", "fchmodat"):
            follow = name in ("truncate", "chmod", "fchmodat")
            self.add("FileWrite", self.path(pid, *self.at(name, words), follow=follow))
        elif name == "utimensat" and words[1].startswith('"'):
            follow = "AT_SYMLINK_NOFOLLOW" not in words[-1]
            self.add("FileWrite", self.path(pid, words[1], words[0], follow=follow))
        elif name == "execve":
            self.add("ProcessSpawn", self.path(pid, words[0], follow=True))

    @staticmethod
    def at(name, words):
        return (words[1], words[0]) if name.endswith("at") else (words[0],)

    @staticmethod
    def two(name, words):
        if "at" in name:
            return (words[1], words[0]), (words[3], words[2])
        return (words[0],), (words[1],)


def actions_of(text, cwd):
    """The set of (action, path) in the output of strace; "read" stands for FileRead or DirList."""
    tracer = Tracer(cwd)
    # Children come before the return of the clone that made them: their working directory is known
    # only in the second reading.
    for again in range(2):
        tracer.actions.clear()
        for pid, name, words, result, path in calls(text):
            if again == 0 and name not in ("clone", "clone3", "fork", "vfork", "chdir", "fchdir"):
                continue
            tracer.take(pid, name, words, result, path)
    return tracer.actions
