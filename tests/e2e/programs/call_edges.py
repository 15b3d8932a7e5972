"""Makes calls at the edges of what they take and prints what each answered.

The output is the same wherever the calls behave the same.
"""

import ctypes
import errno
import itertools
import os
import resource
import shutil
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
HERE = -100  # AT_FDCWD
CLONE_FS = 0x200


def call(number, *words):
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *[
        os.fsencode(word) if isinstance(word, str) else
        ctypes.c_long(word) if isinstance(word, int) else word for word in words])
    return errno.errorcode.get(ctypes.get_errno()) if result < 0 else "ok"


def outcome(what):
    try:
        return what()
    except OSError as error:
        return errno.errorcode[error.errno]


def make(name, text=""):
    with open(name, "w", encoding="ascii") as file:
        file.write(text)


def anew():
    """A directory d and a file f, whatever they were."""
    for name in ("d", "f"):
        if os.path.isdir(name):
            shutil.rmtree(name)
        elif os.path.lexists(name):
            os.unlink(name)
    os.mkdir("d")
    make("f")


def shared_directory():
    """A child that shares the working directory and the umask (clone(2), CLONE_FS) changes both."""
    os.mkdir("sub")
    make("x", "above")
    make("sub/x", "below")
    os.umask(0o022)
    for turn in range(3):
        with open("x", encoding="ascii") as file:
            print("before", turn, file.read())
        make(f"mode{turn}")
        child = LIBC.syscall(56, CLONE_FS | signal.SIGCHLD, 0, 0, 0, 0)
        if child == 0:
            os.chdir(("sub", "..", "sub")[turn])
            os.umask((0o077, 0o022, 0o070)[turn])
            os._exit(0)
        os.waitpid(child, 0)
        with open("x", encoding="ascii") as file:
            print("after", turn, file.read())
        make(f"made{turn}")
        os.mkdir(f"dir{turn}")
        print([oct(os.stat(name).st_mode) for name in (f"made{turn}", f"dir{turn}")])
    os.chdir("..")


def starts():
    """Calls that begin at a descriptor: with a directory, and with what no path starts from."""
    os.mkdir("d")
    make("f")
    make("d/f")
    os.symlink("f", "l")
    closed = 999
    bases = {"directory": os.open("d", os.O_RDONLY), "file": os.open("f", os.O_RDONLY),
             "link": os.open("l", os.O_PATH | os.O_NOFOLLOW), "pipe": os.pipe()[0],
             "closed": closed, "negative": -7}
    times = bytes(32)
    with_base = {
        "openat": lambda fd, name: call(257, fd, name, os.O_RDONLY, 0),
        "openat create": lambda fd, name: call(257, fd, name, os.O_CREAT | os.O_WRONLY, 0o600),
        "openat exclusive": lambda fd, name: call(257, fd, name, os.O_CREAT | os.O_EXCL, 0o600),
        "mkdirat": lambda fd, name: call(258, fd, name, 0o700),
        "mknodat": lambda fd, name: call(259, fd, name, 0o100600, 0),
        "fchownat": lambda fd, name: call(260, fd, name, -1, -1, 0),
        "futimesat": lambda fd, name: call(261, fd, name, times),
        "unlinkat": lambda fd, name: call(263, fd, name, 0),
        "rmdirat": lambda fd, name: call(263, fd, name, 0x200),
        "unlinkat flags": lambda fd, name: call(263, fd, name, 0x1000),
        "renameat": lambda fd, name: call(264, fd, name, HERE, "n"),
        "renameat to": lambda fd, name: call(264, HERE, "f", fd, name),
        "renameat both": lambda fd, name: call(264, fd, name, closed, ""),
        "linkat": lambda fd, name: call(265, fd, name, HERE, "n", 0),
        "linkat to": lambda fd, name: call(265, HERE, "f", fd, name, 0),
        "symlinkat": lambda fd, name: call(266, "text", fd, name),
        "fchmodat": lambda fd, name: call(268, fd, name, 0o700),
        "utimensat": lambda fd, name: call(280, fd, name, 0, 0),
        "execveat": lambda fd, name: call(322, fd, name, 0, 0, 0),
    }
    for (label, what), (base, fd) in itertools.product(with_base.items(), bases.items()):
        for name in ("", ".", "..", "f", "no", "no/", "n" * 256):
            print(label, base, name[:9], what(fd, name))
            for made in ("n", "d/no"):
                if os.path.isdir(made):
                    os.rmdir(made)
                elif os.path.lexists(made):
                    os.unlink(made)
            make("f")
            make("d/f")


def open_files():
    """Calls upon an open file itself: one that is open, one that is only named, none."""
    make("f")
    named = os.open("f", os.O_PATH)
    times = bytes(32)
    attribute, value = b"user.a\0", b"v"
    for label, fd in (("open", os.open("f", os.O_RDWR)), ("named", named), ("closed", 999),
                      ("pipe", os.pipe()[1])):
        print("fchmod", label, call(91, fd, 0o640))
        print("fchown", label, call(93, fd, -1, -1))
        print("futimens", label, call(280, fd, 0, times, 0), call(280, fd, 0, 0, 0x100),
              call(280, fd, 0, 0, 0x1000))
        print("futimesat", label, call(261, fd, 0, times))
        print("fsetxattr", label, call(190, fd, attribute, value, 1, 0) if label != "pipe" else "")
        print("fremovexattr", label, call(199, fd, attribute) if label != "pipe" else "")
        print("by an empty path", label, call(260, fd, "", -1, -1, 0x1000),
              call(280, fd, "", times, 0x1000))
    print("nowhere", call(280, HERE, 0, times, 0), call(261, HERE, 0, times))


