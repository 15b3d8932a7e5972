"""Does what it is told: one deed as a JSON list per line of standard input, one answer per line of
standard output. An error is answered by its name, like "EMFILE".
"""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time

kept = []
waiting = []


def make(name):
    """A file."""
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def make_many(prefix, count):
    """Up to so many files: how many it could make, and what ended it."""
    for number in range(count):
        try:
            make(f"{prefix}{number}")
        except OSError as error:
            return [number, errno.errorcode[error.errno]]
    return [count, None]


def read(name):
    with open(name, "rb") as file:
        return len(file.read(64))


def execute(*words):
    return subprocess.run(words, check=False).returncode


def bind_many(directory, count):
    """Up to so many bound Unix sockets, which stay: how many, and what ended it."""
    for number in range(count):
        one = socket.socket(socket.AF_UNIX)
        try:
            one.bind(f"{directory}/{number}")
        except OSError as error:
            return [number, errno.errorcode[error.errno]]
        kept.append(one)
    return [count, None]


def unbind(directory):
    kept.clear()
    for name in os.listdir(directory):
        os.unlink(f"{directory}/{name}")


def wait_in_fifo(name, answers):
    try:
        os.close(os.open(name, os.O_RDONLY))
        answers.append("ok")
    except OSError as error:
        answers.append(errno.errorcode[error.errno])


def wait_many(name, count):
    """So many threads that open a FIFO nobody writes to: what was answered at once."""
    os.mkfifo(name)
    answers = []
    for _ in range(count):
        thread = threading.Thread(target=wait_in_fifo, args=(name, answers), daemon=True)
        thread.start()
        waiting.append(thread)
    time.sleep(0.3)
    return sorted(answers)


def release(name):
    """Lets them all go: how many had waited."""
    left = sum(thread.is_alive() for thread in waiting)
    while any(thread.is_alive() for thread in waiting):
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            pass
        time.sleep(0.01)
    waiting.clear()
    return left


def spawn(count):
    """Up to so many processes that sleep: how many, and what ended it."""
    for number in range(count):
        try:
            pid = os.fork()
        except OSError as error:
            return [number, errno.errorcode[error.errno]]
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        kept.append(pid)
    return [count, None]


def reap():
    for pid in kept:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    kept.clear()


def swallow(megabytes):
    """Takes that much memory and keeps it."""
    for _ in range(megabytes):
        kept.append(bytearray(os.urandom(64)) * (1 << 14))


DEEDS = {deed.__name__: deed for deed in (
    make, make_many, os.mkdir, os.unlink, read, execute, bind_many, unbind, wait_many, release,
    spawn, reap, swallow)}

print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        answer = DEEDS[name](*arguments)
    except OSError as error:
        answer = errno.errorcode[error.errno]
    except RuntimeError:
        answer = "no thread"
    print(json.dumps(answer), flush=True)
