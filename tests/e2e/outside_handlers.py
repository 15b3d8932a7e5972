"""Servers of a world outside that a relay must get right: much data, early ends, other protocols.

A handler is called as handler(options, record, reader, writer), like those of outside_servers.
"""

import asyncio
import base64
import contextlib
import hashlib
import socket
import struct

WEB_SOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
BLOCK = bytes(range(251)) * 261  # of a length that no buffer has
ENDED = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError)


async def read_head(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    return method, target, {name.lower(): value.strip() for name, _, value in
                            (line.partition(":") for line in lines if line)}


def pattern(size):
    """Pieces of `size` bytes that differ from place to place."""
    while size > 0:
        yield BLOCK[:size]
        size -= len(BLOCK)


async def send_bytes(writer, size):
    for piece in pattern(size):
        writer.write(piece)
        await writer.drain()


async def digest_of(reader, size):
    digest = hashlib.sha256()
    while size > 0:
        piece = await reader.read(min(size, 1 << 18))
        if not piece:
            raise ValueError("the body ends early")
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest().encode()


def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))
    writer.transport.abort()


async def answer_early(record, reader, writer, headers):
    """Ends its own stream before the request's body has come, and reads that to its end."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nearly\n")
    writer.write_eof()
    record["digest"] = (await digest_of(reader, int(headers["content-length"]))).decode()


async def bulk(_, record, reader, writer):
    """/bytes/N, /until-close/N, /reset/N, /early, and the digest of a body for any other target."""
    with contextlib.suppress(*ENDED):
        while True:
            _, target, headers = await read_head(reader)
            record["targets"] = record.get("targets", []) + [target]
            kind, _, size = target.strip("/").partition("/")
            if kind == "early":
                await answer_early(record, reader, writer, headers)
                break
            if kind in ("until-close", "reset"):
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                await send_bytes(writer, int(size))
                if kind == "reset":
                    reset(writer)
                break
            if kind == "bytes":
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
                await send_bytes(writer, int(size))
            else:
                text = await digest_of(reader, int(headers["content-length"]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + text)
            await writer.drain()
    writer.close()


async def web_socket(_, record, reader, writer):
    """Agrees to what RFC 6455 asks for, and gives back whatever comes then."""
    with contextlib.suppress(*ENDED, KeyError):
        _, _, headers = await read_head(reader)
        key = headers["sec-websocket-key"] + WEB_SOCKET_KEY
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        writer.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").encode())
        while data := await reader.read(65536):
            record["data"] += data.hex()
            writer.write(data)
            await writer.drain()
    writer.close()