def small_things():
    """Errors and their order."""
    anew()
    omit = struct.pack("qqqq", 0, (1 << 30) - 2, 0, (1 << 30) - 2)
    for fd, name in ((HERE, "no"), (999, "f"), (999, 0), (HERE, "f")):
        print("omit", fd, name, call(280, fd, name, omit, 0), call(280, fd, name, omit, 0x4000))
    for flags in (0x1, 0x400, 0x2000, 0x1101):
        print("execveat", [call(322, fd, name, 0, 0, flags)
                           for fd, name in ((HERE, "no"), (HERE, ""), (999, "no"), (HERE, "f/x"))])
    print("execveat here", call(322, HERE, "", 0, 0, 0x1000))
    for new in (".", "..", "d/.", "d/..", "f", "d", "n" * 256, "no/x"):
        for flags in (0, 1, 2, 3, 6, 8):
            print("rename", new[:5], flags, call(316, HERE, "f", HERE, new, flags),
                  call(316, HERE, "missing", HERE, new, flags),
                  call(316, HERE, "no/x", HERE, new, flags),
                  call(316, HERE, ".", HERE, new, flags))
            anew()


def size_limit():
    """truncate(2) beyond the caller's limit of a file's size, with and without a handler."""
    make("f", "0123")
    make("closed", "0123")
    os.chmod("closed", 0o400)
    seen = []
    signal.signal(signal.SIGXFSZ, lambda *words: seen.append("SIGXFSZ"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, 16))
    for name in ("f", "closed"):
        for size in (-1, 3, 8, 9, 2, 4, 1 << 40):
            result = call(76, name, size)
            if name == "f" or os.getuid() != 0:
                print(name, size, result, len(seen), os.stat(name).st_size)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.truncate("f", 9)
        os._exit(0)
    print(os.waitpid(child, 0)[1], os.stat("f").st_size)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
    print(call(76, "f", 9), call(76, "f", 17), os.stat("f").st_size)


def descriptor_limit():
    """Nothing is lost of a file that is to be truncated when there is no descriptor for it."""
    make("f", "text")
    high = os.dup2(0, 90)
    for limit in (40, 30):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 100))
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
        except OSError as error:
            print(errno.errorcode[error.errno])
        for flags in (os.O_TRUNC, os.O_TRUNC | os.O_CREAT, 0):
            print(call(2, "f", os.O_WRONLY | flags, 0o600), os.stat("f").st_size)
        os.close(taken.pop())
        print(call(2, "f", os.O_WRONLY | os.O_TRUNC), os.stat("f").st_size)
        for fd in taken:
            os.close(fd)
        make("f", "text")
    os.close(high)


def bound(name):
    """What bind(2), and then connect(2), answer; the name is relative, so that it may be long."""
    server, client = (socket.socket(socket.AF_UNIX) for _ in range(2))
    with server, client:
        answers = [outcome(lambda: server.bind(name)), outcome(server.listen),
                   outcome(lambda: client.connect(name))]
        return [answer or "ok" for answer in answers]


def unix_sockets():
    """Names for sockets, and what is none."""
    os.mkdir("d")
    make("f")
    make("closed")
    os.chmod("closed", 0o400)
    os.symlink("nowhere", "dangling")
    os.symlink("d", "ld")
    for name in ("new/", "d/", "ld/", "f/", "f", "dangling", "dangling/", "d/.", "..", "no/x", "d/s",
                 "ld/t", "f/s"):
        print(name, bound(name))
    for length in (90, 100, 101, 102, 103, 104, 105, 106, 107):
        name = "n" * length
        print(length, bound(name)[:2], os.path.lexists(name))
        os.path.lexists(name) and print(oct(os.stat(name).st_mode), bound(name)[:1])
    os.chdir("d")
    print(bound("m" * 107), sorted(name[:5] for name in os.listdir(".")))
    os.chdir("..")
    for name in ("f", "closed", "d", "ld", "no", "f/", "d/s"):
        with socket.socket(socket.AF_UNIX) as client:
            if name != "closed" or os.getuid() != 0:
                print("connect", name, outcome(lambda: client.connect(name)))


def many_sockets():
    """More than any fixed number of names that are still there."""
    for number in range(1500):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(number))
    print(len(os.listdir(".")))
    server, client = (socket.socket(socket.AF_UNIX) for _ in range(2))
    server.bind("last")
    server.listen()
    client.connect("last")
    for number in range(1500):
        os.unlink(str(number))


def main():
    for name in sys.argv[1:]:
        os.mkdir(name)
        os.chdir(name)
        print(name)
        globals()[name]()
        os.chdir("..")


main()
