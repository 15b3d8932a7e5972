"""A program on a pseudo terminal: what it shows, and what is typed."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time

PATIENCE = 120  # seconds until something counts as hung


class Terminal:
    """A child whose controlling terminal is a new one."""

    def __init__(self, argv, env, cwd):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env,
                                        cwd=cwd, start_new_session=True, preexec_fn=_own_terminal)
        os.close(slave)
        self.seen = b""
        self.at = 0  # what expect() consumed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def _read(self):
        if select.select([self.master], [], [], 0.05)[0]:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:  # EIO: the last one has closed it
                return False
        return True

    def expect(self, text):
        """Waits until the text has been shown, after what was expected before."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.seen[self.at:]:
            more = self._read()
            assert time.monotonic() < deadline and (more or text.encode() in self.seen[self.at:]), \
                f"never shown: {text!r}: {self.seen[self.at:]!r}"
        self.at = self.seen.index(text.encode(), self.at) + len(text.encode())

    def end(self):
        """Waits for its end: exit code, and all that was shown."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self._read()
            assert time.monotonic() < deadline, self.seen
        while self._read() and select.select([self.master], [], [], 0)[0]:
            pass
        return self.process.returncode, self.seen.decode("utf-8", "replace")


def _own_terminal():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # which a job of a shell ignores
        signal.signal(number, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
