"""Says bytes to hosts by name and reports what it hears: a JSON list of attempts on standard input.

    {"host": NAME, "port": N, "wait": SECONDS, "steps": [STEP...]}

A STEP is ["say", HEX], ["hear", HEX] (until these bytes have come), ["pause", SECONDS] or ["end"]
(of our stream). Then it listens for `wait` seconds, ends its own stream, and listens to the end. The
attempts run at the same time; each report has what was `heard`, how it `ended`, the seconds that
passed from the last words until then, and the bytes that were `sent`.
"""

import errno
import json
import socket
import sys
import threading
import time

PATIENCE = 15


class Attempt:
    def __init__(self, told):
        self.told = told
        self.heard = b""
        self.sent = 0
        self.spoke = time.monotonic()
        self.ended = None
        self.socket = None

    def hear(self, until, deadline):
        """Until these bytes (None: nothing but an end), an end or the time: whether they came."""
        while self.ended is None:
            if until is not None and until in self.heard:
                return True
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                return False
            if not data:
                self.ended = "end"
            self.heard += data
        return False

    def step(self, kind, word=None):
        if kind == "say":
            data = bytes.fromhex(word)
            self.socket.settimeout(PATIENCE)
            self.spoke = time.monotonic()
            self.socket.sendall(data)
            self.sent += len(data)
        elif kind == "hear":
            self.hear(bytes.fromhex(word), time.monotonic() + PATIENCE)
        elif kind == "pause":
            time.sleep(word)
        else:
            self.socket.shutdown(socket.SHUT_WR)

    def talk(self):
        for step in self.told["steps"]:
            self.step(*step)
        self.hear(None, time.monotonic() + self.told["wait"])
        if self.ended is None:
            self.socket.shutdown(socket.SHUT_WR)
            self.hear(None, time.monotonic() + PATIENCE)

    def listen_on(self):
        """Whatever came before our words could not be said any more."""
        if self.socket is not None and self.ended is None:
            self.hear(None, time.monotonic() + PATIENCE)

    def run(self):
        try:
            self.socket = socket.create_connection((self.told["host"], self.told["port"]), PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.talk()
            except BrokenPipeError:
                self.listen_on()
        except OSError as error:
            self.ended = errno.errorcode.get(error.errno, str(error))

    def report(self):
        return {"heard": self.heard.hex(), "ended": self.ended or "silence", "sent": self.sent,
                "seconds": time.monotonic() - self.spoke}


def main():
    attempts = [Attempt(told) for told in json.load(sys.stdin)]
    reports = [None] * len(attempts)

    def run(number):
        attempts[number].run()
        reports[number] = attempts[number].report()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(attempts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(reports))


main()
