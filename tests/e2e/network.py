"""Canary listeners: peers outside that count who reaches them."""

import contextlib
import os
import pathlib
import socket
import threading


class Listener:
    """Accepts or receives on a thread and counts; a context manager."""

    def __init__(self, bound):
        self.socket = bound
        self.stream = bound.type == socket.SOCK_STREAM
        self._served = 0  # by the thread
        self._own = 0  # of those, our own
        self._mark = os.urandom(16)
        self._marked = threading.Event()
        if self.stream:
            bound.listen(4096)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def count(self):
        return self._served - self._own

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                if self.stream:
                    with self.socket.accept()[0]:
                        self._served += 1
                elif self.socket.recv(64) == self._mark:
                    self._marked.set()
                else:
                    self._served += 1

    def settled(self):
        """The count once everything that arrived before this call is counted."""
        # Arrivals are served in order: when our own one is answered, those before it are counted.
        with socket.socket(self.socket.family, self.socket.type) as own:
            own.connect(self.socket.getsockname())
            if self.stream:
                assert own.recv(1) == b""
                self._own += 1
            else:
                self._marked.clear()
                own.send(self._mark)
                assert self._marked.wait(60)
        return self.count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class InetListener(Listener):
    def __init__(self, family, kind):
        bound = socket.socket(family, kind)
        bound.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        super().__init__(bound)


class UnixListener(Listener):
    """At a path of any length, or, as "\\0name", in the abstract namespace."""

    def __init__(self, name, kind=socket.SOCK_STREAM):
        bound = socket.socket(socket.AF_UNIX, kind)
        self.directory = None
        if str(name).startswith("\0"):
            bound.bind(str(name))
        else:
            path = pathlib.Path(name)
            self.directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
            bound.bind(f"/proc/self/fd/{self.directory}/{path.name}")
        super().__init__(bound)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        if self.directory is not None:
            os.close(self.directory)
