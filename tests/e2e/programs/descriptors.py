"""Tries to get more out of a file than the descriptor of it was opened for; argv[1] is the file.

Prints a line for each try: its name, and "ok" or the errno's name.
"""

import ctypes
import errno
import fcntl
import os
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
NAME = sys.argv[1]
FD = os.open(NAME, os.O_RDONLY)
PATH = os.open(NAME, os.O_PATH)
AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_FDCWD = 0x1000, 0x400, -100
FS_IOC_SETFLAGS, NODUMP = 0x40086602, 0x40


def call(number, *words):
    result = LIBC.syscall(ctypes.c_long(number),
                          *[word if isinstance(word, bytes) else ctypes.c_long(word) for word in words])
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


TRIES = {
    "open again by number": lambda: os.open(f"/proc/self/fd/{FD}", os.O_WRONLY),
    "open O_PATH again": lambda: os.open(f"/proc/self/fd/{PATH}", os.O_WRONLY),
    "open by /dev/fd": lambda: os.open(f"/dev/fd/{PATH}", os.O_RDWR),
    "truncate read-only": lambda: os.open(NAME, os.O_RDONLY | os.O_TRUNC),
    "fchmod": lambda: os.fchmod(FD, 0o600),
    "chmod by number": lambda: os.chmod(f"/proc/self/fd/{PATH}", 0o600),
    "fchmodat2 empty path": lambda: call(452, PATH, b"", 0o600, AT_EMPTY_PATH),
    "fchown": lambda: os.fchown(FD, os.getuid(), -1),
    "futimens": lambda: os.utime(FD, (1, 1)),
    "utimensat without path": lambda: call(280, FD, 0, 0, 0),
    "utimensat empty path": lambda: call(280, PATH, b"", 0, AT_EMPTY_PATH),
    "fsetxattr": lambda: os.setxattr(FD, "user.canary", b"1"),
    "set flags": lambda: fcntl.ioctl(FD, FS_IOC_SETFLAGS, struct.pack("l", NODUMP)),
    "link by number": lambda: call(265, AT_FDCWD, f"/proc/self/fd/{FD}".encode(), AT_FDCWD, b"linked",
                                   AT_SYMLINK_FOLLOW),
    "make in a directory left": lambda: (
        os.fchdir(os.open(os.path.dirname(NAME) or ".", os.O_RDONLY)),
        os.close(os.open("made", os.O_CREAT | os.O_WRONLY))),
    "unnamed file beside": lambda: os.open(os.path.dirname(NAME), os.O_TMPFILE | os.O_RDWR),
}

for name, attempt in TRIES.items():
    try:
        attempt()
        print(f"{name}: ok")
    except OSError as error:
        print(f"{name}: {errno.errorcode[error.errno]}")
