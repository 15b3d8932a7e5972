"""Makes processes in every way, and says which: a list of [pid, parent, end] on standard output.

Ids are the agent's own; the test compares numbers of ends and parents, not ids.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_VM, CLONE_FS, CLONE_PARENT, CLONE_UNTRACED = 0x100, 0x200, 0x8000, 0x00800000
SYS_clone = 56


def forked(body):
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def grandchild():
    """An orphan that outlives its parent."""
    pid = os.fork()
    if pid == 0:
        forked(lambda: os._exit(7))
        os._exit(8)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def execute_in_a_thread():
    thread = threading.Thread(target=os.execv, args=("/usr/bin/true", ["true"]))
    thread.start()
    thread.join()


def raw_clone(flags):
    pid = LIBC.syscall(SYS_clone, flags, None, None, None, None)
    if pid == 0:
        LIBC.syscall(231, 5)  # exit_group
    return pid if pid > 0 else -ctypes.get_errno()


def main():
    ends = {"exit": os.waitstatus_to_exitcode(forked(lambda: os._exit(3)))}
    ends["signal"] = os.waitstatus_to_exitcode(forked(lambda: os.kill(os.getpid(), signal.SIGKILL)))
    ends["orphan"] = os.waitstatus_to_exitcode(forked(grandchild))
    ends["spawned"] = subprocess.run(["/bin/sh", "-c", "exit 4"], check=False).returncode
    ends["missing"] = subprocess.run(["/bin/sh", "-c", "exec ./no-such-program 2>/dev/null"],
                                     check=False).returncode
    ends["thread"] = os.waitstatus_to_exitcode(forked(execute_in_a_thread))
    ends["clone"] = os.waitstatus_to_exitcode(os.waitpid(raw_clone(signal.SIGCHLD), 0)[1])
    ends["untraced"] = raw_clone(CLONE_UNTRACED | signal.SIGCHLD)
    for _ in range(20):
        threading.Thread(target=lambda: None).start()
    json.dump(ends, sys.stdout)


main()
