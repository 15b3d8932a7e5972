"""Drives a program on a real pseudo terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness


class Terminal:
    """A session leader on its own controlling terminal, and what it has written so far."""

    def __init__(self, argv, env, cwd, rows=24, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

        def own_terminal():
            os.setsid()
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # a shell's job ignores them
                signal.signal(number, signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([str(word) for word in argv], stdin=slave, stdout=slave,
                                        stderr=slave, env=env, cwd=cwd, preexec_fn=own_terminal)
        os.close(slave)
        self.seen = b""
        self.at = 0  # what `expect` has consumed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.kill()
            self.process.wait()
        self.close()

    def close(self):
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def send(self, text):
        os.write(self.master, text.encode())

    def line(self, text):
        self.send(text + "\r")

    def _read(self, seconds):
        """Takes in what has come; False at the end of the terminal."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def expect(self, pattern):
        """Waits for a regular expression after what was expected before."""
        expression = re.compile(pattern.encode(), re.DOTALL)
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            match = expression.search(self.seen, self.at)
            if match:
                self.at = match.end()
                return match
            open_still = self._read(0.1)
            if not open_still and not expression.search(self.seen, self.at):
                raise AssertionError(f"ended before {pattern!r}: {self.seen[self.at:]!r}")
            if time.monotonic() > deadline:
                raise AssertionError(f"never came: {pattern!r}: {self.seen[self.at:]!r}")

    def end(self):
        """Waits for the program's end: its exit code."""
        deadline = time.monotonic() + harness.PATIENCE
        while self.process.poll() is None:
            self._read(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"did not end: {self.seen[self.at:]!r}")
        return self.process.returncode
