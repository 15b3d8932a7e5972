"""Watches names of many shapes with many masks, and prints what each answered and what it told."""

import ctypes
import errno
import itertools
import os
import select
import shutil
import struct
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
EVENTS = 0xfff
ONLYDIR, DONT_FOLLOW, MASK_CREATE, MASK_ADD, ONESHOT = 1 << 24, 1 << 25, 1 << 28, 1 << 29, 1 << 31
MASKS = {"none": 0, "all": EVENTS, "onlydir": EVENTS | ONLYDIR, "keep": EVENTS | DONT_FOLLOW,
         "keep-dir": EVENTS | ONLYDIR | DONT_FOLLOW, "create": EVENTS | MASK_CREATE,
         "add": EVENTS | MASK_ADD, "both": EVENTS | MASK_ADD | MASK_CREATE,
         "once": EVENTS | ONESHOT, "unknown": 1 << 20, "flag": ONESHOT}
NAMES = ("f", "d", "lf", "ld", "dangling", "loop", "p", "missing", "d/", "f/", "lf/", "ld/",
         "ld/inner", "no/x", "f/x", "", ".", "..", "/", "/proc/self/fd", "/dev/null", "n" * 256)


def outcome(result):
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def add(queue, name, mask):
    return outcome(LIBC.inotify_add_watch(queue, os.fsencode(name), ctypes.c_uint32(mask)))


def told(queue):
    """The events that are there: watch, mask, name."""
    events = []
    while select.select([queue], [], [], 0)[0]:
        data = os.read(queue, 65536)
        while data:
            watch, mask, _, length = struct.unpack_from("iIII", data)
            events.append((watch, hex(mask), data[16:16 + length].rstrip(b"\0").decode()))
            data = data[16 + length:]
    return events


def main():
    os.chdir(tempfile.mkdtemp(dir=os.getcwd()))
    os.mkdir("d")
    for name in ("f", "d/inner"):
        with open(name, "w", encoding="ascii") as file:
            file.write("text")
    for text, name in (("f", "lf"), ("d", "ld"), ("nowhere", "dangling"), ("loop", "loop")):
        os.symlink(text, name)
    os.mkfifo("p")

    for (label, mask), name in itertools.product(MASKS.items(), NAMES):
        queue = LIBC.inotify_init1(os.O_CLOEXEC)
        first, second = add(queue, name, mask), add(queue, name, mask)
        print(label, repr(name[:20]), first, second)
        os.close(queue)

    queue = LIBC.inotify_init1(os.O_CLOEXEC)
    print(add(queue, "d", EVENTS), add(queue, "f", EVENTS), add(queue, "ld", EVENTS | MASK_ADD),
          add(queue, "lf", EVENTS | DONT_FOLLOW))
    with open("d/new", "w", encoding="ascii") as file:
        file.write("x")
    os.rename("d/new", "d/moved")
    os.chmod("f", 0o600)
    os.unlink("lf")
    os.unlink("d/moved")
    print(told(queue))
    print(outcome(LIBC.inotify_rm_watch(queue, 1)), outcome(LIBC.inotify_rm_watch(queue, 77)))
    os.mkdir("d/after")
    print(told(queue))
    os.dup2(queue, 50)
    print(add(50, "f", EVENTS), add(0, "f", EVENTS), add(99, "f", EVENTS), add(-1, "f", EVENTS))
    print(outcome(LIBC.inotify_add_watch(queue, ctypes.c_void_p(8), EVENTS)))
    shutil.rmtree(os.getcwd())


main()
