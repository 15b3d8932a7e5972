"""What signals do to an open that waits for a FIFO's other end; a JSON object on standard output."""

import ctypes
import errno
import json
import os
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)  # Python's own open goes on after EINTR


def opened(flags=os.O_RDONLY):
    fd = LIBC.open(b"fifo", flags)
    if fd < 0:
        return errno.errorcode[ctypes.get_errno()]
    os.close(fd)
    return "opened"


def child(body):
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    return pid


def writer(after):
    def body():
        time.sleep(after)
        opened(os.O_WRONLY)
    return child(body)


def alarmed(restarts):
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, not restarts)
    pid = writer(1.0)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    result = opened()
    if not restarts:
        opened()  # the writer still waits for a reader
    os.waitpid(pid, 0)
    return result


def killed():
    pid = child(opened)
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def stopped():
    pid = child(lambda: os._exit(opened() == "opened"))
    time.sleep(0.3)
    os.kill(pid, signal.SIGSTOP)
    stop = os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
    os.kill(pid, signal.SIGCONT)
    os.waitpid(writer(0.1), 0)
    return [stop, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]


def with_a_child_that_ends():
    """SIGCHLD, which does nothing where nobody handles it."""
    pids = [child(lambda: time.sleep(0.2)), writer(0.6)]
    result = opened()
    for pid in pids:
        os.waitpid(pid, 0)
    return result


os.mkfifo("fifo")
json.dump({"interrupted": alarmed(False), "restarted": alarmed(True), "killed": killed(),
           "stopped": stopped(), "child": with_a_child_that_ends()}, sys.stdout)
os.unlink("fifo")
