"""Calls openat2 with flags, sizes and names of many shapes, and prints what each answered.

Each call that may make a file finds the same directory. RESOLVE_CACHED is only told apart from an
error of the flags: the kernel may always answer it with EAGAIN.
"""

import ctypes
import errno
import itertools
import os
import shutil
import stat
import struct
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT, CACHED = 1, 2, 4, 8, 16, 32
RESOLVE = (0, NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT, BENEATH | NO_SYMLINKS,
           IN_ROOT | NO_XDEV, IN_ROOT | NO_SYMLINKS, BENEATH | NO_XDEV | NO_MAGICLINKS)
OPENS = {"read": os.O_RDONLY, "write": os.O_WRONLY, "create": os.O_WRONLY | os.O_CREAT,
         "new": os.O_RDWR | os.O_CREAT | os.O_EXCL, "nofollow": os.O_RDONLY | os.O_NOFOLLOW,
         "directory": os.O_RDONLY | os.O_DIRECTORY, "unnamed": os.O_RDWR | os.O_TMPFILE,
         "create-nofollow": os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW}
NAMES = ("f", "d", "d/x", "lf", "ld", "ld/x", "ld/", "up", "up/root/f", "absolute", "inside",
         "dangling", "dangling-up", "loop", "magic", "self", "missing", "d/missing", "no/x", ".",
         "..", "../root/f", "../outside", "d/..", "d/../f", "d/../../root/f", "d/../../outside",
         "/", "/f", "/d/../f", "/../f", "/proc/self/cwd/f", "f/x", "f/..", "ld/..", "ld/../f",
         "mount", "mount/null", "d/to-root-f", "p/../f", "")
HOWS = ((0, 0, 0), (os.O_CREAT, 0o644, 0), (0, 0o644, 0), (os.O_CREAT, 0o100644, 0), (0, 0, 64),
        (0, 0, 1 << 40), (1 << 40, 0, 0), (1 << 30, 0, 0), (0, 0, BENEATH | IN_ROOT),
        (os.O_CREAT | os.O_DIRECTORY, 0o644, 0), (os.O_TMPFILE, 0o600, 0),
        (os.O_TMPFILE & ~os.O_DIRECTORY | os.O_RDWR, 0o600, 0), (os.O_PATH | os.O_RDWR, 0, 0),
        (os.O_PATH | os.O_CREAT, 0o600, 0), (os.O_PATH | os.O_TRUNC, 0, BENEATH))


def openat2(directory, name, flags, mode, resolve, size=24, more=b""):
    how = ctypes.create_string_buffer(struct.pack("QQQ", flags, mode, resolve) + more + bytes(8192))
    name = os.fsencode(name) if isinstance(name, str) else ctypes.c_void_p(name)
    while True:
        ctypes.set_errno(0)
        fd = LIBC.syscall(ctypes.c_long(437), ctypes.c_long(directory), name, how,
                          ctypes.c_size_t(size))
        # The kernel's answer to `..` while anything anywhere is renamed: to be tried again.
        if fd >= 0 or resolve & CACHED or ctypes.get_errno() != errno.EAGAIN:
            break
    return fd, errno.errorcode[ctypes.get_errno()] if fd < 0 else "ok"


def opened(*words, **more):
    fd, outcome = openat2(*words, **more)
    if fd < 0:
        return outcome
    status = os.fstat(fd)
    os.close(fd)
    return f"{outcome} {stat.filemode(status.st_mode)} {status.st_size if stat.S_ISREG(status.st_mode) else ''}"


def populate(place):
    """root/ is what the calls are scoped to; outside/ lies beside it."""
    for name in ("root/d", "outside"):
        os.makedirs(os.path.join(place, name))
    for name, text in (("root/f", "text"), ("root/d/x", "inner"), ("outside/f", "foreign")):
        with open(os.path.join(place, name), "w", encoding="ascii") as file:
            file.write(text)
    root = os.path.join(place, "root")
    for text, name in (
            ("f", "lf"), ("d", "ld"), ("..", "up"), (f"{root}/f", "absolute"), ("/f", "inside"),
            ("nowhere", "dangling"), ("../outside/new", "dangling-up"), ("loop", "loop"),
            (f"/proc/self/root{root}/f", "magic"), ("/proc/self/status", "self"), ("/dev", "mount"),
            ("../f", "d/to-root-f")):
        os.symlink(text, os.path.join(root, name))
    os.mkfifo(os.path.join(root, "p"))
    return root


def made(place):
    return sorted(os.path.relpath(os.path.join(where, name), place)
                  for where, _, files in os.walk(place) for name in files)


def main():
    place = os.path.join(tempfile.mkdtemp(dir=os.getcwd()), "place")
    root = populate(place)
    before = made(place)
    for (label, flags), resolve, name in itertools.product(OPENS.items(), RESOLVE, NAMES):
        if flags & os.O_CREAT and not resolve & IN_ROOT and (name.startswith("/") or name == "inside"):
            continue  # would be made outside of the place
        directory = os.open(root, os.O_PATH)
        mode = 0o640 if flags & (os.O_CREAT | (os.O_TMPFILE & ~os.O_DIRECTORY)) else 0
        outcome = opened(directory, name, flags | os.O_NONBLOCK, mode, resolve)
        os.close(directory)
        after = made(place)
        print(label, resolve, repr(name), outcome, sorted(set(after) ^ set(before)))
        if after != before:
            shutil.rmtree(place)
            populate(place)
    os.chdir(root)
    file = os.open("f", os.O_RDONLY)
    for resolve in RESOLVE:
        print(resolve, [opened(-100, name, 0, 0, resolve) for name in ("f", "../root/f", "/", "up")],
              [opened(directory, name, 0, 0, resolve)
               for directory in (file, 99, -1) for name in ("f", "/f", ".", "")])
    for how in HOWS:
        print(how, opened(-100, "f", *how), opened(-100, 8, *how))
    for size in (0, 8, 23, 24, 25, 32, 100, 4096, 4097, 1 << 40):
        print(size, opened(-100, "f", 0, 0, BENEATH, size=size),
              opened(-100, "f", 0, 0, BENEATH, size=size, more=b"\0\1"))
    for flags, resolve in ((0, CACHED), (os.O_CREAT, CACHED), (0, CACHED | 64)):
        print(opened(-100, "f", flags, 0, resolve) in ("EAGAIN", "ok -rw-r--r-- 4"))
    shutil.rmtree(os.path.dirname(place))


main()
