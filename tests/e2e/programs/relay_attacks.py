"""What a program sees of connections that are relayed: relay_attacks.py WAY NAME PORT...; a line."""

import ctypes
import errno
import socket
import ssl
import sys
import time


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


words = [int(word) if word.isdigit() else word for word in sys.argv[2:]]
print({"refused": refused, "given-up": given_up, "corked": corked}[sys.argv[1]](*words))
