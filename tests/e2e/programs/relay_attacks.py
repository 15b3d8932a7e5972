"""What a program sees of connections that are relayed: relay_attacks.py WAY NAME PORT...; a line."""

import contextlib
import ctypes
import errno
import socket
import ssl
import struct
import sys
import threading
import time

TCP_MD5SIG = 14


def hello(name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    wrapped = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        wrapped.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def dissolve(one):
    ctypes.CDLL(None).connect(one.fileno(), bytes(16), 16)


def refused(name, port):
    """Blocking connects to where nobody listens."""
    address, seen = socket.gethostbyname(name), set()
    for _ in range(50):
        with socket.socket() as one:
            seen.add(errno.errorcode[one.connect_ex((address, port))])
    return sorted(seen)


def given_up(lost, lost_port, name, port):
    """One socket: to where nobody answers, dissolved, and then elsewhere."""
    peers = [(socket.gethostbyname(host), number) for host, number in
             ((lost, lost_port), (name, port))]
    with socket.socket() as one:
        one.setblocking(False)
        assert one.connect_ex(peers[0]) == errno.EINPROGRESS
        dissolve(one)
        one.setblocking(True)
        one.connect(peers[1])
        one.sendall(hello(name))
        time.sleep(4)  # the first one has failed by now
        one.sendall(b"still")
        return one.getpeername() == peers[1]


def corked(name, port):
    """The longest that a message of two parts took to come back."""
    with socket.socket() as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        one.connect((socket.gethostbyname(name), port))
        one.sendall(hello(name))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        one.recv(65536)
        worst = 0
        for _ in range(5):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            began = time.monotonic()
            one.sendall(b"a")
            one.sendall(b"b")
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            assert one.recv(2, socket.MSG_WAITALL) == b"ab"
            worst = max(worst, time.monotonic() - began)
        return worst < 0.15


def keyed(name, port):
    """A socket that hears nothing of its peers (tcp(7), TCP_MD5SIG) waits for where nobody listens;
    another one goes on."""
    address = socket.gethostbyname(name)
    peer = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton("198.18.0.1"))
    key = peer + struct.pack("=BBHI80s", 0, 0, 3, 0, b"key")
    one = socket.socket()
    with contextlib.suppress(OSError):  # a kernel without it
        one.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, key)
    threading.Thread(target=one.connect_ex, args=((address, 9),), daemon=True).start()
    time.sleep(1)
    with socket.create_connection((address, port), timeout=10) as other:
        other.sendall(hello(name))
        return len(other.recv(65536)) > 0


def flipped(name, port):
    """Connects sockets that another thread makes block and not block all the time."""
    address, current = (socket.gethostbyname(name), port), []

    def flip():
        while True:
            for one in list(current):
                with contextlib.suppress(OSError):
                    one.setblocking(True)

    threading.Thread(target=flip, daemon=True).start()
    for _ in range(300):
        with socket.socket() as one:
            one.setblocking(False)
            current[:] = [one]
            one.connect_ex(address)
            current.clear()
    return True


words = [int(word) if word.isdigit() else word for word in sys.argv[2:]]
print({"refused": refused, "given-up": given_up, "corked": corked,
       "keyed": keyed, "flipped": flipped}[sys.argv[1]](*words))
