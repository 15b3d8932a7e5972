"""A server at port 3000 inside: published.py MODE [HOST]. Says "ready" once it listens."""

import os
import pathlib
import socket
import socketserver
import sys
import time


def echo(connection):
    """Answers when the client has said all."""
    said = b""
    while piece := connection.recv(65536):
        said += piece
    connection.sendall(said.upper())


def first(connection):
    connection.sendall(b"220 welcome\r\n")
    connection.recv(1)


def hold(connection):
    connection.sendall(b"held")
    time.sleep(1000)


def peer(connection):
    connection.sendall(connection.getpeername()[0].encode())


def web(connection):
    while not connection.recv(65536).endswith(b"\r\n\r\n"):
        pass
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n" + b"%7d" % os.getppid())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        pass


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        globals()[sys.argv[1]](self.request)


host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
if host == "later":
    print("ready", flush=True)
    while not pathlib.Path("now").exists():
        time.sleep(0.01)
    host = "127.0.0.1"
if ":" in host:
    Server.address_family = socket.AF_INET6
with Server((host, 3000), Handler) as server:
    print("ready", flush=True)
    server.serve_forever()
