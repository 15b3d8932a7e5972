"""Makes calls with names of many shapes and prints what each answered and what it changed.

Each call finds the same directory; a changed one is made anew. The output is the same wherever the
calls behave the same.
"""

import ctypes
import errno
import itertools
import os
import shutil
import stat
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
HERE = -100  # AT_FDCWD
NAMES = ("f", "d", "e", "lf", "ld", "dangling", "inward", "loop", "p", "new", "d/new", "no/x", "f/x",
         "", ".", "d/.", "d/..", "f/.", "e/x", "ld/new", "ld/../f", "n" * 256)
SLASHED = ("f/", "d/", "d//", "lf/", "ld/", "dangling/", "inward/", "loop/", "new/", "no/x/")
PAIRED = ("f", "d", "e", "lf", "ld", "dangling", "new", "e/x", "f/", "d/", "ld/", "lf/", "new/",
          "dangling/", "no/x")
ACCESS = {"read": os.O_RDONLY, "write": os.O_WRONLY, "both": os.O_RDWR}
FLAGS = {
    "": 0, "create": os.O_CREAT, "exclusive": os.O_CREAT | os.O_EXCL, "truncate": os.O_TRUNC,
    "create-nofollow": os.O_CREAT | os.O_NOFOLLOW, "nofollow": os.O_NOFOLLOW,
    "directory": os.O_DIRECTORY, "append": os.O_APPEND, "unnamed": os.O_TMPFILE,
    "excl": os.O_EXCL, "create-append": os.O_CREAT | os.O_APPEND,
}


def call(number, *words):
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *[
        os.fsencode(word) if isinstance(word, str) else ctypes.c_long(word) for word in words])
    return result, errno.errorcode.get(ctypes.get_errno()) if result < 0 else "ok"


def opened(name, flags):
    fd, outcome = call(2, name, flags | os.O_NONBLOCK, 0o640)
    if fd < 0:
        return outcome
    status = os.fstat(fd)
    try:
        os.write(fd, b"written")
        outcome += " writable"
    except OSError as error:
        outcome += " " + errno.errorcode[error.errno]
    os.close(fd)
    return f"{outcome} {stat.filemode(status.st_mode)}"


def populate(directory):
    os.mkdir(directory)
    os.chdir(directory)
    for name in ("d", "e"):
        os.mkdir(name)
    for name in ("f", "e/x"):
        with open(name, "w", encoding="ascii") as file:
            file.write("text")
    for text, name in (("f", "lf"), ("d", "ld"), ("nowhere", "dangling"), ("d/made", "inward"),
                       ("loop", "loop")):
        os.symlink(text, name)
    os.mkfifo("p")


def seen():
    found = []
    for where, names, files in os.walk("."):
        for name in names + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            found.append((path[:20], stat.filemode(status.st_mode), size, status.st_nlink))
    return sorted(found)


class Bench:
    def __init__(self, root):
        self.root = root
        self.made = 0
        self.renew()

    def renew(self):
        populate(os.path.join(self.root, str(self.made)))
        self.made += 1
        self.before = seen()

    def attempt(self, label, what):
        outcome = what()
        after = seen()
        print(label, outcome, sorted(set(after) ^ set(self.before)))
        if after != self.before:
            self.renew()


def main():
    root = tempfile.mkdtemp(dir=os.getcwd())
    bench = Bench(root)
    for (access, base), (flag, more), name in itertools.product(
            ACCESS.items(), FLAGS.items(), NAMES + SLASHED):
        bench.attempt(f"open {access} {flag} {name[:20]!r}", lambda: opened(name, base | more))
    single = {"mkdir": (83, 0o777), "rmdir": (84,), "unlink": (87,), "chmod": (90, 0o704),
              "truncate": (76, 2), "utime": (132, 0), "mknod": (133, 0o100644, 0),
              "mkfifo": (133, 0o10644, 0)}
    for (label, (number, *words)), name in itertools.product(single.items(), NAMES + SLASHED):
        bench.attempt(f"{label} {name[:20]!r}", lambda: call(number, name, *words)[1])
    for name in NAMES + SLASHED:
        bench.attempt(f"symlink {name[:20]!r}", lambda: call(88, "text", name)[1])
    for old, new in itertools.product(PAIRED, PAIRED):
        for flags in (0, 1, 2):
            bench.attempt(f"rename {flags} {old!r} {new!r}",
                          lambda: call(316, HERE, old, HERE, new, flags)[1])
        for flags in (0, 0x400):
            bench.attempt(f"link {flags} {old!r} {new!r}",
                          lambda: call(265, HERE, old, HERE, new, flags)[1])
    os.chdir("/")
    shutil.rmtree(root)


main()
